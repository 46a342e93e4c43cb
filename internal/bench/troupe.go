package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// troupe is Troupe as a program uses it: a supervised tree in a running system, mailboxes that hold their senders back,
// everything counted. After every run the shutdown's report must account for every message.
type troupe struct{}

func (troupe) name() string { return "troupe" }

// collector handles messages and does nothing else.
type collector struct{ *receiver }

func (c collector) Receive(_ *actors.Context[message], m message) error {
	c.handle(m)

	return nil
}

func (troupe) tell(ctx context.Context, senders, receivers, count int) (*trial, error) {
	all := newReceivers(receivers, count)
	declared := make([]*supervision.ActorChild[message], receivers)
	children := make([]supervision.Child, receivers)

	for i, r := range all {
		declared[i] = supervision.Actor(r.name, instance(collector{r}), spec())
		children[i] = declared[i]
	}

	sys, err := start(ctx, children...)
	if err != nil {
		return nil, err
	}

	refs := make([]actors.Ref[message], receivers)
	for i, child := range declared {
		refs[i] = child.From(sys.Intake())
	}

	return &trial{
		run: func() error {
			if err := tellAll(ctx, refs, senders, count); err != nil {
				return err
			}

			return waitAll(ctx, all)
		},
		stop:      stopping(ctx, sys, count),
		receivers: all,
	}, nil
}

// tellAll sends count messages from so many goroutines, and returns when all were accepted or could not be.
func tellAll(ctx context.Context, refs []actors.Ref[message], senders, count int) error {
	errs := make([]error, senders)

	inParallel(senders, func(sender int) {
		first, end := span(sender, senders, count)
		errs[sender] = tellSpan(ctx, refs[receiverOf(sender, senders, len(refs))], first, end)
	})

	return errors.Join(errs...)
}

// tellSpan sends the messages from first to before end.
func tellSpan(ctx context.Context, ref actors.Ref[message], first, end int) error {
	for i := first; i < end; i++ {
		if err := ref.Tell(ctx, nth(i)); err != nil {
			return fmt.Errorf("tell %d: %w", i, err)
		}
	}

	return nil
}

// relay passes every message on.
type relay struct {
	*receiver

	to actors.Ref[message]
}

func (r *relay) Receive(ctx *actors.Context[message], m message) error {
	r.handle(m)

	return r.to.Tell(ctx, m)
}

func (troupe) chain(ctx context.Context, count int) (*trial, error) {
	all := newLinks(count)
	last := all[links-1]
	first := supervision.Actor(last.name, instance(collector{last}), spec())
	children := []supervision.Child{first}

	for _, r := range slices.Backward(all[:links-1]) {
		next := first
		dependent := spec()
		dependent.DependsOn = supervision.On(next)
		first = supervision.Actor(r.name, func(in supervision.Deps) (*relay, error) {
			return &relay{receiver: r, to: next.From(in)}, nil
		}, dependent)
		children = append(children, first)
	}

	sys, err := start(ctx, children...)
	if err != nil {
		return nil, err
	}

	ref := first.From(sys.Intake())

	return &trial{
		run: func() error {
			if err := tellSpan(ctx, ref, 0, count); err != nil {
				return err
			}

			return last.wait(ctx)
		},
		stop:      stopping(ctx, sys, links*count),
		receivers: all,
	}, nil
}

// pinger sends the next message when one has come back.
type pinger struct {
	*receiver

	pong actors.Ref[message]
}

func (p *pinger) Receive(ctx *actors.Context[message], m message) error {
	if !p.handle(m) {
		return nil
	}

	return p.pong.Tell(ctx, nth(p.handled.count))
}

