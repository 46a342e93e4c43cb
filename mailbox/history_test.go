package mailbox_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/mailbox"
)

func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.SampledFrom([]int{1, 2, 3, 8, 9, 40})
		m := newModel(t, capacity.Draw(t, "capacity"), capacity.Draw(t, "control"),
			rapid.SampledFrom([]mailbox.Overflow{mailbox.Block, mailbox.Reject}).Draw(t, "policy"))

		actions := map[string]func(*rapid.T){"": func(*rapid.T) { m.check() }}
		add := func(name string, s step) {
			actions[name] = func(t *rapid.T) {
				if !s.do(m, rapid.IntRange(0, 255).Draw(t, "arg")) {
					t.Skip("impossible now")
				}
			}
		}

		for _, s := range steps() {
			add(s.name, s)

			switch s.name { // the everyday steps more often than those that end something
			case "TrySend", "Take", "Begin":
				add(s.name+"2", s)
				add(s.name+"3", s)
			}
		}

		t.Repeat(actions)
	})
}

// FuzzHistory does what the bytes say: the first two are capacities and policy, then come pairs of a step and its
// argument.
func FuzzHistory(f *testing.F) {
	f.Fuzz(func(t *testing.T, history []byte) {
		const most = 1024 // bytes; longer histories repeat themselves

		if len(history) < 2 || len(history) > most {
			return
		}

		m := newModel(t, int(history[0])%130+1, int(history[1])%10+1, mailbox.Block+mailbox.Overflow(history[1])%2)
		all := steps()

		for at := 2; at+1 < len(history); at += 2 {
			all[int(history[at])%len(all)].do(m, int(history[at+1]))
			m.check()
		}
	})
}
