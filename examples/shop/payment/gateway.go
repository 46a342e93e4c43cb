package payment

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/troupe-go/troupe/examples/shop/order"
)

// ErrBroken occurs when the connection to the bank broke: it is open whether the charge came through.
var ErrBroken = errors.New("connection to the bank is broken")

// Simulation is a bank that answers late and breaks connections, as a seed says: the same orders in every run. Safe
// for concurrent use.
type Simulation struct {
	// Fail from 0 to 1 is the share of charges whose connection breaks.
	Fail float64
	// Decline from 0 to 1 is the share of orders whose card is declined.
	Decline float64
	// Latency is how long the bank takes on average.
	Latency time.Duration
	Seed    uint64

	mu       sync.Mutex
	attempts map[string]uint64
	charged  map[string]int64
}

// Charge charges an order's card once, however often it is called, and reports whether the card was good for it. Err
// is [ErrBroken], or the context's.
func (s *Simulation) Charge(ctx context.Context, o order.Order) (paid bool, err error) {
	attempt := s.attempt(o.ID)

	if err := wait(ctx, time.Duration(2*s.chance("latency", o.ID, attempt)*float64(s.Latency))); err != nil {
		return false, err
	}

	breaks := s.chance("break", o.ID, attempt)
	if breaks < s.Fail/2 { // before the charge
		return false, fmt.Errorf("order %s: %w", o.ID, ErrBroken)
	}

	paid = s.chance("decline", o.ID, 0) >= s.Decline
	if paid {
		s.charge(o)
	}

	if breaks < s.Fail { // after it: the answer is lost
		return false, fmt.Errorf("order %s: %w", o.ID, ErrBroken)
	}

	return paid, nil
}

// Charged returns what was charged so far, in cents by order.
func (s *Simulation) Charged() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()

	return maps.Clone(s.charged)
}

func (s *Simulation) attempt(id string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.attempts == nil {
		s.attempts, s.charged = make(map[string]uint64), make(map[string]int64)
	}

	s.attempts[id]++

	return s.attempts[id]
}

func (s *Simulation) charge(o order.Order) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.charged[o.ID] = o.Total() // not once more, if it is there
}

// chance returns a number from 0 to below 1 that the seed gives to an attempt at something.
func (s *Simulation) chance(what, id string, attempt uint64) float64 {
	h := fnv.New64a()
	_, _ = h.Write(binary.LittleEndian.AppendUint64([]byte(what+id), attempt)) // a hash never returns an error

	return rand.New(rand.NewPCG(s.Seed, h.Sum64())).Float64()
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()

	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
