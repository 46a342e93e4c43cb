package plugin_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/plugin"
)

// version is a plugin that signs what it handles, in its time, and counts how often it has each message.
func version(v string, takes time.Duration, seen *[1000]atomic.Int64) plugin.Source {
	return always(&fake{
		manifest: manifest("geo", v),
		handle: func(ctx context.Context, m plugin.Message) (plugin.Message, error) {
			if n, err := strconv.Atoi(string(m.Payload)); err == nil {
				seen[n].Add(1)
			}

			select {
			case <-time.After(takes):
				return line(v), nil
			case <-ctx.Done():
				return m, ctx.Err()
			}
		},
	})
}

func TestUpgrade(t *testing.T) {
	bubble(t, "no call is lost, and none is handled by both", func(t *testing.T) {
		var seen [1000]atomic.Int64

		s := slot(t, version("1.0.0", 100*time.Millisecond, &seen), plugin.Spec{Mailbox: &mailbox.Options{Capacity: 10}})
		h := start(t, s)
		geo := s.From(h.sys.Intake())
		answers := make(chan string, 1000)

		for i := range 1000 {
			go func() {
				<-time.After(time.Duration(i) * 5 * time.Millisecond)

				m, err := geo.Call(t.Context(), line(strconv.Itoa(i)))
				assert.NoError(t, err)

				answers <- string(m.Payload)
			}()
		}

		<-time.After(2 * time.Second)
		require.NoError(t, geo.Upgrade(t.Context(), version("1.1.0", time.Millisecond, &seen)))

		by := make(map[string]int)
		for range 1000 {
			by[<-answers]++
		}

		for i := range seen {
			require.Equal(t, int64(1), seen[i].Load(), i)
		}

		assert.Greater(t, by["1.0.0"], 100)
		assert.Greater(t, by["1.1.0"], 100)
		assert.Equal(t, "1.1.0", status(t, geo).Manifest.Version)
		h.beats()
		assert.True(t, h.end().Clean)
	})

	bubble(t, "the new one is well before the old one drains, or nothing has changed", func(t *testing.T) {
		var seen [1000]atomic.Int64

		s := slot(t, version("1.0.0", 0, &seen), plugin.Spec{})
		h := start(t, s)
		geo := s.From(h.sys.Intake())

		for name, of := range map[string]struct {
			with plugin.Source
			says string
		}{
			"ill": {always(&fake{manifest: manifest("geo", "2.0.0"), health: func(context.Context) error {
				return errBroken
			}}), "health: broken"},
			"hangs": {always(&fake{start: func(context.Context, plugin.Session) error {
				<-t.Context().Done()

				return nil
			}}), "no answer within 10s"},
			"other": {always(&fake{manifest: manifest("other", "2.0.0")}), "it is to be geo"},
			"panic": {plugin.InProcess(func() plugin.Plugin { panic("no") }), "panic: no"},
			"none":  {plugin.InProcess(nil), "the factory has made no plugin"},
		} {
			require.ErrorContains(t, geo.Upgrade(t.Context(), of.with), of.says, name)

			m, err := geo.Call(t.Context(), line("x"))
			require.NoError(t, err)
			assert.Equal(t, "1.0.0", string(m.Payload))
			assert.Equal(t, "1.0.0", status(t, geo).Manifest.Version)
			h.beats()
		}

		assert.Equal(t, 5, h.health("/shop/geo/run").RestartsLeft)
		h.end()
	})

	bubble(t, "what waits for one that does not return is the next one's", func(t *testing.T) {
		s := slot(t, always(&fake{handle: func(ctx context.Context, m plugin.Message) (plugin.Message, error) {
			<-ctx.Done()

			return m, nil
		}}), plugin.Spec{Concurrency: 1, Deadline: time.Hour, Drain: 5 * time.Second})
		h := start(t, s)
		geo := s.From(h.sys.Intake())
		errs := make(chan error, 5)

		for range cap(errs) {
			go func() {
				_, err := geo.Call(t.Context(), line("a"))
				errs <- err
			}()

			synctest.Wait()
		}

		began := time.Now()
		require.NoError(t, geo.Upgrade(t.Context(), always(&fake{manifest: manifest("geo", "1.1.0")})))
		assert.LessOrEqual(t, time.Since(began), 5*time.Second)

		for range cap(errs) {
			var fault *plugin.InstanceError

			if err := <-errs; err != nil {
				require.ErrorAs(t, err, &fault)
				assert.Equal(t, plugin.Cut, fault.Fault)
			}
		}

		assert.Equal(t, plugin.Stats{Calls: 5, Answered: 4, Lost: 1, Instances: 2, Faults: 1}, status(t, geo).Stats)
		h.beats()
		h.end()
	})

	bubble(t, "one at a time", func(t *testing.T) {
		var seen [1000]atomic.Int64

		s := slot(t, version("1.0.0", 0, &seen), plugin.Spec{})
		h := start(t, s)
		geo := s.From(h.sys.Intake())
		done := make(chan error, 1)

		go func() {
			done <- geo.Upgrade(t.Context(), always(&fake{start: func(context.Context, plugin.Session) error {
				<-time.After(time.Second)

				return nil
			}}))
		}()

		synctest.Wait()
		require.ErrorIs(t, geo.Unload(t.Context()), plugin.ErrBusy)
		require.NoError(t, <-done)
		h.end()
	})

	bubble(t, "a stream of the old one is ended in an orderly way", func(t *testing.T) {
		s := slot(t, always(&fake{handle: upper}), plugin.Spec{})
		h := start(t, s)
		geo := s.From(h.sys.Intake())
		st, err := geo.Stream(t.Context())
		require.NoError(t, err)
		require.NoError(t, st.Send(line("a")))
		require.NoError(t, geo.Upgrade(t.Context(), always(&fake{})))

		m, err := st.Recv()
		require.NoError(t, err)
		assert.Equal(t, "A", string(m.Payload))
		_, err = st.Recv()
		require.ErrorContains(t, err, "EOF")
		h.end()
	})

	bubble(t, "a quarantined one is replaced", func(t *testing.T) {
		s := slot(t, always(&fake{handle: func(context.Context, plugin.Message) (plugin.Message, error) { panic("no") }}),
			plugin.Spec{Budget: supervision.Budget{Within: time.Second}})
		h := start(t, s)
		geo := s.From(h.sys.Intake())

		_, err := geo.Call(t.Context(), line("a"))
		require.ErrorAs(t, err, new(*plugin.InstanceError))
		synctest.Wait()
		require.Error(t, status(t, geo).Quarantined)
		require.NoError(t, geo.Upgrade(t.Context(), always(&fake{})))

		_, err = geo.Call(t.Context(), line("a"))
		require.NoError(t, err)
		h.end()
	})
}

