package mailbox_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/mailbox"
)

// anyDispatch draws every dispatch but Pinned, whose thousands of threads would show nothing more than Dedicated.
func anyDispatch() *rapid.Generator[mailbox.Dispatch] {
	return rapid.SampledFrom([]mailbox.Dispatch{mailbox.OnDemand, mailbox.Dedicated, mailbox.Synchronous})
}

func TestEveryMessageIsAccountedForInAStorm(t *testing.T) {
	for _, policy := range policies {
		for _, capacity := range []int{1, 7, 300} {
			for _, dispatch := range []mailbox.Dispatch{mailbox.OnDemand, mailbox.Dedicated, mailbox.Synchronous} {
				t.Run(fmt.Sprintf("%v at a capacity of %d, %v", policy, capacity, dispatch), func(t *testing.T) {
					s := newStorm(4, 400)
					s.rage(t, mailbox.Options{
						Capacity: capacity, Control: capacity, Overflow: policy, ControlOverflow: policy,
						Fairness: 3, Dispatch: dispatch,
					})
					s.verify(t)
				})
			}
		}
	}
}

// Histories of several goroutines: what each sender was told is true, its messages keep their order in their lane, and
// each is seen once.
func TestRandomStorms(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		capacity := rapid.SampledFrom([]int{1, 2, 3, 8, 9, 40})
		o := mailbox.Options{
			Capacity: capacity.Draw(rt, "capacity"), Overflow: anyPolicy().Draw(rt, "policy"),
			Control: capacity.Draw(rt, "control"), ControlOverflow: anyPolicy().Draw(rt, "control policy"),
			Fairness: anyFairness().Draw(rt, "fairness"), Throughput: anyThroughput().Draw(rt, "throughput"),
			Dispatch: anyDispatch().Draw(rt, "dispatch"),
		}
		s := newStorm(rapid.IntRange(1, 5).Draw(rt, "senders"), rapid.IntRange(1, 60).Draw(rt, "letters each"))
		s.calm = rapid.Bool().Draw(rt, "nothing is revoked")
		s.piecewise = rapid.Bool().Draw(rt, "piecewise")
		s.rage(t, o)
		s.verify(rt)
	})
}
