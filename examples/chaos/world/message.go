package world

import (
	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/chaos/audit"
)

// Msg is what all actors of the world understand.
type Msg struct {
	audit.Stamp // zero if the actor sent it to itself: a tick, an idle timeout, a Terminated

	Deed  Deed
	Own   own
	Token uint64 // of the ask, the timer or the watch
	Reply actors.Reply[uint64]
	Back  actors.Ref[Msg] // who asks, if it is to be asked back
}

// own is what an actor is handed by itself.
type own uint8

const (
	tick own = iota + 1
	idle
	terminated
)
