package mailbox

import (
	"context"
	"fmt"
)

// Dispatch says which goroutine runs the turns of a mailbox's receiver. The zero value is unset and means [OnDemand].
type Dispatch uint8

const (
	// OnDemand runs each turn on a goroutine of its own, which is there only while there is work. It is the default.
	OnDemand Dispatch = iota + 1
	// Dedicated keeps one goroutine for all turns, from the first until the mailbox is closed; another one if a turn
	// ends it with runtime.Goexit. It is for code that keeps a goroutine's state.
	Dedicated
	// Pinned is Dedicated on an operating system thread of its own, for libraries that want to be called from one thread
	// only. Waking it costs a switch of threads. It is Receive that is sure to have the thread: an actor's hooks may have
	// goroutines of their own, so what belongs on the thread is done in Receive, beginning with the first message.
	Pinned
	// Synchronous runs a turn on the goroutine of the sender that found the receiver at rest, before its send returns. It
	// is for tests. A message that finds a turn running, be it the sender's own or another goroutine's, is left to that
	// turn; turns for commands have a goroutine as with OnDemand, and so have those for what a goroutine of the actor's
	// own sends to it under the context it was given; with another context, it must not. A sender that waits for room in
	// the mailbox whose turn it is running itself waits until its context ends. runtime.Goexit in a turn, such as
	// testing's FailNow, ends the sender. If the message makes the actor fail, the sender runs the end of its incarnation
	// too, and may run the start of the next one: a Close or Start that waits holds the send up.
	Synchronous
)

var dispatchNames = [...]string{"unset", "on demand", "dedicated", "pinned", "synchronous"}

// String returns the dispatch's name.
func (d Dispatch) String() string {
	if int(d) >= len(dispatchNames) {
		return fmt.Sprintf("Dispatch(%d)", uint8(d))
	}

	return dispatchNames[d]
}

// start starts a turn of the lease, if it is not nil; inline if it may run on the calling goroutine. Called without mu,
// by whoever made the status busy.
func (b *Mailbox[M]) start(l *Lease[M], inline bool) {
	switch {
	case l == nil:
	case b.spawn != nil:
		b.spawn(l.turn)
	case b.options.Dispatch == OnDemand:
		go l.turn()
	case b.options.Dispatch != Synchronous:
		b.startWorker(l)
	case inline:
		l.turn()
	default:
		l.sender = nil

		go l.turn()
	}
}

// startFor is start by a send under ctx.
func (b *Mailbox[M]) startFor(ctx context.Context, l *Lease[M]) {
	if l != nil && b.options.Dispatch == Synchronous {
		l.sender = ctx
	}

	b.start(l, true)
}

// Sender returns the context of the send whose goroutine runs the turn, or nil if it is not a sender's. It is called
// in a turn.
func (l *Lease[M]) Sender() context.Context { return l.sender }

// Continue starts the turn that is running anew, on a goroutine as the dispatch says, because runtime.Goexit takes the
// one it is on. The caller touches nothing of the lease any more.
func (l *Lease[M]) Continue() {
	if l.box != nil {
		l.box.start(l, false)
	}
}

// named returns the function that runs a turn, under a short name. With every go statement the runtime reads the name
// of the function to its end, and that of a method of a generic type is long.
//
//go:noinline
func named(l turner) func() { return func() { l.run() } }

// turner is a lease, whatever the type of its messages.
type turner interface{ run() }

// run runs a turn.
func (l *Lease[M]) run() { l.box.receiver.Run(l) }
