package system

import (
	"errors"
	"fmt"
	"strings"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
)

// Outcome is what became of a letter that was to be replayed. The set is closed.
type Outcome uint8

const (
	// Accepted: the target has taken the message, and the letter is no more.
	Accepted Outcome = iota + 1
	// TargetFull: the target has no room now.
	TargetFull
	// TargetStopping: the target, or the system, takes nothing new.
	TargetStopping
	// TargetStopped: the target, or the system, has ended.
	TargetStopped
	// NoTarget: there is no actor at the target's path. Once the system has stopped, a path in a group or a pool is one of
	// an actor that has ended.
	NoTarget
	// Mismatch: the message is not of the type that the target takes.
	Mismatch
	// TooOften: the message was replayed [Options.Replays] times already; the error is a [*ReplayLimitError].
	TooOften
	// NotHeld: there is no such letter, or no longer.
	NotHeld
	// Leaving: somebody else is replaying the letter, or too many letters are on their way out at once.
	Leaving
	// Refused: something else, which the error says.
	Refused

	outcomes = int(Refused) + 1
)

var outcomeNames = [outcomes]string{
	"", "accepted", "full", "stopping", "stopped", "no such actor", "type mismatch", "too often", "not held", "leaving",
	"refused",
}

// String returns the outcome's name.
func (o Outcome) String() string {
	if o == 0 || int(o) >= outcomes {
		return fmt.Sprintf("Outcome(%d)", uint8(o))
	}

	return outcomeNames[o]
}

// MarshalText returns the outcome's name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Outcomes returns all outcomes, in a fixed order.
func Outcomes() []Outcome {
	all := make([]Outcome, 0, outcomes-1)
	for o := Accepted; int(o) < outcomes; o++ {
		all = append(all, o)
	}

	return all
}

// Replayed says what became of one letter that was to be replayed. Whatever that is, but for Accepted, the letter stays
// where it is.
type Replayed struct {
	// Number of the letter.
	Number uint64
	// Target is the path it was replayed to.
	Target string
	// Outcome is what became of it.
	Outcome Outcome
	// Err says more; nil if it was accepted.
	Err error
}

var (
	// ErrReplayLimit is what every [*ReplayLimitError] is.
	ErrReplayLimit = errors.New("replayed too often")
	// ErrNotHeld says that there is no such letter, or no longer: it was replayed, or had to make room.
	ErrNotHeld = errors.New("no such letter is held")
	// ErrLeaving says that a letter is being replayed, or was and is still to be struck off where it is archived; or that
	// so many others are that there is no room for one more.
	ErrLeaving = errors.New("the letter, or too many others, are being replayed")
	// ErrNoTarget says that there is no actor at a letter's target.
	ErrNoTarget = errors.New("no such actor")
	// ErrMismatch says that a letter's message is not of the type that its target takes.
	ErrMismatch = node.ErrMismatch
)

// ReplayLimitError says that a message was replayed as often as it may be and became a dead letter each time. It
// matches [ErrReplayLimit].
type ReplayLimitError struct {
	// Target is the path of the actor it is for.
	Target string
	// Replays is how often it was replayed.
	Replays int
	// Most is [Options.Replays].
	Most int
}

// Error names the target and how often the message was replayed.
func (e *ReplayLimitError) Error() string {
	return fmt.Sprintf("%s: the message was replayed %d times, the most is %d (system.Options.Replays)",
		e.Target, e.Replays, e.Most)
}

// Is reports whether target is [ErrReplayLimit].
func (e *ReplayLimitError) Is(target error) bool { return target == ErrReplayLimit }

// Replay sends the messages of letters that the filter matches to their targets again, oldest first: of at most so many
// letters, and of none that comes in meanwhile. It says for each what became of it.
//
// A message goes to whoever is at the target's path now, into the data lane, as if it was told from outside the tree:
// it does not wait, and is subject to the policy of the lane. Once a target is found full, its later letters are not
// tried, so that they keep their order. A letter leaves the office when its message was accepted, and else only when it
// has to make room. If the message dies again it is a new letter, with one more Attempt and Replays, and the number of
// this one as Origin.
//
// What may have waited for the message does so no longer. A reply port in it leads nowhere; see [actors.Reply].
func (f *Office) Replay(filter Filter, most int) []Replayed {
	f.mu.Lock()
	end := f.next
	f.mu.Unlock()

	var (
		all  []Replayed
		full fullTargets
	)

	if most <= 0 {
		return nil
	}

	for l := range f.All(filter) {
		if l.Number >= end {
			break
		}

		all = append(all, full.unless(l, func() Replayed { return f.ReplayOne(l.Number) }))
		if len(all) == most {
			break
		}
	}

	return all
}

// ReplayOne is [Office.Replay] for the letter of that number.
func (f *Office) ReplayOne(number uint64) Replayed {
	f.mu.Lock()

	l, _, held := f.shelf.get(number)
	if !held {
		f.mu.Unlock()

		return Replayed{Number: number, Outcome: NotHeld, Err: fmt.Errorf("letter %d: %w", number, ErrNotHeld)}
	}

	err := f.claim(number)
	f.mu.Unlock()

	return f.replay(&l, err)
}

