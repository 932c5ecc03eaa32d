import { randomUUID } from 'node:crypto';
import amqp from 'amqplib';

// One connection for the life of the process.
const connection = await amqp.connect(process.env.AMQP_URL ?? 'amqp://guest:guest@localhost:5672');
connection.on('error', error => console.error(error.message)); // Without a listener, a lost connection ends the process.
const channel = await connection.createConfirmChannel();

const event = {
  type: 'deal.updated',
  tenant: 'acme',
  users: ['7'],
  topics: ['deals.42'],
  data: { stage: 'won' },
};
channel.publish('push.events', '', Buffer.from(JSON.stringify(event)), {
  messageId: randomUUID(), // The event's id: a retry takes the same one.
  contentType: 'application/json',
});
await channel.waitForConfirms(); // Rejects if RabbitMQ didn't take it.

await connection.close();
