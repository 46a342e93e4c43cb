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

	c := s.conductor
	members := c.members()
	all := make([]NodeHealth, len(members))
	answers := make([]func(context.Context) error, len(all))

	for i, at := range members { // all are asked before the first is waited for
		v := at.view
		all[i] = NodeHealth{
			Path: v.Path, State: v.State.String(), Since: v.Since, Incarnation: v.Incarnation,
			Restarts: v.Restarts, RestartsLeft: c.restartsLeft(at.id), LastFailure: v.LastFailure,
			Abandoned: len(v.Abandoned),
		}

		if at.node == nil {
			continue
		}

		all[i].Queued = at.node.Queued()

		if v.State == lifecycle.Running {
			answers[i] = at.node.AskHealth()
		}
	}

	for i, answer := range answers {
		if answer != nil {
			all[i].Degraded = answer(ctx)
		}
	}

	return all
}

func (c *conductor) restartsLeft(id int) int {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.machine.RestartsLeft(id, time.Now())
}
