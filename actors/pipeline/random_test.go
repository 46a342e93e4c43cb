package pipeline_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// random is a pipeline that was drawn, with all that is to happen to it.
type random struct {
	*world

	sources []*origins
	steps   []step
	joined  joint
	sunk    *tally
	stop    time.Duration // when it is stopped; negative if not before it is done
	p       *pipeline.Pipeline
}

// joint is how the flows of several sources become one.
type joint uint8

const (
	alone joint = iota
	merged
	zipped
)

// most is the most items of a source. It is less than what a source is told at a time, so that it hears of every item
// before an offset that passes it.
const most = 120

// origins is a source of values that tell the item they come of. It checks what it is told at the moment it is told.
type origins struct {
	*ledger

	run  *random
	base int // the number of its first item among all
}

func (o *origins) Pull(ctx context.Context, items []int) (int, error) {
	n, err := o.pull(ctx, items)
	for i := range items[:n] {
		items[i] = (o.base + items[i]) * scale
	}

	return n, err
}

// Acknowledge checks that of an item which is done everything has been sunk that was to come of it.
func (o *origins) Acknowledge(ctx context.Context, acks []pipeline.Ack) error {
	for _, a := range acks {
		if a.Err == nil {
			o.run.checkDone(o, int(a.Item))
		}
	}

	return o.ledger.Acknowledge(ctx, acks)
}

// Commit checks that all items below the offset are done.
func (o *origins) Commit(ctx context.Context, done uint64) error {
	o.mu.Lock()
	for i := range done {
		if errs := o.acks[i]; len(errs) != 1 || errs[0] != nil {
			o.run.sunk.wrongf("the offset %d passes item %d, which was told %v", done, i, errs)
		}
	}
	o.mu.Unlock()

	return o.ledger.Commit(ctx, done)
}

// tally is a sink that counts what has come of each item.
type tally struct {
	list[int]

	counts map[int]int
	faults []string
}

func (s *tally) Write(ctx context.Context, items []int) error {
	s.mu.Lock()
	for _, v := range items {
		s.counts[origin(v)]++
	}
	s.mu.Unlock()

	return s.list.Write(ctx, items)
}

func (s *tally) wrongf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.faults = append(s.faults, fmt.Sprintf(format, args...))
}

func (s *tally) count(origin int) int {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.counts[origin]
}

// meaning is what comes of values that enter behind the sources.
func (r *random) meaning(in []int) []int {
	for _, s := range r.steps {
		in = s.means(in)
	}

	return in
}

// checkDone notes a fault if an item of a source is not done.
func (r *random) checkDone(o *origins, item int) {
	n := o.base + item
	if r.joined == zipped {
		other := r.sources[0]
		if o == other {
			other = r.sources[1]
		}

		other.mu.Lock()
		lone := item >= other.next
		other.mu.Unlock()

		if lone { // it is a dead letter
			return
		}

		n = item // what has come of both is known by the left one
	}

	want := len(r.meaning([]int{r.entered(n)}))
	if got := r.sunk.count(n); got != want {
		r.sunk.wrongf("item %d is told to be done, but %d of %d values are sunk", n, got, want)
	}
}

// entered returns the value that item n enters as.
func (r *random) entered(n int) int { return n * scale }

