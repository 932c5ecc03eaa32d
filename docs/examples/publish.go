package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log"
	"os"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	url := os.Getenv("AMQP_URL")
	if url == "" {
		url = "amqp://guest:guest@localhost:5672"
	}
	// One connection for the life of the process.
	connection := must(amqp.Dial(url))
	defer connection.Close()
	channel := must(connection.Channel())
	if err := channel.Confirm(false); err != nil {
		log.Fatal(err)
	}
	confirms := channel.NotifyPublish(make(chan amqp.Confirmation, 1))

	id := make([]byte, 16)
	must(rand.Read(id))
	event := `{"type": "deal.updated", "tenant": "acme", "users": ["7"], "topics": ["deals.42"], "data": {"stage": "won"}}`
	err := channel.PublishWithContext(context.Background(), "push.events", "", false, false, amqp.Publishing{
		MessageId:   hex.EncodeToString(id), // The event's id: a retry takes the same one.
		ContentType: "application/json",
		Body:        []byte(event),
	})
	if err != nil {
		log.Fatal(err)
	}
	select {
	case confirm := <-confirms:
		if !confirm.Ack {
			log.Fatal("RabbitMQ did not take the event")
		}
	case <-time.After(5 * time.Second):
		log.Fatal("no confirm within 5 seconds")
	}
}
