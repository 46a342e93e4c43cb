package remotetest_test

import (
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/remote"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// far is a plain protoactor program: it watches the actor, sends to it, and prints when it has ended.
func far(address, id string) {
	protoactor := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
	remote.NewRemote(protoactor, remote.Configure("127.0.0.1", 0)).Start()

	mortal, err := protoactor.Root.SpawnNamed(actor.PropsFromFunc(func(c actor.Context) {
		if _, is := c.Message().(text); is {
			c.Stop(c.Self())
		}
	}), "mortal")
	if err != nil {
		sayf("%v", err)

		return
	}

	to := actor.NewPID(address, id)
	ended := make(chan struct{})

	protoactor.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case *actor.Started:
			c.Watch(to)
			c.Send(to, wrapperspb.String("from afar"))
			c.Send(to, wrapperspb.String("watch "+mortal.GetAddress()+" "+mortal.GetId()))
			c.Send(to, durationpb.New(time.Second)) // a type the actor does not take
		case *actor.Terminated:
			if m.GetWho().GetId() == to.GetId() {
				close(ended)
			}
		}
	}))
	<-ended
	sayf("terminated")
}