func TestLoadAndUnload(t *testing.T) {
	bubble(t, "an empty slot is loaded and unloaded", func(t *testing.T) {
		var drained, stopped atomic.Bool

		s := slot(t, plugin.Source{}, plugin.Spec{})
		h := start(t, s)
		geo := s.From(h.sys.Intake())

		_, err := geo.Call(t.Context(), line("a"))
		require.ErrorIs(t, err, plugin.ErrNotLoaded)
		require.ErrorIs(t, geo.Unload(t.Context()), plugin.ErrNotLoaded)
		require.ErrorIs(t, geo.Upgrade(t.Context(), always(&fake{})), plugin.ErrNotLoaded)

		of := always(&fake{
			drain: func(context.Context) error { drained.Store(true); return nil },
			stop: func(context.Context) error {
				assert.True(t, drained.Load())
				stopped.Store(true)

				return nil
			},
		})
		require.NoError(t, geo.Load(t.Context(), of))
		require.ErrorIs(t, geo.Load(t.Context(), of), plugin.ErrLoaded)

		_, err = geo.Call(t.Context(), line("a"))
		require.NoError(t, err)
		require.NoError(t, geo.Unload(t.Context()))
		assert.True(t, stopped.Load())

		_, err = geo.Call(t.Context(), line("a"))
		require.ErrorIs(t, err, plugin.ErrNotLoaded)
		h.beats()
		assert.True(t, h.end().Clean)
	})
}

// TestAnActorUsesAPlugin is a plugin as a child like any other: it starts before its users and stops after them.
func TestAnActorUsesAPlugin(t *testing.T) {
	bubble(t, "in the phases of a shutdown", func(t *testing.T) {
		geo := slot(t, always(&fake{handle: upper}), plugin.Spec{})
		var got atomic.Value

		user := supervision.Actor("user", func(in supervision.Deps) (actors.Func[string], error) {
			h := geo.From(in)

			return func(ctx *actors.Context[string], text string) error {
				m, err := h.Call(ctx, line(text))
				got.Store(string(m.Payload))

				return err
			}, nil
		}, supervision.Spec{DependsOn: geo.On()})

		h := &host{t: t}
		h.sys = startTree(t, supervision.On(user, geo.Tree()))

		for range 10 {
			require.NoError(t, user.From(h.sys.Intake()).Tell(t.Context(), "a"))
		}

		r := h.end() // works off what the user has queued, through the plugin
		assert.True(t, r.Clean)
		assert.Equal(t, "A", got.Load())
		assert.Equal(t, uint64(10+10+1), r.Total.Processed) // the user's, the plugin's, and who asked the desk
	})
}

