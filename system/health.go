package system

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/supervision"
)

// NodeHealth is how an actor or a supervisor was when [System.Health] was asked, with all that is below it: a plain
// value that nobody else refers to. It marshals to JSON, errors as their texts, with what Live and Ready say.
type NodeHealth struct {
	// Path in the tree, such as "/shop/orders".
	Path string
	// Name is its last element.
	Name string
	// State it is in.
	State State
	// Since is when it came into the state; for degraded when it began to run. A node that waits to be started for the
	// first time has been starting since the system has.
	Since time.Time
	// Restart is its restart type, which Ready and Live of its supervisor depend on. The root has none.
	Restart supervision.Restart
	// Incarnation of an actor, beginning with 1; 0 before its first start.
	Incarnation uint64
	// Restarts of the node so far.
	Restarts int
	// RestartsLeft in a supervisor's budget now; 0 for an actor.
	RestartsLeft int
	// Queued is how many messages wait in an actor's mailbox.
	Queued int
	// Degraded is what the actor's Health hook says is wrong, or the error of the context if it did not answer in time;
	// nil if it is well or has no hook.
	Degraded error
	// LastFailure of the node, or nil. A failure long past is no sign of bad health.
	LastFailure error
	// Abandoned are the incarnations of an actor that hang: they did not return by their deadline and have not come
	// back. At most [supervision.MaxAbandoned], and one more at the stop.
	Abandoned []Hanging
	// Children of a supervisor in start order.
	Children []*NodeHealth

	group, pool bool // it is one
}

// Hanging is an incarnation that did not return by its deadline.
type Hanging struct {
	Incarnation uint64 `json:"incarnation"`
	// Step it hangs in: start, drain, flush, close or end.
	Step string `json:"step"`
	// Since is when it was given up on.
	Since time.Time `json:"since"`
}

// Health returns how the root is, and below it everybody. It asks the running actors that have a Health hook, all at
// once, each between two of its messages, and waits for their answers until ctx ends; an actor that has not answered by
// then is degraded with the context's error. A nil ctx never ends. The states of the tree are those of one moment;
// mailboxes and hooks are asked right after it. It is nil for a nil or zero System; of a nil node all methods say that
// nobody is there, and nothing is well, live or ready.
func (s *System) Health(ctx context.Context) *NodeHealth {
	if s.nobody() {
		return nil
	}

	if ctx == nil {
		ctx = background
	}

	sights := s.conductor.look(time.Now())

	for i := range sights {
		n := &sights[i]

		switch {
		case n.node == nil:
			continue
		case n.health.State == Running: // all are asked before the first is waited for
			n.answer = n.node.AskHealth()
		}

		n.health.Queued = n.node.Queued()
	}

	for i := range sights {
		n := &sights[i]
		if n.answer == nil {
			continue
		}

		if err := n.answer(ctx); err != nil {
			n.health.State, n.health.Degraded = Degraded, err
		}
	}

	return sights[0].health
}

// sight is a node as the conductor sees it.
type sight struct {
	listed

	health *NodeHealth
	answer func(context.Context) error // nil if there is nobody to ask
}

// look returns all nodes as they are now, the root first, linked to a tree.
func (c *conductor) look(now time.Time) []sight {
	left := make(map[int]int) // restarts left, by supervisor

	c.mu.Lock()

	all := c.list()
	ending := c.machine.Phase() >= lifecycle.Intake
	booted := c.machine.Began(lifecycle.Booting)

	for i := range all {
		if !all[i].view.Actor {
			left[all[i].id] = c.machine.RestartsLeft(all[i].id, now)
		}
	}

	c.mu.Unlock()

	sights := make([]sight, len(all))
	above := make(map[int]*sight) // supervisors by their id

	for i := range all {
		n := &sights[i]
		n.listed, n.health = all[i], healthOf(&all[i].view)
		n.health.RestartsLeft = left[n.id]

		if n.health.Since.IsZero() {
			n.health.Since = booted
		}

		if !n.view.Actor {
			above[n.id] = n
		}

		if up := above[n.view.Parent]; up == nil {
			n.health.State = stateOf(&n.view, nil, 0, ending)
		} else {
			n.health.State = stateOf(&n.view, &up.view, up.health.State, ending)
			up.health.Children = append(up.health.Children, n.health)
		}
	}

	return sights
}

// healthOf returns what a view says about a node's health.
func healthOf(v *lifecycle.View) *NodeHealth {
	h := &NodeHealth{
		Path: v.Path, Name: v.Path[strings.LastIndexByte(v.Path, '/')+1:], Since: v.Since, Restart: v.Restart,
		Incarnation: v.Incarnation, Restarts: v.Restarts, LastFailure: v.LastFailure,
		group: v.Group, pool: v.Pool,
	}

	for _, a := range v.Abandoned {
		h.Abandoned = append(h.Abandoned, Hanging{Incarnation: a.Incarnation, Step: a.Step, Since: a.At})
	}

	return h
}

// All yields the node and everything below it, depth first, supervisors before their children.
func (h *NodeHealth) All() iter.Seq[*NodeHealth] {
	return func(yield func(*NodeHealth) bool) { h.visit(yield) }
}

func (h *NodeHealth) visit(yield func(*NodeHealth) bool) bool {
	if h == nil {
		return true
	}

	if !yield(h) {
		return false
	}

	for _, c := range h.Children {
		if !c.visit(yield) {
			return false
		}
	}

	return true
}

// Unwell yields those of [NodeHealth.All] that are not well themselves: whatever it is that a supervisor is not ready
// for, and not the supervisor.
func (h *NodeHealth) Unwell() iter.Seq[*NodeHealth] {
	return func(yield func(*NodeHealth) bool) {
		for n := range h.All() {
			if !n.Well() && !yield(n) {
				return
			}
		}
	}
}

// Find returns the node at a path such as "/shop/orders", if that is this node or below it.
func (h *NodeHealth) Find(path string) (*NodeHealth, bool) {
	for n := range h.All() {
		if n.Path == path {
			return n, true
		}
	}

	return nil, false
}
