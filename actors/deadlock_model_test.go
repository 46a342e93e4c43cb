package actors_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// puppets are actors that do, in the middle of every message, what the test tells them to, one thing after the other.
// Beside each the test keeps what it ought to be doing.
type puppets struct {
	*stage

	all   []*puppet
	asks  []*question
	story []string
}

// puppet is one actor and its model.
type puppet struct {
	name    string
	orders  chan job
	last    error              // of its last order
	give    context.CancelFunc // gives up the wait of its last order
	helpers []chan struct{}    // end its goroutines

	// The model.

	queue   []*question // nil for a message that is no question
	line    []*arrival  // of senders that wait for room
	busy    bool        // with a message
	waiting bool        // in the middle of it
	told    bool        // its last order ended in a deadlock
}

// question is an ask and its model.
type question struct {
	asker  *puppet
	port   actors.Reply[string]
	holder *puppet // who is to answer; nil while it waits for room or when it is over
	queued bool
}

// arrival is a message of a puppet that waits for room.
type arrival struct {
	*question

	from *puppet
}

const puppetCapacity = 1

func newPuppets(t *testing.T, n int) *puppets {
	t.Helper()

	w := &puppets{}
	parts := make([]*part, n)

	for i := range parts {
		parts[i] = &part{name: name(i), spec: supervision.Spec{Mailbox: &mailbox.Options{Capacity: puppetCapacity}}}
		w.all = append(w.all, &puppet{name: name(i), orders: make(chan job)})
	}

	w.stage = play(t, parts...)

	return w
}

// acts returns a message in whose middle a puppet takes orders until one is nil.
func (p *puppet) acts() job {
	return func(ctx *actors.Context[job]) error {
		for j := range p.orders {
			if j == nil {
				return nil
			}

			if err := j(ctx); err != nil {
				return err
			}
		}

		return nil
	}
}

// order has a puppet do something that can wait.
func (p *puppet) order(do func(ctx context.Context) error) {
	p.last, p.told, p.waiting = errWaits, false, false
	p.orders <- func(ctx *actors.Context[job]) error {
		limited, cancel := context.WithCancel(ctx)
		defer cancel()

		p.give = cancel
		p.last = do(limited)

		return nil
	}
	synctest.Wait()
}

// errWaits stands for the outcome of an order that has none yet.
var errWaits = errors.New("waits")

// next returns whom a puppet waits for in the model, if that one can do nothing for it while it waits itself.
func (w *puppets) next(p *puppet) *puppet {
	for _, other := range w.all {
		if slices.ContainsFunc(other.line, func(a *arrival) bool { return a.from == p }) {
			return other
		}
	}

	for _, q := range w.asks {
		if q.asker == p && q.holder != nil && (q.queued || len(q.holder.helpers) == 0) {
			return q.holder
		}
	}

	return nil
}

// cycle reports whether a puppet waits for itself in the model.
func (w *puppets) cycle(p *puppet) bool {
	at := p
	for range w.all {
		if at = w.next(at); at == p {
			return true
		}

		if at == nil {
			break
		}
	}

	return false
}

// arrives is the model of a message that comes.
func (w *puppets) arrives(from, to *puppet, q *question) {
	switch {
	case !to.busy:
		to.busy = true
	case len(to.queue) < puppetCapacity:
		to.queue = append(to.queue, q)
	default:
		to.line = append(to.line, &arrival{q, from})
		from.waiting = true

		return
	}

	if q != nil {
		q.holder, q.queued = to, slices.Contains(to.queue, q)
		q.asker.waiting = true
	}
}

// send has a puppet tell or ask another.
func (w *puppets) send(from, to *puppet, q *question) {
	from.told = false
	w.arrives(from, to, q)

	if from.waiting && w.cycle(from) {
		w.withdraw(from)

		to.queue = slices.DeleteFunc(to.queue, func(other *question) bool { return q != nil && other == q })
		from.told = true
	}

	ref := w.refs[to.name]

	from.orderKeeping(func(ctx context.Context) error {
		if q == nil {
			return ref.Tell(ctx, to.acts())
		}

		_, err := actors.Ask(ctx, ref, func(r actors.Reply[string]) job {
			q.port = r

			return to.acts()
		})

		return err
	})
}

// orderKeeping is order for what the model has decided on.
func (p *puppet) orderKeeping(do func(ctx context.Context) error) {
	waiting, told := p.waiting, p.told
	p.order(do)
	p.waiting, p.told = waiting, told
}

// withdraw ends the wait of a puppet in the model. What it has asked stays queued.
func (w *puppets) withdraw(p *puppet) {
	p.waiting = false

	for _, other := range w.all {
		other.line = slices.DeleteFunc(other.line, func(a *arrival) bool { return a.from == p })
	}

	w.asks = slices.DeleteFunc(w.asks, func(q *question) bool { return q.asker == p })
}

