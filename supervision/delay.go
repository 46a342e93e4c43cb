package supervision

import (
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Delay is the back-off of one child: how long it waits before its next attempt. It is a plain value without a clock
// or a source of chance; both are arguments. Not safe for concurrent use.
type Delay struct {
	spec Backoff
	// ceiling yields Initial, 2·Initial, … up to Max; nil before the first failure.
	ceiling *backoff.ExponentialBackOff
}

// NewDelay returns the back-off of a child that has not failed.
func NewDelay(b Backoff) Delay { return Delay{spec: b.withDefaults()} }

// Next returns how long to wait before the next attempt of a child that ran for ran and then failed. Chance is the
// draw of the full jitter, from 0 to 1.
func (d *Delay) Next(ran time.Duration, chance float64) time.Duration {
	if d.spec.Initial < 0 {
		return 0
	}

	if d.ceiling == nil {
		d.ceiling = &backoff.ExponentialBackOff{
			InitialInterval: d.spec.Initial, Multiplier: 2, MaxInterval: d.spec.Max,
		}
		d.ceiling.Reset()
	} else if ran >= d.spec.Stable {
		d.ceiling.Reset()
	}

	bound := d.ceiling.NextBackOff()

	if wait := chance * float64(bound); wait < float64(bound) {
		return time.Duration(wait)
	}

	return bound // which a float64 may be above of
}

func (b Backoff) withDefaults() Backoff {
	if b.Initial == 0 {
		b.Initial = DefaultBackoffInitial

		if b.Max > 0 {
			b.Initial = min(b.Initial, b.Max)
		}
	}

	if b.Max == 0 {
		b.Max = max(DefaultBackoffMax, b.Initial)
	}

	if b.Stable == 0 {
		b.Stable = DefaultBackoffStable
	}

	return b
}
