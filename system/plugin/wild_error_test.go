package plugin_test

import (
	"context"
	"io/fs"
	"math"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/system/plugin"
)

// nilPath returns what a function returns by mistake that has declared its error as a pointer: Error and Unwrap panic.
func nilPath() error {
	var e *fs.PathError

	return e
}

// selfish is an error whose Error panics with itself, which fmt does not recover from.
type selfish struct{}

func (s *selfish) Error() string { panic(s) }

// runaway is an error whose Error ends the goroutine, hollow one whose Unwrap does.
type (
	runaway struct{}
	hollow  struct{}
)

func (runaway) Error() string { runtime.Goexit(); return "" }
func (hollow) Error() string  { return "hollow" }
func (hollow) Unwrap() error  { runtime.Goexit(); return nil }

func TestAnErrorThatPanicsIsAsAnyOther(t *testing.T) {
	for name, wild := range map[string]error{
		"Error and Unwrap panic": nilPath(), "Error panics with the error": &selfish{},
		"Error ends the goroutine": runaway{}, "Unwrap ends the goroutine": hollow{},
	} {
		t.Run(name, func(t *testing.T) { isAsAnyOther(t, wild) })
	}
}

func isAsAnyOther(t *testing.T, wild error) {
	t.Helper()

	for name, of := range map[string]struct {
		wrong func(plugin.Message) (plugin.Message, error)
		fault plugin.Fault
		stats plugin.Stats
	}{
		"returned": {
			func(m plugin.Message) (plugin.Message, error) { return m, wild },
			0,
			plugin.Stats{Calls: 2, Answered: 1, Failed: 1, Instances: 1},
		},
		"invalid": {
			func(m plugin.Message) (plugin.Message, error) { return m, plugin.Invalid(wild) },
			0,
			plugin.Stats{Calls: 2, Answered: 1, Invalid: 1, Instances: 1},
		},
		"panicked with": {
			func(plugin.Message) (plugin.Message, error) { panic(wild) },
			plugin.Panicked,
			plugin.Stats{Calls: 2, Lost: 2, Instances: 2, Faults: 1},
		},
	} {
		bubble(t, name, func(t *testing.T) {
			s := slot(t, always(&fake{handle: func(_ context.Context, m plugin.Message) (plugin.Message, error) {
				if string(m.Payload) != "good" {
					return of.wrong(m)
				}

				<-time.After(time.Second)

				return m, nil
			}}), plugin.Spec{})
			h := start(t, s)
			geo := s.From(h.sys.Intake())
			other := make(chan error, 1)

			go func() {
				_, err := geo.Call(t.Context(), line("good"))
				other <- err
			}()
			synctest.Wait()

			_, err := geo.Call(t.Context(), line("bad"))

			if of.fault == 0 {
				var call *plugin.CallError

				require.ErrorAs(t, err, &call)
				require.NoError(t, <-other)
			} else {
				var instance *plugin.InstanceError

				require.ErrorAs(t, err, &instance)
				assert.Equal(t, of.fault, instance.Fault)
				require.ErrorAs(t, <-other, &instance)
			}

			<-time.After(time.Minute) // behind the back-off
			h.beats()
			assert.Equal(t, of.stats, status(t, geo).Stats)
			h.end()
		})
	}

	bubble(t, "from Start", func(t *testing.T) { startsIll(t, &fake{}, wild, true) })
	bubble(t, "from Health", func(t *testing.T) { startsIll(t, &fake{}, wild, false) })
}

// startsIll starts a plugin whose first instance does not start: the host does, and the second instance.
func startsIll(t *testing.T, f *fake, wild error, inStart bool) {
	t.Helper()

	made := 0
	ill := func(context.Context) error {
		if made == 1 {
			return wild
		}

		return nil
	}

	s := slot(t, plugin.InProcess(func() plugin.Plugin {
		made++

		c := *f
		if inStart {
			c.start = func(ctx context.Context, _ plugin.Session) error { return ill(ctx) }
		} else {
			c.health = ill
		}

		return &c
	}), plugin.Spec{})
	h := start(t, s)
	<-time.After(time.Minute) // behind the back-off
	h.beats()

	_, err := s.From(h.sys.Intake()).Call(t.Context(), line("a"))
	require.NoError(t, err)
	assert.Equal(t, 2, made)
	h.end()
}

func TestAPluginWithoutADeadline(t *testing.T) {
	const unlimited = math.MaxInt64

	bubble(t, "starts and answers", func(t *testing.T) {
		s := slot(t, always(&fake{}), plugin.Spec{Start: unlimited, Deadline: unlimited, HangAfter: unlimited})
		h := start(t, s)
		_, err := s.From(h.sys.Intake()).Call(t.Context(), line("a"))
		require.NoError(t, err)
		h.end()
	})
}

func TestAProbeThatReturnsAnErrorThatPanicsFindsThePluginIll(t *testing.T) {
	bubble(t, "degraded", func(t *testing.T) {
		began := time.Now()
		s := slot(t, always(&fake{health: func(context.Context) error {
			if time.Since(began) < time.Second {
				return nil
			}

			return nilPath()
		}}), plugin.Spec{Probe: time.Minute})
		h := start(t, s)

		<-time.After(2 * time.Minute)
		synctest.Wait()
		h.beats()

		geo := s.From(h.sys.Intake())
		_, err := geo.Call(t.Context(), line("a"))
		require.NoError(t, err)
		assert.Equal(t, uint64(1), status(t, geo).Stats.Instances)
		h.end()
	})
}
