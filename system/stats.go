package system

import "github.com/troupe-go/troupe/mailbox"

// ActorStats is what one actor's mailbox has counted so far.
type ActorStats struct {
	mailbox.Stats

	// Path of the actor.
	Path string
}

// Stats returns what every actor has counted so far, in the tree's order. Each actor's figures were true
// together at an instant; the actors are read one after the other.
func (s *System) Stats() []ActorStats {
	var all []ActorStats

	for _, n := range s.conductor.nodes {
		if n != nil {
			all = append(all, ActorStats{Path: n.Path(), Stats: n.Stats()})
		}
	}

	return all
}
