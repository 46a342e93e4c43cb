package world

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/examples/chaos/audit"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// MaxRate is the highest rate.
const MaxRate = 1_000_000

// Options say how long and how hard.
type Options struct {
	Seed     uint64
	Duration time.Duration
	// Rate is how many messages a second come from outside.
	Rate float64
	// Report is the file for the system's report; empty means none.
	Report string
	Logger *slog.Logger
}

// World is a running system, its drivers and the audit.
type World struct {
	options Options
	audit   *audit.Audit
	tree    *tree
	system  *system.System
	booted  atomic.Bool

	// busy is held by drivers while they draw and send, and alone by whoever wants them to rest.
	busy sync.RWMutex

	counts [deeds]atomic.Uint64
	births sync.Map // of *atomic.Uint64, by path: how many random sources were made
}

const (
	grace = 30 * time.Second
	// restPatience is how long the world may take to come to rest: far longer than all deadlines.
	restPatience = 30 * time.Second
	streamBuffer = 1 << 14
	mostBetween  = 10 * time.Second
)

// Run runs a world until its time is over or ctx ends, and stops it under load.
func Run(ctx context.Context, o Options) (*Result, error) {
	w := &World{options: o}
	w.tree = w.declare()
	w.audit = audit.New(w.tree.accounts)

	before := audit.Left(audit.Goroutines())

	sys, err := system.Start(ctx, w.tree.root, system.Options{
		Grace: grace, Logger: o.Logger, Signals: []os.Signal{}, ReportFile: o.Report,
	})
	if err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}

	w.system = sys

	helpers := w.observe()
	drivers := w.drive()

	w.booted.Store(true)
	w.live(ctx)

	w.audit.Stop()

	report, stopped := sys.Shutdown(context.WithoutCancel(ctx))

	drivers()
	w.end(report)
	helpers()
	w.settle(len(before))

	return w.result(report, stopped), nil
}

// live lets time pass, with a rest now and then, the first after half of it at most. A rest that has begun is not cut
// short but by ctx.
func (w *World) live(ctx context.Context) {
	over := time.NewTimer(w.options.Duration)
	defer over.Stop()

	ticker := time.NewTicker(max(min(w.options.Duration/2, mostBetween), time.Millisecond))
	defer ticker.Stop()

	for {
		select {
		case <-ctx.Done():
			return
		case <-over.C:
			return
		case <-w.system.Done():
			w.audit.Violatef("S4", "the system has stopped by itself")

			return
		case <-ticker.C:
			w.rest(ctx)
		}
	}
}

// observe starts those who tell the audit of letters and events. The returned function ends them and waits.
func (w *World) observe() (stop func()) {
	letters := w.system.DeadLetters().Subscribe(streamBuffer)
	events := w.system.Events().Subscribe(streamBuffer, supervision.Abandoned, supervision.Returned)
	ctx, cancel := context.WithCancel(context.Background())

	var all sync.WaitGroup

	all.Go(func() { w.audit.Pulse(ctx) })
	all.Go(func() {
		for l := range letters.All() {
			m, ok := l.Message.(Msg)
			if !ok {
				w.audit.Violatef("D", "%s: a letter that is no message: %v", l.Target, l.Message)
			}

			w.audit.Settle(m.Stamp, l.Target, l.Reason)
		}
	})
	all.Go(func() {
		for e := range events.All() {
			if e.Kind == supervision.Returned {
				w.audit.Return()
			} else {
				w.audit.Abandon(e.Path, e.Time)
			}
		}
	})

	return func() {
		cancel()
		all.Wait()

		if missed := letters.Missed() + events.Missed(); missed > 0 {
			w.audit.Violatef("checker", "fell behind and missed %d letters or events: the rate is too high", missed)
		}
	}
}

// drive starts those who send from outside. The returned function ends them and waits.
func (w *World) drive() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())

	var all sync.WaitGroup

	in := w.system.Intake()

	for i := range drivers {
		name := fmt.Sprintf("driver-%d", i)
		d := &driver{
			world: w, rng: w.random(name), crowd: w.tree.crowd.From(in),
			post: post{audit: w.audit, path: name, stream: w.audit.Stream(name)},
		}

		for _, t := range w.tree.targets {
			d.refs = append(d.refs, t.From(in))
		}

		all.Go(func() { d.drive(ctx) })
	}

	m := &manager{world: w, rng: w.random("manager"), in: in}
	all.Go(func() { m.manage(ctx) })

	return func() {
		cancel()
		all.Wait()
	}
}

// pause waits, and reports whether ctx has not ended.
func (w *World) pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// drawn does something that makes trouble, unless the world rests, and then once it does not.
func (w *World) drawn(f func()) {
	w.busy.RLock()
	defer w.busy.RUnlock()

	f()
}

// random returns a source for a path: the next one in the order in which its instances are made.
func (w *World) random(path string) *rand.Rand {
	n, _ := w.births.LoadOrStore(path, new(atomic.Uint64))
	births, _ := n.(*atomic.Uint64)

	h := fnv.New64a()
	_, _ = h.Write([]byte(path)) // a hash does not fail

	return rand.New(rand.NewPCG(w.options.Seed, h.Sum64()+births.Add(1)))
}

func (w *World) count(d Deed) { w.counts[d].Add(1) }

// alive returns the identities of the group's children.
func (w *World) alive() map[*actor.PID]bool {
	all := make(map[*actor.PID]bool)
	for _, ref := range w.tree.crowd.From(w.system.Intake()).All() {
		all[ref.PID()] = true
	}

	return all
}
