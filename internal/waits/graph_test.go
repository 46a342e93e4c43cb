package waits_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/internal/waits"
)

// party is an actor; its queue is itself.
type party struct {
	name                    string
	abandoned, helped, down bool
}

func (p *party) Path() string    { return p.name }
func (p *party) Queue() any      { return p }
func (p *party) Abandoned() bool { return p.abandoned }
func (p *party) Helped() bool    { return p.helped }
func (p *party) Owner() any      { return p }

func (p *party) Down() (path string, is bool) { return p.name, p.down }

// wait is a wait that the test decides on.
type wait struct {
	to      *party
	inHands bool
	over    bool
	told    waits.Cycle
	// released is whom it was for when it was ended for a party that is told to halt.
	released string
}

func (w *wait) For() (queue any, inHands bool) {
	if w.over {
		return nil, false
	}

	return w.to, w.inHands
}

func (w *wait) Break(c waits.Cycle) { w.told, w.over = c, true }

// graph is a graph and the parties a, b and c.
type graph struct {
	*waits.Graph

	a, b, c *party
}

func newGraph() *graph {
	return &graph{waits.New(), &party{name: "a"}, &party{name: "b"}, &party{name: "c"}}
}

func (g *graph) fall(p *party) {
	p.down = true
	g.Down(p)
}

func (g *graph) rise(p *party) {
	p.down = false
	g.Up(p)
}

func (g *graph) edge(from *party, w waits.Wait) *waits.Edge {
	e := new(waits.Edge)
	g.Set(e, from, waits.Answer, w, nil)

	return e
}

func cycle(names ...string) (c waits.Cycle) {
	for _, n := range names {
		c = append(c, waits.Link{Path: n, Kind: waits.Answer})
	}

	return c
}

func TestEdgesThatCloseACycle(t *testing.T) {
	t.Run("are not entered", func(t *testing.T) {
		g := newGraph()
		assert.Nil(t, g.edge(g.a, &wait{to: g.b}).Enter())
		assert.Nil(t, g.edge(g.b, &wait{to: g.c}).Enter())
		assert.Equal(t, cycle("c", "a", "b"), g.edge(g.c, &wait{to: g.a}).Enter())
		assert.Nil(t, g.edge(g.c, &wait{to: &party{}}).Enter(), "it can wait for somebody else")
	})

	t.Run("do not after one of the others has left", func(t *testing.T) {
		g := newGraph()
		first := g.edge(g.a, &wait{to: g.b})
		assert.Nil(t, first.Enter())
		first.Leave()
		assert.Nil(t, g.edge(g.b, &wait{to: g.a}).Enter())
	})

	t.Run("do not if a wait is over", func(t *testing.T) {
		g := newGraph()
		w := &wait{to: g.b}
		assert.Nil(t, g.edge(g.a, w).Enter())

		w.over = true

		assert.Nil(t, g.edge(g.b, &wait{to: g.a}).Enter())
	})

	t.Run("do not if one of the others gives up", func(t *testing.T) {
		g := newGraph()
		done := make(chan struct{})
		e := new(waits.Edge)
		g.Set(e, g.a, waits.Answer, &wait{to: g.b}, done)
		assert.Nil(t, e.Enter())
		close(done)
		assert.Nil(t, g.edge(g.b, &wait{to: g.a}).Enter())
	})

	t.Run("do not if a goroutine has in its hands what is waited for", func(t *testing.T) {
		for _, inHands := range []bool{false, true} {
			g := newGraph()
			g.b.helped = true
			assert.Nil(t, g.edge(g.a, &wait{to: g.b, inHands: inHands}).Enter())
			assert.Equal(t, inHands, g.edge(g.b, &wait{to: g.a}).Enter() == nil)
		}
	})

	t.Run("do not if the one who waits is abandoned, and its successor can wait", func(t *testing.T) {
		g := newGraph()
		old := g.edge(g.b, &wait{to: g.a})
		assert.Nil(t, old.Enter())

		g.b.abandoned = true

		assert.Nil(t, g.edge(g.a, &wait{to: g.b}).Enter())

		g.b.abandoned = false // the successor

		old.Leave()
		assert.NotNil(t, g.edge(g.b, &wait{to: g.a}).Enter())
	})

	t.Run("of an actor that waits already are not believed", func(t *testing.T) {
		g := newGraph()
		assert.Nil(t, g.edge(g.a, &wait{to: g.c}).Enter())

		second := g.edge(g.a, &wait{to: g.b})
		assert.Nil(t, second.Check(g.b))
		assert.Nil(t, second.Enter())
		assert.Nil(t, g.edge(g.b, &wait{to: g.a}).Enter())
		second.Leave()
		assert.NotNil(t, g.edge(g.c, &wait{to: g.a}).Enter(), "the first is")
	})

	t.Run("of a successor take the place of the abandoned one's", func(t *testing.T) {
		g := newGraph()
		old := *g.a
		before := new(waits.Edge)
		g.Set(before, &successor{&old, g.a}, waits.Answer, &wait{to: g.c}, nil)
		assert.Nil(t, before.Enter())

		old.abandoned = true

		assert.Nil(t, g.edge(g.a, &wait{to: g.b}).Enter())
		before.Leave()
		assert.NotNil(t, g.edge(g.b, &wait{to: g.a}).Enter())
	})

	t.Run("also by what they hold up on their goroutine", func(t *testing.T) {
		g := newGraph()
		e := g.edge(g.b, &wait{to: g.c})
		e.Below(g.a)
		assert.Nil(t, e.Enter())
		assert.Equal(t, waits.Cycle{{"c", waits.Answer}, {"a", waits.Turn}, {"b", waits.Answer}},
			g.edge(g.c, &wait{to: g.a}).Enter())
		e.Leave()
		assert.Nil(t, g.edge(g.c, &wait{to: g.a}).Enter())
	})
}

