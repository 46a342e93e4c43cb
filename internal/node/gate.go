package node

import (
	"errors"
	"sync/atomic"

	"github.com/troupe-go/troupe/mailbox"
)

// ErrAbandoned is what the references of an abandoned incarnation answer.
var ErrAbandoned = errors.New("abandoned: the sender did not return by its deadline")

// Gate stands between a reference and its target. It opens once, at the beginning, and can be shut for one of two
// reasons. A nil gate is open.
type Gate struct{ state atomic.Uint32 }

const (
	gateOpen uint32 = iota
	gateStopping
	gateStopped
	gateAbandoned
)

// Shut makes every send through the gate fail with [mailbox.ErrStopping].
func (g *Gate) Shut() { g.state.CompareAndSwap(gateOpen, gateStopping) }

// End makes every send through the gate fail with [mailbox.ErrStopped], after Shut.
func (g *Gate) End() { g.state.CompareAndSwap(gateStopping, gateStopped) }

// Fence makes every send through the gate fail with [ErrAbandoned].
func (g *Gate) Fence() { g.state.Store(gateAbandoned) }

// Err returns nil if the gate is open, else why it is not. It is one atomic load.
func (g *Gate) Err() error {
	if g == nil || g.state.Load() == gateOpen {
		return nil
	}

	return g.reason()
}

func (g *Gate) reason() error {
	switch g.state.Load() {
	case gateAbandoned:
		return ErrAbandoned
	case gateStopped:
		return mailbox.ErrStopped
	default:
		return mailbox.ErrStopping
	}
}
