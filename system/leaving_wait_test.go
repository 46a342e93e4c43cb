package system_test

import (
	"context"
	"errors"
	"slices"
	"strings"
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

// leaver is an actor that depends on a, somewhere below a sibling of that, and how it is stopped at run time.
type leaver struct {
	below func(who *probe, spec supervision.Spec) supervision.Child // declares the sibling
	begin func(t *testing.T, f *departure) (send func(job) error)
	stop  func(ctx context.Context, f *departure) error
}

// leavers are all ways to be stopped while one's supervisor comes down.
func leavers() map[string]leaver {
	within := func(name string, c supervision.Child) supervision.Child {
		sub := tree(c)
		sub.Name = name

		return &sub
	}
	subtree := func(who *probe, spec supervision.Spec) supervision.Child { return within("sub", declare(who, spec)) }
	only := func(_ *testing.T, f *departure) func(job) error {
		for below := f.below; ; {
			switch c := below.(type) {
			case *supervision.Tree:
				below = c.Children[0]
			case *child:
				return c.From(f.Intake()).TryTell
			}
		}
	}
	node := func(path string, options system.StopOptions) func(context.Context, *departure) error {
		return func(ctx context.Context, f *departure) error {
			_, err := f.StopNode(ctx, path, options)

			return err
		}
	}
	groupOf := func(f *departure) group {
		g, _ := f.below.(*groupChild)

		return g.From(f.Intake())
	}
	poolOf := func(f *departure) *supervision.PoolChild[job] {
		p, _ := f.below.(*supervision.PoolChild[job])

		return p
	}

	return map[string]leaver{
		"a child of a group": {
			below: func(_ *probe, spec supervision.Spec) supervision.Child {
				return crowd(supervision.GroupSpec{MaxChildren: 2, Child: spec})
			},
			begin: func(t *testing.T, f *departure) func(job) error {
				t.Helper()
				enter(t, groupOf(f), "other", &probe{})

				return enter(t, groupOf(f), "who", f.who).TryTell
			},
			stop: func(ctx context.Context, f *departure) error { return groupOf(f).Stop(ctx, "who") },
		},
		"a member of a pool": {
			below: func(who *probe, spec supervision.Spec) supervision.Child {
				return supervision.Pool("pool", func(supervision.Deps) (*probe, error) { return who, nil },
					supervision.PoolSpec[job]{
						Size: 2, Member: spec, Budget: supervision.Budget{Restarts: 3, Within: time.Minute},
					})
			},
			begin: func(_ *testing.T, f *departure) func(job) error {
				ref := poolOf(f).From(f.Intake())

				return func(j job) error { return errors.Join(ref.TryTell(j), ref.TryTell(nothing)) } // to the last
			},
			stop: func(ctx context.Context, f *departure) error { return poolOf(f).Resize(ctx, f.Intake(), 1) },
		},
		"an actor of a subtree":          {subtree, only, node("/test/sub/who", system.StopOptions{})},
		"an actor of a subtree, at once": {subtree, only, node("/test/sub/who", system.StopOptions{AtOnce: true})},
		"a subtree":                      {subtree, only, node("/test/sub", system.StopOptions{})},
		"a subtree deeper": {
			below: func(who *probe, spec supervision.Spec) supervision.Child {
				return within("outer", subtree(who, spec))
			},
			begin: only, stop: node("/test/outer/sub", system.StopOptions{}),
		},
	}
}

// departure is a company of a and of who leaves.
type departure struct {
	*company
	leaver

	below supervision.Child
	who   *probe
	send  func(job) error // to who
	gone  chan error      // how its stop went
}

func foundDeparture(t *testing.T, l leaver, s supervision.Strategy, a, who *probe) *departure {
	t.Helper()

	f := &departure{
		company: &company{diary: &diary{}, fail: make(chan struct{})},
		leaver:  l, who: who, gone: make(chan error, 1),
	}
	a.name, a.diary = "a", f.diary
	who.name, who.diary = "who", f.diary

	spec := quick()
	spec.Mailbox = &mailbox.Options{Capacity: 1, Control: 1}
	f.a = declare(a, spec)
	spec = quick(f.a)
	spec.Deadlines = supervision.Deadlines{Drain: time.Hour, Flush: time.Hour, Close: time.Hour}
	f.below = l.below(who, spec)
	root := tree(f.a, f.below)
	root.Strategy = s
	f.System = start(t, root, patient(10*time.Hour))
	f.send = l.begin(t, f)

	return f
}

// give gives who leaves something to do, and waits until it does it, or waits.
func (f *departure) give(t *testing.T, j job) {
	t.Helper()
	require.NoError(t, f.send(j))
	synctest.Wait()
}

// leave begins the stop.
func (f *departure) leave(t *testing.T) {
	t.Helper()

	ctx := context.WithoutCancel(t.Context())

	go func() { f.gone <- f.stop(ctx, f) }()

	synctest.Wait()
}

// ends checks that the stop ends, and a is up again, before any time passes, and that this was one attempt.
func (f *departure) ends(t *testing.T) {
	t.Helper()

	began := time.Now()

	assert.NoError(t, <-f.gone) // the system is to be stopped in any case
	f.isBack(t, began)
}

// isBack is ends without the stop.
func (f *departure) isBack(t *testing.T, began time.Time) {
	t.Helper()
	synctest.Wait()

	for health(t, f.System, "/test/a").State != system.Running {
		<-time.After(time.Second)
	}

	assert.Zero(t, time.Since(began))
	assert.Equal(t, 2, health(t, f.System, "/test").RestartsLeft)

	_, err := stop(t, f.System)
	require.NoError(t, err)
}

// TestAGroupRestartDoesNotWaitForWhoIsBeingStoppedAndWaitsForTheFailedOne has an actor that is stopped at run time wait
// for a sibling of its supervisor that fails. The supervisor comes down for that, and awaits the actor.
func TestAGroupRestartDoesNotWaitForWhoIsBeingStoppedAndWaitsForTheFailedOne(t *testing.T) {
	const halted = "fail stop wait"

	run := func(name, way string, l leaver, s supervision.Strategy, order string) {
		t.Run(name+", "+s.String()+", "+way+": "+order, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				var got outcome

				f := foundDeparture(t, l, s, &probe{}, &probe{})
				begin := make(chan struct{})
				wait := f.asking(f.a, nothing, &got)

				f.hold(t)

				if way == "for room" {
					f.have(t, f.a, nothing) // there is no more
					wait = f.telling(f.a, &got)
				}

				f.give(t, func(ctx *ctxOf) error {
					<-begin

					_ = wait(ctx) // is got

					return nil
				})
				f.give(t, func(*ctxOf) error { f.diary.note("next"); return nil })

				for step := range strings.FieldsSeq(order) {
					require.NoError(t, got.err)

					switch step {
					case "wait":
						close(begin)
					case "stop":
						f.leave(t)
					case "fail":
						close(f.fail)
					}

					synctest.Wait()
				}

				f.ends(t)
				isHalting(t, got.err, "/test/a")

				if order != halted {
					assert.Contains(t, f.diary.read(), "flush who", "it goes on with its stop")
					assert.Equal(t, !strings.HasSuffix(name, "at once"), slices.Contains(f.diary.read(), "next"))
				}
			})
		})
	}

	for name, l := range leavers() {
		for _, s := range []supervision.Strategy{
			supervision.DependentsForOne, supervision.RestForOne, supervision.AllForOne,
		} {
			for _, order := range []string{"wait stop fail", "stop wait fail", "stop fail wait", halted} {
				run(name, "for room", l, s, order)
				run(name, "for an answer", l, s, order)
			}
		}
	}
}

