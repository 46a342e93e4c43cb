package deadletters

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/deadletters/internal/letterpb"
)

// record is a letter as it is to be written.
type record struct {
	number   uint64
	letter   *letterpb.Letter
	text     []byte
	replayed bool
}

// Keep stores new letters and takes out those that were replayed, all in one transaction, on disk when it returns. It
// is for [system.Options.OnLetters]; the system calls it on a goroutine of its own, and a last time before it has
// stopped. If it fails, say because the disk is full, none of it is stored.
func (s *Store) Keep(events []system.LetterEvent) error {
	records := make([]record, 0, len(events))

	for i := range events {
		r, err := s.record(&events[i])
		if err != nil {
			return err
		}

		records = append(records, r)
	}

	return s.update(func(f *file) error {
		for i := range records {
			if err := f.write(&records[i]); err != nil {
				return err
			}
		}

		return f.evict()
	})
}

func (f *file) write(r *record) error {
	if !r.replayed {
		return f.put(r.number, r.letter, r.text)
	}

	k := key(r.number)
	if text := f.letters.Get(k); text == nil || !same(text, r.letter) {
		return nil // it was missed, evicted or removed, or is out already
	}

	return f.take(k, &f.totals.Replayed)
}

// record makes of a letter what is to be written. It calls the user's code.
func (s *Store) record(e *system.LetterEvent) (record, error) {
	l := &e.Letter
	r := record{number: l.Number, replayed: e.Replayed, letter: &letterpb.Letter{
		Target: valid(l.Target), Time: timestamppb.New(l.Time),
	}}

	if e.Replayed {
		return r, nil
	}

	r.letter.Sender, r.letter.Reason = valid(l.Sender), l.Reason.String()
	r.letter.Attempt, r.letter.Replays, r.letter.Origin = int64(l.Attempt), int64(l.Replays), l.Origin

	if l.Cause != nil {
		r.letter.Cause = valid(supervision.Text(l.Cause))
	}

	s.codec.encode(r.letter, l.Message)

	text, err := proto.Marshal(r.letter)
	if err == nil && size(text) > s.maxBytes {
		opaque(r.letter, l.Message, fmt.Errorf("%d bytes are more than deadletters.Options.MaxBytes", len(text)))
		text, err = proto.Marshal(r.letter)
	}

	if err != nil {
		return r, fmt.Errorf("letter %d: %w", l.Number, err)
	}

	r.text = text

	return r, nil
}
