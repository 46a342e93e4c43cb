package lifecycle_test

import (
	"container/heap"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// world is a simulation of everything around a machine: time, actors, messages, people who stop things. It is random
// but fair: what is due happens, whoever does not hang answers.
type world struct {
	printer

	t       *rapid.T
	machine *lifecycle.Machine
	config  lifecycle.Config
	now     time.Time
	agenda  agenda
	count   int     // of the agenda's entries ever
	fakes   []*fake // those of the plan by id; nil for supervisors
	crowd   *crowd  // children of groups and pools
	errands []*errand
	parts   *parts
	history history
	law     *law
	hangs   int  // percent of all steps that never return, or only when their context ends
	drags   int  // percent of all steps that take long
	fails   int  // percent of all that can fail
	smooth  bool // the first start of everybody goes well
}

// history is all a machine was told and answered, to be told to another one.
type history struct {
	times   []time.Time
	inputs  []lifecycle.Input
	queued  []int
	chances []float64
	atOnce  []atOnce
	effects []string
}

// drawWorld draws a tree, a world for it, and when what will come from outside.
func drawWorld(t *rapid.T) *world {
	lines := drawTree(t)
	t.Logf("%s", strings.Join(lines, "\n"))

	plan, err := planOf(lines)
	if err != nil {
		t.Fatalf("the tree is not valid: %v", err)
	}

	w := &world{t: t, printer: printer{plan: plan, added: make(map[int]string)}}
	w.start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w.now = w.start
	w.smooth = w.percent("troubled boot") < 80
	w.hangs = rapid.SampledFrom([]int{0, 2, 10, 30}).Draw(t, "percent that hang")
	w.drags = rapid.SampledFrom([]int{0, 10, 40}).Draw(t, "percent that take long")
	w.fails = rapid.SampledFrom([]int{0, 5, 20, 50}).Draw(t, "percent that fail")
	w.config = lifecycle.Config{
		Plan:       plan,
		Shares:     supervision.Shares{Intake: ms(20), Drain: ms(60), Flush: ms(20), Close: ms(20)},
		Forced:     ms(30),
		Path:       w.path,
		Unfinished: func(id int) int { return record(&w.history.queued, w.fake(id).queue) },
		Chance: func() float64 {
			return record(&w.history.chances, float64(w.percent("jitter"))/100)
		},
		AtOnce: func(id int, c mailbox.Command) (bool, mailbox.Command) {
			a := record(&w.history.atOnce, w.fake(id).atOnce(c))

			return a.done, a.hooks
		},
	}
	w.machine = lifecycle.New(w.config)
	w.crowd, w.errands = newCrowd(w), newErrands(w)
	w.law = newLaw(w)
	w.parts = &parts{world: w}

	for id := range plan.Nodes {
		var f *fake
		if plan.Nodes[id].IsActor() {
			f = &fake{world: w, id: id, spec: &plan.Nodes[id]}
			f.runner = &runner{fake: f}
		}

		w.fakes = append(w.fakes, f)
	}

	w.soon(func() { w.step(lifecycle.Boot{}) })
	w.drawVisitors()

	return w
}

// atOnce is what an actor answers that may have done at once what a command orders.
type atOnce struct {
	done  bool
	hooks mailbox.Command
}

func record[T any](list *[]T, v T) T {
	*list = append(*list, v)

	return v
}

// drawVisitors draws what comes from outside.
func (w *world) drawVisitors() {
	shutdown := w.delay("shutdown at", 600)
	w.after(shutdown, func() { w.step(lifecycle.Shutdown{}) })

	if w.happens("shutdown again", 30) {
		w.after(shutdown+w.delay("after", 100), func() { w.step(lifecycle.Shutdown{}) })
	}

	if w.happens("force", 30) {
		w.after(shutdown+w.delay("after", 100), func() { w.step(lifecycle.Force{}) })
	}

	w.crowd.drawVisitors()
	w.parts.drawVisitors()

	var actors []*fake

	for _, f := range w.fakes {
		if f != nil {
			actors = append(actors, f)
		}
	}

	if len(actors) == 0 {
		return
	}

	somebody := rapid.SampledFrom(actors)

	for range w.percent("visits") / 3 {
		f := somebody.Draw(w.t, "whom")
		at := w.delay("at", 700)

		switch n := w.percent("visit"); {
		case n < 60:
			messages := rapid.IntRange(1, 10).Draw(w.t, "messages")
			w.after(at, func() { f.send(messages) })
		case n < 80:
			w.after(at, f.fail)
		case n < 90:
			w.after(at, f.leave)
		default:
			mode := rapid.SampledFrom([]node.StopMode{node.Poison, node.AtOnce}).Draw(w.t, "mode")
			w.after(at, func() { w.step(lifecycle.StopOne{ID: f.id, Mode: mode}) })
		}
	}
}

func (f *fake) send(messages int) {
	if !f.sealed && !f.finished {
		f.queue += messages
		f.kick()
	}
}

// fail is the failure of a goroutine of the actor.
func (f *fake) fail() {
	if r := f.runner; !r.busy && (r.phase == live || r.phase == draining) {
		r.fail(errFake, true)
	}
}

// leave is the actor's own wish to stop.
func (f *fake) leave() {
	if r := f.runner; !r.busy {
		r.leave()
	}
}

// fake returns the actor of an id.
func (w *world) fake(id int) *fake {
	if id < len(w.fakes) {
		return w.fakes[id]
	}

	return w.crowd.fakes[id]
}

// run lets everything happen until the system has ended and nobody has anything to say any more.
func (w *world) run() {
	for steps := 0; ; steps++ {
		if steps > 20_000 {
			w.t.Fatalf("it goes on for ever")
		}

		next := w.machine.Next()

		switch {
		case len(w.agenda) > 0 && (next.IsZero() || !next.Before(w.agenda[0].at)):
			e, _ := heap.Pop(&w.agenda).(appointment)
			w.now = e.at
			e.do()
		case !next.IsZero():
			w.now = next
			w.step(lifecycle.Tick{})
		default:
			return
		}
	}
}

// step tells the machine something and carries out what it decides.
func (w *world) step(in lifecycle.Input) {
	w.history.times = append(w.history.times, w.now)
	w.history.inputs = append(w.history.inputs, in)

	if _, force := in.(lifecycle.Force); force {
		w.law.hurry() // what is done at once is done in the step
	}

	effects := w.machine.Step(w.now, in)

	if _, tick := in.(lifecycle.Tick); !tick || len(effects) > 0 {
		w.t.Logf("%6v %s", w.now.Sub(w.start), w.input(in))
	}

	w.law.before(in)

	for _, e := range effects {
		text := w.effect(e)
		w.history.effects = append(w.history.effects, text)
		w.t.Logf("         → %s", text)
		w.law.effect(e)
		w.carryOut(e)
	}

	w.law.after()
}

func (w *world) carryOut(e lifecycle.Effect) {
	switch e := e.(type) {
	case *lifecycle.Begin:
		w.fake(e.ID).begin(e.Incarnation)
	case lifecycle.Seal:
		w.fake(e.ID).sealed = true
	case *lifecycle.Order:
		if e.Sleeps {
			w.fake(e.ID).callHook(e.Command)
		} else {
			w.fake(e.ID).order(e.Command)
		}
	case *lifecycle.Sweep:
		for _, id := range e.IDs {
			w.fake(id).callHook(e.Command)
		}
	case lifecycle.Cancel:
		w.fake(e.ID).cancel()
	case lifecycle.Abandon:
		w.fake(e.ID).abandon()
	case lifecycle.Populate:
		w.crowd.populate(e)
	case lifecycle.Removed:
		delete(w.crowd.fakes, e.ID)
	default:
		w.taskEffect(e)
	}
}

// report tells the machine what an actor says.
func (w *world) report(r node.Report) {
	if r.Event == node.Flushed || r.Event == node.Closed { // may come with those of others
		w.step(&lifecycle.Reports{All: []node.Report{r}})
	} else {
		w.step(lifecycle.Report{Report: r})
	}
}

func (w *world) soon(do func()) { w.after(0, do) }

func (w *world) after(d time.Duration, do func()) {
	w.count++
	heap.Push(&w.agenda, appointment{at: w.now.Add(d), number: w.count, do: do})
}

// percents are drawn bit by bit, because rapid prefers small numbers. Small ones are the harmless ones everywhere, so
// that a history becomes simpler as it becomes smaller.
var percents = rapid.Custom(func(t *rapid.T) int {
	const bits = 8

	n := 0
	for range bits {
		n *= 2
		if rapid.Bool().Draw(t, "bit") {
			n++
		}
	}

	return n * 100 >> bits
})

func (w *world) percent(what string) int { return percents.Draw(w.t, what) }

// happens is true at a rate given in percent.
func (w *world) happens(what string, percent int) bool { return w.percent(what) >= 100-percent }

func (w *world) delay(what string, most int) time.Duration {
	return ms(w.percent(what) * most / 99)
}

func (w *world) directive() node.Directive {
	switch n := w.percent("directive"); {
	case n < 70:
		return node.Restart
	case n < 80:
		return node.Resume
	case n < 90:
		return node.Stop
	default:
		return node.Escalate
	}
}

// agenda is a heap of what will happen, by time and then in the order of its making.
type agenda []appointment

type appointment struct {
	at     time.Time
	number int
	do     func()
}

func (a *agenda) Len() int      { return len(*a) }
func (a *agenda) Swap(i, j int) { (*a)[i], (*a)[j] = (*a)[j], (*a)[i] }

func (a *agenda) Less(i, j int) bool {
	x, y := (*a)[i], (*a)[j]
	if !x.at.Equal(y.at) {
		return x.at.Before(y.at)
	}

	return x.number < y.number
}

func (a *agenda) Push(x any) {
	e, _ := x.(appointment)
	*a = append(*a, e)
}

func (a *agenda) Pop() any {
	old := *a
	e := old[len(old)-1]
	*a = old[:len(old)-1]

	return e
}
