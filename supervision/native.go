package supervision

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/actors"
)

// Native is the factory of a plain protoactor actor, as a child for [Actor]:
//
//	legacy := supervision.Actor("legacy", supervision.Native(props), supervision.Spec{})
//
// [actors.FromProps], which it calls for every incarnation, says how such an actor lives. A factory whose props need
// references to other actors calls that itself. Nil props are no factory: [Compile] reports them.
func Native(props *actor.Props) func(Deps) (actors.Actor[any], error) {
	if props == nil {
		return nil
	}

	return func(Deps) (actors.Actor[any], error) { return actors.FromProps(props), nil }
}
