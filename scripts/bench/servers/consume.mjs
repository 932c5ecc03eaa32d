import process from 'node:process';
import amqp from 'amqplib';

const EXCHANGE = 'push.events';

/** @typedef {{ id: string, tenant: string, send_to_tenant?: boolean, topic?: string, user?: string, data: object }} Published */

/**
 * Hands on what is published, from a queue of its own. Without acknowledgements: the least that a consumer can do.
 *
 * @param {string} url
 * @param {(event: Published) => void} take
 */
export async function consume(url, take) {
  // Whoever started us is gone.
  process.stdin.on('close', () => process.exit(0)).resume();
  const connection = await amqp.connect(url, { noDelay: true });
  const channel = await connection.createChannel();
  await channel.assertExchange(EXCHANGE, 'fanout', { durable: true });
  const { queue } = await channel.assertQueue('', { exclusive: true, autoDelete: true });
  await channel.bindQueue(queue, EXCHANGE, '');
  await channel.consume(
    queue,
    message => {
      if (message !== null) take(JSON.parse(message.content.toString()));
    },
    { noAck: true },
  );
}