func TestAGroupRestartDoesNotWaitForAHookThatWaitsForTheFailedOne(t *testing.T) {
	run := func(name string, test func(t *testing.T, f *departure, waits func(context.Context) error)) {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				var got error

				f := foundDeparture(t, leavers()["a child of a group"], supervision.DependentsForOne, &probe{}, &probe{})
				f.hold(t)
				f.have(t, f.a, nothing) // there is no more room
				test(t, f, func(ctx context.Context) error {
					got = f.a.From(f.Intake()).Tell(ctx, nothing)

					return nil
				})
				require.NoError(t, got)

				began := time.Now()

				close(f.fail)
				f.isBack(t, began)
				isHalting(t, got, "/test/a")
			})
		})
	}

	run("of the flush of who is stopped", func(t *testing.T, f *departure, waits func(context.Context) error) {
		f.who.flush = waits
		f.leave(t)
	})

	run("of the close of who is stopped", func(t *testing.T, f *departure, waits func(context.Context) error) {
		f.who.closes = waits
		f.leave(t)
	})

	run("of the close of who has failed", func(t *testing.T, f *departure, waits func(context.Context) error) {
		f.who.closes = waits
		f.give(t, broken)
	})
}

func TestWhoIsStoppedBeforeItsTurnToBeHaltedDoesNotWaitForTheFailedOne(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := declare(&probe{name: "d"}, quick())
		f := found(t, supervision.AllForOne, mailbox.OnDemand, func(root *supervision.Tree) {
			root.Children = append(root.Children, d)
		})

		var got outcome

		end := make(chan struct{})

		f.hold(t)
		f.have(t, f.c, f.asking(f.a, nothing, &got))
		f.have(t, d, hangs(end))
		close(f.fail)
		synctest.Wait() // d is halted first

		gone := make(chan error, 1)

		go func() {
			_, err := f.StopNode(context.WithoutCancel(t.Context()), "/test/c", system.StopOptions{})
			gone <- err
		}()

		synctest.Wait()
		require.NoError(t, got.err)

		began := time.Now()

		close(end)
		assert.ErrorIs(t, <-gone, actors.ErrHalting) // it fails with what it got
		assert.Zero(t, time.Since(began))

		_, err := stop(t, f.System)
		require.NoError(t, err)
		isHalting(t, got.err, "/test/a")
	})
}

// TestAShutdownHasWhoIsBeingStoppedWaitAgain begins one while the restart of a group awaits an actor that is stopped at
// run time. The failed one is started at once then, and the actor can work off what it has.
func TestAShutdownHasWhoIsBeingStoppedWaitAgain(t *testing.T) {
	for name, l := range leavers() {
		if strings.HasSuffix(name, "at once") {
			continue
		}

		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				var (
					first, second outcome
					inside        actors.Ref[job] // to a
				)

				a := &probe{start: func(ctx *ctxOf) error {
					if ctx.Incarnation() > 1 {
						<-time.After(time.Second)
					} else {
						inside = ctx.Self()
					}

					return nil
				}}
				f := foundDeparture(t, l, supervision.DependentsForOne, a, &probe{})
				begin := make(chan struct{})

				f.hold(t)
				f.give(t, func(ctx *ctxOf) error {
					_ = f.asking(f.a, nothing, &first)(ctx)

					<-begin

					_, second.err = actors.Ask(ctx, inside, func(r actors.Reply[int]) job {
						return func(*ctxOf) error { return r.Send(1) }
					})

					return second.err
				})
				f.leave(t)
				close(f.fail)
				synctest.Wait()

				go func() {
					synctest.Wait()
					close(begin)
				}()

				_, err := stop(t, f.System)
				require.NoError(t, err)
				isHalting(t, first.err, "/test/a")
				require.NoError(t, second.err)
				require.NoError(t, <-f.gone)
			})
		})
	}
}
