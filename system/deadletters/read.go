package deadletters

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/deadletters/internal/letterpb"
)

// chunk is how many letters are read or removed in one transaction.
const chunk = 64

// ErrNotHeld says that there is no letter of a number.
var ErrNotHeld = system.ErrNotHeld

// stored is what is under a key.
type stored struct {
	number uint64
	text   []byte
}

// after reads letters from a number on, at most chunk of them.
func (s *Store) after(from uint64) (all []stored, err error) {
	err = s.view(func(f *file) error {
		c := f.letters.Cursor()
		for k, v := c.Seek(key(from)); k != nil && len(all) < chunk; k, v = c.Next() {
			all = append(all, stored{binary.BigEndian.Uint64(k), append([]byte(nil), v...)})
		}

		return nil
	})

	return all, err
}

// envelopes yields the letters that the filter matches, oldest first, with their messages still encoded.
func (s *Store) envelopes(filter system.Filter) iter.Seq2[system.Letter, result] {
	return func(yield func(system.Letter, result) bool) {
		for from := uint64(0); ; {
			all, err := s.after(from)
			if err != nil {
				yield(system.Letter{}, result{err: err})

				return
			}

			for _, at := range all {
				l, r := envelope(at)
				if (r.err != nil || filter.Match(l)) && !yield(l, r) {
					return
				}

				from = at.number + 1
			}

			if len(all) < chunk {
				return
			}
		}
	}
}

// result is what is in an envelope, or why it cannot be opened.
type result struct {
	letter *letterpb.Letter
	err    error
}

// envelope decodes a letter, except for its message.
func envelope(at stored) (l system.Letter, r result) {
	l.Number = at.number

	from := new(letterpb.Letter)
	if err := proto.Unmarshal(at.text, from); err != nil {
		return l, result{err: fmt.Errorf("letter %d: %w", at.number, err)}
	}

	l.Target, l.Sender, l.Origin = from.GetTarget(), from.GetSender(), from.GetOrigin()
	l.Attempt, l.Replays, l.Time = int(from.GetAttempt()), int(from.GetReplays()), from.GetTime().AsTime()

	if text := from.GetCause(); text != "" {
		l.Cause = errors.New(text)
	}

	if err := l.Reason.UnmarshalText([]byte(from.GetReason())); err != nil {
		return l, result{err: fmt.Errorf("letter %d: %w", at.number, err)}
	}

	return l, result{letter: from}
}

// All yields the letters that the filter matches, oldest first. A Cause is an error with the text of the original. The
// Message is of its own type, or an [*Unknown] or [*Opaque]. A letter that cannot be read comes with an error that
// names it; after any other error there are no more. What comes and goes meanwhile is seen or not. The loop may do
// anything.
func (s *Store) All(filter system.Filter) iter.Seq2[system.Letter, error] {
	return func(yield func(system.Letter, error) bool) {
		for l, r := range s.envelopes(filter) {
			if r.err == nil {
				l.Message = s.codec.decode(r.letter)
			}

			if !yield(l, r.err) {
				return
			}
		}
	}
}

// Letter returns the letter of a number, or [ErrNotHeld].
func (s *Store) Letter(number uint64) (l system.Letter, err error) {
	at := stored{number: number}

	err = s.view(func(f *file) error {
		at.text = append(at.text, f.letters.Get(key(number))...)

		return nil
	})

	switch {
	case err != nil:
		return l, err
	case at.text == nil:
		return l, fmt.Errorf("letter %d: %w", number, ErrNotHeld)
	}

	l, r := envelope(at)
	if r.err == nil {
		l.Message = s.codec.decode(r.letter)
	}

	return l, r.err
}

// Count returns how many letters the filter matches, by reason.
func (s *Store) Count(filter system.Filter) (counts mailbox.Counts, err error) {
	for l, r := range s.envelopes(filter) {
		if r.err != nil {
			err = errors.Join(err, r.err)
		} else {
			counts[l.Reason]++
		}
	}

	return counts, err
}

// Remove takes out the letters that the filter matches and that were there when it was called, and returns how many
// that were.
func (s *Store) Remove(filter system.Filter) (removed int, err error) {
	end, err := s.end()
	if err != nil {
		return 0, err
	}

	var some []uint64

	for l, r := range s.envelopes(filter) {
		if l.Number > end {
			break
		}

		if r.err != nil {
			err = errors.Join(err, r.err)

			continue
		}

		if some = append(some, l.Number); len(some) == chunk {
			n, failed := s.remove(some)
			removed += n
			some = some[:0]

			if failed != nil {
				return removed, errors.Join(err, failed)
			}
		}
	}

	n, failed := s.remove(some)

	return removed + n, errors.Join(err, failed)
}

// RemoveOne takes out the letter of a number, also one that cannot be read, or returns [ErrNotHeld].
func (s *Store) RemoveOne(number uint64) error {
	n, err := s.remove([]uint64{number})
	if err == nil && n == 0 {
		return fmt.Errorf("letter %d: %w", number, ErrNotHeld)
	}

	return err
}

// remove takes out those of the letters that are there.
func (s *Store) remove(numbers []uint64) (removed int, err error) {
	if len(numbers) == 0 {
		return 0, nil
	}

	err = s.update(func(f *file) error {
		for _, n := range numbers {
			if f.letters.Get(key(n)) == nil {
				continue
			}

			if err := f.take(key(n), &f.totals.Removed); err != nil {
				return err
			}

			removed++
		}

		return nil
	})
	if err != nil {
		removed = 0
	}

	return removed, err
}

// end returns the highest number there is.
func (s *Store) end() (last uint64, err error) {
	err = s.view(func(f *file) error {
		if k, _ := f.letters.Cursor().Last(); k != nil {
			last = binary.BigEndian.Uint64(k)
		}

		return nil
	})

	return last, err
}
