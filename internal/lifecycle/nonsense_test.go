package lifecycle_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
)

// TestNothingItIsToldMakesItPanic tells a machine what no actor would: any report at any time.
func TestNothingItIsToldMakesItPanic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		m := lifecycle.New(w.config)
		m.Step(w.now, lifecycle.Boot{})

		var actors []int

		for id, f := range w.fakes {
			if f != nil {
				actors = append(actors, id)
			}
		}

		for range w.percent("how many") {
			w.now = w.now.Add(w.delay("after", 50))

			var in lifecycle.Input = lifecycle.Tick{}

			switch n := w.percent("what"); {
			case n < 10:
			case n < 12:
				in = lifecycle.Shutdown{}
			case n < 13:
				in = lifecycle.Force{}
			case len(actors) == 0:
			case n < 15:
				target := rapid.IntRange(0, len(w.fakes)-1).Draw(t, "part")
				_, all, _ := m.Part(target)
				in = lifecycle.StopPart{Target: target, Mode: node.Poison, Members: all}
			case n < 20:
				in = lifecycle.StopOne{ID: rapid.SampledFrom(actors).Draw(t, "whom"), Mode: node.Poison}
			default:
				id := rapid.SampledFrom(actors).Draw(t, "who")
				r := node.Report{
					ID: id, Incarnation: m.View(id).Incarnation,
					Event:     node.Event(rapid.IntRange(int(node.Started), int(node.Returned)).Draw(t, "event")),
					Directive: w.directive(),
				}

				if r.Event == node.Failing || rapid.Bool().Draw(t, "with an error") {
					r.Err = errFake
				}

				in = lifecycle.Report{Report: r}
			}

			for _, e := range m.Step(w.now, in) {
				t.Logf("%6v %s → %s", w.now.Sub(w.start).Round(time.Millisecond), w.input(in), w.effect(e))
			}
		}
	})
}