// successor is a party with the queue of another.
type successor struct {
	*party

	of *party
}

func (s *successor) Queue() any { return s.of }

func TestCheckTellsOfACycleThatAnEdgeWouldCloseAndLeavesNothing(t *testing.T) {
	g := newGraph()
	g.b.helped, g.a.helped = true, true

	e := g.edge(g.a, &wait{to: g.b, inHands: true})
	assert.Equal(t, cycle("a"), e.Check(g.a))
	assert.Nil(t, e.Check(g.b))
	assert.Nil(t, g.edge(g.b, &wait{to: g.a}).Enter())
	assert.Equal(t, cycle("a", "b"), e.Check(g.b))
	assert.Nil(t, e.Enter(), "what it waits for is in hands that help")
}

func TestRecheckTellsWhoWaitsInACycle(t *testing.T) {
	g := newGraph()
	g.Recheck(g.a)

	g.b.helped = true
	w := &wait{to: g.b, inHands: true}
	assert.Nil(t, g.edge(g.a, w).Enter())
	assert.Nil(t, g.edge(g.b, &wait{to: g.c}).Enter())
	g.Recheck(g.b)
	assert.Nil(t, g.edge(g.c, &wait{to: g.a}).Enter())
	g.Recheck(g.b)
	assert.Nil(t, w.told)

	g.b.helped = false

	g.Recheck(g.b)
	assert.Equal(t, cycle("a", "b", "c"), w.told)

	w.told = nil

	g.Recheck(g.b)
	assert.Nil(t, w.told, "it is told once")
}

func (w *wait) Release(path string) { w.released, w.over = path, true }

