package supervision_test

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	proto "github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/supervision"
)

// A plain protoactor program takes just the strategy. As a guardian it tells the program when all is in vain.
func ExampleProtoactor() {
	over := make(chan error, 1)

	strategy, err := supervision.Protoactor(supervision.ProtoactorOptions{
		Budget:  supervision.Budget{Restarts: 2, Within: 10 * time.Second},
		Backoff: supervision.Backoff{Initial: time.Millisecond},
		AtRoot:  func(_ *proto.PID, err error) { over <- err },
	})
	if err != nil {
		fmt.Println(err)

		return
	}

	system := proto.NewActorSystem(proto.WithLoggerFactory(func(*proto.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
	pid := system.Root.Spawn(proto.PropsFromFunc(func(ctx proto.Context) {
		if _, ok := ctx.Message().(string); ok {
			panic("no database")
		}
	}, proto.WithGuardian(strategy)))

	for range 3 {
		system.Root.Send(pid, "save")
	}

	var budget *supervision.BudgetError

	err = <-over
	fmt.Println(errors.As(err, &budget), len(budget.Failures), budget.Failures[2])
	// Output:
	// true 3 nonhost/$1: panic: no database
}