func (troupe) pingPong(ctx context.Context, rounds int) (*trial, error) {
	ping, pong := &pinger{receiver: newReceiver("ping", rounds)}, &relay{receiver: newReceiver("pong", rounds)}
	pongs := supervision.Actor("pong", instance(pong), spec())
	dependent := spec()
	dependent.DependsOn = supervision.On(pongs)
	pings := supervision.Actor("ping", func(in supervision.Deps) (*pinger, error) {
		ping.pong = pongs.From(in)

		return ping, nil
	}, dependent)

	sys, err := start(ctx, pings, pongs)
	if err != nil {
		return nil, err
	}

	// Dependencies have no cycles, so the way back is made here, before the first message is sent.
	pong.to = pings.From(sys.Intake())
	kick := pongs.From(sys.Intake())

	return &trial{
		run: func() error {
			if err := kick.Tell(ctx, nth(0)); err != nil {
				return fmt.Errorf("first tell: %w", err)
			}

			return ping.wait(ctx)
		},
		stop:      stopping(ctx, sys, 2*rounds),
		receivers: []*receiver{ping.receiver, pong.receiver},
	}, nil
}

// request is a message that is to be answered.
type request struct {
	message message
	reply   actors.Reply[message]
}

// answerer answers every request with its message.
type answerer struct{ *receiver }

func (a answerer) Receive(_ *actors.Context[request], q request) error {
	a.handle(q.message)

	return q.reply.Send(q.message)
}

func (troupe) ask(ctx context.Context, count int) (*trial, error) {
	server, asker := newReceiver("server", count), newReceiver("asker", count)
	child := supervision.Actor("server", instance(answerer{server}), spec())

	sys, err := start(ctx, child)
	if err != nil {
		return nil, err
	}

	ref := child.From(sys.Intake())

	return &trial{
		run: func() error {
			for i := range count {
				sent := nth(i)

				m, err := actors.Ask(ctx, ref, func(r actors.Reply[message]) request { return request{sent, r} })
				if err != nil {
					return fmt.Errorf("ask %d: %w", i, err)
				}

				if m != sent {
					return fmt.Errorf("asked %v, answered %v", sent, m)
				}

				asker.handle(m)
			}

			return nil
		},
		stop:      stopping(ctx, sys, count),
		receivers: []*receiver{server, asker},
	}, nil
}

// instance returns a factory of the one instance: an actor of a benchmark that had to be restarted has failed anyway.
func instance[A any](a A) func(supervision.Deps) (A, error) {
	return func(supervision.Deps) (A, error) { return a, nil }
}

func spec() supervision.Spec {
	return supervision.Spec{Mailbox: &mailbox.Options{Capacity: capacity, Overflow: mailbox.Block}}
}

func start(ctx context.Context, children ...supervision.Child) (*system.System, error) {
	return startWithin(ctx, supervision.Budget{Restarts: 1, Within: time.Second}, children...)
}

func startWithin(
	ctx context.Context, budget supervision.Budget, children ...supervision.Child,
) (*system.System, error) {
	tree := supervision.Tree{Name: "bench", Strategy: supervision.OneForOne, Budget: budget, Children: children}

	sys, err := system.Start(ctx, tree, system.Options{
		Logger:  slog.New(slog.DiscardHandler),
		Signals: []os.Signal{}, // the program's own
		Grace:   patience,      // how long a stop takes is measured nowhere
	})
	if err != nil {
		return nil, fmt.Errorf("start the tree: %w", err)
	}

	return sys, nil
}

// stopping returns a trial's stop: it shuts the system down and looks at the books.
func stopping(ctx context.Context, sys *system.System, count int) func() error {
	return func() error {
		report, err := sys.Shutdown(context.WithoutCancel(ctx))
		if err != nil {
			return fmt.Errorf("shut down: %w", err)
		}

		return account(report, count)
	}
}

// account reports whether exactly count messages were accepted, all of them processed and none unaccounted for.
func account(r *system.Report, count int) error { return accountFailed(r, count, 0) }

// accountFailed is account for a run in which so many more messages failed.
func accountFailed(r *system.Report, count, failures int) error {
	total := r.Total
	want, failed := uint64(count), uint64(failures) //nolint:gosec // never negative

	if r.Unaccounted != 0 || total.Accepted != want+failed || total.Processed != want || total.Failed != failed {
		return fmt.Errorf("the report says accepted %d, processed %d, failed %d, unaccounted %d, but sent were %d and %d",
			total.Accepted, total.Processed, total.Failed, r.Unaccounted, count, failures)
	}

	return nil
}
