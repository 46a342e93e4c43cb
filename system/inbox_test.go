package system_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

func TestInbox(t *testing.T) {
	ids := func(all []node.Report) (ids []int) {
		for _, r := range all {
			ids = append(ids, r.ID)
		}

		return ids
	}

	t.Run("gives out what came, in order, and says who came first", func(t *testing.T) {
		var i system.Inbox

		assert.Empty(t, i.Take())

		for range 3 {
			assert.True(t, i.Put(1))
			assert.False(t, i.Put(2))

			taken := i.Take()
			assert.True(t, i.Put(3), "the others are taken")
			assert.Equal(t, []int{1, 2}, ids(taken), "what was taken stays until the next time")
			assert.Equal(t, []int{3}, ids(i.Take()))
			assert.Empty(t, i.Take())
		}
	})

	t.Run("does not keep the memory of a crowd", func(t *testing.T) {
		var i system.Inbox

		for id := range 10_000 {
			i.Put(id)
		}

		require.Len(t, i.Take(), 10_000)

		for range 2 { // there are two halves
			i.Put(0)
			assert.LessOrEqual(t, cap(i.Take()), 1024)
		}
	})

	t.Run("loses nothing, whoever puts and takes", func(t *testing.T) {
		const putters, each = 4, 1000

		var (
			i    system.Inbox
			all  sync.WaitGroup
			mu   sync.Mutex // as the conductor's
			seen [putters][]int
		)

		for p := range putters {
			all.Go(func() {
				for n := range each {
					if !i.Put(p*each + n) {
						continue
					}

					mu.Lock()

					for _, r := range i.Take() {
						seen[r.ID/each] = append(seen[r.ID/each], r.ID%each)
					}

					mu.Unlock()
				}
			})
		}

		all.Wait()
		assert.Empty(t, i.Take())

		for p := range putters {
			require.Len(t, seen[p], each)

			for n, got := range seen[p] {
				require.Equal(t, n, got, "the reports of one keep their order")
			}
		}
	})
}

func TestReportsDoNotWaitForEachOther(t *testing.T) {
	a, b := declare(&probe{name: "a"}, supervision.Spec{}), declare(&probe{name: "b"}, supervision.Spec{})
	s := start(t, tree(a, b), silent())

	resumed := func(id int) node.Report {
		return node.Report{ID: id, Incarnation: 1, Event: node.Resumed, Err: errBroken, Directive: node.Resume}
	}

	var first sync.WaitGroup

	release := system.Hold(s)

	first.Go(func() { system.Tell(s, resumed(1)) })

	for system.Waiting(s) == 0 {
		runtime.Gosched()
	}

	system.Tell(s, resumed(2)) // returns though nobody has come to it
	assert.Equal(t, 2, system.Waiting(s))
	release()
	first.Wait()
	assert.Zero(t, system.Waiting(s))

	for _, path := range []string{"/test/a", "/test/b"} {
		require.ErrorIs(t, health(t, s, path).LastFailure, errBroken)
	}

	_, err := stop(t, s)
	require.NoError(t, err)
}

func TestReportsAreHeardBeforeWhatComesAfterThem(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := declare(&probe{name: "a"}, supervision.Spec{Restart: supervision.Temporary})
		s := start(t, tree(a), silent())

		system.Leave(s, node.Report{ID: 1, Incarnation: 1, Event: node.Resumed, Err: errBroken, Directive: node.Resume})
		require.NoError(t, health(t, s, "/test/a").LastFailure)

		_, err := stop(t, s)
		require.NoError(t, err)
		assert.Zero(t, system.Waiting(s))
		require.ErrorIs(t, health(t, s, "/test/a").LastFailure, errBroken)
	})
}
