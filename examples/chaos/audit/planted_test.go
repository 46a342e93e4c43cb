package audit_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/chaos/audit"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/system"
)

const (
	path  = "/root/a"
	other = "/root/b"
)

// planted is a history that is right up to its last step, and what the audit says of the whole.
type planted struct {
	history func(a *audit.Audit)
	says    string // the rule and a part of the text; "" for a history in which nothing is wrong
}

// verify plays histories, each in a bubble of its own, and looks at what the audit says of them.
func verify(t *testing.T, all map[string]planted) {
	t.Helper()

	for name, p := range all {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := audit.New([]string{path, other})
				p.history(a)

				kept, n := a.Violations()
				if p.says == "" {
					require.Empty(t, kept)

					return
				}

				require.Equal(t, 1, n, kept)
				_, said, _ := strings.Cut(kept[0], " ")
				rule, part, _ := strings.Cut(p.says, ": ")
				assert.True(t, strings.HasPrefix(said, rule+": "), said)
				assert.Contains(t, said, part)
			})
		})
	}
}

// sent is a message that was accepted.
func sent(a *audit.Audit, from string) audit.Stamp {
	s := a.Offer(a.Stream(from), path, mailbox.Data)
	a.Accept(s)

	return s
}

// handled is a message that went all the way.
func handled(a *audit.Audit) {
	s := sent(a, "x")
	a.Deliver(path, s, 1)
	a.Done(s, false)
}

func TestInstancesDoNotOverlapAndEndOnce(t *testing.T) {
	verify(t, map[string]planted{
		"one after the other": {func(a *audit.Audit) {
			l := a.Born(path)
			l.Enter("Receive")()
			l.Flush()()
			l.Close()()
			a.Born(path)
		}, ""},
		"a successor of one that hangs": {func(a *audit.Audit) {
			l := a.Born(path)
			l.Hang()
			a.Abandon(path, time.Now())
			a.Born(path)
		}, ""},
		"a successor of one that lives": {func(a *audit.Audit) { a.Born(path); a.Born(path) }, "S7: was not closed"},
		"two at a time in one": {func(a *audit.Audit) {
			l := a.Born(path)
			l.Enter("Receive")
			l.Enter("Health")
		}, "A1: while Receive"},
		"a message after Close": {func(a *audit.Audit) {
			l := a.Born(path)
			l.Close()()
			l.Enter("Receive")
		}, "L3: after Close"},
		"closed twice": {func(a *audit.Audit) {
			l := a.Born(path)
			l.Close()()
			l.Close()()
		}, "L3: after Close"},
		"flushed twice": {func(a *audit.Audit) {
			l := a.Born(path)
			l.Flush()()
			l.Flush()()
		}, "L3: was flushed (true)"},
		"flushed after a failure": {func(a *audit.Audit) {
			l := a.Born(path)
			l.Failed()
			l.Flush()
		}, "L3: has failed (true)"},
		"never closed": {func(a *audit.Audit) {
			a.Born(path)
			a.Reconcile(&system.Report{})
		}, "L3: was not closed"},
		"abandoned in a stall of the machine": {func(a *audit.Audit) {
			a.Stall(time.Now().Add(-time.Second), time.Now())
			a.Abandon(path, time.Now())
		}, ""},
		"abandoned without a hang": {func(a *audit.Audit) {
			a.Born(path)
			a.Abandon(path, time.Now())
		}, "S7: without cause"},
		"abandoned long after the hang": {func(a *audit.Audit) {
			a.Born(path).Hang()()
			time.Sleep(2 * time.Second) //nolint:forbidigo // virtual
			a.Abandon(path, time.Now())
		}, "S7: without cause"},
	})
}

