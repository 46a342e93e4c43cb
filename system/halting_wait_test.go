package system_test

import (
	"context"
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

// company are actors a, b and c, of which each depends on the one before, and the system they are in.
type company struct {
	*system.System

	a, b, c *child
	diary   *diary
	fail    chan struct{} // lets a fail, once it is held
}

func found(t *testing.T, s supervision.Strategy, d mailbox.Dispatch, change func(root *supervision.Tree)) *company {
	t.Helper()

	f := &company{diary: &diary{}, fail: make(chan struct{})}
	box := &mailbox.Options{Capacity: 1, Control: 1, Dispatch: d}
	on := func(name string, others ...supervision.Child) *child {
		spec := quick(others...)
		spec.Mailbox = box

		return declare(&probe{name: name, diary: f.diary}, spec)
	}

	f.a = on("a")
	f.b = on("b", f.a)
	f.c = on("c", f.b)
	root := tree(f.a, f.b, f.c)
	root.Strategy = s

	if change != nil {
		change(&root)
	}

	f.System = start(t, root, silent())

	return f
}

// have gives an actor something to do, on another goroutine, and waits until it does it, or waits.
func (f *company) have(t *testing.T, who *child, j job) {
	t.Helper()

	go func() { _ = who.From(f.Intake()).Tell(context.WithoutCancel(t.Context()), j) }()

	synctest.Wait()
}

// hold has a fail when it is told to.
func (f *company) hold(t *testing.T) {
	t.Helper()
	f.have(t, f.a, func(*ctxOf) error {
		<-f.fail

		return errBroken
	})
}

// outcome is how a wait ended.
type outcome struct{ err error }

// asking asks another actor, which does j and answers.
func (f *company) asking(other *child, j job, got *outcome) job {
	return func(ctx *ctxOf) error {
		_, got.err = actors.Ask(ctx, other.From(f.Intake()), func(r actors.Reply[int]) job {
			return func(ctx *ctxOf) error {
				if err := j(ctx); err != nil {
					return err
				}

				return r.Send(1)
			}
		})

		return got.err
	}
}

// telling sends to another actor.
func (f *company) telling(other *child, got *outcome) job {
	return func(ctx *ctxOf) error {
		got.err = other.From(f.Intake()).Tell(ctx, nothing)

		return got.err
	}
}

// breaks lets a fail and checks that no time passes until the group is up again.
func (f *company) breaks(t *testing.T) {
	t.Helper()

	began := time.Now()

	close(f.fail)
	f.isUp(t)
	assert.Zero(t, time.Since(began))
}

func (f *company) isUp(t *testing.T) {
	t.Helper()
	synctest.Wait()

	for _, path := range []string{"/test/a", "/test/b", "/test/c"} {
		assert.Equal(t, system.Running, health(t, f.System, path).State, path)
	}
}

func isHalting(t *testing.T, err error, target string) {
	t.Helper()

	var told *mailbox.SendError

	require.ErrorIs(t, err, actors.ErrHalting)
	require.ErrorAs(t, err, &told)
	assert.Equal(t, target, told.Target)
}

func TestAGroupRestartDoesNotWaitForWhoWaitsForTheFailedOne(t *testing.T) {
	const chain = "in a chain"

	groups := []supervision.Strategy{supervision.DependentsForOne, supervision.RestForOne, supervision.AllForOne}
	ways := []mailbox.Dispatch{mailbox.OnDemand, mailbox.Dedicated, mailbox.Pinned, mailbox.Synchronous}

	for _, s := range groups {
		for _, d := range ways {
			run := func(name string, test func(t *testing.T, f *company)) {
				t.Run(s.String()+", "+d.String()+": "+name, func(t *testing.T) {
					virtual(t, func(t *testing.T) {
						f := found(t, s, d, nil)
						test(t, f)

						left := 2 // it is one attempt
						if name == chain && d == mailbox.Synchronous {
							left = 1 // what c waits for is the turn of b on its goroutine: b is let go, and fails by itself
						}

						assert.Equal(t, left, health(t, f.System, "/test").RestartsLeft)

						_, err := stop(t, f.System)
						require.NoError(t, err)
					})
				})
			}

			run("for room", func(t *testing.T, f *company) {
				var got outcome

				f.hold(t)
				f.have(t, f.a, nothing) // with Synchronous it is queued too, since a turn is running
				f.have(t, f.b, f.telling(f.a, &got))
				require.NoError(t, got.err)
				f.breaks(t)
				isHalting(t, got.err, "/test/a")
			})

			run("for an answer", func(t *testing.T, f *company) {
				var got outcome

				f.hold(t)
				f.have(t, f.c, f.asking(f.a, nothing, &got))
				require.NoError(t, got.err)
				f.breaks(t)
				isHalting(t, got.err, "/test/a")
			})

			run(chain, func(t *testing.T, f *company) {
				var first, second outcome

				f.hold(t)
				f.have(t, f.c, f.asking(f.b, f.asking(f.a, nothing, &second), &first))
				require.NoError(t, first.err)
				f.breaks(t)
				isHalting(t, second.err, "/test/a")

				if d != mailbox.Synchronous {
					isHalting(t, first.err, "/test/b")
				}
			})
		}
	}
}

func TestWhoIsToldToHalt(t *testing.T) {
	run := func(name string, test func(t *testing.T, f *company)) {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				f := found(t, supervision.DependentsForOne, mailbox.OnDemand, nil)
				test(t, f)

				_, err := stop(t, f.System)
				require.NoError(t, err)
			})
		})
	}

	run("and waits only then is let go at once", func(t *testing.T, f *company) {
		var (
			got  outcome
			work error
		)

		begin := make(chan struct{})

		f.have(t, f.b, func(ctx *ctxOf) error {
			<-begin

			work = ctx.Err()

			return f.asking(f.a, nothing, &got)(ctx)
		})
		f.hold(t)
		close(f.fail)
		<-time.After(time.Second)
		assert.NotContains(t, f.diary.read(), "close b")
		close(begin)
		f.isUp(t)
		require.NoError(t, work, "its context goes on")
		isHalting(t, got.err, "/test/a")
	})

	run("gets an answer from who is up", func(t *testing.T, f *company) {
		var got outcome

		answer := make(chan struct{})

		f.hold(t)
		f.have(t, f.c, f.asking(f.b, func(*ctxOf) error { <-answer; return nil }, &got))
		close(f.fail)
		<-time.After(time.Second)
		require.NoError(t, got.err)
		close(answer)
		f.isUp(t)
		require.NoError(t, got.err)
	})

	run("is let go when who was up comes to wait for who is down", func(t *testing.T, f *company) {
		var first, second outcome

		begin := make(chan struct{})

		f.hold(t)
		f.have(t, f.c, f.asking(f.b, func(ctx *ctxOf) error {
			<-begin

			return f.asking(f.a, nothing, &second)(ctx)
		}, &first))
		close(f.fail)
		<-time.After(time.Second)
		require.NoError(t, first.err)
		close(begin)
		f.isUp(t)
		isHalting(t, first.err, "/test/b")
		isHalting(t, second.err, "/test/a")
	})

	run("is let go when who was up fails", func(t *testing.T, f *company) {
		var got outcome

		begin := make(chan struct{})

		f.hold(t)
		f.have(t, f.b, func(*ctxOf) error { <-begin; return errBroken })
		f.have(t, f.c, f.asking(f.b, nothing, &got))
		close(f.fail)
		<-time.After(time.Second)
		require.NoError(t, got.err)
		close(begin)
		f.isUp(t)
		isHalting(t, got.err, "/test/b")
	})

	run("is let go when the duty to answer goes to who is down", func(t *testing.T, f *company) {
		var got outcome

		begin := make(chan struct{})

		f.hold(t)
		f.have(t, f.c, func(ctx *ctxOf) error {
			_, got.err = actors.Ask(ctx, f.b.From(f.Intake()), func(r actors.Reply[int]) job {
				return func(ctx *ctxOf) error {
					<-begin

					return actors.Forward(ctx, f.a.From(f.Intake()), r, func(r actors.Reply[int]) job {
						return func(*ctxOf) error { return r.Send(1) }
					})
				}
			})

			return got.err
		})
		close(f.fail)
		<-time.After(time.Second)
		require.NoError(t, got.err)
		close(begin)
		f.isUp(t)
		isHalting(t, got.err, "/test/a")
	})
}

