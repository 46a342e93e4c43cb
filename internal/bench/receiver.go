package main

import (
	"context"
	"fmt"
	"strconv"
)

// receiver is what the receiving side of every contender does with a message: the least work that can prove that the
// message was handled. It belongs to the goroutine that handles messages until it is stopped.
type receiver struct {
	name    string
	handled tally
	want    tally
	done    chan struct{} // closed when the last message was handled
	_       [64]byte      // keeps receivers that work side by side off each other's cache lines
}

// newReceiver returns a receiver of the messages 0 to count-1.
func newReceiver(name string, count int) *receiver {
	return &receiver{name: name, want: tallyOf(0, count), done: make(chan struct{})}
}

// newReceivers returns so many receivers that share the messages 0 to count-1 as [span] says.
func newReceivers(receivers, count int) []*receiver {
	all := make([]*receiver, receivers)
	for i := range all {
		first, end := span(i, receivers, count)
		all[i] = &receiver{name: "receiver-" + strconv.Itoa(i+1), want: tallyOf(first, end), done: make(chan struct{})}
	}

	return all
}

// newLinks returns the receivers of a chain, each of the messages 0 to count-1.
func newLinks(count int) []*receiver {
	all := make([]*receiver, links)
	for i := range all {
		all[i] = newReceiver("link-"+strconv.Itoa(i+1), count)
	}

	return all
}

// handle takes one message. It reports whether more are to come.
func (r *receiver) handle(m message) bool {
	r.handled.add(m)

	if r.handled.count == r.want.count {
		close(r.done)

		return false
	}

	return true
}

// wait returns when the last message was handled. It gives up when ctx ends: a message was lost.
func (r *receiver) wait(ctx context.Context) error {
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s waits for messages that do not come: %w", r.name, context.Cause(ctx))
	}
}

// waitAll returns when every receiver has handled its last message. It gives up when ctx ends.
func waitAll(ctx context.Context, all []*receiver) error {
	for _, r := range all {
		if err := r.wait(ctx); err != nil {
			return err
		}
	}

	return nil
}

// check reports whether exactly what was sent was handled. Called when nothing runs any more.
func (r *receiver) check() error {
	if r.handled != r.want {
		return fmt.Errorf("%s: handled %d messages with sum %x, but sent were %d with sum %x",
			r.name, r.handled.count, r.handled.sum, r.want.count, r.want.sum)
	}

	return nil
}
