package plugin

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/sony/gobreaker/v2"

	"github.com/troupe-go/troupe/internal/chain"
)

// errUnheard stands for a call that was not heard to its end: its caller has given up before the plugin's time was
// over, or its instance was given up.
var errUnheard = errors.New("not heard to its end")

// breaker refuses calls while it is open. The zero breaker never does.
type breaker struct {
	of   *gobreaker.TwoStepCircuitBreaker[struct{}]
	last *atomic.Pointer[error] // failure that counted
}

func newBreaker(s Breaker) breaker {
	if s.Failures < 0 {
		return breaker{}
	}

	last := new(atomic.Pointer[error])

	return breaker{gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     s.OpenFor,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int64(c.ConsecutiveFailures) >= int64(s.Failures) },
		IsExcluded: func(err error) bool {
			return err != nil &&
				(chain.Is(err, errUnheard) || chain.Has[*InvalidError](err) || chain.Has[*SizeError](err))
		},
		IsSuccessful: func(err error) bool {
			if err != nil {
				last.Store(&err)
			}

			return err == nil
		},
	}), last}
}

// allow returns a function to be told once how the call went, or [ErrOpen].
func (b breaker) allow() (settle func(error), err error) {
	if b.of == nil {
		return func(error) {}, nil
	}

	settle, err = b.of.Allow()
	if err != nil {
		return nil, ErrOpen
	}

	return settle, nil
}

// health returns why it is open, or nil if it is not.
func (b breaker) health() error {
	if b.of == nil || b.of.State() != gobreaker.StateOpen {
		return nil
	}

	return fmt.Errorf("%w; the last of them: %w", ErrOpen, *b.last.Load())
}

// state returns closed, half-open or open.
func (b breaker) state() string {
	if b.of == nil {
		return "none"
	}

	return b.of.State().String()
}
