// Package store keeps the history of the shop on disk: [Journal] is the file, [Store] the actor that owns it.
package store

import (
	"context"
	"fmt"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/shop/order"
)

// Msg is what the store understands.
type Msg interface{ isStore() }

// Append writes an event and is answered once it is on disk, with its number.
type Append struct {
	actors.Reply[order.Event]

	Event order.Event
}

// Read asks for the events that follow the one with number After, at most [Page]. All of them are on disk.
type Read struct {
	actors.Reply[[]order.Event]

	After uint64
}

type commit struct{}

func (Append) isStore() {}
func (Read) isStore()   {}
func (commit) isStore() {}

const (
	// Page is the most events one Read is answered with.
	Page = 256
	// batch is the most events that are written in one transaction.
	batch = 64
)

// Store owns the journal. What arrives while it writes is written together, in one transaction.
type Store struct {
	path    string
	journal *Journal
	pending []Append // at most batch
}

// New makes a store that keeps its events in a file.
func New(path string) *Store { return &Store{path: path} }

// Start opens the journal.
func (s *Store) Start(*actors.Context[Msg]) (err error) {
	s.journal, err = Open(s.path)

	return err
}

// Receive appends and reads.
func (s *Store) Receive(ctx *actors.Context[Msg], m Msg) error {
	switch m := m.(type) {
	case Append:
		return s.append(ctx, m)
	case Read:
		return s.read(m)
	case commit:
		return s.commit()
	default:
		return fmt.Errorf("store: unknown message %T", m)
	}
}

// append puts the event beside others that wait in the queue now: the commit stands behind them.
func (s *Store) append(ctx *actors.Context[Msg], m Append) error {
	m.Event.At = time.Now()
	s.pending = append(s.pending, m)

	if len(s.pending) == 1 && ctx.Self().TryTell(commit{}) == nil {
		return nil
	}

	if len(s.pending) > 1 && len(s.pending) < batch {
		return nil
	}

	return s.commit() // the batch, or the queue, is full
}

func (s *Store) read(m Read) error {
	if err := s.commit(); err != nil {
		return err
	}

	events, err := s.journal.Read(m.After, Page)
	if err != nil {
		return err
	}

	return m.Send(events)
}

// commit writes what is pending. If that fails the store fails, and with it everybody learns who waits for an answer.
func (s *Store) commit() error {
	if len(s.pending) == 0 {
		return nil
	}

	events := make([]order.Event, len(s.pending))
	for i, m := range s.pending {
		events[i] = m.Event
	}

	if err := s.journal.Append(events); err != nil {
		return err
	}

	for i, m := range s.pending {
		if err := m.Send(events[i]); err != nil {
			return err
		}
	}

	clear(s.pending)
	s.pending = s.pending[:0]

	return nil
}

// Flush writes what is pending.
func (s *Store) Flush(context.Context) error { return s.commit() }

// Close releases the file.
func (s *Store) Close(context.Context) error {
	if s.journal == nil {
		return nil
	}

	return s.journal.Close()
}

// Next asks the store for the events that follow the one with number after, at most [Page], up to those it was given
// before Next was called.
func Next(ctx context.Context, from actors.Ref[Msg], after uint64) ([]order.Event, error) {
	return actors.Ask(ctx, from, func(r actors.Reply[[]order.Event]) Msg { return Read{Reply: r, After: after} })
}

// Replay calls apply for every event that follows the one with number after, in order, until there are no more. It
// returns the number of the last one.
func Replay(
	ctx context.Context, from actors.Ref[Msg], after uint64, apply func(order.Event),
) (last uint64, err error) {
	for {
		events, err := Next(ctx, from, after)
		if err != nil || len(events) == 0 {
			return after, err
		}

		for _, e := range events {
			apply(e)

			after = e.Seq
		}
	}
}