// alarm tells who asks p in a cycle, in the model.
func (w *puppets) alarm(p *puppet) {
	for _, q := range slices.Clone(w.asks) {
		if q.holder == p && w.cycle(q.asker) {
			w.withdraw(q.asker)
			q.asker.told = true
		}
	}
}

// over has a puppet end its message.
func (w *puppets) over(p *puppet) {
	p.busy = len(p.queue) > 0
	if p.busy {
		if q := p.queue[0]; q != nil {
			q.queued = false
		}

		p.queue = p.queue[1:]

		if len(p.line) > 0 {
			a := p.line[0]
			p.line, a.from.waiting = p.line[1:], false
			w.arrives(a.from, p, a.question)
		}
	}

	p.orders <- nil
	synctest.Wait()
}

// step does one thing, if the puppet can.
func (w *puppets) step(what string, p, to *puppet, n int) {
	free := p.busy && !p.waiting

	switch held := w.held(p); {
	case what == "begin" && len(p.queue) < puppetCapacity && len(p.line) == 0:
		w.arrives(nil, p, nil)
		_ = w.refs[p.name].TryTell(p.acts())
	case what == "tell" && free:
		w.send(p, to, nil)
	case what == "ask" && free:
		q := &question{asker: p}
		w.asks = append(w.asks, q)
		w.send(p, to, q)
	case what == "answer" && free && len(held) > 0:
		q := held[n%len(held)]
		w.withdraw(q.asker)
		p.order(func(context.Context) error { return q.port.Send("") })
	case what == "forward" && free && len(held) > 0 && len(to.queue) < puppetCapacity && to != p:
		q := held[n%len(held)]
		w.arrives(p, to, q)
		w.alarm(to)
		p.order(func(ctx context.Context) error {
			return actors.Forward(ctx, w.refs[to.name], q.port, func(actors.Reply[string]) job { return to.acts() })
		})
	case what == "help" && free:
		w.help(p)
	case what == "leave" && len(p.helpers) > 0:
		end := p.helpers[0]
		p.helpers = p.helpers[1:]

		w.alarm(p)
		close(end)
	case what == "give up" && p.waiting:
		w.withdraw(p)
		p.give()
	case what == "over" && free:
		w.over(p)
	default:
		return
	}

	w.story = append(w.story, fmt.Sprint(what, " ", p.name, " ", to.name))

	synctest.Wait()
}

// help has a puppet start a goroutine.
func (w *puppets) help(p *puppet) {
	end := make(chan struct{})
	p.helpers = append(p.helpers, end)
	p.orders <- func(ctx *actors.Context[job]) error {
		return ctx.Go(func(context.Context) error {
			<-end

			return nil
		})
	}
}

// held returns the questions a puppet has in its hands.
func (w *puppets) held(p *puppet) (all []*question) {
	for _, q := range w.asks {
		if q.holder == p && !q.queued {
			all = append(all, q)
		}
	}

	return all
}

// check compares the puppets with their model.
func (w *puppets) check() error {
	for _, p := range w.all {
		waits := errors.Is(p.last, errWaits)
		told := errors.As(p.last, new(*actors.DeadlockError))

		if waits != p.waiting || told != p.told {
			return fmt.Errorf("%v waits %v, told %v; should be %v, %v: %w", p.name, waits, told, p.waiting, p.told, p.last)
		}
	}

	return nil
}

// end lets everybody go.
func (w *puppets) end() {
	for _, p := range w.all {
		close(p.orders)

		if p.give != nil {
			p.give()
		}

		for _, end := range p.helpers {
			close(end)
		}
	}

	synctest.Wait()
}

// Whatever actors do to each other, one is told of a deadlock exactly when the model has a cycle, and nobody waits on
// one. In the bubble a wait is one that only the test could end.
func TestDeadlocksAgainstAModel(t *testing.T) {
	kinds := []string{
		"begin", "tell", "tell", "ask", "ask", "ask", "answer", "forward", "help", "leave", "give up", "over", "over",
	}

	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(rt, "actors")
		script := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) [4]int {
			return [4]int{
				rapid.IntRange(0, len(kinds)-1).Draw(rt, "what"), rapid.IntRange(0, n-1).Draw(rt, "who"),
				rapid.IntRange(0, n-1).Draw(rt, "to"), rapid.IntRange(0, 3).Draw(rt, "which"),
			}
		}), 0, 60).Draw(rt, "script")

		var (
			err   error
			story []string
		)

		synctest.Test(t, func(t *testing.T) {
			w := newPuppets(t, n)
			for _, p := range w.all {
				w.step("begin", p, p, 0)
			}

			for _, s := range script {
				w.step(kinds[s[0]], w.all[s[1]], w.all[s[2]], s[3])

				if err = w.check(); err != nil {
					break
				}
			}

			story = w.story
			w.end()
		})
		require.NoError(rt, err, strings.Join(story, "\n"))
	})
}