// TestTheHostRestartsItsPlugins has a supervisor start anew that has given up, and the slot with its desk in it: a
// handle from before is still good.
func TestTheHostRestartsItsPlugins(t *testing.T) {
	bubble(t, "with a call in hand", func(t *testing.T) {
		geo := slot(t, always(&fake{handle: func(ctx context.Context, m plugin.Message) (plugin.Message, error) {
			if string(m.Payload) == "hang" {
				<-ctx.Done()
			}

			return m, nil
		}}), plugin.Spec{Deadline: time.Hour})
		crasher := supervision.Actor("crasher", func(supervision.Deps) (actors.Func[string], error) {
			return func(*actors.Context[string], string) error { return errBroken }, nil
		}, supervision.Spec{})
		sys, err := system.Start(t.Context(), supervision.Tree{
			Name: "shop", Budget: supervision.Budget{Restarts: 1, Within: time.Hour},
			Children: supervision.On(&supervision.Tree{
				Name: "group", Children: supervision.On(crasher, geo.Tree()), Budget: supervision.Budget{Within: time.Hour},
			}),
		}, system.Options{Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{}})
		require.NoError(t, err)

		h := &host{t: t, sys: sys}
		handle := geo.From(h.sys.Intake())
		told := make(chan error, 1)

		go func() {
			_, err := handle.Call(t.Context(), line("hang"))
			told <- err
		}()

		synctest.Wait()
		require.NoError(t, crasher.From(h.sys.Intake()).Tell(t.Context(), "crash"))

		var fault *plugin.InstanceError

		require.ErrorAs(t, <-told, &fault)
		assert.Equal(t, plugin.Cut, fault.Fault)

		_, err = handle.Call(t.Context(), line("a")) // waits for the new one
		require.NoError(t, err)
		assert.Equal(t, plugin.Stats{Calls: 1, Answered: 1, Instances: 1}, status(t, handle).Stats) // those of a new slot
		require.NoError(t, handle.Upgrade(t.Context(), always(&fake{})))
		h.end()
	})
}

// release is a version in TestUpgradesUnderLoad.
type release struct {
	name  string
	takes time.Duration
	high  int // protocol
	bad   string
}

// source makes the plugin, which notes what it handles and what becomes of it.
func (r release) source(seen *[1000]atomic.Pointer[string], log *[]string, mu *sync.Mutex) plugin.Source {
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()

		*log = append(*log, what+" "+r.name)
	}
	m := manifest("geo", r.name)
	m.Protocols.Max = r.high

	return plugin.InProcess(func() plugin.Plugin {
		if r.bad == "factory" {
			panic("no")
		}

		return &fake{
			manifest: m,
			start: func(context.Context, plugin.Session) error {
				if r.bad == "start" {
					return errBroken
				}

				return nil
			},
			health: func(context.Context) error {
				if r.bad == "health" {
					return errBroken
				}

				note("well")

				return nil
			},
			handle: func(_ context.Context, m plugin.Message) (plugin.Message, error) {
				n, err := strconv.Atoi(string(m.Payload))
				if err != nil || !seen[n].CompareAndSwap(nil, &r.name) {
					return m, errBroken // it was handled before
				}

				<-time.After(r.takes)

				return line(r.name), nil
			},
			stop: func(context.Context) error { note("stop"); return nil },
		}
	})
}

