package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/deadletters"
)

// openLetters opens the file of the dead letters.
func openLetters(path string) (*deadletters.Store, error) {
	return deadletters.Open(path, deadletters.Options{Types: []deadletters.Type{
		deadletters.TypeOf[Line]("ingest.line"), deadletters.TypeOf[request]("ingest.request"),
	}})
}

// letters is the sink of bad lines. They are on disk before the stream hears that they are done, which the system's own
// office, that nobody waits for, does not promise. A line that is delivered again is the same letter.
type letters struct{ store *deadletters.Store }

func (letters) Open(context.Context) error  { return nil }
func (letters) Close(context.Context) error { return nil }

// Write keeps bad lines.
func (s letters) Write(_ context.Context, bad []pipeline.Failure[Line]) error {
	events := make([]system.LetterEvent, len(bad))
	for i, f := range bad {
		events[i].Letter = system.Letter{
			Number: uint64(f.Item.At.UnixNano()), Time: f.Item.At,
			Target: f.Stage, Message: f.Item, Reason: mailbox.Failed, Cause: f.Err, Attempt: 1, Replays: f.Item.Replays,
		}
	}

	return s.store.Keep(events)
}

// replay is the source of the dead letters that are there when it is opened. A letter leaves the file when its lines
// are in the stream.
type replay struct {
	store   *deadletters.Store
	numbers []uint64 // of the letters to come, at most as many as the store keeps

	mu   sync.Mutex // guards the following
	next uint64     // the number of the next item
	held map[uint64]system.Letter
}

func newReplay(store *deadletters.Store) *replay {
	return &replay{store: store, held: make(map[uint64]system.Letter)}
}

// Open finds the letters.
func (s *replay) Open(context.Context) error {
	s.numbers = nil

	for l, err := range s.store.All(system.Filter{}) {
		if err != nil {
			return err
		}

		s.numbers = append(s.numbers, l.Number)
	}

	return nil
}

// Pull hands out the lines of letters. One of something else stays where it is.
func (s *replay) Pull(ctx context.Context, items []request) (n int, err error) {
	for ; len(s.numbers) > 0 && n < len(items) && ctx.Err() == nil; s.numbers = s.numbers[1:] {
		l, err := s.store.Letter(s.numbers[0])
		if err != nil {
			return n, err
		}

		if items[n].Lines = linesOf(l); len(items[n].Lines) == 0 {
			continue
		}

		for i := range items[n].Lines {
			items[n].Lines[i].Replays = l.Replays + 1
		}

		s.hold(l)
		n++
	}

	if n == 0 {
		return 0, io.EOF
	}

	return n, nil
}

func (s *replay) hold(l system.Letter) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.held[s.next] = l
	s.next++
}

// Acknowledge takes letters out of the file.
func (s *replay) Acknowledge(_ context.Context, acks []pipeline.Ack) error {
	s.mu.Lock()
	defer s.mu.Unlock()

	var events []system.LetterEvent

	for _, a := range acks {
		if a.Err == nil {
			events = append(events, system.LetterEvent{Letter: s.held[a.Item], Replayed: true})
		}

		delete(s.held, a.Item)
	}

	return s.store.Keep(events)
}

// Close does nothing: the file is the caller's.
func (*replay) Close(context.Context) error { return nil }

// linesOf returns the lines of a letter, none if it is of something else.
func linesOf(l system.Letter) []Line {
	switch m := l.Message.(type) {
	case Line:
		return []Line{m}
	case request:
		return m.Lines
	default:
		return nil
	}
}

// badLines counts the lines among the letters. One that came into the stream twice, because the process was killed
// before it knew of that, is two letters and one line.
func badLines(store *deadletters.Store) (int, error) {
	type id struct {
		source string
		number int64
	}

	seen := make(map[id]bool) // at most as many as the store keeps

	for l, err := range store.All(system.Filter{}) {
		if err != nil {
			return 0, err
		}

		for _, line := range linesOf(l) {
			seen[id{line.Source, line.Number}] = true
		}
	}

	return len(seen), nil
}

// list prints the letters, oldest first.
func list(store *deadletters.Store, stdout io.Writer) error {
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TIME\tSTAGE\tREASON\tREPLAYS\tMESSAGE\tCAUSE")

	n := 0

	for l, err := range store.All(system.Filter{}) {
		if err != nil {
			return errors.Join(err, w.Flush())
		}

		fmt.Fprintf(w, "%s\t%s\t%v\t%d\t%q\t%v\n",
			l.Time.Format(time.DateTime), l.Target, l.Reason, l.Replays, fmt.Sprint(l.Message), l.Cause)

		n++
	}

	fmt.Fprintf(w, "%d dead letters\n", n)

	return w.Flush()
}
