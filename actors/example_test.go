package actors_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// What an account understands, each a struct of a sealed interface.
type (
	accountMsg interface{ isAccount() }
	deposit    struct{ cents int64 }
	balance    struct{ actors.Reply[int64] } // the reply port travels in the message
	audit      struct{ actors.Reply[string] }
)

func (deposit) isAccount() {}
func (balance) isAccount() {}
func (audit) isAccount()   {}

var errNegative = errors.New("a deposit must be positive")

// account is an actor: its state needs no lock.
type account struct{ cents int64 }

func (a *account) Receive(ctx *actors.Context[accountMsg], m accountMsg) error {
	switch m := m.(type) {
	case deposit:
		if m.cents <= 0 {
			return errNegative // a failure: the supervisor decides what follows
		}

		a.cents += m.cents
	case balance:
		_ = m.Send(a.cents) // that nobody waits any more is no failure of ours
	case audit:
		// Slow work belongs on a goroutine of the actor; its result comes back as a message.
		return actors.Pipe(ctx, slowly, func(result string, err error) accountMsg {
			return audited{m.Reply, result, err}
		})
	case audited:
		_ = m.reply.Send(m.result)
	}

	return nil
}

type audited struct {
	reply  actors.Reply[string]
	result string
	err    error
}

func (audited) isAccount() {}

func slowly(context.Context) (string, error) { return "all in order", nil }

// Close is one of the optional hooks.
func (a *account) Close(context.Context) error {
	fmt.Println("closed") //nolint:forbidigo // part of the example

	return nil
}

// open starts a system with one account. An account lives on after a failed message.
func open() (*system.System, actors.Ref[accountMsg], error) {
	child := supervision.Actor("account", func(supervision.Deps) (*account, error) { return &account{}, nil },
		supervision.Spec{Decide: func(error) supervision.Directive { return supervision.ResumeChild }})

	sys, err := system.Start(context.Background(), supervision.Tree{
		Name: "bank", Budget: supervision.Budget{Restarts: 3, Within: time.Minute}, Children: supervision.On(child),
	}, system.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, actors.Ref[accountMsg]{}, err
	}

	return sys, child.From(sys.Intake()), nil
}

func ExampleActor() {
	ctx := context.Background()

	sys, ref, err := open()
	if err != nil {
		fmt.Println(err)

		return
	}

	fmt.Println(ref.Path(), ref.Tell(ctx, deposit{250}), ref.TryTell(deposit{-1}), ref.TryTell(deposit{50}))

	cents, err := actors.Ask(ctx, ref, func(r actors.Reply[int64]) accountMsg { return balance{r} })
	fmt.Println(cents, err)

	report, err := sys.Shutdown(ctx)
	fmt.Println(report.Total.Processed, "processed,", report.Total.Failed, "failed,", report.Unaccounted, "lost")
	fmt.Println(err)
	// Output:
	// /bank/account <nil> <nil> <nil>
	// 300 <nil>
	// closed
	// 3 processed, 1 failed, 0 lost
	// <nil>
}

func ExamplePipe() {
	ctx := context.Background()

	sys, ref, err := open()
	if err != nil {
		fmt.Println(err)

		return
	}

	fmt.Println(actors.Ask(ctx, ref, func(r actors.Reply[string]) accountMsg { return audit{r} }))

	_, err = sys.Shutdown(ctx)
	fmt.Println(err)
	// Output:
	// all in order <nil>
	// closed
	// <nil>
}

// An asker does not sit out its deadline when the answer can no longer come.
func ExampleAsk() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()

	type question struct{ actors.Reply[string] }

	child := supervision.Actor("oracle", func(supervision.Deps) (actors.Func[question], error) {
		return func(*actors.Context[question], question) error { return errors.New("the oracle is silent") }, nil
	}, supervision.Spec{})

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "delphi", Budget: supervision.Budget{Restarts: 3, Within: time.Minute}, Children: supervision.On(child),
	}, system.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)

		return
	}

	_, err = actors.Ask(ctx, child.From(sys.Intake()), func(r actors.Reply[string]) question { return question{r} })
	fmt.Println(err)

	_, err = sys.Shutdown(ctx)
	fmt.Println(err)
	// Output:
	// /delphi/oracle: the oracle is silent
	// <nil>
}

// An actor that would wait for itself is told so instead of hanging.
func ExampleDeadlockError() {
	ctx := context.Background()

	type question struct{ actors.Reply[string] }

	child := supervision.Actor("oracle", func(supervision.Deps) (actors.Func[question], error) {
		return func(ctx *actors.Context[question], q question) error {
			wisdom, err := actors.Ask(ctx, ctx.Self(), func(r actors.Reply[string]) question { return question{r} })

			if deadlock, ok := errors.AsType[*actors.DeadlockError](err); ok {
				return q.Send(fmt.Sprintf("%s asks itself", deadlock.Cycle[0].Path))
			}

			return errors.Join(err, q.Send(wisdom))
		}, nil
	}, supervision.Spec{})

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "delphi", Budget: supervision.Budget{Restarts: 3, Within: time.Minute}, Children: supervision.On(child),
	}, system.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)

		return
	}

	fmt.Println(actors.Ask(ctx, child.From(sys.Intake()), func(r actors.Reply[string]) question { return question{r} }))

	_, err = sys.Shutdown(ctx)
	fmt.Println(err)
	// Output:
	// /delphi/oracle asks itself <nil>
	// <nil>
}