func TestEveryAskHasOneAnswer(t *testing.T) {
	failed := errors.New("failed")

	verify(t, map[string]planted{
		"answered": {func(a *audit.Audit) {
			q := a.Ask("x")
			a.Answered(q)
			a.Asked(q, a.Answer(q), nil, false)
		}, ""},
		"answered too late": {func(a *audit.Audit) {
			q := a.Ask("x")
			a.Answered(q)
			a.Asked(q, 0, failed, true)
		}, ""},
		"the answer was lost": {func(a *audit.Audit) {
			q := a.Ask("x")
			a.Answered(q)
			a.Asked(q, 0, failed, false)
		}, "A3: got an error"},
		"answered, but halted before": {func(a *audit.Audit) {
			q := a.Ask("x")
			a.Answered(q)
			a.Asked(q, 0, &mailbox.SendError{Target: path, Err: actors.ErrHalting}, false)
		}, ""},
		"answered twice": {func(a *audit.Audit) {
			q := a.Ask("x")
			a.Answered(q)
			a.Answered(q)
		}, "A3: second answer"},
		"another one's answer": {func(a *audit.Audit) {
			q, r := a.Ask("x"), a.Ask("y")
			a.Asked(q, a.Answer(r), nil, false)
		}, "A3: another question"},
		"it has not returned": {func(a *audit.Audit) {
			a.Ask("x")
			a.Reconcile(&system.Report{})
		}, "A3: has not returned"},
		"a deadlock that is one": {func(a *audit.Audit) { a.Circle(path); a.Deadlock(other, deadlock()) }, ""},
		"one that is none":       {func(a *audit.Audit) { a.Deadlock(other, deadlock()) }, "M7: that there is not"},
	})
}

func deadlock() error {
	return &actors.DeadlockError{Cycle: []actors.Wait{{Path: other}, {Path: path}}}
}

func TestTimersTickInTimeForTheirOwn(t *testing.T) {
	const d = 10 * time.Millisecond

	after := func(l *audit.Life, wait time.Duration, every bool) uint64 {
		token := l.Timer(d, every)
		time.Sleep(wait) //nolint:forbidigo // virtual

		return token
	}

	verify(t, map[string]planted{
		"in time": {func(a *audit.Audit) { l := a.Born(path); l.Tick(after(l, d, false)) }, ""},
		"early": {func(a *audit.Audit) {
			l := a.Born(path)
			l.Tick(after(l, d-1, false))
		}, "A5: tick 1"},
		"cancelled": {func(a *audit.Audit) {
			l := a.Born(path)
			k := after(l, d, false)
			l.Cancelled(k)
			l.Tick(k)
		}, "A5: was cancelled"},
		"once more": {func(a *audit.Audit) {
			l := a.Born(path)
			k := after(l, d, false)
			l.Tick(k)
			l.Tick(k)
		}, "A5: is over"},
		"again too early": {func(a *audit.Audit) {
			l := a.Born(path)
			k := after(l, d, true)
			l.Tick(k)
			l.Tick(k)
		}, "A5: tick 2"},
		"another incarnation's": {func(a *audit.Audit) {
			a.Born(other).Tick(after(a.Born(path), d, true))
		}, "A5: another incarnation's"},
		"idle too early": {func(a *audit.Audit) {
			l := a.Born(path)
			l.SetIdle(d)
			after(l, d-1, false)
			l.Idle()
		}, "A5: idle timeout"},
		"idle in time": {func(a *audit.Audit) {
			l := a.Born(path)
			l.SetIdle(d)
			after(l, d, false)
			l.Idle()
		}, ""},
		"idle without a timeout": {func(a *audit.Audit) { a.Born(path).Idle() }, "A5: idle timeout"},
	})
}

func TestWatchersAreToldOnce(t *testing.T) {
	pid := actor.NewPID("x", "child")
	alive := map[*actor.PID]bool{pid: true}

	verify(t, map[string]planted{
		"told": {func(a *audit.Audit) { l := a.Born(path); l.Terminated(l.Watch(pid)); a.Calm(nil) }, ""},
		"told twice": {func(a *audit.Audit) {
			l := a.Born(path)
			w := l.Watch(pid)
			l.Terminated(w)
			l.Terminated(w)
		}, "A7: told twice"},
		"after the end": {func(a *audit.Audit) {
			l := a.Born(path)
			w := l.Watch(pid)
			l.Unwatched(w)
			l.Terminated(w)
		}, "A7: does not watch"},
		"of one that is": {func(a *audit.Audit) {
			l := a.Born(path)
			l.Terminated(l.Watch(pid))
			a.Calm(alive)
		}, "A7: which is there"},
	})

	a := audit.New(nil)
	a.Born(path).Watch(pid)
	assert.Empty(t, a.Rest(0, alive))
	assert.Contains(t, a.Rest(0, nil), "was not told")
}

