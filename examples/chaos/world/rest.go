package world

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/chaos/audit"
	"github.com/troupe-go/troupe/system"
)

// rest lets everybody come to rest, and checks that nothing was lost.
func (w *World) rest(ctx context.Context) {
	w.busy.Lock()
	defer w.busy.Unlock()

	in := w.system.Intake()
	p := post{w.audit, "rest", w.audit.Stream("rest")}
	began, last := time.Now(), time.Time{}
	why := "it has not begun"

	for why != "" {
		if time.Since(began) > restPatience {
			w.audit.Violatef("rest", "does not come to rest: %s", why)

			return
		}

		if ctx.Err() != nil || !w.pause(ctx, 5*time.Millisecond) {
			return
		}

		if time.Since(last) > 100*time.Millisecond {
			last = time.Now()

			for _, t := range w.tree.targets {
				_ = p.send(ctx, t.From(in), tryTellControl, Msg{Deed: BringBack})
			}
		}

		if why = w.queued(); why == "" {
			why = w.audit.Rest(w.system.DeadLetters().Counts().Total(), w.alive())
		}
	}

	w.audit.Calm(w.alive())
	w.audit.Heap(audit.SampleHeap())
}

// queued says where messages are, or "".
func (w *World) queued() string {
	for _, s := range w.system.Stats() {
		if s.Queued+s.Stashed+s.Handling > 0 {
			return s.Path + " has messages"
		}
	}

	return ""
}

// end waits for what was abandoned, and compares what was seen with the report.
func (w *World) end(r *system.Report) {
	var total uint64
	for _, n := range r.DeadLetters {
		total += n
	}

	for began := time.Now(); w.audit.Ended(total) != "" && time.Since(began) < restPatience; {
		<-time.After(5 * time.Millisecond)
	}

	w.audit.Reconcile(r)
	w.checkErrors(r)

	excused := make(map[string]bool)

	for i := range r.Actors {
		for _, s := range []*system.StepReport{r.Actors[i].Drain, r.Actors[i].Flush, r.Actors[i].Close} {
			if s != nil && s.Error != "" {
				excused[r.Actors[i].Path] = true
			}
		}
	}

	w.audit.CheckOrder(w.tree.dependencies, func(path string) bool { return excused[path] })

	if r.Cause != "" || r.Forced {
		w.audit.Violatef("L", "it did not stop because it was asked to: forced %v, cause %q", r.Forced, r.Cause)
	}
}

// checkErrors looks at what did not go well at the stop: it was injected, or ran out of time because of that. That
// something hangs has its cause, or the audit has said so.
func (w *World) checkErrors(r *system.Report) {
	for _, text := range r.Errors {
		injected := slices.ContainsFunc([]string{
			errInjected.Error(), actors.ErrExited.Error(), "did not finish within", system.ErrHangs.Error(),
		}, func(known string) bool { return strings.Contains(text, known) })

		if !injected {
			w.audit.Violatef("L6", "the report has an error that was not injected: %s", text)
		}
	}
}

// settle waits until no more goroutines are left than there were before.
func (w *World) settle(before int) {
	var left []string

	for began := time.Now(); time.Since(began) < 5*time.Second; {
		if left = audit.Left(audit.Goroutines(), "chaos/world.Run", "testing."); len(left) <= before {
			return
		}

		<-time.After(10 * time.Millisecond)
	}

	w.audit.CheckGoroutines(left)
}
