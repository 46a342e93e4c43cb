package supervision_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/supervision"
)

// delays returns the delays of a child that fails at once n times in a row.
func delays(b supervision.Backoff, chance float64, n int) []time.Duration {
	d := supervision.NewDelay(b)

	var all []time.Duration
	for range n {
		all = append(all, d.Next(0, chance))
	}

	return all
}

func TestDelaysDoubleUpToTheirCap(t *testing.T) {
	const ms = time.Millisecond

	for name, row := range map[string]struct {
		backoff supervision.Backoff
		want    []time.Duration
	}{
		"by default from 100 ms to 30 s": {
			want: []time.Duration{
				100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms, 12800 * ms, 25600 * ms,
				30000 * ms, 30000 * ms,
			},
		},
		"to a cap that is no double": {
			supervision.Backoff{Initial: 100 * ms, Max: 350 * ms}, []time.Duration{100 * ms, 200 * ms, 350 * ms, 350 * ms},
		},
		"from the cap on": {
			supervision.Backoff{Initial: 100 * ms, Max: 100 * ms}, []time.Duration{100 * ms, 100 * ms},
		},
		"from an initial delay above the default cap": {
			supervision.Backoff{Initial: time.Hour}, []time.Duration{time.Hour, time.Hour},
		},
		"below a cap that is less than the default initial delay": {
			supervision.Backoff{Max: 50 * ms}, []time.Duration{50 * ms, 50 * ms},
		},
		"not at all if that is wanted": {
			supervision.Backoff{Initial: supervision.Immediately}, []time.Duration{0, 0, 0},
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.want, delays(row.backoff, 1, len(row.want)))
		})
	}
}

func TestJitterIsFull(t *testing.T) {
	const ms = time.Millisecond

	assert.Equal(t, []time.Duration{0, 0, 0}, delays(supervision.Backoff{}, 0, 3))
	assert.Equal(t, []time.Duration{25 * ms, 50 * ms, 100 * ms}, delays(supervision.Backoff{}, 0.25, 3))
}

func TestDelaysBeginAgainAfterAStableTime(t *testing.T) {
	b := supervision.Backoff{Initial: time.Second, Max: time.Hour, Stable: time.Minute}

	d := supervision.NewDelay(b)
	assert.Equal(t, time.Second, d.Next(time.Hour, 1))
	assert.Equal(t, 2*time.Second, d.Next(time.Minute-1, 1), "one nanosecond too early")
	assert.Equal(t, time.Second, d.Next(time.Minute, 1), "exactly then")
	assert.Equal(t, 2*time.Second, d.Next(0, 1))
}

func TestADelayIsNeverOutOfRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := supervision.Backoff{
			Initial: time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "initial")),
			Stable:  time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "stable")),
		}
		if rapid.Bool().Draw(t, "capped") {
			b.Max = b.Initial + time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "more"))
		}

		most := b.Max
		if most == 0 {
			most = max(supervision.DefaultBackoffMax, b.Initial)
		}

		d := supervision.NewDelay(b)

		for range rapid.IntRange(0, 80).Draw(t, "failures") {
			ran := time.Duration(rapid.Int64Range(0, int64(2*time.Hour)).Draw(t, "ran"))
			got := d.Next(ran, rapid.Float64Range(0, 1).Draw(t, "chance"))

			if got < 0 || got > most {
				t.Fatalf("%v is not from 0 to %v", got, most)
			}
		}
	})
}

func TestTheLongestDelayIsADuration(t *testing.T) {
	longest := supervision.Backoff{Initial: math.MaxInt64/2 + 1, Max: math.MaxInt64}
	assert.Equal(t, []time.Duration{math.MaxInt64/2 + 1, math.MaxInt64, math.MaxInt64}, delays(longest, 1, 3))
}