func TestWhoIsToldToHaltDoesNotWaitForWhoIsDown(t *testing.T) {
	waiting := func(t *testing.T) (g *graph, first, second *wait) {
		t.Helper()

		g = newGraph()
		first, second = &wait{to: g.b}, &wait{to: g.c}
		assert.Nil(t, g.edge(g.a, first).Enter())
		assert.Nil(t, g.edge(g.b, second).Enter())

		return g, first, second
	}

	t.Run("whichever comes first", func(t *testing.T) {
		g, first, second := waiting(t)
		g.Halt(g.a)
		assert.Empty(t, first.released)
		g.fall(g.c)
		assert.Equal(t, "b", first.released)
		assert.Empty(t, second.released)
		g.Halt(g.b)
		assert.Equal(t, "c", second.released)
		g.fall(g.a)
		g.rise(g.a)

		again := &wait{to: g.c}
		assert.Nil(t, g.edge(g.a, again).Enter())
		assert.Empty(t, again.released, "its successor is not told to halt")

		g.c.down = false

		g.Forget(g.c)
		g.Halt(g.a)
		assert.Empty(t, again.released, "who is gone for good is not down")
	})

	t.Run("unless that is taken back", func(t *testing.T) {
		g, first, _ := waiting(t)
		g.Halt(g.a)
		g.GoOn(g.a)
		g.fall(g.c)
		assert.Empty(t, first.released)
		g.Halt(g.a)
		assert.Equal(t, "b", first.released)
	})

	t.Run("but for who can be answered by a goroutine", func(t *testing.T) {
		g, first, _ := waiting(t)
		first.inHands, g.b.helped = true, true
		g.Halt(g.a)
		g.fall(g.c)
		assert.Empty(t, first.released)

		g.b.helped = false

		g.Recheck(g.b)
		assert.Equal(t, "b", first.released)
	})

	t.Run("and what one says that is abandoned counts for nothing", func(t *testing.T) {
		g, first, second := waiting(t)
		g.Halt(g.b) // the successor
		g.b.abandoned = true
		g.Down(g.b)
		g.Up(g.b)

		g.b.abandoned = false

		g.fall(g.c)
		assert.Equal(t, "c", second.released)
		assert.Empty(t, first.released)
	})

	t.Run("nor for one that is abandoned", func(t *testing.T) {
		g, first, second := waiting(t)
		g.Halt(g.a)
		g.Halt(g.c)
		g.c.abandoned, g.c.down = true, true
		g.Abandon(g.c)
		assert.Equal(t, "b", first.released)
		assert.Empty(t, second.released)
	})

	t.Run("nor for a turn that does", func(t *testing.T) {
		g := newGraph()
		w := &wait{to: g.c}
		e := g.edge(g.b, w)
		e.Below(g.a)
		assert.Nil(t, e.Enter())
		g.fall(g.c)
		g.Halt(g.a)
		assert.Equal(t, "c", w.released)
	})
}

func TestNilEdgesDoNothing(t *testing.T) {
	var e *waits.Edge

	assert.Nil(t, e.Enter())
	assert.Nil(t, e.Check(e))
	e.Leave()
}

// deep is a loop that calls itself and finds the depth at the end.
type deep struct {
	g     *waits.Graph
	calls int // of ordinary functions
	runs  int // of further loops
	depth int
}

//go:noinline
func (d *deep) Loop() { d.call(d.calls) }

func (d *deep) call(n int) {
	switch {
	case n > 0:
		d.call(n - 1)
	case d.runs > 0:
		d.runs--
		waits.Run(d)
	default:
		d.depth = d.g.Depth()
	}
}

func TestDepth(t *testing.T) {
	g := waits.New()
	assert.Zero(t, g.Depth())

	for _, calls := range []int{0, 1, 50, 58, 59, 60, 61, 62, 63, 64, 65, 500} {
		for runs := range 3 {
			d := &deep{g: g, calls: calls, runs: runs}
			waits.Run(d)
			assert.Equal(t, runs+1, d.depth, "%d calls", calls)
		}
	}

	d := &deep{g: g}
	done := make(chan struct{})

	waits.Run(loop(func() {
		go func() {
			defer close(done)

			d.call(3)
		}()
		<-done
	}))
	assert.Zero(t, d.depth, "another goroutine is not in it")
}

type loop func()

//go:noinline
func (f loop) Loop() { f() }
