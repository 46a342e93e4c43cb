package supervision_test

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

// part is an actor that says when it starts, and fails when it is told to.
type part struct {
	name    string
	started chan<- string
}

func (p *part) Start(*actors.Context[error]) error {
	p.started <- p.name

	return nil
}

func (p *part) Receive(_ *actors.Context[error], failure error) error { return failure }

// The index and what is built from it restart together, with their queues kept; the log goes on.
func ExampleStrategy() {
	ctx := context.Background()
	started := make(chan string, 5)
	declare := func(name string, on ...supervision.Child) *supervision.ActorChild[error] {
		return supervision.Actor(name, func(supervision.Deps) (*part, error) { return &part{name, started}, nil },
			supervision.Spec{DependsOn: on})
	}

	index := declare("index")
	search := declare("search", index)
	journal := declare("journal")

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "site", Strategy: supervision.DependentsForOne,
		Budget:   supervision.Budget{Restarts: 5, Within: 10 * time.Second},
		Children: supervision.On(index, search, journal),
	}, system.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)

		return
	}

	fmt.Println("started", <-started, <-started, <-started)

	err = index.From(sys.Intake()).Tell(ctx, errors.New("the index is corrupt"))
	fmt.Println("restarted", <-started, <-started, err)

	_, err = sys.Shutdown(ctx)
	fmt.Println(err)
	// Output:
	// started index search journal
	// restarted index search <nil>
	// <nil>
}

// room is an actor that is made from an argument.
type room struct{ greeting string }

type greet struct {
	actors.Reply[string]

	name string
}

func (r *room) Receive(_ *actors.Context[greet], m greet) error {
	return m.Send(r.greeting + ", " + m.name)
}

// A room for each topic, opened and closed while the system runs.
func ExampleDynamicGroup() {
	ctx := context.Background()
	rooms := supervision.DynamicGroup[greet]("rooms",
		func(_ supervision.Deps, greeting string) (*room, error) { return &room{greeting}, nil },
		supervision.GroupSpec{MaxChildren: 2, Budget: supervision.Budget{Restarts: 5, Within: 10 * time.Second}})

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "chat", Budget: supervision.Budget{Restarts: 1, Within: time.Minute}, Children: supervision.On(rooms),
	}, system.Options{})
	if err != nil {
		fmt.Println(err)

		return
	}

	group := rooms.From(sys.Intake())

	for _, name := range []string{"music", "chess", "films"} {
		if _, err := group.Start(ctx, name, "welcome to "+name); err != nil {
			fmt.Println(err)
		}
	}

	for name, ref := range group.All() {
		answer, err := actors.Ask(ctx, ref, func(r actors.Reply[string]) greet { return greet{r, "Ada"} })
		fmt.Println(name+":", answer, err)
	}

	fmt.Println(group.Stop(ctx, "chess"), group.Len())

	_, err = sys.Shutdown(ctx)
	fmt.Println(err)
	// Output:
	// /chat/rooms: the group is full, it may have 2 children at a time
	// music: welcome to music, Ada <nil>
	// chess: welcome to chess, Ada <nil>
	// <nil> 1
	// <nil>
}

// All rooms there are at the beginning are opened side by side: one that takes its time does not hold up the others.
func ExampleGroup_StartAll() {
	ctx := context.Background()
	rooms := supervision.DynamicGroup[greet]("rooms",
		func(_ supervision.Deps, greeting string) (*room, error) { return &room{greeting}, nil },
		supervision.GroupSpec{MaxChildren: 3, Budget: supervision.Budget{Restarts: 5, Within: 10 * time.Second}})

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "chat", Budget: supervision.Budget{Restarts: 1, Within: time.Minute}, Children: supervision.On(rooms),
	}, system.Options{})
	if err != nil {
		fmt.Println(err)

		return
	}

	group := rooms.From(sys.Intake())

	started, err := group.StartAll(ctx, func(yield func(name, greeting string) bool) {
		for _, topic := range []string{"music", "chess", "films", "books"} {
			if !yield(topic, "welcome to "+topic) {
				return
			}
		}
	})
	fmt.Println(err)

	for _, ref := range started {
		answer, err := actors.Ask(ctx, ref, func(r actors.Reply[string]) greet { return greet{r, "Ada"} })
		fmt.Println(ref.Path()+":", answer, err)
	}

	_, err = sys.Shutdown(ctx)
	fmt.Println(err)
	// Output:
	// /chat/rooms: the group is full, it may have 3 children at a time
	// /chat/rooms/music: welcome to music, Ada <nil>
	// /chat/rooms/chess: welcome to chess, Ada <nil>
	// /chat/rooms/films: welcome to films, Ada <nil>
	// <nil>
}

// visit is counted by the member that its page belongs to.
type visit struct {
	actors.Reply[int]

	page string
}

type counter map[string]int

func (c counter) Receive(_ *actors.Context[visit], v visit) error {
	c[v.page]++

	return v.Send(c[v.page])
}

// All visits of a page are counted by one and the same of the members, so that no count is in two places.
func ExamplePool() {
	ctx := context.Background()
	counters := supervision.Pool("counters",
		func(supervision.Deps) (counter, error) { return counter{}, nil },
		supervision.PoolSpec[visit]{
			Size: 2, Max: 4, Routing: actors.ConsistentHash(func(v visit) string { return v.page }),
			Budget: supervision.Budget{Restarts: 5, Within: 10 * time.Second},
		})

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "site", Budget: supervision.Budget{Restarts: 1, Within: time.Minute}, Children: supervision.On(counters),
	}, system.Options{})
	if err != nil {
		fmt.Println(err)

		return
	}

	for range 3 {
		n, err := actors.Ask(ctx, counters.From(sys.Intake()), func(r actors.Reply[int]) visit { return visit{r, "/home"} })
		fmt.Println(n, err)
	}

	// Pages that belong to a new member from now on begin again at 1.
	fmt.Println(counters.Resize(ctx, sys.Intake(), 4))
	fmt.Println(counters.Resize(ctx, sys.Intake(), 5))

	report, err := sys.Shutdown(ctx)
	fmt.Println(report.Total.Accepted, "accepted,", report.Unaccounted, "unaccounted", err)
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 <nil>
	// <nil>
	// /site/counters: Size: 5 is out of range, must be from 1 to 4
	// 3 accepted, 0 unaccounted <nil>
}