// Resend replays a letter that is kept somewhere else, say in a file, whether the office has it too or not. Held is
// called once nobody else can replay the letter; it says whether it is still there, and must not block. Where it is
// kept it is to be removed if it was accepted. Without a function it is [Refused], with [actors.ErrNilFunc], and
// so it is by the zero Office, with [ErrNoSystem].
func (f *Office) Resend(l Letter, held func() bool) Replayed {
	var wrong error

	switch {
	case held == nil:
		wrong = actors.ErrNilFunc
	case f.find == nil:
		wrong = ErrNoSystem
	}

	if wrong != nil {
		return Replayed{
			Number: l.Number, Target: l.Target, Outcome: Refused,
			Err: fmt.Errorf("letter %d: Resend: %w", l.Number, wrong),
		}
	}

	f.mu.Lock()
	err := f.claim(l.Number)
	f.mu.Unlock()

	if err == nil && !f.stillHeld(&l, held) {
		err = fmt.Errorf("letter %d: %w", l.Number, ErrNotHeld)
	}

	return f.replay(&l, err)
}

// stillHeld asks. If that ends otherwise, the letter is not left as one that is on its way.
func (f *Office) stillHeld(l *Letter, held func() bool) (yes bool) {
	defer func() {
		if !yes {
			f.stay(l)
		}
	}()

	return held()
}

// claim keeps others from replaying a letter. Called with mu held.
func (f *Office) claim(number uint64) error {
	if _, leaves := f.leaving[number]; leaves || len(f.leaving) >= maxLeaving {
		return fmt.Errorf("letter %d: %w", number, ErrLeaving)
	}

	f.leaving[number] = struct{}{}

	return nil
}

// stay gives up a claim.
func (f *Office) stay(l *Letter) {
	f.mu.Lock()
	defer f.mu.Unlock()

	delete(f.leaving, l.Number)
}

// replay sends the message of a letter that was claimed, if there was no error.
func (f *Office) replay(l *Letter, err error) Replayed {
	if err == nil {
		if err = f.send(l); err == nil {
			f.left(l)
		} else {
			f.stay(l)
		}
	}

	return Replayed{Number: l.Number, Target: l.Target, Outcome: outcome(err), Err: err}
}

// send sends the message of a letter.
func (f *Office) send(l *Letter) error {
	if l.Replays >= f.most {
		return &ReplayLimitError{Target: l.Target, Replays: l.Replays, Most: f.most}
	}

	to := f.find(l.Target)
	if to == nil {
		return &mailbox.SendError{Target: l.Target, Err: f.noTarget(l.Target)}
	}

	return to.Resend(l.Message, l.sender, mailbox.Delivery{
		Attempt: l.Attempt + 1, Replays: l.Replays + 1, Origin: l.Number,
	})
}

// noTarget says why there is nobody at a path: those that come and go at run time have stopped with the system.
func (f *Office) noTarget(path string) error {
	slash := strings.LastIndexByte(path, '/')
	if f.over.Load() && slash > 0 && slash < len(path)-1 && f.groups[path[:slash]] {
		return mailbox.ErrStopped
	}

	return ErrNoTarget
}

// left takes a letter out whose message was accepted. One that had to make room meanwhile was not lost after all.
func (f *Office) left(l *Letter) {
	f.mu.Lock()
	defer f.mu.Unlock()

	switch kept, i, held := f.shelf.get(l.Number); {
	case held && kept.same(l):
		f.shelf.clear(i)
		f.replayed++
	case !held && l.Number >= f.first && l.Number < f.next && f.shelf.evicted > 0:
		f.shelf.evicted--
		f.replayed++
	}

	if !f.archive.left(*l) {
		delete(f.leaving, l.Number)
	}
}

// outcome of a replay that ended with an error.
func outcome(err error) Outcome {
	for _, of := range []struct {
		err     error
		outcome Outcome
	}{
		{nil, Accepted},
		{mailbox.ErrFull, TargetFull},
		{mailbox.ErrStopping, TargetStopping},
		{mailbox.ErrStopped, TargetStopped},
		{ErrNoTarget, NoTarget},
		{ErrMismatch, Mismatch},
		{ErrReplayLimit, TooOften},
		{ErrNotHeld, NotHeld},
		{ErrLeaving, Leaving},
	} {
		if chain.Is(err, of.err) {
			return of.outcome
		}
	}

	return Refused
}

// fullTargets are the targets that a replay has found full.
type fullTargets map[string]error

// unless replays a letter, unless its target is one of them.
func (t *fullTargets) unless(l Letter, replay func() Replayed) Replayed {
	if err := (*t)[l.Target]; err != nil {
		return Replayed{Number: l.Number, Target: l.Target, Outcome: TargetFull, Err: err}
	}

	r := replay()
	if r.Outcome == TargetFull {
		if *t == nil {
			*t = make(fullTargets)
		}

		(*t)[l.Target] = r.Err
	}

	return r
}
