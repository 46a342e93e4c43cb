package jetstream_test

import (
	"context"
	"fmt"
	"os"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/troupe-go/troupe/actors/pipeline"
	ours "github.com/troupe-go/troupe/actors/pipeline/jetstream"
	"github.com/troupe-go/troupe/actors/pipeline/jetstream/embedded"
)

// exampleStream makes a stream on an embedded server. One of your own would be nats.Connect(url).
func exampleStream(ctx context.Context) (js jetstream.JetStream, remove func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}

	server, err := embedded.Start(dir)
	if err != nil {
		panic(err)
	}

	conn, err := server.Connect()
	if err != nil {
		panic(err)
	}

	js, err = jetstream.New(conn)
	if err != nil {
		panic(err)
	}

	_, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "orders", Subjects: []string{"orders.>"}})
	if err != nil {
		panic(err)
	}

	return js, func() {
		conn.Close()
		server.Close()
		_ = os.RemoveAll(dir)
	}
}

// A pipeline publishes, another consumes. They do what is done here: write, pull, acknowledge.
func ExampleConsume() {
	ctx := context.Background()

	js, remove := exampleStream(ctx)
	defer remove()

	sink := ours.Publish(js, "orders", func(order int) (ours.Publication, error) {
		text := fmt.Sprintf("order %d", order)

		return ours.Publication{Subject: "orders.new", Data: []byte(text), ID: text}, nil
	})
	fmt.Println(sink.Open(ctx), sink.Write(ctx, []int{1, 2, 2}), sink.Close(ctx))

	source := ours.Consume(js, "orders", "billing", ours.ConsumeOptions{Create: &jetstream.ConsumerConfig{}})
	if err := source.Open(ctx); err != nil {
		fmt.Println(err)
	}

	items := make([]ours.Message, 8)
	n, _ := source.Pull(ctx, items)

	for i, m := range items[:n] {
		fmt.Println(m.Sequence, string(m.Data))
		_ = source.Acknowledge(ctx, []pipeline.Ack{{Item: uint64(i)}})
	}

	fmt.Println(source.Close(ctx))
	// Output:
	// <nil> <nil> <nil>
	// 1 order 1
	// 2 order 2
	// <nil>
}
