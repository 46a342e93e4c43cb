package supervision

import "github.com/asynkron/protoactor-go/actor"

// SetChance sets the source of the full jitter of a strategy made by Protoactor.
func SetChance(s actor.SupervisorStrategy, chance func() float64) {
	if p, ok := s.(*protoactor); ok {
		p.chance = chance
	}
}

// Remembered returns how many children the guardian of a system remembers by a strategy made by Protoactor.
func Remembered(s actor.SupervisorStrategy, system *actor.ActorSystem) int {
	p, ok := s.(*protoactor)
	if !ok {
		return 0
	}

	o := p.guardian(system)

	o.mu.Lock()
	defer o.mu.Unlock()

	return len(o.children)
}
