<?php
require 'vendor/autoload.php';

use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Message\AMQPMessage;

// One connection for the life of the process.
$url = parse_url(getenv('AMQP_URL') ?: 'amqp://guest:guest@localhost:5672');
$vhost = urldecode(substr($url['path'] ?? '', 1)) ?: '/';
$connection = new AMQPStreamConnection($url['host'], $url['port'] ?? 5672, urldecode($url['user']), urldecode($url['pass']), $vhost);
$channel = $connection->channel();
$channel->confirm_select();
$channel->set_nack_handler(fn () => throw new RuntimeException('RabbitMQ did not take the event'));

$event = ['type' => 'deal.updated', 'tenant' => 'acme', 'users' => ['7'], 'topics' => ['deals.42'], 'data' => ['stage' => 'won']];
$channel->basic_publish(new AMQPMessage(json_encode($event, JSON_THROW_ON_ERROR), [
    'message_id' => bin2hex(random_bytes(16)), // The event's id: a retry takes the same one.
    'content_type' => 'application/json',
]), 'push.events');
$channel->wait_for_pending_acks(5); // Throws if no confirm comes within 5 seconds.

$connection->close();
