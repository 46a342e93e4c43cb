package system

import (
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/eventstream"
)

// newProtoactor makes the protoactor system that the actors are registered in.
//
// Its event stream is a new one. The one protoactor makes has a subscriber that, for its own log of dead letters,
// starts a goroutine that nobody waits for; the office does that logging, and what else the subscriber does is done by
// [answerDeadLetter].
func newProtoactor() (p *actor.ActorSystem, own *eventstream.EventStream) {
	config := actor.NewConfig()
	config.LoggerFactory = func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }

	p, own = actor.NewActorSystemWithConfig(config), eventstream.NewEventStream()
	p.EventStream = own
	own.Subscribe(func(event any) {
		if e, ok := event.(*actor.DeadLetterEvent); ok {
			answerDeadLetter(p, e)
		}
	})

	return p, own
}

// answerDeadLetter tells who waits for an answer that there will be none: a request fails at once, and a watch of an
// actor that is gone gets its Terminated.
func answerDeadLetter(p *actor.ActorSystem, e *actor.DeadLetterEvent) {
	if e.Sender != nil {
		p.Root.Send(e.Sender, &actor.DeadLetterResponse{})
	}

	watch, ok := e.Message.(*actor.Watch)
	if !ok {
		return
	}

	if watcher, ok := p.ProcessRegistry.Get(watch.GetWatcher()); ok {
		watcher.SendSystemMessage(watch.GetWatcher(), &actor.Terminated{
			Who: e.PID, Why: actor.TerminatedReason_NotFound,
		})
	}
}
