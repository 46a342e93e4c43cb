package system_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// An actor that keeps a total, and what it understands.
type (
	ledger struct{ total int64 }

	post  struct{ amount int64 }
	total struct{ actors.Reply[int64] }
)

func (l *ledger) Receive(_ *actors.Context[any], m any) error {
	switch m := m.(type) {
	case post:
		l.total += m.amount
	case total:
		return m.Send(l.total)
	}

	return nil
}

// Start is for programs that talk to their actors from outside the tree.
func ExampleStart() {
	ctx := context.Background()
	book := supervision.Actor("ledger", func(supervision.Deps) (*ledger, error) { return &ledger{}, nil },
		supervision.Spec{Restart: supervision.Permanent})

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "bank", Budget: supervision.Budget{Restarts: 5, Within: 10 * time.Second}, Children: supervision.On(book),
	}, system.Options{})
	if err != nil {
		fmt.Println(err)

		return
	}

	ref := book.From(sys.Intake())

	for _, amount := range []int64{10, 20, 12} {
		if err := ref.Tell(ctx, post{amount}); err != nil {
			fmt.Println(err)
		}
	}

	fmt.Println(actors.Ask(ctx, ref, func(r actors.Reply[int64]) any { return total{r} }))

	report, err := sys.Shutdown(ctx)
	fmt.Println(report.Total.Accepted, "accepted,", report.Unaccounted, "unaccounted", err)
	// Output:
	// 42 <nil>
	// 4 accepted, 0 unaccounted <nil>
}

// Run returns when the tree has stopped, or has not started; the error says who failed.
func ExampleRun() {
	crash := supervision.Actor("crash", func(supervision.Deps) (actors.Func[string], error) {
		return func(*actors.Context[string], string) error { return nil }, errors.New("no database")
	}, supervision.Spec{})

	err := system.Run(context.Background(), supervision.Tree{
		Name: "shop", Budget: supervision.Budget{Restarts: 5, Within: 10 * time.Second}, Children: supervision.On(crash),
	}, system.Options{Logger: slog.New(slog.DiscardHandler)})

	var failure *supervision.FailureError

	fmt.Println(errors.As(err, &failure), failure.Path)
	fmt.Println(err)
	// Output:
	// true /shop/crash
	// /shop/crash: no database
}

// An actor that says how it is.
type (
	stock struct{ missing string }

	sellOut struct {
		actors.Reply[bool]

		what string
	}
)

func (s *stock) Receive(_ *actors.Context[sellOut], m sellOut) error {
	s.missing = m.what

	return m.Send(true)
}

func (s *stock) Health() error {
	if s.missing == "" {
		return nil
	}

	return errors.New("out of " + s.missing)
}

// probeOf answers a probe of Kubernetes: 200 if the tree is as asked for, else 503 and who is to blame.
func probeOf(sys *system.System, well func(*system.NodeHealth) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second) // whoever has not answered by then is degraded
		defer cancel()

		health := sys.Health(ctx)
		if well(health) {
			_, _ = fmt.Fprintln(w, "ok")

			return
		}

		w.WriteHeader(http.StatusServiceUnavailable)

		for n := range health.Unwell() {
			_, _ = fmt.Fprintln(w, n.Path, n.State, n.Degraded)
		}
	}
}

// Health fits the probes of Kubernetes: Live tells whether the process should be killed, Ready whether it gets work.
func ExampleSystem_Health() {
	ctx := context.Background()
	shelf := supervision.Actor("stock", func(supervision.Deps) (*stock, error) { return &stock{}, nil },
		supervision.Spec{Restart: supervision.Permanent})

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "shop", Budget: supervision.Budget{Restarts: 5, Within: 10 * time.Second}, Children: supervision.On(shelf),
	}, system.Options{})
	if err != nil {
		fmt.Println(err)

		return
	}

	mux := http.NewServeMux()
	mux.Handle("/livez", probeOf(sys, (*system.NodeHealth).Live))
	mux.Handle("/readyz", probeOf(sys, (*system.NodeHealth).Ready))

	ask := func(path string) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
		fmt.Println(path, w.Code, strings.TrimSpace(w.Body.String()))
	}

	ask("/readyz")

	fmt.Println(actors.Ask(ctx, shelf.From(sys.Intake()), func(r actors.Reply[bool]) sellOut { return sellOut{r, "tea"} }))
	ask("/readyz")
	ask("/livez")

	_, err = sys.Shutdown(ctx)
	fmt.Println(err)
	// Output:
	// /readyz 200 ok
	// true <nil>
	// /readyz 503 /shop/stock degraded out of tea
	// /livez 200 ok
	// <nil>
}

// OnEvent is told of everything that happens, those things included that happen before Start returns.
func ExampleOptions_onEvent() {
	ctx := context.Background()
	book := supervision.Actor("ledger", func(supervision.Deps) (*ledger, error) { return &ledger{}, nil },
		supervision.Spec{})

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "bank", Budget: supervision.Budget{Restarts: 5, Within: 10 * time.Second}, Children: supervision.On(book),
	}, system.Options{OnEvent: func(e supervision.Event) { fmt.Println(e.Path, e.Kind) }})
	if err != nil {
		fmt.Println(err)

		return
	}

	_, err = sys.Shutdown(ctx)
	fmt.Println(err)
	// Output:
	// /bank/ledger started
	// /bank started
	// /bank/ledger stopped
	// /bank stopped
	// <nil>
}

// A subscription can be to a few kinds of events only.
func ExampleEvents_Subscribe() {
	ctx := context.Background()
	crash := supervision.Actor("crash", func(supervision.Deps) (actors.Func[string], error) {
		return func(_ *actors.Context[string], m string) error { return errors.New(m) }, nil
	}, supervision.Spec{Backoff: supervision.Backoff{Initial: supervision.Immediately}})

	sys, err := system.Start(ctx, supervision.Tree{
		Name: "shop", Budget: supervision.Budget{Restarts: 5, Within: 10 * time.Second}, Children: supervision.On(crash),
	}, system.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)

		return
	}

	restarts := sys.Events().Subscribe(16, supervision.Restarting)

	fmt.Println(crash.From(sys.Intake()).Tell(ctx, "no milk"))

	e := <-restarts.C()
	fmt.Println(e.Kind, e.Path, e.Delay, e.Left, e.Err, restarts.Missed())

	_, err = sys.Shutdown(ctx)
	fmt.Println(err)
	// Output:
	// <nil>
	// restarting /shop/crash 0s 4 /shop/crash: no milk 0
	// <nil>
}
