package system_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// moment is something in the middle of which a system is asked to stop.
type moment struct {
	strategy supervision.Strategy
	spec     func(*supervision.Spec) // of both actors
	options  func(*system.Options)
	start    time.Duration // what the second start of the back takes
	bring    func(t *testing.T, f *flooded)
	fails    uint64 // messages that failed
}

// flooded is a system of two actors, the front depending on the back, whose mailboxes many fill.
type flooded struct {
	*system.System

	front, back *child
	accepted    atomic.Uint64
	senders     sync.WaitGroup
	starts      atomic.Int32
	closes      atomic.Int32
}

const (
	floodSenders  = 10 // for each actor
	floodCapacity = 8
)

func pace(*ctxOf) error { <-time.After(time.Millisecond); return nil }

func flood(t *testing.T, m moment) *flooded {
	t.Helper()

	f := &flooded{}
	spec := supervision.Spec{Mailbox: &mailbox.Options{Capacity: floodCapacity}, Backoff: immediately}

	if m.spec != nil {
		m.spec(&spec)
	}

	closes := func(context.Context) error { f.closes.Add(1); return nil }
	f.back = declare(&probe{name: "back", closes: closes, start: func(ctx *ctxOf) error {
		f.starts.Add(1)

		if ctx.Incarnation() > 1 {
			<-time.After(m.start)
		}

		return nil
	}}, spec)
	spec.DependsOn = supervision.On(f.back)
	f.front = declare(&probe{name: "front", closes: closes, start: func(*ctxOf) error {
		f.starts.Add(1)

		return nil
	}}, spec)

	root, options := tree(f.back, f.front), patient(time.Minute)
	root.Strategy = m.strategy

	if m.options != nil {
		m.options(&options)
	}

	f.System = start(t, root, options)

	for _, to := range []*child{f.front, f.back} {
		for range floodSenders {
			f.senders.Go(func() { f.send(t, to) })
		}
	}

	return f
}

// send sends until nobody takes it any more.
func (f *flooded) send(t *testing.T, to *child) {
	t.Helper()

	for ref := to.From(f.Intake()); ; f.accepted.Add(1) {
		if err := ref.Tell(t.Context(), pace); err != nil {
			assert.True(t, errors.Is(err, mailbox.ErrStopping) || errors.Is(err, mailbox.ErrStopped), err)

			return
		}
	}
}

// tell is a message that is counted with those of the senders.
func (f *flooded) tell(t *testing.T, to *child, j job) {
	t.Helper()
	tell(t, f.System, to, j)
	f.accepted.Add(1)
}

// TestAStopCanComeInTheMiddleOfAnything floods both mailboxes, has ten goroutines ask for the stop at once, and counts.
// That it can come during the start is tested with the start.
func TestAStopCanComeInTheMiddleOfAnything(t *testing.T) {
	later := func(t *testing.T, f *flooded, d time.Duration, j job) {
		t.Helper()
		f.tell(t, f.back, j)
		<-time.After(d)
	}

	for name, m := range map[string]moment{
		"nothing else": {},
		"a restart of a group": {
			strategy: supervision.AllForOne, start: 5 * time.Second, fails: 1,
			bring: func(t *testing.T, f *flooded) {
				t.Helper()
				later(t, f, time.Second, broken)
				assert.Equal(t, int32(3), f.starts.Load(), "it is being started again")
			},
		},
		"a back-off": {
			fails: 1,
			spec: func(s *supervision.Spec) {
				s.Backoff = supervision.Backoff{Initial: 24 * time.Hour, Max: 24 * time.Hour}
			},
			bring: func(t *testing.T, f *flooded) {
				t.Helper()
				later(t, f, time.Second, broken)
				assert.Equal(t, int32(2), f.starts.Load())
				assert.Equal(t, system.BackingOff, health(t, f.System, "/test/back").State)
			},
		},
		"an actor that asks for it": {
			bring: func(t *testing.T, f *flooded) {
				t.Helper()
				later(t, f, 0, func(*ctxOf) error { f.Stop(); return nil })
			},
		},
		"asks that wait": {
			bring: func(t *testing.T, f *flooded) {
				t.Helper()

				for range floodSenders {
					f.senders.Go(func() {
						_, err := actors.Ask(t.Context(), f.back.From(f.Intake()), func(actors.Reply[int]) job {
							f.accepted.Add(1)

							return nothing // nobody answers
						})
						assert.ErrorIs(t, err, mailbox.ErrStopped)
					})
				}

				<-time.After(time.Second)
			},
		},
		"letters for a full office": {
			fails: 100,
			spec:  func(s *supervision.Spec) { s.Decide = resume },
			options: func(o *system.Options) {
				o.Letters = 1
				o.OnLetters = func([]system.LetterEvent) error { <-time.After(time.Second / 2); return nil }
			},
			bring: func(t *testing.T, f *flooded) {
				t.Helper()

				for range 100 {
					f.tell(t, f.back, broken)
				}

				<-time.After(time.Second)
				assert.Equal(t, uint64(1), f.DeadLetters().Stats().Held)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				f := flood(t, m)

				<-time.After(100 * time.Millisecond)

				if m.bring != nil {
					m.bring(t, f)
				}

				reports := make([]*system.Report, 10)

				var askers sync.WaitGroup
				for i := range reports {
					askers.Go(func() { reports[i], _ = f.Shutdown(t.Context()) })
				}

				askers.Wait()
				f.senders.Wait()
				synctest.Wait()

				r, err := stop(t, f.System)
				require.NoError(t, err)

				for _, other := range reports {
					assert.Same(t, r, other)
				}

				assert.Equal(t, f.accepted.Load(), r.Total.Accepted, "what the senders were told is what was counted")
				assert.Equal(t, m.fails, r.Total.Failed)
				assert.Equal(t, f.accepted.Load()-m.fails, r.Total.Processed, "and nothing of it was lost")
				assert.Equal(t, f.starts.Load(), f.closes.Load(), "every incarnation was closed, once")
			})
		})
	}
}
