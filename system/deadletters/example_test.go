package deadletters_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/deadletters"
)

// order is a message, and can be stored as JSON.
type order struct {
	Product string `json:"product"`
}

// An order dies in one process, here one run of the system, and is replayed in the next.
func Example() {
	dir, err := os.MkdirTemp("", "letters")
	defer func() { _ = os.RemoveAll(dir) }()

	run := func(soldOut bool, use func(*system.System, actors.Ref[order], *deadletters.Store)) error {
		store, err := deadletters.Open(filepath.Join(dir, "letters.db"), deadletters.Options{
			Types: []deadletters.Type{deadletters.TypeOf[order]("order")},
		})
		if err != nil {
			return err
		}

		desk := supervision.Actor("desk", func(supervision.Deps) (actors.Func[order], error) {
			return func(_ *actors.Context[order], o order) error {
				if soldOut {
					return errors.New(o.Product + " is sold out")
				}

				fmt.Println("sold:", o.Product)

				return nil
			}, nil
		}, supervision.Spec{})

		sys, err := system.Start(context.Background(), supervision.Tree{
			Name: "shop", Budget: supervision.Budget{Restarts: 5, Within: time.Minute}, Children: supervision.On(desk),
		}, system.Options{OnLetters: store.Keep, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return errors.Join(err, store.Close())
		}

		use(sys, desk.From(sys.Intake()), store)

		_, err = sys.Shutdown(context.Background()) // works the queue off, and waits until the letters are stored

		return errors.Join(err, store.Close())
	}

	err = errors.Join(err,
		run(true, func(_ *system.System, desk actors.Ref[order], _ *deadletters.Store) {
			fmt.Println(desk.Tell(context.Background(), order{"tea"}))
		}),
		run(false, func(sys *system.System, _ actors.Ref[order], store *deadletters.Store) {
			for l, err := range store.All(system.Filter{}) {
				fmt.Println(l.Target, l.Reason, l.Message, l.Cause, err)
			}

			all, err := store.Replay(sys, system.Filter{Target: "/shop/desk"}, 10)
			fmt.Println(all[0].Outcome, err)
		}),
	)
	fmt.Println(err)
	// Unordered output:
	// <nil>
	// /shop/desk failed {tea} tea is sold out <nil>
	// accepted <nil>
	// sold: tea
	// <nil>
}
