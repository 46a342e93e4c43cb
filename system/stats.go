package system

import "github.com/troupe-go/troupe/mailbox"

// ActorStats is what one actor's mailbox has counted so far.
type ActorStats struct {
	mailbox.Stats

	// Path of the actor.
	Path string
}

// Stats returns what every actor has counted so far, in the tree's order; what the children of a group that are no
// longer there have counted together stands under the group's path with "/*". Each actor's figures were true together
// at an instant; the actors are read one after the other.
func (s *System) Stats() []ActorStats {
	if s.nobody() {
		return nil
	}

	var all []ActorStats

	for _, m := range s.conductor.members() {
		switch {
		case m.node != nil:
			all = append(all, ActorStats{Path: m.view.Path, Stats: m.node.Stats()})
		case m.departed != nil:
			all = append(all, ActorStats{Path: m.view.Path + "/*", Stats: m.departed.Stats})
		}
	}

	return all
}
