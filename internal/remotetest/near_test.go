package remotetest_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
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
// actor gets and what it does not, and the end of the report when its standard input is closed.
func near() error {
	echo := supervision.Actor("echo", func(supervision.Deps) (actors.Func[text], error) {
		return func(_ *actors.Context[text], m text) error {
			sayf("got %s", m.GetValue())

			return nil
		}, nil
	}, supervision.Spec{})

	sys, err := system.Start(context.Background(), supervision.Tree{
		Name: "near", Budget: supervision.Budget{Restarts: 1, Within: time.Second}, Children: supervision.On(echo),
	}, system.Options{
		Logger: slog.New(slog.DiscardHandler),
		Prepare: func(p *actor.ActorSystem) error {
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
