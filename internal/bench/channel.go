package main

import (
	"context"
	"fmt"
	"sync"
)

// channel is a goroutine on a buffered channel, the least that Go offers. It has no supervision, no refusal, no urgent
// lane and no count of what it did.
type channel struct{}

func (channel) name() string { return "channel" }

func (channel) tell(ctx context.Context, senders, receivers, count int) (*trial, error) {
	var receiving sync.WaitGroup

	all := newReceivers(receivers, count)
	channels := make([]chan message, receivers)

	for n, r := range all {
		in := make(chan message, capacity)
		channels[n] = in

		receiving.Go(func() {
			for m := range in {
				r.handle(m)
			}
		})
	}

	send := func(sender int) {
		in := channels[receiverOf(sender, senders, receivers)]
		first, end := span(sender, senders, count)

		for i := first; i < end; i++ {
			in <- nth(i)
		}
	}

	return &trial{
		run: func() error {
			inParallel(senders, send)

			return waitAll(ctx, all)
		},
		stop:      closing(&receiving, channels...),
		receivers: all,
	}, nil
}

// closing returns a trial's stop: it closes the channels and waits for the goroutines that read them.
func closing(receiving *sync.WaitGroup, channels ...chan message) func() error {
	return func() error {
		for _, c := range channels {
			close(c)
		}

		receiving.Wait()

		return nil
	}
}

func (channel) chain(ctx context.Context, count int) (*trial, error) {
	var receiving sync.WaitGroup

	all := newLinks(count)
	first := make(chan message, capacity)
	in := first

	for _, r := range all[:links-1] {
		from, to := in, make(chan message, capacity)
		in = to

		receiving.Go(func() {
			for m := range from {
				r.handle(m)
				to <- m
			}

			close(to)
		})
	}

	last := all[links-1]

	receiving.Go(func() {
		for m := range in {
			last.handle(m)
		}
	})

	return &trial{
		run: func() error {
			for i := range count {
				first <- nth(i)
			}

			return last.wait(ctx)
		},
		stop:      closing(&receiving, first),
		receivers: all,
	}, nil
}

func (channel) pingPong(ctx context.Context, rounds int) (*trial, error) {
	var receiving sync.WaitGroup

	ping, pong := newReceiver("ping", rounds), newReceiver("pong", rounds)
	toPing, toPong := make(chan message, capacity), make(chan message, capacity)

	receiving.Go(func() {
		for m := range toPong {
			pong.handle(m)
			toPing <- m
		}
	})
	receiving.Go(func() {
		for m := range toPing {
			if ping.handle(m) {
				toPong <- nth(ping.handled.count)
			}
		}
	})

	return &trial{
		run: func() error {
			toPong <- nth(0)

			return ping.wait(ctx)
		},
		stop:      closing(&receiving, toPing, toPong),
		receivers: []*receiver{ping, pong},
	}, nil
}

// question is a request with a reply channel made by hand.
type question struct {
	message message
	reply   chan message
}

// ask makes a reply channel for each request, as one must that cannot know whether an answer to an earlier request is
// still to come.
func (channel) ask(_ context.Context, count int) (*trial, error) {
	var answering sync.WaitGroup

	server, asker := newReceiver("server", count), newReceiver("asker", count)
	in := make(chan question, capacity)

	answering.Go(func() {
		for q := range in {
			server.handle(q.message)
			q.reply <- q.message
		}
	})

	return &trial{
		run: func() error {
			for i := range count {
				q := question{message: nth(i), reply: make(chan message, 1)}
				in <- q

				m := <-q.reply
				if m != q.message {
					return fmt.Errorf("asked %v, answered %v", q.message, m)
				}

				asker.handle(m)
			}

			return nil
		},
		stop: func() error {
			close(in)
			answering.Wait()

			return nil
		},
		receivers: []*receiver{server, asker},
	}, nil
}
