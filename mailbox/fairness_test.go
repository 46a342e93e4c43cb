package mailbox_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/mailbox"
)

func TestFairness(t *testing.T) {
	for _, row := range []struct{ fairness, want int }{{0, 16}, {1, 1}, {3, 3}} {
		t.Run(fmt.Sprintf("with %d, %d control messages go before each that waits in the data lane", row.fairness, row.want),
			func(t *testing.T) {
				const data = 4

				o := mailbox.Options{Capacity: data, Control: 100, Fairness: row.fairness}
				box, lease := still[string](t, o)

				var want []string

				for range data {
					require.NoError(t, box.TrySend(mailbox.Data, "data"))

					for range row.want {
						require.NoError(t, box.TrySend(mailbox.Control, "control"))

						want = append(want, "control")
					}

					want = append(want, "data")
				}

				// With no data message to wait for them, the last ones are not counted.
				for range row.want + 1 {
					require.NoError(t, box.TrySend(mailbox.Control, "control"))

					want = append(want, "control")
				}

				assert.Equal(t, want, drain(lease))
			})
	}

	t.Run("Strict lets data wait for as long as control messages come", func(t *testing.T) {
		o := mailbox.Options{Capacity: 1, Control: 2, Fairness: mailbox.Strict}
		box, lease := still[string](t, o)
		require.NoError(t, box.TrySend(mailbox.Data, "data"))
		require.NoError(t, box.TrySend(mailbox.Control, "control"))

		for range 1000 {
			require.NoError(t, box.TrySend(mailbox.Control, "control"))

			m, ok := lease.Take()
			require.True(t, ok)
			require.Equal(t, "control", m)
		}

		assert.Equal(t, []string{"control", "data"}, drain(lease))
	})
}

// Whatever comes when, the message at the head of the data lane waits for no more than Fairness control messages, and
// before that bound is reached no data message overtakes one in the control lane.
func TestNoDataMessageWaitsForMoreThanItMust(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := mailbox.Options{
			Capacity: rapid.IntRange(1, 20).Draw(t, "capacity"), Control: rapid.IntRange(1, 20).Draw(t, "control"),
			Fairness: rapid.IntRange(1, 6).Draw(t, "fairness"), Throughput: anyThroughput().Draw(t, "throughput"),
		}
		box, lease := still[mailbox.Lane](t, o)
		queued := map[mailbox.Lane]int{}
		waited := 0 // control messages taken while what is now at the head of the data lane was there

		arrive := func(lane mailbox.Lane) func(*rapid.T) {
			return func(*rapid.T) {
				if box.TrySend(lane, lane) == nil {
					queued[lane]++
				}
			}
		}
		take := func(*rapid.T) {
			lane, got := lease.Next(false)
			require.Equal(t, got == mailbox.Message, queued[mailbox.Data]+queued[mailbox.Control] > 0)

			switch {
			case lane == mailbox.Control && queued[mailbox.Data] > 0:
				waited++
				require.LessOrEqual(t, waited, o.Fairness, "control messages before the one that waits")
			case lane == mailbox.Data:
				require.True(t, waited == o.Fairness || queued[mailbox.Control] == 0, "urgent messages were overtaken")

				waited = 0
			}

			queued[lane]--
		}

		t.Repeat(map[string]func(*rapid.T){
			"data": arrive(mailbox.Data), "control": arrive(mailbox.Control), "control2": arrive(mailbox.Control),
			"take": take, "take2": take,
		})
	})
}