// TestUpgradesUnderLoad holds for random versions, old and new protocols, good ones and bad, that come one after the
// other while there are calls all the time: every call is answered, by the one version that has handled it; each
// version is well before the one before it stops; and after one that is bad nothing has changed.
func TestUpgradesUnderLoad(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var (
			takes    = rapid.IntRange(0, 200)
			messages = rapid.IntRange(1, 300).Draw(rt, "messages")
			every    = time.Duration(rapid.IntRange(0, 20).Draw(rt, "every")) * time.Millisecond
			spec     = plugin.Spec{
				Concurrency: rapid.IntRange(1, 8).Draw(rt, "concurrency"), Deadline: time.Minute, Probe: time.Hour,
				Mailbox: &mailbox.Options{Capacity: rapid.IntRange(1, 10).Draw(rt, "capacity")},
			}
			versions []release
		)

		for i := range rapid.IntRange(2, 6).Draw(rt, "versions") {
			v := release{
				name:  fmt.Sprintf("1.%d.0", i),
				takes: time.Duration(takes.Draw(rt, "takes")) * time.Millisecond,
				high:  rapid.IntRange(1, 2).Draw(rt, "protocol"),
			}
			if i > 0 {
				v.bad = rapid.SampledFrom([]string{"", "", "", "factory", "start", "health"}).Draw(rt, "bad")
			}

			versions = append(versions, v)
		}

		gap := time.Duration(rapid.IntRange(1, 500).Draw(rt, "gap")) * time.Millisecond

		synctest.Test(t, func(t *testing.T) {
			var (
				seen [1000]atomic.Pointer[string]
				log  []string
				mu   sync.Mutex
			)

			s := slot(t, versions[0].source(&seen, &log, &mu), spec)
			h := start(t, s)
			geo := s.From(h.sys.Intake())
			answers := make(chan [2]string, messages)

			for i := range messages {
				go func() {
					<-time.After(time.Duration(i) * every)

					m, err := geo.Call(t.Context(), line(strconv.Itoa(i)))
					assert.NoError(t, err)

					answers <- [2]string{strconv.Itoa(i), string(m.Payload)}
				}()
			}

			now := versions[0]
			want := []string{"well " + now.name}

			for _, v := range versions[1:] {
				<-time.After(gap)

				err := geo.Upgrade(t.Context(), v.source(&seen, &log, &mu))
				switch v.bad {
				case "":
					require.NoError(t, err)

					want = append(want, "well "+v.name, "stop "+now.name)
					now = v
				case "health": // it has started
					require.Error(t, err)

					want = append(want, "stop "+v.name)
				default:
					require.Error(t, err)
				}

				st := status(t, geo)
				require.Equal(t, now.name, st.Manifest.Version)
				require.Equal(t, now.high, st.Session.Protocol)
			}

			for range messages {
				a := <-answers
				i, err := strconv.Atoi(a[0])
				require.NoError(t, err)
				require.Equal(t, *seen[i].Load(), a[1], "who has answered is who has handled it")
			}

			st := status(t, geo).Stats
			require.Equal(t, uint64(messages), st.Calls)
			require.Equal(t, st.Calls, st.Answered)
			h.beats()
			require.True(t, h.end().Clean)

			require.Equal(t, append(want, "stop "+now.name), log)
		})
	})
}

// TestCallsAddUp holds that whatever a plugin does, each call comes to exactly one end, and is counted under it.
func TestCallsAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		deed := rapid.SampledFrom([]string{"ok", "err", "bad", "panic", "slow", "hang"})
		deeds := rapid.SliceOfN(deed, 1, 30).Draw(rt, "deeds")
		width := rapid.IntRange(1, 4).Draw(rt, "concurrency")
		again := rapid.IntRange(0, 2).Draw(rt, "redeliver")
		budget := rapid.IntRange(0, 5).Draw(rt, "budget")

		synctest.Test(t, func(t *testing.T) {
			leave := make(chan struct{})
			s := slot(t, always(&fake{handle: func(ctx context.Context, m plugin.Message) (plugin.Message, error) {
				switch string(m.Payload) {
				case "err":
					return m, errBroken
				case "bad":
					return m, plugin.Invalid(errBroken)
				case "panic":
					panic("drawn")
				case "slow":
					<-ctx.Done()
				case "hang":
					<-leave
				}

				return m, ctx.Err()
			}}), plugin.Spec{
				Concurrency: width, Redeliver: again, Deadline: time.Second, Stop: time.Second,
				Budget: supervision.Budget{Restarts: budget, Within: time.Hour},
			})
			h := start(t, s)
			geo := s.From(h.sys.Intake())
			ends := make(chan error, len(deeds))

			for _, deed := range deeds {
				go func() {
					_, err := geo.Call(t.Context(), line(deed))
					ends <- err
				}()
			}

			good := 0

			for range deeds {
				if err := <-ends; err == nil {
					good++
				} else {
					require.NotErrorIs(t, err, context.Canceled)
				}
			}

			<-time.After(time.Minute)

			st := status(t, geo).Stats
			require.Equal(t, uint64(good), st.Answered)
			require.Zero(t, st.InFlight)
			require.LessOrEqual(t, st.Instances, uint64(budget+1))
			h.beats()
			close(leave)
			synctest.Wait()
			h.end()
		})
	})
}
