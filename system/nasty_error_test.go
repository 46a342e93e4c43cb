package system_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/nastytest"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

// nasty runs a test with the errors that do most harm to those who look at them.
func nasty(t *testing.T, test func(t *testing.T, err error)) {
	t.Helper()

	for name, err := range nastytest.Errors(errBroken) {
		t.Run(name, func(t *testing.T) { virtual(t, func(t *testing.T) { test(t, err) }) })
	}
}

// logged are options with everything that writes down what an error says.
func logged(t *testing.T) system.Options {
	t.Helper()

	return system.Options{
		Logger: slog.New(slog.NewJSONHandler(new(bytes.Buffer), nil)), ReportFile: filepath.Join(t.TempDir(), "report"),
		OnLetters: func([]system.LetterEvent) error { return nil },
	}
}

func TestAnActorFailsOfANastyErrorAsOfAnyOther(t *testing.T) {
	nasty(t, func(t *testing.T, nasty error) {
		d := &diary{}
		a := declare(&probe{name: "a", diary: d}, supervision.Spec{Backoff: immediately})
		s := start(t, tree(a), logged(t))

		tell(t, s, a, func(*actors.Context[job]) error { return nasty })
		synctest.Wait()
		tell(t, s, a, func(*actors.Context[job]) error { panic(nasty) })
		synctest.Wait()
		tell(t, s, a, func(ctx *actors.Context[job]) error {
			return ctx.Go(func(context.Context) error { return nasty })
		})
		synctest.Wait()
		tell(t, s, a, func(ctx *actors.Context[job]) error {
			return ctx.Go(func(ctx context.Context) error { <-ctx.Done(); return nasty })
		})
		tell(t, s, a, nothing)
		synctest.Wait()

		h := health(t, s, "/test/a")
		assert.Equal(t, 3, h.Restarts)

		_, err := h.MarshalJSON()
		require.NoError(t, err)

		r, err := stop(t, s)
		require.ErrorContains(t, err, "/test/a: ", "of the goroutine that was cut, and has said something else")
		assert.Equal(t, uint64(2), r.Total.Failed)
		assert.Equal(t, "close a", d.read()[len(d.read())-1])
	})
}

func TestAReceiveThatIsCutMayReturnANastyError(t *testing.T) {
	nasty(t, func(t *testing.T, nasty error) {
		d := &diary{}
		a := declare(&probe{name: "a", diary: d}, supervision.Spec{Deadlines: supervision.Deadlines{Drain: time.Second}})
		s := start(t, tree(a), logged(t))
		tell(t, s, a, func(ctx *actors.Context[job]) error { <-ctx.Done(); return nasty })

		r, err := stop(t, s)
		require.NoError(t, err)
		assert.Equal(t, uint64(1), r.Total.Failed)
		assert.Empty(t, r.Actors[0].Abandoned)
		assert.Equal(t, "close a", d.read()[len(d.read())-1])
	})
}

func TestAStartMayFailOfANastyError(t *testing.T) {
	nasty(t, func(t *testing.T, nasty error) {
		d := &diary{}
		a := declare(&probe{name: "a", diary: d}, quick())
		b := declare(&probe{name: "b", diary: d, start: func(*ctxOf) error { return nasty }}, quick(a))

		_, err := system.Start(t.Context(), tree(a, b), logged(t))
		require.ErrorContains(t, err, "/test/b: ")
		assert.Contains(t, d.read(), "close a")
	})
}

func TestHooksMayFailOfANastyError(t *testing.T) {
	nasty(t, func(t *testing.T, nasty error) {
		for _, used := range []bool{false, true} {
			for _, cut := range []bool{false, true} {
				hook := func(ctx context.Context) error {
					if cut {
						<-ctx.Done()
					}

					return nasty
				}
				d := &diary{}
				a := declare(&probe{name: "a", diary: d, flush: hook, closes: hook}, supervision.Spec{
					Deadlines: supervision.Deadlines{Flush: time.Second, Close: time.Second},
				})
				b := declare(&probe{name: "b", diary: d}, quick(a))
				s := start(t, tree(a, b), logged(t))

				if used {
					tell(t, s, a, nothing)
					synctest.Wait()
				}

				r, err := stop(t, s)
				require.ErrorContains(t, err, "/test/a: ")
				assert.Empty(t, r.Actors[0].Abandoned)
				assert.Equal(t, system.ExitFailed, r.Exit)
				assert.Contains(t, d.read(), "close a")
			}
		}
	})
}

func TestATaskMayFailOfANastyError(t *testing.T) {
	nasty(t, func(t *testing.T, nasty error) {
		o := logged(t)
		o.Tasks = []*supervision.Task{
			{Name: "returns", Phase: supervision.PhaseFlush, Run: func(context.Context) error { return nasty }},
			{Name: "panics", Phase: supervision.PhaseFlush, Run: func(context.Context) error { panic(nasty) }},
			supervision.CloserTask("closes", closerOf{nasty}),
		}
		s := start(t, tree(), o)

		_, err := stop(t, s)
		for _, name := range []string{"returns", "panics", "closes"} {
			require.ErrorContains(t, err, "task:"+name)
		}
	})
}

// closerOf is an io.Closer that fails.
type closerOf struct{ err error }

func (c closerOf) Close() error { return c.err }

func TestTheFunctionsOfTheOptionsMayFailOfANastyError(t *testing.T) {
	nasty(t, func(t *testing.T, nasty error) {
		for _, panics := range []bool{false, true} {
			a := declare(&probe{name: "a", diary: &diary{}}, supervision.Spec{Backoff: immediately})
			o := logged(t)
			o.Logger = slog.New(badHandler{slog.DiscardHandler, nasty})
			o.OnReport = func(*system.Report) { panic(nasty) }
			o.OnLetters = func([]system.LetterEvent) error {
				if panics {
					panic(nasty)
				}

				return nasty
			}
			s := start(t, tree(a), o)
			s.Protoactor().EventStream.Subscribe(func(e any) {
				if _, is := e.(*actor.DeadLetterEvent); is {
					panic(nasty)
				}
			})
			tell(t, s, a, broken)
			synctest.Wait()

			_, err := stop(t, s)
			require.ErrorContains(t, err, "system.Options.OnReport: panic: ")
			require.ErrorContains(t, err, "system.Options.OnLetters: ")
			require.ErrorContains(t, err, "dead letters: a handler of protoactor's event stream panicked: ")
			require.ErrorContains(t, err, "log: its handler panicked: ")
		}
	})
}

// badHandler is a handler of a log that panics.
type badHandler struct {
	slog.Handler

	with error
}

func (badHandler) Enabled(context.Context, slog.Level) bool    { return true }
func (h badHandler) Handle(context.Context, slog.Record) error { panic(h.with) }
func (h badHandler) WithAttrs([]slog.Attr) slog.Handler        { return h }
func (h badHandler) WithGroup(string) slog.Handler             { return h }
