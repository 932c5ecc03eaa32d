import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.ConnectionFactory;
import java.nio.charset.StandardCharsets;
import java.util.UUID;

public class Publish {
    public static void main(String[] args) throws Exception {
        var factory = new ConnectionFactory();
        factory.setUri(System.getenv().getOrDefault("AMQP_URL", "amqp://guest:guest@localhost:5672"));
        // One connection for the life of the process, a channel per thread.
        try (var connection = factory.newConnection(); var channel = connection.createChannel()) {
            channel.confirmSelect();

            var event = """
                {"type": "deal.updated", "tenant": "acme", "users": ["7"], "topics": ["deals.42"], "data": {"stage": "won"}}""";
            var properties = new AMQP.BasicProperties.Builder()
                .messageId(UUID.randomUUID().toString()) // The event's id: a retry takes the same one.
                .contentType("application/json")
                .build();
            channel.basicPublish("push.events", "", properties, event.getBytes(StandardCharsets.UTF_8));
            channel.waitForConfirmsOrDie(5000); // Throws if RabbitMQ didn't take it.
        }
    }
}
