package supervision_test

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	protoactor "github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/supervision"
)

// restarts is a supervisor of protoactor's that tells when it is to restart a child.
type restarts struct {
	protoactor.Supervisor

	at chan time.Time
}

func (r restarts) RestartChildren(...*protoactor.PID) { r.at <- time.Now() }

// A fault of protoactor, as it is at the pinned version, and absent here. When a new version mends it, the first half
// fails and can go.
func TestFaultExponentialBackOffIsLinear(t *testing.T) {
	const first = time.Second

	synctest.Test(t, func(t *testing.T) {
		system := protoactor.NewActorSystem(protoactor.WithLoggerFactory(func(*protoactor.ActorSystem) *slog.Logger {
			return slog.New(slog.DiscardHandler)
		}))
		theirs := protoactor.NewExponentialBackoffStrategy(time.Hour, first)
		supervisor := restarts{at: make(chan time.Time, 1)}
		failures := protoactor.NewRestartStatistics()

		var delays []time.Duration

		for range 4 {
			failed := time.Now()
			theirs.HandleFailure(system, supervisor, protoactor.NewPID("nonhost", "child"), failures, "boom", nil)

			delay := (<-supervisor.at).Sub(failed)
			delays = append(delays, delay.Truncate(time.Microsecond)) // its jitter is less than that
		}

		assert.Equal(t, []time.Duration{first, 2 * first, 3 * first, 4 * first}, delays)
	})

	assert.Equal(t, []time.Duration{first, 2 * first, 4 * first, 8 * first},
		delays(supervision.Backoff{Initial: first}, 1, 4))
}
