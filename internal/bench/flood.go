package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// A flood models senders that do not stop when a consumer hangs. It is no race, so ours does it alone: it shows what
// being held back costs.
const (
	floodName    = "flood"
	floodSenders = 8
	// floodShare is how many messages of -count stand for one of a flood, as workload.share.
	floodShare = 3
	// floodLeast is the smallest flood: every sender has more than fits into the mailbox, so all of them come to wait.
	floodLeast = floodSenders * 2 * capacity
	// floodWindow is how long the CPU is watched while the senders wait.
	floodWindow = 500 * time.Millisecond
	// floodHeap bounds what a flood may hold, in bytes above rest. A smoke run checks it.
	floodHeap = 1_000_000
)

// floodOps returns how many messages a flood has for a -count.
func floodOps(count int) int { return max(count/floodShare, floodLeast) }

// gated handles nothing until its gate is open.
type gated struct {
	collector

	gate <-chan struct{} // closed to open it
}

func (g gated) Receive(ctx *actors.Context[message], m message) error {
	<-g.gate

	return g.collector.Receive(ctx, m)
}

// flood is what a flood has shown. All but handled was seen while the actor was blocked.
type flood struct {
	sent, handled int
	parked        int     // senders that wait
	cpu           float64 // what the process used, in per cent of one core; NaN if nobody looked or can tell
	heap          int64   // live bytes above those before the first message
}

// kilobytes returns heap in thousands of bytes.
func (f flood) kilobytes() float64 { return float64(f.heap) / 1000 }

// measureFlood sends count messages to a blocked actor. Once its mailbox is full and all senders are parked it looks at
// the process, at the CPU for as long as the window; then it releases the actor and checks that all were handled.
func measureFlood(ctx context.Context, count int, window time.Duration) (flood, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errHung)
	defer cancel()

	gate := make(chan struct{})
	r := newReceiver("receiver", count)
	child := supervision.Actor(r.name, instance(gated{collector{r}, gate}), spec())

	sys, err := start(ctx, child)
	if err != nil {
		return flood{}, fmt.Errorf("%s: %w", floodName, err)
	}

	refs := []actors.Ref[message]{child.From(sys.Intake())}
	rest := liveHeap()
	sent := make(chan error, 1)

	go func() { sent <- tellAll(ctx, refs, floodSenders, count) }()

	f, err := observe(ctx, sys, window)
	f.heap -= rest

	close(gate)

	err = errors.Join(err, <-sent)
	if err == nil {
		err = r.wait(ctx)
	}

	if err = errors.Join(err, stopping(ctx, sys, count)()); err == nil {
		err = r.check()
	}

	if err != nil {
		return flood{}, fmt.Errorf("%s: %w", floodName, err)
	}

	f.sent, f.handled = count, r.handled.count

	return f, nil
}

// observe looks at the process while all senders wait. What looking costs is outside of the window: collecting garbage,
// and counting the senders, which is done before and after.
func observe(ctx context.Context, sys *system.System, window time.Duration) (flood, error) {
	if err := untilParked(ctx, sys); err != nil {
		return flood{}, err
	}

	f := flood{heap: liveHeap()}

	var err error

	f.cpu, err = cpuShare(ctx, window)
	f.parked = parkedSenders()

	return f, err
}

// untilParked returns when the mailbox is full and every sender waits; it looks once a millisecond.
func untilParked(ctx context.Context, sys *system.System) error {
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()

	for queued(ctx, sys) < capacity || parkedSenders() < floodSenders {
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%d messages wait and %d of %d senders are parked: %w",
				queued(ctx, sys), parkedSenders(), floodSenders, context.Cause(ctx))
		}
	}

	return nil
}

// queued returns how many messages wait in all mailboxes of the tree.
func queued(ctx context.Context, sys *system.System) int {
	n := 0
	for node := range sys.Health(ctx).All() {
		n += node.Queued
	}

	return n
}

// parkedSenders returns how many goroutines wait in [tellSpan].
func parkedSenders() int { return parked("tellSpan") }

// liveHeap returns the bytes of reachable objects. It collects twice, because what lies in a pool survives once, and
// gives all free memory back, so that the runtime does not do so in the background while the CPU is watched.
func liveHeap() int64 {
	runtime.GC()
	debug.FreeOSMemory()

	var m runtime.MemStats
	runtime.ReadMemStats(&m)

	return int64(m.HeapAlloc) //nolint:gosec // far below the limit
}