func TestWhoWaitsForAnActorThatIsDownAndIsNotToldToHaltWaits(t *testing.T) {
	virtual(t, func(t *testing.T) {
		f := found(t, supervision.OneForOne, mailbox.OnDemand, nil)

		var got outcome

		f.hold(t)
		f.have(t, f.b, f.asking(f.a, nothing, &got))
		f.breaks(t)
		require.NoError(t, got.err)

		r, err := stop(t, f.System)
		require.NoError(t, err)
		assert.EqualValues(t, 2, r.Total.Processed)
	})
}

func TestWhoIsToldToHaltGetsAnAnswerFromWhoHasFailedBeforeAndIsUpAgain(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := declare(&probe{name: "d"}, quick())
		f := found(t, supervision.DependentsForOne, mailbox.OnDemand, func(root *supervision.Tree) {
			root.Children = append(root.Children, d)
		})

		var got outcome

		answer := make(chan struct{})

		f.have(t, d, broken)
		f.hold(t)
		f.have(t, f.c, f.asking(d, func(*ctxOf) error { <-answer; return nil }, &got))
		close(f.fail)
		synctest.Wait()
		require.NoError(t, got.err)
		close(answer)
		f.isUp(t)
		require.NoError(t, got.err)

		_, err := stop(t, f.System)
		require.NoError(t, err)
	})
}

func TestASupervisorThatGivesUpDoesNotWaitForWhoWaitsForTheFailedOne(t *testing.T) {
	virtual(t, func(t *testing.T) {
		f := found(t, supervision.DependentsForOne, mailbox.OnDemand, func(root *supervision.Tree) {
			sub := *root
			sub.Name = "sub"
			sub.Budget = supervision.Budget{Within: time.Minute}
			*root = tree(&sub)
		})

		var got outcome

		f.hold(t)
		f.have(t, f.c, f.asking(f.a, nothing, &got))

		began := time.Now()

		close(f.fail)
		synctest.Wait()
		assert.Zero(t, time.Since(began))
		isHalting(t, got.err, "/test/sub/a")
		assert.Equal(t, []string{"close a", "close c", "close b"}, f.diary.read()[3:])

		_, err := stop(t, f.System)
		require.NoError(t, err)
	})
}
