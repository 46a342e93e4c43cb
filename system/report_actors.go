package system

import (
	"sync"
	"time"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/mailbox"
)

// reportActors reports the actors among all there are, on all cores.
func (s *System) reportActors(r *Report, ids []int, stuck map[place]stuck) {
	c := s.conductor
	rows := ids[:0]

	for _, id := range ids {
		if c.nodes[lifecycle.Slot(id)] != nil || c.groups.departed[id] != nil {
			rows = append(rows, id)
		} else {
			r.Restarts += c.machine.View(id).Restarts // a supervisor's
		}
	}

	r.Actors = make([]ActorReport, len(rows))

	var (
		mu    sync.Mutex
		total mailbox.Stats
	)

	onAllCores(len(rows), func(from, to int) {
		some := s.reportSome(r.Actors[from:to], rows[from:to], stuck)

		mu.Lock()
		defer mu.Unlock()

		total.Add(&some.total)

		r.Restarts += some.restarts
		r.Unaccounted += some.unaccounted
	})

	r.Total = figures(&total)
}

// tally is what actors have in common in a report.
type tally struct {
	total       mailbox.Stats
	restarts    int
	unaccounted int64
}

// reportSome reports actors of these ids. Everything has ended, so that nothing of them changes any more, but of those
// who hang: they can come back.
func (s *System) reportSome(actors []ActorReport, ids []int, stuck map[place]stuck) (all tally) {
	var (
		c     = s.conductor
		start = c.machine.Began(lifecycle.Intake)
		steps stepReports
		at    listed
	)

	for i, id := range ids {
		c.lookAt(id, len(stuck) > 0, &at)
		all.restarts += at.view.Restarts

		if d := at.departed; at.node == nil {
			all.total.Add(&d.Stats)
			all.restarts += d.restarts
			actors[i] = departedReport(&at)
		} else {
			stats := at.node.Stats()
			all.total.Add(&stats)
			steps.fill(&actors[i], &at, &stats, stuck, start, c.processedBefore[lifecycle.Slot(id)])
		}

		all.unaccounted += actors[i].Unaccounted
	}

	return all
}

// lookAt sets l to one node when everything has ended. Hangs says that somebody can come back meanwhile.
func (c *conductor) lookAt(id int, hangs bool, l *listed) {
	if hangs {
		c.mu.Lock()
		defer c.mu.Unlock()
	}

	c.listOne(id, l)
}

// stepReports makes the reports of steps. Many actors' steps are the same, and so are their reports then.
type stepReports struct {
	last [3]*StepReport // by step
	room []StepReport
}

// fill makes the report of one actor, whose stop began at start, when it had processed before messages.
func (s *stepReports) fill(
	a *ActorReport, at *listed, stats *mailbox.Stats, stuck map[place]stuck, start time.Time, before uint64,
) {
	v := &at.view
	*a = ActorReport{
		Path: v.Path, State: v.State.String(), Incarnation: v.Incarnation, Restarts: v.Restarts,
		Figures: figures(stats),
		Drain:   s.step(0, &v.Steps.Drain, start), Flush: s.step(1, &v.Steps.Flush, start),
		Close: s.step(2, &v.Steps.Close, start), EverAbandoned: v.EverAbandoned, //nolint:mnd // the third
	}

	if stats.Processed > before {
		a.Drained = stats.Processed - before
	}

	for _, left := range v.Abandoned {
		a.Abandoned = append(a.Abandoned, AbandonedReport{
			Incarnation: left.Incarnation, Step: left.Step, At: left.At,
			Stack: stuck[place{at.id, left.Incarnation}].stack,
		})
	}
}

// departedReport is that of the children of a group that had gone before.
func departedReport(at *listed) ActorReport {
	d := at.departed

	return ActorReport{
		Path: at.view.Path + "/*", State: lifecycle.Stopped.String(), Departed: d.children, Restarts: d.restarts,
		EverAbandoned: d.everAbandoned, Figures: figures(&d.Stats),
	}
}

// step returns the report of the first, second or third step of a stop, or nil if it did not come to it.
func (s *stepReports) step(i int, of *lifecycle.Step, start time.Time) *StepReport {
	const many = 64

	if of.Began.IsZero() {
		return nil
	}

	r := stepReport(of, start)
	if last := s.last[i]; last != nil && *last == r {
		return last
	}

	if len(s.room) == cap(s.room) {
		s.room = make([]StepReport, 0, min(max(1, 2*cap(s.room)), many)) //nolint:mnd // twice as many
	}

	s.room = append(s.room, r)
	s.last[i] = &s.room[len(s.room)-1]

	return s.last[i]
}

func stepReport(s *lifecycle.Step, start time.Time) StepReport {
	return StepReport{Began: Seconds(s.Began.Sub(start)), Took: Seconds(s.Took), Error: text(s.Err)}
}

func figures(s *mailbox.Stats) Figures {
	f := Figures{
		Accepted: s.Accepted, Processed: s.Processed, Failed: s.Failed, Dropped: s.Dropped, Stashed: s.Stashed,
		Queued: s.Queued, Unaccounted: s.Unaccounted(),
	}

	if s.DeadLettered != (mailbox.Counts{}) {
		f.DeadLettered = s.DeadLettered.Map()
	}

	if s.Refused != (mailbox.Counts{}) {
		f.Refused = s.Refused.Map()
	}

	return f
}
