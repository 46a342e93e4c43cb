package mailbox_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/troupe-go/troupe/mailbox"
)

// A receiver of its own: commands before messages, control before data, until there is nothing left to do.
func Example() {
	const stop mailbox.Command = 1

	stopped := make(chan struct{})

	turn := func(lease *mailbox.Lease[string]) (again bool) {
		if lease.Commands()&stop != 0 {
			defer close(stopped)
		}

		for m, ok := lease.Take(); ok; m, ok = lease.Take() {
			fmt.Println("handles", m)
		}

		again, _ = lease.Rest(false)

		return again
	}

	run := func(lease *mailbox.Lease[string]) {
		for turn(lease) {
		}
	}

	box, err := mailbox.New[string]("/example", &mailbox.Options{Capacity: 2}, run, nil)
	if err != nil {
		fmt.Println(err)

		return
	}

	ctx := context.Background()

	fmt.Println(box.Send(ctx, mailbox.Data, "a letter"))
	fmt.Println(box.Send(ctx, mailbox.Data, "another"))
	fmt.Println(box.Send(ctx, mailbox.Control, "a telegram"))

	err = box.TrySend(mailbox.Data, "one too many")
	fmt.Println(errors.Is(err, mailbox.ErrFull), err)

	box.Signal(stop) // a new receiver sleeps until its first command
	<-stopped

	s := box.Stats()
	fmt.Println(s.Accepted, "accepted,", s.Processed, "processed,", s.Unaccounted(), "unaccounted for")
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// true /example: data lane is full, its capacity is 2
	// handles a telegram
	// handles a letter
	// handles another
	// 3 accepted, 3 processed, 0 unaccounted for
}

// A plain protoactor actor with a mailbox that holds two messages.
func ExampleProducer() {
	bounded, err := mailbox.Producer(mailbox.Options{Capacity: 2}, mailbox.OnDeadLetter(func(l mailbox.DeadLetter) {
		fmt.Printf("dead letter: %v, because %v\n", l.Message, l.Cause)
	}))
	if err != nil {
		fmt.Println(err)

		return
	}

	busy, free := make(chan struct{}), make(chan struct{})

	props := actor.PropsFromFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case string:
			fmt.Println("handles", m)
		case chan struct{}:
			close(busy)
			<-m
		case *actor.Stopped:
			fmt.Println("stopped")
		}
	}, actor.WithMailbox(bounded))

	system := actor.NewActorSystem(quiet...)

	worker, err := system.Root.SpawnNamed(props, "worker")
	if err != nil {
		fmt.Println(err)

		return
	}

	system.Root.Send(worker, free) // the actor is busy with it
	<-busy
	system.Root.Send(worker, "one")
	system.Root.Send(worker, "two")
	system.Root.Send(worker, "three") // never waits

	_, err = system.Root.RequestFuture(worker, "four", time.Hour).Result()
	fmt.Println(err) // at once

	stopped := system.Root.PoisonFuture(worker)

	close(free)
	fmt.Println(stopped.Wait())
	// Output:
	// dead letter: three, because nonhost/worker: data lane is full, its capacity is 2
	// dead letter: four, because nonhost/worker: data lane is full, its capacity is 2
	// future: dead letter
	// handles one
	// handles two
	// stopped
	// <nil>
}

func ExampleOptions_Validate() {
	fmt.Println(mailbox.Options{Capacity: 0, Control: -1}.Validate())
	// Output:
	// mailbox.Options.Capacity: 0 is out of range, must be from 1 to 1048576
	// mailbox.Options.Control: -1 is out of range, must be from 1 to 1048576, or 0 for 16
}
