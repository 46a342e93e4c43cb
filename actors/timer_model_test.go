package actors_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/actors"
)

// clockwork is an actor with timers as a child would write it. Messages come at whole milliseconds and take whole ones;
// each timer has an odd length of its own, so that ticks and messages never meet, and ticks seldom.
type clockwork struct {
	now    time.Duration // since it began
	hand   *modelJob
	until  time.Duration // when the message in hand is over
	queue  []modelJob
	timers []*modelTimer
	due    []*modelTimer
	turn   bool // a message has had its turn since the last round of ticks
	log    []string
	tied   bool // two ticks became due at one moment: either may come first
}

type modelTimer struct {
	name         string
	next, period time.Duration
}

// modelJob is a message: it takes a while, and then does something.
type modelJob struct {
	name  string
	takes time.Duration
	do    func(c *clockwork)
}

func (c *clockwork) note(what string) { c.log = append(c.log, fmt.Sprint(what, " ", c.now)) }

func (c *clockwork) set(name string, d, period time.Duration) {
	c.timers = append(c.timers, &modelTimer{name: name, next: c.now + d, period: period})
}

func (c *clockwork) cancel(name string) bool {
	is := func(t *modelTimer) bool { return t.name == name }
	had := slices.ContainsFunc(c.timers, is)
	c.timers, c.due = slices.DeleteFunc(c.timers, is), slices.DeleteFunc(c.due, is)

	return had
}

// advance lets time pass.
func (c *clockwork) advance(d time.Duration) {
	for end := c.now + d; ; {
		c.work()

		if c.now == end {
			return
		}

		next := end
		if c.hand != nil {
			next = min(next, c.until)
		}

		for _, t := range c.timers {
			if t.next > c.now {
				next = min(next, t.next)
			}
		}

		c.now = next

		fired := 0

		for _, t := range c.timers {
			if t.next == c.now {
				c.due = append(c.due, t)
				fired++
			}
		}

		c.tied = c.tied || fired > 1
	}
}

// work handles what there is while the actor is free.
func (c *clockwork) work() {
	for c.hand == nil || c.until <= c.now {
		if j := c.hand; j != nil {
			c.hand = nil
			c.note(j.name)
			j.do(c)
		}

		switch {
		case len(c.due) > 0 && (c.turn || len(c.queue) == 0):
			c.turn = false
			due := c.due
			c.due = nil

			for _, t := range due {
				c.tick(t)
			}
		case len(c.queue) > 0:
			c.hand, c.turn = &c.queue[0], true
			c.queue, c.until = c.queue[1:], c.now+c.hand.takes
		default:
			return
		}
	}
}

func (c *clockwork) tick(t *modelTimer) {
	c.note(t.name)

	if t.period == 0 {
		c.cancel(t.name)

		return
	}

	for t.next <= c.now { // those that it has missed
		t.next += t.period
	}
}

// timerStep is one step of a history of timers.
type timerStep struct {
	what  string
	takes time.Duration // of a message
	d     time.Duration // of a timer or of a pause
	timer int           // that is set or cancelled
}

// String prints the step for a history that has failed.
func (s timerStep) String() string {
	return fmt.Sprintf("%s #%d takes %v, %v", s.what, s.timer, s.takes, s.d)
}

func timerSteps(t *rapid.T) []timerStep {
	var (
		all    []timerStep
		timers int
	)

	ms := func(most int, label string) time.Duration {
		return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Millisecond
	}

	for range rapid.IntRange(1, 40).Draw(t, "steps") {
		s := timerStep{what: rapid.SampledFrom([]string{
			"after", "every", "every", "cancel", "nothing", "nothing", "pause", "pause", "restart",
		}).Draw(t, "what")}

		switch s.what {
		case "after", "every":
			if timers == len(odd) {
				s.what = "nothing"

				break
			}

			s.d, s.timer = time.Millisecond+ms(5, "d")+odd[timers], timers
			timers++
		case "cancel":
			s.timer = rapid.IntRange(0, len(odd)-1).Draw(t, "timer")
		case "pause":
			s.d = ms(20, "d")
		}

		if rapid.Bool().Draw(t, "slow") {
			s.takes = ms(6, "takes")
		}

		all = append(all, s)
	}

	return append(all, timerStep{what: "pause", d: 100 * time.Millisecond})
}

// odd are lengths of which no small multiples are the same.
var odd = []time.Duration{14142, 17320, 22360, 26457, 33166, 36055, 41231, 43588, 47958, 53851, 55677, 60827}

func TestRandomTimers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := timerSteps(rt)

		var (
			want, got []string
			tied      bool
		)

		synctest.Test(t, func(t *testing.T) { want, got, tied = playTimers(t, steps) })

		if tied {
			return
		}

		require.Equal(rt, strings.Join(want, "\n"), strings.Join(got, "\n"), "%v", steps)
	})
}

// playTimers plays a history to the model and to an actor, and returns what each has to say.
func playTimers(t *testing.T, steps []timerStep) (want, got []string, tied bool) {
	model, l := &clockwork{}, newLog()
	s := play(t, &part{})
	set := make(map[int]*actors.Timer[job])

	send := func(step timerStep, do func(c *clockwork), really job) {
		model.queue = append(model.queue, modelJob{step.what, step.takes, do})
		tell(t, s.ref(), func(ctx *actors.Context[job]) error {
			if step.takes > 0 {
				<-time.After(step.takes)
			}

			_ = l.entry(step.what)(ctx)

			return really(ctx)
		})
	}
	pause := func(d time.Duration) {
		pass(d)
		model.advance(d)
	}

	for _, step := range steps {
		name := fmt.Sprint("tick of ", step.timer)

		switch step.what {
		case "after":
			send(step, func(c *clockwork) { c.set(name, step.d, 0) }, func(ctx *actors.Context[job]) (err error) {
				set[step.timer], err = ctx.After(step.d, l.entry(name))

				return err
			})
		case "every":
			send(step, func(c *clockwork) { c.set(name, step.d, step.d) }, func(ctx *actors.Context[job]) (err error) {
				set[step.timer], err = ctx.Every(step.d, l.entry(name))

				return err
			})
		case "restart":
			send(step, func(c *clockwork) { c.timers, c.due = nil, nil }, fail)
		case "nothing":
			send(step, func(*clockwork) {}, nothing)
		case "cancel":
			pause(0)
			model.note(fmt.Sprint("cancelled ", model.cancel(name)))
			l.note(fmt.Sprint("cancelled ", set[step.timer].Cancel(), " ", time.Since(l.began)))
		case "pause":
			pause(step.d)
		}
	}

	return model.log, l.read(), model.tied
}
