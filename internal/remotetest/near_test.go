package remotetest_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/remote"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

type text = *wrapperspb.StringValue

// sayf prints a line for the test.
func sayf(format string, args ...any) { _, _ = fmt.Fprintf(os.Stdout, format+"\n", args...) }

// near runs a tree with one actor in a protoactor system that can be reached. It prints the actor's identity, what the
// actor gets, also of the end of an actor it watches, and what it does not, and the end of the report when its standard
// input is closed.
func near() error {
	var protoactor *actor.ActorSystem

	echo := supervision.Actor("echo", func(supervision.Deps) (actors.Func[text], error) {
		return func(ctx *actors.Context[text], m text) error {
			if id, is := strings.CutPrefix(m.GetValue(), "watch "); is {
				return watch(ctx, protoactor, id)
			}

			sayf("got %s", m.GetValue())

			return nil
		}, nil
	}, supervision.Spec{})

	sys, err := system.Start(context.Background(), supervision.Tree{
		Name: "near", Budget: supervision.Budget{Restarts: 1, Within: time.Second}, Children: supervision.On(echo),
	}, system.Options{
		Logger: slog.New(slog.DiscardHandler),
		Prepare: func(p *actor.ActorSystem) error {
			protoactor = p
			remote.NewRemote(p, remote.Configure("127.0.0.1", 0)).Start()

			return nil
		},
	})
	if err != nil {
		return err
	}

	letters := sys.DeadLetters().Subscribe(1)
	pid, _ := sys.PID("/near/echo")
	sayf("%s %s", pid.GetAddress(), pid.GetId())

	letter := <-letters.C()
	sayf("letter %v for %s", letter.Reason, letter.Target)

	_, _ = os.Stdin.Read(make([]byte, 1)) // until the test closes it

	report, err := sys.Shutdown(context.Background())
	sayf("processed %d unaccounted %d", report.Total.Processed, report.Unaccounted)

	return err
}

// watch has the actor watch one of another system, and has that one end.
func watch(ctx *actors.Context[text], protoactor *actor.ActorSystem, identity string) error {
	address, id, _ := strings.Cut(identity, " ")
	pid := actor.NewPID(address, id)
	err := actors.WatchPID(ctx, pid, func(t actors.Terminated) text {
		return wrapperspb.String(fmt.Sprintf("the end of %s: %v", t.Path, t.Reason))
	})
	protoactor.Root.Send(pid, wrapperspb.String("end"))

	return err
}
