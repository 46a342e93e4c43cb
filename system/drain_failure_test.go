package system_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// debt is the holder of an actor that has nothing in its queue and is needed all the same, until it is paid.
type debt struct{ open bool }

func (*debt) Mount(func(item any, r mailbox.Reason, cause error, at mailbox.Delivery), *node.Gate) {}

func (*debt) Stats() mailbox.Stats { return mailbox.Stats{} }

func (d *debt) Owes() bool { return d.open }

func (*debt) Tells() bool { return false }

func (*debt) Drop(mailbox.Reason, error) bool { return false }

// drainer notes what it is told; its first incarnation fails in Drain.
type drainer struct {
	diary  *diary
	debt   *debt
	number int
}

func (*drainer) Receive(*ctxOf, job) error { return nil }

func (d *drainer) Drain(context.Context) error {
	if d.number == 1 {
		return errDrainer
	}

	d.diary.note("drain")

	return nil
}

func (d *drainer) Flush(context.Context) error {
	d.debt.open = false
	d.diary.note("flush")

	return nil
}

func (d *drainer) Close(context.Context) error { d.diary.note("close"); return nil }

var errDrainer = errors.New("does not drain")

// TestAFailureInTheDrainIsInTheReportUnlessItWasMended has an actor fail with no message in hand and none in its queue:
// there is no dead letter to tell of it, and it is started again only if it is needed.
func TestAFailureInTheDrainIsInTheReportUnlessItWasMended(t *testing.T) {
	for name, owes := range map[string]bool{"needed": true, "not needed": false} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				d, open, made := &diary{}, &debt{open: owes}, 0
				s := start(t, tree(supervision.Holding("drainer", func(supervision.Deps) (*drainer, error) {
					made++

					return &drainer{diary: d, debt: open, number: made}, nil
				}, supervision.Spec{}, open)), silent())

				r, err := stop(t, s)

				if owes {
					require.NoError(t, err)
					assert.True(t, r.Clean)
					assert.Equal(t, []string{"close", "drain", "flush", "close"}, d.read())

					return
				}

				require.ErrorIs(t, err, errDrainer)
				assert.False(t, r.Clean)
				assert.Len(t, r.Errors, 1)
				assert.Equal(t, system.ExitFailed, system.ExitCode(err))
				assert.Equal(t, []string{"close"}, d.read())
			})
		})
	}
}

// goner is an actor with a goroutine that fails while its Drain hook is at work.
type goner struct {
	diary *diary
	fail  chan struct{}
}

func (g *goner) Start(ctx *ctxOf) error {
	return ctx.Go(func(context.Context) error { <-g.fail; return errDrainer })
}

func (*goner) Receive(*ctxOf, job) error { return nil }

func (g *goner) Drain(context.Context) error {
	close(g.fail)
	<-time.After(time.Second)
	g.diary.note("drain")

	return nil
}

func (g *goner) Flush(context.Context) error { g.diary.note("flush"); return nil }

func (g *goner) Close(context.Context) error { g.diary.note("close"); return nil }

// TestAGoroutineThatFailsBehindTheDrainHookCostsNoHook: the actor has nothing more to do but its hooks, and does that.
func TestAGoroutineThatFailsBehindTheDrainHookCostsNoHook(t *testing.T) {
	virtual(t, func(t *testing.T) {
		g := &goner{&diary{}, make(chan struct{})}
		s := start(t, tree(supervision.Actor("goner", func(supervision.Deps) (*goner, error) {
			return g, nil
		}, supervision.Spec{})), silent())

		r, err := stop(t, s)
		require.ErrorIs(t, err, errDrainer)
		assert.Len(t, r.Errors, 1)
		assert.Equal(t, []string{"drain", "flush", "close"}, g.diary.read())
	})
}
