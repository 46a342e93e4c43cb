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

// run starts a system of the children, has it do something, and stops it.
func run(do func(sys *system.System), children ...supervision.Child) {
	sys, err := system.Start(context.Background(), supervision.Tree{
		Name: "house", Budget: supervision.Budget{Restarts: 3, Within: time.Minute}, Children: children,
	}, system.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}

	do(sys)

	if _, err := sys.Shutdown(context.Background()); err != nil {
		panic(err)
	}
}

// A door that is opened shuts by itself after a while, unless somebody holds it.
func ExampleContext_After() {
	done := make(chan string)

	var shutting *actors.Timer[string]

	door := supervision.Actor("door", func(supervision.Deps) (actors.Func[string], error) {
		return func(ctx *actors.Context[string], m string) error {
			var err error

			switch m {
			case "open":
				shutting, err = ctx.After(time.Millisecond, "shut")
			case "hold":
				fmt.Println("in time:", shutting.Cancel())

				_, err = ctx.After(2*time.Millisecond, "shut")
			case "shut":
				done <- "the door is shut"
			}

			return err
		}, nil
	}, supervision.Spec{})

	run(func(sys *system.System) {
		_ = door.From(sys.Intake()).TryTell("open")

		fmt.Println(<-done)
	}, door)
	// Output:
	// the door is shut
}

func ExampleContext_Every() {
	done := make(chan struct{})
	strokes := 0

	clock := supervision.Actor("clock", func(supervision.Deps) (actors.Func[string], error) {
		var ticking *actors.Timer[string]

		return func(ctx *actors.Context[string], m string) (err error) {
			switch m {
			case "wind up":
				ticking, err = ctx.Every(time.Millisecond, "stroke")
			case "stroke":
				strokes++
				if strokes == 3 {
					fmt.Println("three strokes, stopped:", ticking.Cancel())
					close(done)
				}
			}

			return err
		}, nil
	}, supervision.Spec{})

	run(func(sys *system.System) {
		_ = clock.From(sys.Intake()).TryTell("wind up")

		<-done
	}, clock)
	// Output:
	// three strokes, stopped: true
}

func ExampleContext_SetIdleTimeout() {
	done := make(chan struct{})

	lamp := supervision.Actor("lamp", func(supervision.Deps) (actors.Func[string], error) {
		return func(ctx *actors.Context[string], m string) error {
			fmt.Println(m)

			if m == "off, nobody is here" {
				close(done)

				return ctx.SetIdleTimeout(0, "")
			}

			return ctx.SetIdleTimeout(time.Millisecond, "off, nobody is here")
		}, nil
	}, supervision.Spec{})

	run(func(sys *system.System) {
		_ = lamp.From(sys.Intake()).TryTell("on")

		<-done
	}, lamp)
	// Output:
	// on
	// off, nobody is here
}

func ExampleContext_Become() {
	lock := supervision.Actor("lock", func(supervision.Deps) (actors.Func[string], error) {
		unlocked := func(ctx *actors.Context[string], m string) error {
			fmt.Println("unlocked:", m)

			if m == "lock" {
				return ctx.Unbecome()
			}

			return nil
		}

		return func(ctx *actors.Context[string], m string) error {
			fmt.Println("locked:", m)

			if m == "1234" {
				return ctx.Become(unlocked)
			}

			return nil
		}, nil
	}, supervision.Spec{})

	run(func(sys *system.System) {
		for _, m := range []string{"push", "1234", "push", "lock", "push"} {
			_ = lock.From(sys.Intake()).TryTell(m)
		}
	}, lock)
	// Output:
	// locked: push
	// locked: 1234
	// unlocked: push
	// unlocked: lock
	// locked: push
}

// A guard looks after an actor it depends on. It is told when that one has ended for good, and why.
func ExampleWatch() {
	type look struct{ ended actors.Terminated }

	done := make(chan struct{})

	lamp := supervision.Actor("lamp", func(supervision.Deps) (actors.Func[string], error) {
		return func(*actors.Context[string], string) error { return errors.New("the bulb broke") }, nil
	}, supervision.Spec{Restart: supervision.Temporary})

	guard := supervision.Actor("guard", func(in supervision.Deps) (actors.Func[look], error) {
		watched := lamp.From(in)

		return func(ctx *actors.Context[look], m look) error {
			if m.ended.Path == "" {
				return actors.Watch(ctx, watched, func(t actors.Terminated) look { return look{t} })
			}

			fmt.Println(m.ended.Path, m.ended.Reason)
			fmt.Println(m.ended.Err)
			close(done)

			return nil
		}, nil
	}, supervision.Spec{DependsOn: supervision.On(lamp)})

	run(func(sys *system.System) {
		_ = guard.From(sys.Intake()).TryTell(look{})
		_ = lamp.From(sys.Intake()).TryTell("on")

		<-done
	}, lamp, guard)
	// Output:
	// /house/lamp failed
	// /house/lamp: the bulb broke
}
