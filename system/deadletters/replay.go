package deadletters

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/deadletters/internal/letterpb"
)

var (
	// ErrUnreadable is what every [*UnreadableError] is.
	ErrUnreadable = errors.New("the message cannot be read")
	// ErrReplaying says that somebody else replays from the store.
	ErrReplaying = errors.New("dead letters: a replay is going on")
)

// UnreadableError says that a letter cannot be replayed, because its message is [*Unknown] or [*Opaque]. It matches
// [ErrUnreadable].
type UnreadableError struct {
	// Number of the letter.
	Number uint64
	// Type of the message.
	Type string
	// Why it cannot be read.
	Why string
}

// Error names the letter and the type.
func (e *UnreadableError) Error() string {
	return fmt.Sprintf("letter %d: a message of type %s cannot be read: %s", e.Number, e.Type, e.Why)
}

// Is reports whether target is [ErrUnreadable].
func (e *UnreadableError) Is(target error) bool { return target == ErrUnreadable }

// Replay is [system.Office.Replay] for the letters in the file: it sends the messages of at most so many that the
// filter matches to the actors of a system, oldest first, and says for each what became of it. What it replays leaves
// the file once the message was accepted, also out of the system's own office; nothing else does. A message that cannot
// be read is [system.Refused] with an [*UnreadableError].
//
// The letters of messages that die again get into the file only if the system has [Store.Keep] as its
// [system.Options.OnLetters]; their count of replays goes on.
//
// One replay goes on at a time, others get [ErrReplaying]. An error of the file ends it: then the last of what it
// returns may have been accepted and still be in the file. A nil system is an error, and nothing is replayed.
func (s *Store) Replay(into *system.System, filter system.Filter, most int) (all []system.Replayed, err error) {
	switch {
	case s.ofNoFile():
		return nil, ErrNoFile
	case into == nil:
		return nil, errNoSystem
	}

	if !s.replaying.TryLock() {
		return nil, ErrReplaying
	}

	defer s.replaying.Unlock()

	end, err := s.end()
	if err != nil || most <= 0 {
		return nil, err
	}

	full := make(map[string]error) // at most as many as are to be replayed

	for l, failed := range s.All(filter) {
		if l.Number > end || len(all) == most {
			break
		}

		if failed != nil {
			if l.Number == 0 {
				return all, failed
			}

			all = append(all, system.Replayed{Number: l.Number, Target: l.Target, Outcome: system.Refused, Err: failed})

			continue
		}

		r := system.Replayed{Number: l.Number, Target: l.Target, Outcome: system.TargetFull, Err: full[l.Target]}
		if r.Err == nil {
			r, err = s.replay(into, l)
		}

		if all = append(all, r); err != nil {
			return all, err
		}

		if r.Outcome == system.TargetFull {
			full[l.Target] = r.Err // its later letters keep their order
		}
	}

	return all, nil
}

// ReplayOne is [Store.Replay] for the letter of a number.
func (s *Store) ReplayOne(into *system.System, number uint64) (r system.Replayed, err error) {
	switch {
	case s.ofNoFile():
		return r, ErrNoFile
	case into == nil:
		return r, errNoSystem
	}

	if !s.replaying.TryLock() {
		return r, ErrReplaying
	}

	defer s.replaying.Unlock()

	l, err := s.Letter(number)

	switch {
	case errors.Is(err, ErrNotHeld):
		return system.Replayed{Number: number, Outcome: system.NotHeld, Err: err}, nil
	case err != nil:
		return r, err
	}

	return s.replay(into, l)
}

var errNoSystem = errors.New("dead letters: Replay: a nil system")

// replay replays a letter. Called with replaying held.
func (s *Store) replay(into *system.System, l system.Letter) (r system.Replayed, err error) {
	if unreadable := unreadable(l); unreadable != nil {
		return system.Replayed{
			Number: l.Number, Target: l.Target, Outcome: system.Refused, Err: unreadable,
		}, nil
	}

	r = into.DeadLetters().Resend(l, func() bool {
		var held bool

		held, err = s.holds(l)

		return held
	})

	if err == nil && r.Outcome == system.Accepted {
		err = s.replayed(l)
	}

	return r, err
}

// unreadable returns why a letter's message cannot be sent, or nil.
func unreadable(l system.Letter) error {
	switch m := l.Message.(type) {
	case *Unknown:
		return &UnreadableError{Number: l.Number, Type: m.Type, Why: supervision.Text(m.Why)}
	case *Opaque:
		return &UnreadableError{Number: l.Number, Type: m.Type, Why: m.Why}
	default:
		return nil
	}
}

// identity is what tells a letter from another of its number.
func identity(l system.Letter) *letterpb.Letter {
	return &letterpb.Letter{Target: l.Target, Time: timestamppb.New(l.Time)}
}

// holds reports whether a letter is in the file.
func (s *Store) holds(l system.Letter) (yes bool, err error) {
	err = s.view(func(f *file) error {
		text := f.letters.Get(key(l.Number))
		yes = text != nil && same(text, identity(l))

		return nil
	})

	return yes, err
}

// replayed takes a letter out whose message was accepted, unless that was done meanwhile.
func (s *Store) replayed(l system.Letter) error {
	if still, err := s.holds(l); err != nil || !still {
		return err
	}

	return s.update(func(f *file) error {
		return f.write(&record{number: l.Number, letter: identity(l), replayed: true})
	})
}
