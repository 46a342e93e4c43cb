package system_test

import (
	"errors"
	"strconv"
	"sync"
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

func TestRoundRobinGivesEverybodyTheSame(t *testing.T) {
	spec := supervision.PoolSpec[task]{Size: 4}
	inPool(t, spec, func(t *testing.T, s *system.System, _ *taskPool, ref actors.Ref[task]) {
		assert.Equal(t, "/test/pool", ref.Path())

		for n := range uint64(100) {
			require.NoError(t, ref.Tell(t.Context(), task{}))
			require.NoError(t, ref.TryTell(task{}))
			require.NoError(t, ref.TellControl(t.Context(), task{}))
			require.NoError(t, ref.TryTellControl(task{}))
			synctest.Wait()
			require.Equal(t, map[string]uint64{
				"/test/pool/1": n + 1, "/test/pool/2": n + 1, "/test/pool/3": n + 1, "/test/pool/4": n + 1,
			}, processed(s), "in turn")
		}
	})
}

func TestLeastLoadedPrefersWhoIsRunning(t *testing.T) {
	virtual(t, func(t *testing.T) {
		p := supervision.Pool("pool", func(supervision.Deps) (actors.Func[task], error) { return perform, nil },
			supervision.PoolSpec[task]{
				Size: 2, Routing: actors.LeastLoaded[task](), Budget: supervision.Budget{Restarts: 3, Within: time.Second},
				Member: supervision.Spec{Backoff: supervision.Backoff{Initial: time.Hour, Max: time.Hour}},
			})
		s := start(t, tree(p), silent())
		ref := p.From(s.Intake())
		held := make(chan struct{})

		require.NoError(t, ref.Tell(t.Context(), task{do: func(*actors.Context[task]) error { return errBroken }}))
		synctest.Wait()
		require.NoError(t, ref.Tell(t.Context(), task{do: func(*actors.Context[task]) error { <-held; return nil }}))
		synctest.Wait()

		for range 3 {
			require.NoError(t, ref.Tell(t.Context(), task{}))
		}

		for _, h := range health(t, s, "/test/pool").Children {
			want := map[system.State]int{system.BackingOff: 0, system.Running: 3}
			assert.Equal(t, want[h.State], h.Queued, "%s: %v", h.Path, h.State)
		}

		close(held)

		_, err := stop(t, s)
		require.NoError(t, err)
	})
}

func TestLeastLoadedPrefersWhoHasLeastToDo(t *testing.T) {
	inPool(t, supervision.PoolSpec[task]{Size: 3, Routing: actors.LeastLoaded[task]()},
		func(t *testing.T, s *system.System, _ *taskPool, ref actors.Ref[task]) {
			held := make(chan struct{})
			hang := task{do: func(*actors.Context[task]) error { <-held; return nil }}

			for range 2 {
				require.NoError(t, ref.Tell(t.Context(), hang))
				synctest.Wait()
			}

			for range 50 { // one after the other, so that the third is always idle
				require.NoError(t, ref.Tell(t.Context(), task{}))
				synctest.Wait()
			}

			var all []uint64
			for _, n := range processed(s) {
				all = append(all, n)
			}

			assert.ElementsMatch(t, []uint64{0, 0, 50}, all, "a message in hand counts")

			for range 2 { // all hang, with one more behind for the third
				require.NoError(t, ref.Tell(t.Context(), hang))
				synctest.Wait()
			}

			for range 50 {
				require.NoError(t, ref.Tell(t.Context(), task{}))
			}

			for _, h := range health(t, s, "/test/pool").Children {
				assert.InDelta(t, 17, h.Queued, 1, "equal loads")
			}

			close(held)
		})
}

func TestConsistentHashKeepsAKeyWhereItIs(t *testing.T) {
	const keys = 2000

	inPool(t, supervision.PoolSpec[task]{
		Size: 8, Max: 16, Routing: actors.ConsistentHash(func(m task) string { return m.key }),
	}, func(t *testing.T, s *system.System, p *taskPool, ref actors.Ref[task]) {
		where := func() map[string]string {
			var (
				mu  sync.Mutex
				all = make(map[string]string)
			)

			for round := range 2 {
				for k := range keys {
					key := strconv.Itoa(k)
					require.NoError(t, ref.Tell(t.Context(), task{key, func(ctx *actors.Context[task]) error {
						mu.Lock()
						defer mu.Unlock()

						if round > 0 && all[key] != ctx.Path() {
							return errors.New("it has moved")
						}

						all[key] = ctx.Path()

						return nil
					}}))
				}

				synctest.Wait()
			}

			return all
		}
		moved := func(a, b map[string]string) (n int) {
			for k := range a {
				if a[k] != b[k] {
					n++
				}
			}

			return n
		}
		members := func(all map[string]string) map[string]int {
			n := make(map[string]int)
			for _, path := range all {
				n[path]++
			}

			return n
		}

		eight := where()
		require.Len(t, members(eight), 8)

		for path, n := range members(eight) { // 250 each, with a standard deviation of 15
			assert.InDelta(t, keys/8, n, 100, path)
		}

		resize(t, s, p, 10)

		ten := where()

		for k := range eight {
			if eight[k] != ten[k] {
				assert.Contains(t, []string{"/test/pool/9", "/test/pool/10"}, ten[k], "only to those that are new")
			}
		}

		assert.InDelta(t, keys*2/10, moved(eight, ten), 120, "a fifth, with a standard deviation of 18")
		resize(t, s, p, 8)
		assert.Equal(t, eight, where(), "those that go give back what they took")
	})
}

func TestAMessageThroughAPoolAllocatesNothing(t *testing.T) {
	for name, routing := range map[string]actors.Routing[int]{
		"round robin": actors.RoundRobin[int](), "least loaded": actors.LeastLoaded[int](),
		"consistent hash": actors.ConsistentHash(func(int) string { return "key" }),
	} {
		t.Run(name, func(t *testing.T) {
			handled := make(chan struct{})
			p := supervision.Pool("pool", func(supervision.Deps) (actors.Func[int], error) {
				return func(*actors.Context[int], int) error { handled <- struct{}{}; return nil }, nil
			}, supervision.PoolSpec[int]{
				Size: 4, Routing: routing, Budget: supervision.Budget{Within: 1},
				Member: supervision.Spec{Mailbox: &mailbox.Options{Capacity: 16, Dispatch: mailbox.Dedicated}},
			})
			s := start(t, tree(p), silent())
			ref := p.From(s.Intake())
			ctx := t.Context()

			assert.Zero(t, testing.AllocsPerRun(1000, func() {
				_ = ref.Tell(ctx, 1)
				<-handled
			}))

			_, err := stop(t, s)
			require.NoError(t, err)
		})
	}
}
