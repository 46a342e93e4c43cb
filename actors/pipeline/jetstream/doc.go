// Package jetstream connects pipelines with NATS JetStream: a pull consumer as a source, and a stream that is published
// to as a sink.
//
//	source  Consume    Pull fetches messages; done is Ack, not done is Nak, under way is InProgress
//	sink    Publish    Write returns when the stream has acknowledged every message, known by its id
//
// Both are at least once. A message that comes again has the same Message.Sequence, and a publication that is made
// again has the same Publication.ID, by which the stream drops it within its duplicate window.
//
// The package has the name of the client's own, github.com/nats-io/nats.go/jetstream, whose types it takes: import one
// of them under another name. The broker is one of your own, or the server in the package embedded. Start reading at
// [Consume].
package jetstream