func TestTheStopFollowsTheDependencies(t *testing.T) {
	// The history is of two letters each: flush or close, of a (which b depends on) or of b.
	stop := func(history string) func(a *audit.Audit) {
		return func(a *audit.Audit) {
			a.Stop()

			lives := map[byte]*audit.Life{'a': a.Born(path), 'b': a.Born(other)}

			for step := range strings.FieldsSeq(history) {
				if l := lives[step[1]]; step[0] == 'f' {
					l.Flush()()
				} else {
					l.Close()()
				}
			}

			a.CheckOrder([]audit.Dependency{{Dependent: other, On: path}}, func(string) bool { return false })
		}
	}

	verify(t, map[string]planted{
		"in order":           {stop("fb fa cb ca"), ""},
		"flushed too early":  {stop("fa fb cb ca"), "L3: was flushed before"},
		"closed too early":   {stop("fb fa ca cb"), "L3: was closed before"},
		"a failure is early": {stop("fb ca cb"), ""},
	})
}

func TestTheReportMustAgree(t *testing.T) {
	report := func(change func(r *system.Report)) func(a *audit.Audit) {
		return func(a *audit.Audit) {
			handled(a)
			a.Own(path)

			s := sent(a, "x")
			a.Deliver(path, s, 1)
			a.Settle(s, path, mailbox.Failed)

			f := system.Figures{Accepted: 3, Processed: 2, Failed: 1}
			r := &system.Report{
				Actors:      []system.ActorReport{{Path: path, Figures: f}},
				DeadLetters: map[mailbox.Reason]uint64{mailbox.Failed: 1},
			}
			change(r)
			a.Reconcile(r)
		}
	}

	verify(t, map[string]planted{
		"it does": {report(func(*system.Report) {}), ""},
		"unaccounted": {report(func(r *system.Report) {
			r.Unaccounted = 1
		}), "M10: 1 messages are unaccounted"},
		"unaccounted in a row": {report(func(r *system.Report) {
			r.Actors[0].Unaccounted = -1
		}), "M10: reports -1 messages"},
		"more accepted": {report(func(r *system.Report) {
			r.Actors[0].Accepted++
			r.Actors[0].Processed++
		}), "M10: reports 4 messages accepted; senders"},
		"another reason": {report(func(r *system.Report) {
			r.Actors[0].Failed--
			r.Actors[0].Processed++
		}), "M10: accepted messages as failed"},
		"it does not add up": {report(func(r *system.Report) {
			r.Actors[0].Processed--
		}), "M10: 3 messages accepted and 2"},
		"letters do not add up": {report(func(r *system.Report) {
			r.DeadLetters[mailbox.Failed]++
		}), "D: 2 dead letters"},
		"an actor is left out":    {report(func(r *system.Report) { r.Actors = nil }), "L6: is not reported"},
		"something is in a queue": {report(func(r *system.Report) { r.Actors[0].Queued = 1 }), "M10: 1 queued"},
	})
}

func TestWhatIsLeftIsFound(t *testing.T) {
	verify(t, map[string]planted{
		"the heap stays": {func(a *audit.Audit) { a.Heap(1 << 20); a.Heap(33 << 20) }, ""},
		"the heap grows": {func(a *audit.Audit) { a.Heap(1 << 20); a.Heap(35 << 20) }, "memory: has grown"},
		"a goroutine":    {func(a *audit.Audit) { a.CheckGoroutines([]string{"goroutine 7"}) }, "A4: goroutine 7"},
	})

	end := make(chan struct{})
	before := audit.Left(audit.Goroutines(), "testing.tRunner(")
	started := make(chan struct{})

	go func() { close(started); <-end }()

	<-started
	assert.Len(t, audit.Left(audit.Goroutines(), "testing.tRunner("), len(before)+1, "the goroutine of this test is found")
	close(end)
}