// draw draws a pipeline.
func draw(t *rapid.T, o pipeline.Options, fatal bool) *random {
	r := &random{
		world: &world{t: t, crashed: make(map[[2]int]bool), tried: make(map[[2]int]int), fatal: -1},
		sunk:  &tally{counts: make(map[int]int)},
		p:     pipeline.New("random", o),
	}
	r.joined = rapid.SampledFrom([]joint{alone, alone, merged, zipped}).Draw(t, "sources")

	var flows []pipeline.Flow[int]

	for i := range min(2, 1+int(r.joined)) {
		o := &origins{ledger: newLedger(rapid.IntRange(0, most).Draw(t, "items")), run: r, base: i * most}
		r.sources = append(r.sources, o)
		flows = append(flows, pipeline.From[int](r.p, fmt.Sprintf("source%d", i), o))
	}

	flow := flows[0]

	switch s := r.one(); r.joined {
	case merged:
		flow = pipeline.Merge("joined", s, flows...)
	case zipped:
		flow = pipeline.Zip(flows[0], flows[1], "joined", func(_ context.Context, a, _ int) (int, error) { return a, nil }, s)
	case alone:
	}

	if fatal {
		r.fatal = rapid.IntRange(0, most).Draw(t, "fatal") * scale
		step := r.deadly()
		r.steps = append(r.steps, step)
		flow = step.build(flow)
	}

	kinds := []func() step{r.mapping, r.mapping, r.filter, r.flatten, r.batch, r.diamond, r.divide}
	for range rapid.IntRange(1, 5).Draw(t, "steps") {
		step := rapid.SampledFrom(kinds).Draw(t, "kind")()
		r.steps = append(r.steps, step)
		flow = step.build(flow)
	}

	pipeline.To[int](flow, "sink", r.sunk, pipeline.Stage{Capacity: rapid.IntRange(1, 5).Draw(t, "sink")})

	r.stop = time.Duration(rapid.IntRange(-1, 60).Draw(t, "stop after")) * time.Millisecond

	return r
}

// deadly is a mapping that fails the pipeline at one value.
func (w *world) deadly() step {
	name, s := w.name(), w.stage()
	s.Failed, s.Retry = pipeline.FailPipeline(), pipeline.Retry{}

	return step{
		build: func(f pipeline.Flow[int]) pipeline.Flow[int] {
			return pipeline.Map(f, name, func(ctx context.Context, v int) (int, error) {
				select { // not while the tree starts, whose failure it would be
				case <-time.After(time.Millisecond):
				case <-ctx.Done():
					return 0, ctx.Err()
				}

				if v == w.fatal {
					return 0, errFinal
				}

				return v, nil
			}, s)
		},
		means: func(in []int) []int { return in },
	}
}

// verdict is what an assertion in a bubble has to say. Draws and failures are rapid's own, and it knows failures by
// where they come from, so nothing of rapid happens in the bubble.
type verdict struct{ text string }

func (v *verdict) Errorf(format string, args ...any) { v.text += fmt.Sprintf(format, args...) }

func (v *verdict) FailNow() { panic(v) }

// play runs the pipeline in virtual time, until it is stopped or done, and checks what must hold however it ends.
func (r *random) play(t *testing.T, rt *rapid.T, check func(t require.TestingT, report *system.Report, err error)) {
	v := &verdict{}

	// On one processor: the race detector crashes if a bubble's timers fire on two (golang/go#78156).
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))

	synctest.Test(t, func(t *testing.T) { r.live(t, v, check) })

	if v.text != "" {
		rt.Fatal(v.text)
	}
}

// live is what happens in the bubble.
func (r *random) live(
	t *testing.T, v *verdict, check func(t require.TestingT, report *system.Report, err error),
) {
	defer func() {
		if p := recover(); p != nil && p != any(v) {
			panic(p)
		}
	}()

	o := quiet()
	o.Grace = time.Hour

	sys, err := system.Start(t.Context(), supervision.Tree{
		Name: "app", Budget: budget, Children: []supervision.Child{r.p},
	}, o)
	require.NoError(v, err)

	defer func() {
		sys.Force()
		<-sys.Done()
	}()

	if r.stop >= 0 {
		select {
		case <-time.After(r.stop):
		case <-waited(r.p):
		}
	} else {
		err = r.p.Wait(t.Context())
	}

	synctest.Wait() // until a failure has reached the supervisor

	report, _ := sys.Shutdown(t.Context())

	require.Zero(v, report.Unaccounted, "%v", report)

	for _, a := range report.Actors {
		require.Zero(v, a.Queued, a.Path)
	}

	require.Empty(v, r.sunk.faults)
	require.Zero(v, r.sunk.open)

	for _, s := range r.sources {
		require.Zero(v, s.opened)
		s.check(v, s.next) // each exactly once
	}

	check(v, report, err)
}

