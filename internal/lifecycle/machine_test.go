package lifecycle_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/mailbox"
)

// TestTheLawsHoldInEveryWorld runs random trees in random worlds; see law for what is checked. To look closer at one
// failure, run it again with the -rapid.failfile that is printed.
func TestTheLawsHoldInEveryWorld(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.run()

		if w.machine.Phase() != lifecycle.Done {
			t.Fatalf("BROKEN: it does not end: phase %v", w.machine.Phase())
		}

		w.retell()
	})
}

// retell tells another machine the same history: it must decide the same.
func (w *world) retell() {
	told := w.history
	config := w.config
	config.Unfinished = func(int) int { return shift(&told.queued) }
	config.Chance = func() float64 { return shift(&told.chances) }
	config.AtOnce = func(int, mailbox.Command) (bool, mailbox.Command) {
		a := shift(&told.atOnce)

		return a.done, a.hooks
	}

	m := lifecycle.New(config)

	for i, in := range told.inputs {
		for _, e := range m.Step(told.times[i], in) {
			if text := w.effect(e); text != shift(&told.effects) {
				w.t.Fatalf("BROKEN: told the same again, it decides otherwise: %s", text)
			}
		}
	}

	if len(told.effects) > 0 {
		w.t.Fatalf("BROKEN: told the same again, it forgets: %s", told.effects[0])
	}
}

func shift[T any](list *[]T) (first T) {
	if len(*list) > 0 {
		first = (*list)[0]
		*list = (*list)[1:]
	}

	return first
}
