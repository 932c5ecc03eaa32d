import json, os, uuid
import pika

# One connection for the life of the process, used by one thread.
connection = pika.BlockingConnection(
    pika.URLParameters(os.environ.get("AMQP_URL", "amqp://guest:guest@localhost:5672"))
)
channel = connection.channel()
channel.confirm_delivery()  # From here on basic_publish waits for the confirm, and raises without one.

event = {"type": "deal.updated", "tenant": "acme", "users": ["7"], "topics": ["deals.42"], "data": {"stage": "won"}}
channel.basic_publish(
    exchange="push.events",
    routing_key="",
    body=json.dumps(event),
    # The message id is the event's id: a retry takes the same one.
    properties=pika.BasicProperties(message_id=str(uuid.uuid4()), content_type="application/json"),
)

connection.close()
