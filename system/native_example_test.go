package system_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// A plain protoactor actor is a child like any other: Troupe restarts it, keeps its queue and works that off at the
// end.
func ExampleStart_native() {
	ctx := context.Background()
	greeter := actor.PropsFromFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *actor.Started, *actor.Restarting, *actor.Stopped:
			fmt.Printf("%T\n", m)
		case string:
			if m == "" {
				panic("nobody to greet")
			}

			ctx.Respond("hello " + m)
		}
	})
	legacy := supervision.Actor("legacy", supervision.Native(greeter),
		supervision.Spec{Backoff: supervision.Backoff{Initial: supervision.Immediately}})

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "shop", Budget: supervision.Budget{Restarts: 5, Within: 10 * time.Second}, Children: supervision.On(legacy),
	}, system.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)

		return
	}

	pid, root := legacy.From(sys.Intake()).PID(), sys.Protoactor().Root

	root.Send(pid, "")
	fmt.Println(root.RequestFuture(pid, "world", time.Second).Result())

	report, err := sys.Shutdown(ctx)
	fmt.Println(report.Total.Failed, "failed,", report.Unaccounted, "unaccounted", err)
	// Output:
	// *actor.Started
	// *actor.Restarting
	// *actor.Started
	// hello world <nil>
	// *actor.Stopped
	// 1 failed, 0 unaccounted <nil>
}
