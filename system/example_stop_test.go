package system_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// database stands for a pool of connections.
type database struct{ closed bool }

func (d *database) Close() error {
	d.closed = true

	return nil
}

// A service stops its listener before the actors, and closes its pool of connections after the last that uses it.
func ExampleOptions_tasks() {
	ctx := context.Background()
	db := &database{}
	server := &http.Server{ReadHeaderTimeout: time.Second}
	book := supervision.Actor("ledger", func(supervision.Deps) (*ledger, error) { return &ledger{}, nil },
		supervision.Spec{})

	listener := &supervision.Task{
		Name: "listener", Phase: supervision.PhaseIntake, Deadline: 3 * time.Second,
		Run: server.Shutdown, // waits for the requests in flight, which can still talk to the actors
	}
	pool := supervision.CloserTask("pool", db, book)

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "bank", Budget: supervision.Budget{Restarts: 5, Within: 10 * time.Second}, Children: supervision.On(book),
	}, system.Options{
		Tasks: []*supervision.Task{listener, pool}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)

		return
	}

	open, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)

		return
	}

	served := make(chan error, 1)
	go func() { served <- server.Serve(open) }()

	report, err := sys.Shutdown(ctx)
	fmt.Println(err, <-served, db.closed)

	for _, t := range report.Tasks {
		fmt.Println(t.Name, t.Phase, t.State)
	}
	// Output:
	// <nil> http: Server closed true
	// listener intake done
	// pool close done
}

// What others depend on is not stopped without them.
func ExampleSystem_StopNode() {
	ctx := context.Background()
	book := supervision.Actor("ledger", func(supervision.Deps) (*ledger, error) { return &ledger{}, nil },
		supervision.Spec{})
	audit := supervision.Actor("audit", func(supervision.Deps) (*ledger, error) { return &ledger{}, nil },
		supervision.Spec{DependsOn: supervision.On(book)})

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "bank", Budget: supervision.Budget{Restarts: 5, Within: 10 * time.Second},
		Children: supervision.On(book, audit),
	}, system.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)

		return
	}

	_, err = sys.StopNode(ctx, "/bank/ledger", system.StopOptions{})
	fmt.Println(err)

	report, err := sys.StopNode(ctx, "/bank/ledger", system.StopOptions{Dependents: system.StopDependents})
	fmt.Println(err)

	for _, a := range report.Actors {
		fmt.Println(a.Path, a.State)
	}

	_, err = sys.Shutdown(ctx)
	fmt.Println(err)
	// Output:
	// /bank/ledger: others depend on it: /bank/audit
	// <nil>
	// /bank/ledger stopped
	// /bank/audit stopped
	// <nil>
}

// The whole of a main function.
func ExampleExitCode() {
	exit := func(code int) { fmt.Println("exits with", code) } // os.Exit

	err := system.Run(context.Background(), supervision.Tree{Name: "bank"}, system.Options{}) // it has no budget
	exit(system.ExitCode(err))
	// Output: exits with 1
}
