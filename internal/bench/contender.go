package main

import (
	"context"
	"errors"
	"sync"
)

// capacity of every queue that has one.
const capacity = 1024

// links is the length of a chain.
const links = 4

// contender is one way to pass messages between goroutines. Its methods set a run up, outside the clock: receivers are
// there and idle, nothing has been sent.
type contender interface {
	// name stands in tables and ratios.
	name() string

	// tell models stages that are fed from outside: so many goroutines send count messages in all, as fast as they are
	// taken, each to one receiver; senders is a multiple of receivers. With one sender it shows what a message costs,
	// with more at one receiver what senders cost each other, and with several pairs what pairs do.
	tell(ctx context.Context, senders, receivers, count int) (*trial, error)

	// chain models stages one behind the other, each fed by the one before it: one goroutine sends to the first of
	// several receivers in a row, all but the last pass every message on. An operation is one message through all.
	chain(ctx context.Context, count int) (*trial, error)

	// pingPong models a conversation: two receivers send one message back and forth, so that each is idle while the
	// other is at work. It shows what waking somebody costs. An operation is one round trip.
	pingPong(ctx context.Context, rounds int) (*trial, error)

	// ask models a request from outside the actors, such as one HTTP handler makes: one goroutine sends a request,
	// waits for the answer, and sends the next.
	ask(ctx context.Context, count int) (*trial, error)
}

// trial is one run of a workload by one contender, set up and ready to begin.
type trial struct {
	// run sends everything and returns when the last message was handled: this is what is measured.
	run func() error
	// stop ends everything that was started and waits for it. Called once, whatever run returned.
	stop func() error
	// receivers handle what is sent; they are checked once everything has stopped.
	receivers []*receiver
	// extra is another check; nil if there is none.
	extra func() error
}

// check reports whether every receiver has handled exactly what was sent. Called after stop.
func (t *trial) check() error {
	errs := make([]error, 0, len(t.receivers)+1)
	for _, r := range t.receivers {
		errs = append(errs, r.check())
	}

	if t.extra != nil {
		errs = append(errs, t.extra())
	}

	return errors.Join(errs...)
}

// contenders returns all of them; the first is ours.
func contenders() []contender {
	return []contender{
		troupe{},
		channel{},
		protoactor{label: "protoactor"},
		protoactor{label: "protoactor-bounded", bounded: true},
	}
}

// supervisors returns those that restart what crashes; the first is ours.
func supervisors() []contender { return []contender{troupe{}, protoactor{label: "protoactor"}} }

// restarters are supervisors, of which protoactor has two: an actor, which is its children's supervisor, and a guardian
// of what has no parent.
func restarters() []contender {
	return append(supervisors(), protoactor{label: "protoactor-guardian", guardian: true})
}

// inParallel calls send on a goroutine for each of so many senders, and returns when all of them are done.
func inParallel(senders int, send func(sender int)) {
	var wg sync.WaitGroup

	for s := range senders {
		wg.Go(func() { send(s) })
	}

	wg.Wait()
}

// span returns the share that number i of so many senders or receivers has of count messages: those from first to
// before end. If senders is a multiple of receivers, a receiver's span is made up of those of its senders.
func span(i, of, count int) (first, end int) {
	return i * count / of, (i + 1) * count / of
}

// receiverOf returns the number of the receiver that a sender sends to.
func receiverOf(sender, senders, receivers int) int { return sender * receivers / senders }
