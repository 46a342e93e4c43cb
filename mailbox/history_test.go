package mailbox_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/mailbox"
)

var policies = []mailbox.Overflow{mailbox.Block, mailbox.Reject, mailbox.DropNewest, mailbox.DropOldest}

// anyPolicy draws an overflow policy.
func anyPolicy() *rapid.Generator[mailbox.Overflow] {
	return rapid.SampledFrom(policies)
}

// anyFairness draws bounds that are reached soon, and none.
func anyFairness() *rapid.Generator[int] { return rapid.SampledFrom([]int{1, 2, 3, 4, mailbox.Strict}) }

// anyThroughput draws turns that end within a batch and turns that do not.
func anyThroughput() *rapid.Generator[int] {
	return rapid.SampledFrom([]int{1, 2, 3, 10, mailbox.DefaultThroughput})
}

func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.SampledFrom([]int{1, 2, 3, 8, 9, 40})
		m := newModel(t, mailbox.Options{
			Capacity: capacity.Draw(t, "capacity"), Overflow: anyPolicy().Draw(t, "policy"),
			Control: capacity.Draw(t, "control"), ControlOverflow: anyPolicy().Draw(t, "control policy"),
			Fairness: anyFairness().Draw(t, "fairness"), Throughput: anyThroughput().Draw(t, "throughput"),
		})

		all := steps()
		actions := map[string]func(*rapid.T){"": func(*rapid.T) { m.check() }}

		for at, s := range all {
			actions[s.name] = func(t *rapid.T) {
				arg := rapid.IntRange(0, 255).Draw(t, "arg")

				// One that is impossible now stands for the next that is possible: rapid gives up on a history with too
				// many steps that are skipped, after three on average.
				for skip := 0; !all[(at+skip)%len(all)].do(m, arg); {
					skip++
				}
			}
		}

		// The everyday steps more often than those that end something.
		for _, name := range []string{"TrySend", "SendTicket", "Take", "Next", "Begin", "Stash"} {
			actions[name+"2"], actions[name+"3"] = actions[name], actions[name]
		}

		for range 5 { // each is 30 steps on average
			t.Repeat(actions)
		}
	})
}

// fuzzHeader is how many bytes of a fuzzed history say how the mailbox is made.
const fuzzHeader = 5

// fuzzed returns the options that the header of a fuzzed history stands for: capacities, policies, fairness and
// throughput.
func fuzzed(header []byte) mailbox.Options {
	policies := int(header[2])

	fairness := int(header[3])%5 + 1
	if fairness == 5 {
		fairness = mailbox.Strict
	}

	return mailbox.Options{
		Capacity: int(header[0])%130 + 1, Overflow: mailbox.Block + mailbox.Overflow(policies%4),
		Control: int(header[1])%10 + 1, ControlOverflow: mailbox.Block + mailbox.Overflow(policies/4%4),
		Fairness: fairness, Throughput: int(header[4]), // 0 is the default
	}
}

// FuzzHistory does what the bytes say: after the header come pairs of a step and its argument.
func FuzzHistory(f *testing.F) {
	f.Fuzz(func(t *testing.T, history []byte) {
		const most = 1024 // bytes; longer histories repeat themselves

		if len(history) < fuzzHeader || len(history) > most {
			return
		}

		m := newModel(t, fuzzed(history))
		all := steps()

		for at := fuzzHeader; at+1 < len(history); at += 2 {
			all[int(history[at])%len(all)].do(m, int(history[at+1]))
			m.check()
		}
	})
}
