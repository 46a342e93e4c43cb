package system

import (
	"context"
	"time"

	"github.com/troupe-go/troupe/internal/lifecycle"
)

// NodeHealth is how one actor or supervisor is.
type NodeHealth struct {
	// Path in the tree.
	Path string `json:"path"`
	// State, such as "running", "backing-off", "draining" or "stopped".
	State string `json:"state"`
	// Since is when it came into the state.
	Since time.Time `json:"since"`
	// Incarnation of an actor, beginning with 1.
	Incarnation uint64 `json:"incarnation,omitempty"`
	// Restarts of the node so far.
	Restarts int `json:"restarts"`
	// RestartsLeft in a supervisor's budget now.
	RestartsLeft int `json:"restarts_left"`
	// Queued messages of an actor.
	Queued int `json:"queued"`
	// Degraded is what the actor's Health hook says is wrong; nil if it is well or has none.
	Degraded error `json:"-"`
	// LastFailure of the node, or nil.
	LastFailure error `json:"-"`
	// Abandoned incarnations that have not come back.
	Abandoned int `json:"abandoned,omitempty"`
}

// Health returns how every node is, in the tree's order, supervisors before their children. It asks the running actors
// that have a Health hook, all at once, each between two of its messages, and waits for their answers until ctx ends;
// an actor that did not answer by then is degraded with the context's error.
func (s *System) Health(ctx context.Context) []NodeHealth {
	if ctx == nil {
		ctx = background
	}

	all := make([]NodeHealth, len(s.plan.Nodes))
	c := s.conductor

	c.mu.Lock()

	for i := range all {
		v := c.machine.View(i)
		all[i] = NodeHealth{
			Path: s.plan.Nodes[i].Path, State: v.State.String(), Since: v.Since, Incarnation: v.Incarnation,
			Restarts: v.Restarts, RestartsLeft: c.machine.RestartsLeft(i, time.Now()), LastFailure: v.LastFailure,
			Abandoned: len(v.Abandoned),
		}
	}

	c.mu.Unlock()

	answers := make([]func(context.Context) error, len(all))

	for i, n := range c.nodes { // all are asked before the first is waited for
		if n == nil {
			continue
		}

		all[i].Queued = n.Queued()

		if all[i].State == lifecycle.Running.String() {
			answers[i] = n.AskHealth()
		}
	}

	for i, answer := range answers {
		if answer != nil {
			all[i].Degraded = answer(ctx)
		}
	}

	return all
}
