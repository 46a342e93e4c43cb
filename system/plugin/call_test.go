package plugin_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system/plugin"
)

var errBroken = errors.New("broken")

func upper(_ context.Context, m plugin.Message) (plugin.Message, error) {
	return plugin.Message{Type: m.Type, Payload: bytes.ToUpper(m.Payload)}, nil
}

func TestCalls(t *testing.T) {
	bubble(t, "a call is answered, and the plugin knows what was agreed", func(t *testing.T) {
		var got plugin.Session

		s := slot(t, always(&fake{handle: upper, start: func(_ context.Context, s plugin.Session) error {
			got = s

			return nil
		}}), plugin.Spec{Config: []byte("conf"), Offer: plugin.Offer{Offers: []string{"x"}}})
		h := start(t, s)
		geo := s.From(h.sys.Intake())

		m, err := geo.Call(t.Context(), line("a"))
		require.NoError(t, err)
		assert.Equal(t, "A", string(m.Payload))
		assert.Equal(t, plugin.Session{Protocol: 2, Config: []byte("conf")}, got)

		agreed, err := geo.Session(t.Context())
		require.NoError(t, err)
		assert.Equal(t, got, agreed)

		st := status(t, geo)
		assert.Equal(t, plugin.Stats{Calls: 1, Answered: 1, Instances: 1}, st.Stats)
		assert.Equal(t, "1.0.0", st.Manifest.Version)
		assert.True(t, st.Loaded)
		h.beats()

		r := h.end()
		assert.True(t, r.Clean)
	})

	bubble(t, "errors of the plugin, of the message, and of the caller are told apart", func(t *testing.T) {
		s := slot(t, always(&fake{handle: func(_ context.Context, m plugin.Message) (plugin.Message, error) {
			switch string(m.Payload) {
			case "bad":
				return m, plugin.Invalid(errBroken)
			case "long":
				return line("123456789"), nil
			default:
				return m, errBroken
			}
		}}), plugin.Spec{MaxMessage: 8})
		h := start(t, s)
		geo := s.From(h.sys.Intake())

		_, err := geo.Call(t.Context(), line("x"))
		require.ErrorIs(t, err, errBroken)
		require.ErrorAs(t, err, new(*plugin.CallError))
		require.ErrorContains(t, err, `/shop/geo/run/1: "line": broken`)

		_, err = geo.Call(t.Context(), line("bad"))
		require.ErrorAs(t, err, new(*plugin.InvalidError))

		_, err = geo.Call(t.Context(), plugin.Message{Type: "other"})
		require.ErrorIs(t, err, plugin.ErrUnhandled)

		var size *plugin.SizeError

		_, err = geo.Call(t.Context(), line("123456789"))
		require.ErrorAs(t, err, &size)
		assert.Equal(t, plugin.SizeError{Size: 9, Most: 8}, *size)

		_, err = geo.Call(t.Context(), line("long"))
		require.ErrorAs(t, err, &size)

		assert.Equal(t, plugin.Stats{Calls: 5, Failed: 2, Invalid: 3, Instances: 1}, status(t, geo).Stats)
		h.end()
	})

	bubble(t, "no more than the limit are in the plugin's hands, and the rest wait in the mailbox", func(t *testing.T) {
		var running, most atomic.Int64

		s := slot(t, always(&fake{handle: func(_ context.Context, m plugin.Message) (plugin.Message, error) {
			most.Store(max(most.Load(), running.Add(1)))
			<-time.After(time.Second)
			running.Add(-1)

			return m, nil
		}}), plugin.Spec{Concurrency: 3, Mailbox: &mailbox.Options{Capacity: 5, Overflow: mailbox.Reject}})
		h := start(t, s)
		geo := s.From(h.sys.Intake())
		full := make(chan error, 20)

		for range 20 {
			go func() {
				_, err := geo.Call(t.Context(), line("a"))
				full <- err
			}()

			synctest.Wait()
		}

		// Three are in its hands, one is in the actor's, five wait.
		for range 11 {
			require.ErrorAs(t, <-full, new(*mailbox.FullError))
		}

		assert.Equal(t, uint64(3), status(t, geo).Stats.InFlight)
		h.beats()

		for range 9 {
			require.NoError(t, <-full)
		}

		assert.Equal(t, int64(3), most.Load())
		h.end()
	})

	bubble(t, "a call that is too late is answered on time, and a plugin that returns then is kept", func(t *testing.T) {
		s := slot(t, always(&fake{handle: func(ctx context.Context, m plugin.Message) (plugin.Message, error) {
			<-ctx.Done()

			return m, ctx.Err()
		}}), plugin.Spec{Deadline: time.Second})
		h := start(t, s)
		geo := s.From(h.sys.Intake())

		began := time.Now()
		_, err := geo.Call(t.Context(), line("a"))

		var late *plugin.DeadlineError

		require.ErrorAs(t, err, &late)
		assert.Equal(t, time.Second, late.After)
		assert.Equal(t, time.Second, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()

		_, err = geo.Call(ctx, line("a"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		assert.Equal(t, plugin.Stats{Calls: 2, Late: 1, GivenUp: 1, Instances: 1}, status(t, geo).Stats)
		h.end()
	})

	bubble(t, "the breaker opens, tries again, and closes", func(t *testing.T) {
		fails := true
		s := slot(t, always(&fake{handle: func(_ context.Context, m plugin.Message) (plugin.Message, error) {
			if fails {
				return m, errBroken
			}

			return m, nil
		}}), plugin.Spec{Breaker: plugin.Breaker{Failures: 3, OpenFor: time.Minute}})
		h := start(t, s)
		geo := s.From(h.sys.Intake())

		for i, want := range []error{errBroken, errBroken, errBroken, plugin.ErrOpen, plugin.ErrOpen} {
			_, err := geo.Call(t.Context(), line("a"))
			require.ErrorIs(t, err, want, i)
		}

		assert.Equal(t, "open", status(t, geo).Breaker)
		<-time.After(time.Minute)

		_, err := geo.Call(t.Context(), line("a"))
		require.ErrorIs(t, err, plugin.ErrOpen)
		<-time.After(1)

		fails = false
		_, err = geo.Call(t.Context(), line("a"))
		require.NoError(t, err)

		st := status(t, geo)
		assert.Equal(t, "closed", st.Breaker)
		assert.Equal(t, plugin.Stats{Calls: 7, Failed: 3, Refused: 3, Answered: 1, Instances: 1}, st.Stats)
		h.end()
	})
}

func TestStreams(t *testing.T) {
	bubble(t, "messages are answered in their turn by a plugin that has no Stream", func(t *testing.T) {
		s := slot(t, always(&fake{handle: upper}), plugin.Spec{})
		h := start(t, s)
		st, err := s.From(h.sys.Intake()).Stream(t.Context())
		require.NoError(t, err)

		for _, text := range []string{"a", "b"} {
			require.NoError(t, st.Send(line(text)))
		}

		require.ErrorIs(t, st.Send(plugin.Message{Type: "other"}), plugin.ErrUnhandled)
		st.CloseSend()
		require.ErrorIs(t, st.Send(line("c")), io.ErrClosedPipe)

		for _, want := range []string{"A", "B"} {
			m, err := st.Recv()
			require.NoError(t, err)
			assert.Equal(t, want, string(m.Payload))
		}

		_, err = st.Recv()
		require.ErrorIs(t, err, io.EOF)
		assert.Equal(t, plugin.Stats{Calls: 1, Answered: 1, Instances: 1}, status(t, s.From(h.sys.Intake())).Stats)
		h.end()
	})

	bubble(t, "a plugin that floods a stream is held up by who receives", func(t *testing.T) {
		var sent atomic.Int64

		s := slot(t, plugin.InProcess(func() plugin.Plugin {
			return &streaming{fake{stream: func(_ context.Context, s plugin.Stream) error {
				for {
					if err := s.Send(line("more")); err != nil {
						return err
					}

					sent.Add(1)
				}
			}}}
		}), plugin.Spec{})
		h := start(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		st, err := s.From(h.sys.Intake()).Stream(ctx)
		require.NoError(t, err)

		_, err = st.Recv()
		require.NoError(t, err)
		synctest.Wait()

		n := sent.Load()
		assert.LessOrEqual(t, n, int64(66))
		<-time.After(time.Minute)
		assert.Equal(t, n, sent.Load())
		h.beats()
		cancel()
		synctest.Wait()
		assert.Equal(t, uint64(1), status(t, s.From(h.sys.Intake())).Stats.GivenUp)
		h.end()
	})

	bubble(t, "a plugin that does not leave a stream when its caller has, hangs", func(t *testing.T) {
		leave := make(chan struct{})
		s := slot(t, plugin.InProcess(func() plugin.Plugin {
			return &streaming{fake{stream: func(context.Context, plugin.Stream) error { <-leave; return nil }}}
		}), plugin.Spec{Probe: time.Hour})
		h := start(t, s)
		geo := s.From(h.sys.Intake())
		ctx, cancel := context.WithCancel(t.Context())
		_, err := geo.Stream(ctx)
		require.NoError(t, err)
		cancel()
		<-time.After(plugin.DefaultHangAfter - 1)
		synctest.Wait()
		assert.Zero(t, status(t, geo).Stats.Faults)
		<-time.After(1)
		synctest.Wait()

		st := status(t, geo)
		assert.Equal(t, uint64(1), st.Stats.Faults)
		require.ErrorContains(t, st.LastFailure, "hung: a stream has not ended")
		close(leave)
		h.end()
	})

	bubble(t, "there are none with protocol 1", func(t *testing.T) {
		s := slot(t, always(&fake{}), plugin.Spec{Offer: plugin.Offer{Protocols: plugin.Range{Min: 1, Max: 1}}})
		h := start(t, s)
		_, err := s.From(h.sys.Intake()).Stream(t.Context())
		require.ErrorIs(t, err, plugin.ErrNoStreams)
		h.end()
	})
}

func TestFaults(t *testing.T) {
	for name, handle := range map[string]func(context.Context, plugin.Message) (plugin.Message, error){
		"a panic": func(context.Context, plugin.Message) (plugin.Message, error) { panic("at the disco") },
		"an exit": func(context.Context, plugin.Message) (plugin.Message, error) { runtime.Goexit(); return line(""), nil },
	} {
		bubble(t, name+" costs the calls in hand; the next instance has the rest", func(t *testing.T) {
			var n atomic.Int64

			s := slot(t, always(&fake{handle: func(ctx context.Context, m plugin.Message) (plugin.Message, error) {
				if n.Add(1) == 1 {
					<-time.After(time.Second)

					return handle(ctx, m)
				}

				return m, nil
			}}), plugin.Spec{Concurrency: 1})
			h := start(t, s)
			geo := s.From(h.sys.Intake())
			errs := make(chan error, 5)

			for range 5 {
				go func() {
					_, err := geo.Call(t.Context(), line("a"))
					errs <- err
				}()

				synctest.Wait()
			}

			var fault *plugin.InstanceError

			require.ErrorAs(t, <-errs, &fault)
			assert.Equal(t, plugin.Panicked, fault.Fault)

			for range 4 {
				require.NoError(t, <-errs)
			}

			st := status(t, geo)
			assert.Equal(t, plugin.Stats{Calls: 5, Answered: 4, Lost: 1, Instances: 2, Faults: 1}, st.Stats)
			assert.Equal(t, 4, h.health("/shop/geo/run").RestartsLeft)
			h.beats()
			assert.True(t, h.end().Clean)
		})
	}

	bubble(t, "a call is given again as often as was declared", func(t *testing.T) {
		var n atomic.Int64

		s := slot(t, always(&fake{handle: func(_ context.Context, m plugin.Message) (plugin.Message, error) {
			if string(m.Payload) == "bad" || n.Add(1) == 1 {
				panic(errBroken)
			}

			return m, nil
		}}), plugin.Spec{Redeliver: 2})
		h := start(t, s)
		geo := s.From(h.sys.Intake())

		_, err := geo.Call(t.Context(), line("good"))
		require.NoError(t, err)

		_, err = geo.Call(t.Context(), line("bad"))
		require.ErrorIs(t, err, errBroken)
		<-time.After(time.Minute)
		assert.Equal(t, plugin.Stats{Calls: 5, Answered: 1, Lost: 4, Instances: 5, Faults: 4}, status(t, geo).Stats)
		h.end()
	})

	bubble(t, "an exhausted budget is quarantine, which is released", func(t *testing.T) {
		bad := true
		s := slot(t, always(&fake{handle: func(_ context.Context, m plugin.Message) (plugin.Message, error) {
			if bad {
				panic("again")
			}

			return m, nil
		}}), plugin.Spec{Budget: supervision.Budget{Restarts: 2, Within: time.Hour}})
		h := start(t, s)
		geo := s.From(h.sys.Intake())
		require.ErrorIs(t, geo.Release(t.Context()), plugin.ErrNotQuarantined)

		for range 3 {
			_, err := geo.Call(t.Context(), line("a"))
			require.ErrorAs(t, err, new(*plugin.InstanceError))
			<-time.After(time.Minute)
		}

		_, err := geo.Call(t.Context(), line("a"))

		var out *plugin.QuarantinedError

		require.ErrorAs(t, err, &out)
		require.ErrorContains(t, err, "/shop/geo: quarantined: /shop/geo/run/1: plugin panicked: panic: again")

		st := status(t, geo)
		require.Error(t, st.Quarantined)
		assert.False(t, st.Loaded)
		assert.Equal(t, uint64(3), st.Stats.Instances)
		require.ErrorAs(t, h.health("/shop/geo/desk").Degraded, &out)
		assert.Equal(t, uint64(1), h.sys.Events().Count(supervision.GaveUp))
		h.beats()

		bad = false

		require.NoError(t, geo.Release(t.Context()))

		_, err = geo.Call(t.Context(), line("a"))
		require.NoError(t, err)
		require.NoError(t, h.health("/shop/geo/desk").Degraded)
		assert.Equal(t, 2, h.health("/shop/geo/run").RestartsLeft)
		h.beats()
		h.end()
	})

	bubble(t, "those who wait when the budget is exhausted are told that", func(t *testing.T) {
		fail := make(chan struct{})
		s := slot(t, always(&fake{handle: func(context.Context, plugin.Message) (plugin.Message, error) {
			<-fail
			panic("once")
		}}), plugin.Spec{
			Concurrency: 1, Budget: supervision.Budget{Within: time.Hour}, Mailbox: &mailbox.Options{Capacity: 5},
		})
		h := start(t, s)
		errs := make(chan error, 20)

		for range cap(errs) {
			go func() {
				_, err := s.From(h.sys.Intake()).Call(t.Context(), line("a"))
				errs <- err
			}()
		}

		synctest.Wait() // one is in its hands, one in the actor's, five wait, and the others wait for room
		close(fail)

		lost := 0

		for range cap(errs) {
			err := <-errs
			if !errors.As(err, new(*plugin.QuarantinedError)) {
				require.ErrorAs(t, err, new(*plugin.InstanceError))

				lost++
			}
		}

		assert.Equal(t, 1, lost)
		h.beats()
		h.end()
	})

	bubble(t, "who calls when the host has been told to stop is told that at once", func(t *testing.T) {
		s := slot(t, always(&fake{
			stop: func(context.Context) error { <-time.After(time.Second); return nil },
		}), plugin.Spec{})
		h := start(t, s)
		geo := s.From(h.sys.Intake())
		_, err := geo.Call(t.Context(), line("a"))
		require.NoError(t, err)

		down := make(chan struct{})

		go func() {
			h.end()
			close(down)
		}()

		synctest.Wait()

		began := time.Now()
		_, err = geo.Call(t.Context(), line("a"))
		require.ErrorIs(t, err, mailbox.ErrStopping)
		assert.Equal(t, began, time.Now())
		<-down

		_, err = geo.Call(t.Context(), line("a"))
		require.ErrorIs(t, err, mailbox.ErrStopped)
	})

	bubble(t, "a hang is abandoned, and comes back when it likes", func(t *testing.T) {
		var n atomic.Int64

		leave := make(chan struct{})
		s := slot(t, always(&fake{handle: func(_ context.Context, m plugin.Message) (plugin.Message, error) {
			if n.Add(1) == 1 {
				<-leave
			}

			return m, nil
		}}), plugin.Spec{Deadline: time.Second, HangAfter: time.Second, Stop: time.Second})
		h := start(t, s)
		geo := s.From(h.sys.Intake())

		_, err := geo.Call(t.Context(), line("a"))
		require.ErrorAs(t, err, new(*plugin.DeadlineError))

		_, err = geo.Call(t.Context(), line("b"))
		require.NoError(t, err)
		<-time.After(time.Second) // it is given up
		<-time.After(time.Second) // and abandoned
		<-time.After(time.Second) // and its successor is there

		_, err = geo.Call(t.Context(), line("b"))
		require.NoError(t, err)

		st := status(t, geo)
		assert.Equal(t, 1, st.Hanging)
		assert.Equal(t, plugin.Stats{Calls: 3, Late: 1, Answered: 2, Instances: 2, Faults: 1}, st.Stats)
		require.ErrorContains(t, st.LastFailure, "plugin hung: no answer within 2s")
		assert.Len(t, h.health("/shop/geo/run/1").Abandoned, 1)
		h.beats()
		close(leave)
		synctest.Wait()
		assert.Zero(t, status(t, geo).Hanging)
		assert.Empty(t, h.health("/shop/geo/run/1").Abandoned)
		h.end()
	})

	bubble(t, "when too many hang it is quarantined, whatever the budget", func(t *testing.T) {
		leave := make(chan struct{})
		s := slot(t, always(&fake{handle: func(_ context.Context, m plugin.Message) (plugin.Message, error) {
			<-leave

			return m, nil
		}}), plugin.Spec{
			Deadline: time.Second, Stop: time.Second, Budget: supervision.Budget{Restarts: 100, Within: time.Hour},
			Breaker: plugin.Breaker{Failures: -1},
		})
		h := start(t, s)
		geo := s.From(h.sys.Intake())

		var err error

		for i := 0; !errors.As(err, new(*plugin.QuarantinedError)); i++ {
			require.Less(t, i, 20)

			_, err = geo.Call(t.Context(), line("a"))
			<-time.After(time.Minute)
		}

		st := status(t, geo)
		assert.Equal(t, uint64(plugin.MaxHanging), st.Stats.Instances)
		assert.Equal(t, plugin.MaxHanging, st.Hanging)
		h.beats()
		close(leave)
		synctest.Wait()
		h.end()
	})
}

func TestDegradedAndDeafPlugins(t *testing.T) {
	bubble(t, "what a health check says is seen, and one without an answer is a hang", func(t *testing.T) {
		var (
			ill   atomic.Bool
			deaf  atomic.Bool
			leave = make(chan struct{})
		)

		s := slot(t, always(&fake{health: func(context.Context) error {
			switch {
			case deaf.Swap(false):
				<-leave

				return nil
			case ill.Load():
				return errBroken
			default:
				return nil
			}
		}}), plugin.Spec{Probe: time.Second})
		h := start(t, s)
		geo := s.From(h.sys.Intake())

		ill.Store(true)
		<-time.After(time.Second)
		synctest.Wait()
		require.ErrorIs(t, status(t, geo).Degraded, errBroken)
		require.ErrorIs(t, h.health("/shop/geo/run/1").Degraded, errBroken)
		h.beats()

		ill.Store(false)
		deaf.Store(true)
		<-time.After(2*time.Second - 1)
		assert.Zero(t, status(t, geo).Stats.Faults)
		<-time.After(1)
		synctest.Wait()
		require.ErrorContains(t, status(t, geo).LastFailure, "hung: no answer to the health check")
		close(leave)
		h.end()
	})
}

func TestDeclarationsAreChecked(t *testing.T) {
	t.Parallel()

	_, err := plugin.New("Geo", plugin.InProcess(nil), plugin.Spec{
		Concurrency: -1, Redeliver: 101, Deadline: -1, MaxMessage: -1, Mailbox: &mailbox.Options{},
		Budget: supervision.Budget{Restarts: -1, Within: time.Second},
		Offer:  plugin.Offer{Protocols: plugin.Range{Min: 3, Max: 3}, Needs: []string{""}},
	})
	require.Error(t, err)

	for _, says := range []string{
		`plugin "Geo"`, "the factory has made no plugin", "plugin.Spec.Concurrency", "plugin.Spec.Redeliver",
		"plugin.Spec.Deadline", "plugin.Spec.MaxMessage", "plugin.Spec.Mailbox", "plugin.Spec.Budget.Restarts",
		"plugin.Spec.Offer.Protocols: 3, but this package speaks up to 2", "plugin.Spec.Offer.Needs[0]",
	} {
		assert.ErrorContains(t, err, says)
	}
}

func TestStartsThatFail(t *testing.T) {
	bubble(t, "a required plugin stops the boot", func(t *testing.T) {
		s := slot(t, always(&fake{manifest: manifest("other", "1.0.0")}), plugin.Spec{Required: true})
		_, err := boot(t, s)

		require.ErrorAs(t, err, new(*plugin.InstanceError))
		require.ErrorContains(t, err, "plugin not started: the plugin says it is other 1.0.0, but it is to be geo")
	})

	bubble(t, "another one is tried again, and then quarantined", func(t *testing.T) {
		s := slot(t, always(&fake{manifest: plugin.Manifest{
			Name: "geo", Version: "1.0.0", Protocols: plugin.Range{Min: 3, Max: 4}, Handles: []string{"line"},
		}}), plugin.Spec{Budget: supervision.Budget{Restarts: 3, Within: time.Hour}})
		h := start(t, s)
		geo := s.From(h.sys.Intake())
		<-time.After(time.Minute)

		st := status(t, geo)
		require.ErrorAs(t, st.Quarantined, new(*plugin.RefusedError))
		assert.Equal(t, uint64(4), st.Stats.Instances)

		err := geo.Release(t.Context())
		require.ErrorAs(t, err, new(*plugin.RefusedError))
		require.Error(t, status(t, geo).Quarantined)
		h.beats()
		h.end()
	})

	bubble(t, "a factory that panics, or makes nothing", func(t *testing.T) {
		made := []func() plugin.Plugin{
			func() plugin.Plugin { panic("no") }, func() plugin.Plugin { return nil },
			func() plugin.Plugin { return &fake{} },
		}
		n := -1
		s := slot(t, plugin.InProcess(func() plugin.Plugin { n++; return made[n]() }), plugin.Spec{})
		h := start(t, s)
		geo := s.From(h.sys.Intake())

		_, err := geo.Call(t.Context(), line("a")) // waits for the third
		require.NoError(t, err)
		require.ErrorIs(t, status(t, geo).LastFailure, plugin.ErrNoPlugin)
		h.end()
	})
}
