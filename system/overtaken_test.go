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

// TestAShutdownDoesNotWaitForWhoWaitsForAStop has an actor wait in Receive for the end of others, which a shutdown that
// begins meanwhile ends in an order of its own, behind the drain of that actor.
func TestAShutdownDoesNotWaitForWhoWaitsForAStop(t *testing.T) {
	const busy = 200 * time.Millisecond

	for name, stop := range map[string]func(c *ctxOf, s *system.System, g supervision.Group[job, int],
		p *supervision.PoolChild[job]) error{
		"of a child": func(c *ctxOf, _ *system.System, g supervision.Group[job, int], _ *supervision.PoolChild[job]) error {
			return g.Stop(c, "k")
		},
		"of a member": func(c *ctxOf, s *system.System, _ supervision.Group[job, int],
			p *supervision.PoolChild[job],
		) error {
			return p.Resize(c, s.Intake(), 1)
		},
		"of a part": func(c *ctxOf, s *system.System, _ supervision.Group[job, int], _ *supervision.PoolChild[job]) error {
			_, err := s.StopNode(c, "/test/other", system.StopOptions{})

			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				var (
					s   *system.System
					got error
				)

				budget := supervision.Budget{Restarts: 1, Within: time.Minute}
				group := supervision.DynamicGroup("group", func(supervision.Deps, int) (*probe, error) {
					return &probe{}, nil
				}, supervision.GroupSpec{MaxChildren: 1, Budget: budget})
				pool := supervision.Pool("pool", func(supervision.Deps) (*probe, error) { return &probe{}, nil },
					supervision.PoolSpec[job]{Size: 2, Budget: budget})
				other := declare(&probe{name: "other"}, supervision.Spec{})
				waits := declare(&probe{name: "waits"}, supervision.Spec{DependsOn: supervision.On(group, pool)})
				s = start(t, tree(group, pool, other, waits), silent())
				works := func(*ctxOf) error {
					<-time.After(busy)

					return nil
				}

				k, err := group.From(s.Intake()).Start(t.Context(), "k", 0)
				require.NoError(t, err)

				for _, ref := range []actors.Ref[job]{k, pool.From(s.Intake()), pool.From(s.Intake())} {
					require.NoError(t, ref.Tell(t.Context(), works))
				}

				tell(t, s, other, works)
				tell(t, s, waits, func(c *ctxOf) error {
					got = stop(c, s, group.From(s.Intake()), pool)

					return nil
				})
				synctest.Wait()
				<-time.After(50 * time.Millisecond)

				began := time.Now()
				_, err = s.Shutdown(context.WithoutCancel(t.Context()))
				require.NoError(t, err)
				assert.Equal(t, busy-50*time.Millisecond, time.Since(began))
				assert.ErrorIs(t, got, mailbox.ErrStopping)
			})
		})
	}
}