// outcome is what the pipeline has come to, once it has ended.
func (r *random) outcome() error { return r.p.Wait(context.Background()) }

// handed returns what the pipeline means for what was handed out, and whether the order is kept.
func (r *random) handed() (want []int, ordered bool) {
	for _, s := range r.sources {
		for i := range s.next {
			want = append(want, r.entered(s.base+i))
		}
	}

	if r.joined == zipped {
		want = want[:min(r.sources[0].next, r.sources[1].next)]
	}

	ordered = r.joined != merged
	for _, s := range r.steps {
		ordered = ordered && !s.loose
	}

	return r.meaning(want), ordered
}

// TestPipelinesMeanWhatAListMeans runs random pipelines with failures, delays, crashes and stops, in virtual time, and
// compares what comes out with the sequential meaning.
func TestPipelinesMeanWhatAListMeans(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := draw(rt, options(), false)

		r.play(t, rt, func(v require.TestingT, report *system.Report, err error) {
			require.NoError(v, err)
			require.NoError(v, report.Err())
			require.Zero(v, report.DeadLetters[mailbox.Quarantined])

			for _, s := range r.sources {
				require.Zero(v, s.check(v, s.next))
				require.EqualValues(v, s.next, s.done)
			}

			want, ordered := r.handed()
			got := r.sunk.all()

			if !ordered {
				slices.Sort(want)
				slices.Sort(got)
			}

			require.True(v, slices.Equal(want, got), "want %v\ngot  %v", want, got)
		})
	})
}

// within reports whether all of some values are among others, as often.
func within(part, all []int) bool {
	slices.Sort(part)
	slices.Sort(all)

	for _, v := range part {
		i, found := slices.BinarySearch(all, v)
		if !found {
			return false
		}

		all = all[i+1:]
	}

	return true
}

// TestAStopAtAnyMomentGivesBackWhatIsNotDone stops random pipelines whose stages have too little time to run empty:
// nothing comes out that should not, nothing is unaccounted, and each item is done or given back.
func TestAStopAtAnyMomentGivesBackWhatIsNotDone(t *testing.T) {
	cut := 0

	rapid.Check(t, func(rt *rapid.T) {
		o := options()
		o.Deadlines.Drain = time.Duration(rapid.IntRange(1, 20).Draw(rt, "drain")) * time.Millisecond
		r := draw(rt, o, false)

		r.play(t, rt, func(v require.TestingT, _ *system.Report, _ error) {
			want, _ := r.handed()
			require.True(v, within(r.sunk.all(), want))

			for _, s := range r.sources {
				cut += s.check(v, s.next)
			}
		})
	})

	require.Positive(t, cut, "no stop has cut anything short")
}

// TestAPipelineThatFailsGivesBackWhatIsNotDone has a value in random pipelines that fails them.
func TestAPipelineThatFailsGivesBackWhatIsNotDone(t *testing.T) {
	failed := 0

	rapid.Check(t, func(rt *rapid.T) {
		r := draw(rt, options(), true)

		r.play(t, rt, func(v require.TestingT, _ *system.Report, _ error) {
			want, _ := r.handed()
			require.True(v, within(r.sunk.all(), want))

			negative := 0
			for _, s := range r.sources {
				negative += s.check(v, s.next)
			}

			err := r.outcome()
			if err == nil { // it was stopped before, or there is no such item
				require.Zero(v, negative)

				return
			}

			failed++

			require.ErrorIs(v, err, errFinal)
			require.Positive(v, negative, "the item that failed it at least")
			require.Zero(v, r.sunk.count(origin(r.fatal)))
		})
	})

	require.Positive(t, failed, "no pipeline has failed")
}

// waited is closed when a pipeline has done everything.
func waited(p *pipeline.Pipeline) <-chan struct{} {
	c := make(chan struct{})

	go func() {
		defer close(c)

		_ = p.Wait(context.Background())
	}()

	return c
}
