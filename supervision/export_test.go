package supervision

import "github.com/asynkron/protoactor-go/actor"

// SetChance sets the source of the full jitter of a strategy made by Protoactor.
func SetChance(s actor.SupervisorStrategy, chance func() float64) {
	if p, ok := s.(*protoactor); ok {
		p.chance = chance
	}
}
