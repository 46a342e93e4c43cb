package system_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
)

func TestTheExitCodeSaysHowItWent(t *testing.T) {
	soon := supervision.Spec{Deadlines: supervision.Deadlines{Drain: time.Second, Close: time.Second}}

	for name, c := range map[string]struct {
		probe *probe
		spec  supervision.Spec
		job   func(release chan struct{}) job
		force bool
		want  int
	}{
		"clean": {probe: &probe{}, want: system.ExitClean},
		"a hook failed": {
			probe: &probe{closes: func(context.Context) error { return errBroken }}, want: system.ExitFailed,
		},
		"forced": {probe: &probe{}, force: true, want: system.ExitForced},
		"forced, and a hook failed": {
			probe: &probe{flush: func(context.Context) error { return errBroken }}, force: true, want: system.ExitForced,
		},
		"it hangs": {
			probe: &probe{}, spec: soon, want: system.ExitForced,
			job: func(release chan struct{}) job { return hangs(release) },
		},
		"it hung, and came back": {
			probe: &probe{}, spec: soon, want: system.ExitForced,
			job: func(release chan struct{}) job {
				time.AfterFunc(time.Second, func() { close(release) })

				return hangs(release)
			},
		},
		"a queue was cut": {
			probe: &probe{}, spec: soon, want: system.ExitFailed,
			job: func(chan struct{}) job {
				return func(ctx *ctxOf) error {
					<-ctx.Done()

					return nil
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				release := make(chan struct{})
				c.probe.name = "a"
				a := declare(c.probe, c.spec)

				// Its hook takes its time after the deadline of the drain, so that who hung can come back.
				slow := declare(&probe{name: "slow", closes: func(context.Context) error {
					<-time.After(time.Second / 2)

					return nil
				}}, supervision.Spec{})
				s := start(t, tree(a, slow), silent())

				if c.job != nil {
					tell(t, s, a, c.job(release))
					tell(t, s, a, nothing)
				}

				if c.force {
					s.Force()
				}

				r, err := stop(t, s)
				assert.Equal(t, c.want, r.Exit)
				assert.Equal(t, c.want, system.ExitCode(err))
				assert.Equal(t, c.want == system.ExitClean, r.Clean)
				assert.Equal(t, r.Clean, err == nil)
				assert.Equal(t, c.force, errors.Is(err, system.ErrForced))

				select {
				case <-release:
				default:
					close(release)
				}

				synctest.Wait()
			})
		})
	}

	_, err := system.Start(t.Context(), supervision.Tree{}, silent())
	assert.Equal(t, system.ExitFailed, system.ExitCode(err))

	for _, nobodys := range []error{new(system.StopError), &system.StopError{Report: new(system.Report)}} {
		require.EqualError(t, nobodys, "stopped")
		require.NoError(t, errors.Unwrap(nobodys))
	}

	assert.Equal(t, system.ExitFailed, system.ExitCode(new(system.StopError)))
}

func TestAPanicAtTheRootGoesTheSameOrderedWay(t *testing.T) {
	virtual(t, func(t *testing.T) {
		d := &diary{}
		front, middle, back, tree := chain(d)
		tree.Budget.Restarts = 0
		pool := d.task("pool", supervision.PhaseClose)
		pool.After = supervision.On(back)
		options := with(d.task("listener", supervision.PhaseIntake), pool)
		file := filepath.Join(t.TempDir(), "report.json")
		options.ReportFile = file
		s := start(t, tree, options)

		d.entries = nil

		tell(t, s, front, nothing)
		tell(t, s, back, nothing)
		tell(t, s, middle, func(*ctxOf) error { panic("oh") })

		err := s.Wait(t.Context())

		panicked := new(actors.PanicError)
		require.ErrorAs(t, err, &panicked)
		assert.Equal(t, system.ExitFailed, system.ExitCode(err))
		assert.Equal(t, []string{
			"close middle", "begin listener", "end listener", "flush front", "flush back", "close front", "close back",
			"begin pool", "end pool",
		}, d.read())
		checkLaw(t, s.Report())

		text, err := os.ReadFile(file)
		require.NoError(t, err)

		read := new(system.Report)
		require.NoError(t, json.Unmarshal(text, read))
		assert.Equal(t, s.Report().Cause, read.Cause)
		assert.Equal(t, system.ExitFailed, read.Exit)
		require.EqualError(t, read.Err(), s.Report().Err().Error())
		assert.Equal(t, system.ExitFailed, system.ExitCode(read.Err()))
	})
}

func TestTheReportIsWrittenAlsoWhenForced(t *testing.T) {
	virtual(t, func(t *testing.T) {
		release := make(chan struct{})
		a := declare(&probe{name: "a"}, supervision.Spec{})
		options := silent()
		options.ReportFile = filepath.Join(t.TempDir(), "report.json")
		s := start(t, tree(a), options)
		tell(t, s, a, hangs(release))
		synctest.Wait()

		s.Force()

		_, err := stop(t, s)
		require.ErrorIs(t, err, system.ErrForced)

		text, err := os.ReadFile(options.ReportFile) // it is there when Shutdown returns
		require.NoError(t, err)

		read := new(system.Report)
		require.NoError(t, json.Unmarshal(text, read))
		assert.True(t, read.Forced)
		assert.Equal(t, system.ExitForced, read.Exit)
		require.EqualError(t, read.Err(), s.Report().Err().Error())
		require.ErrorIs(t, read.Err(), system.ErrForced)
		assert.Equal(t, system.ExitForced, system.ExitCode(read.Err()))
		assert.Contains(t, read.Actors[0].Abandoned[0].Stack, "hangs")

		files, err := os.ReadDir(filepath.Dir(options.ReportFile))
		require.NoError(t, err)
		assert.Len(t, files, 1, "nothing is left behind")

		close(release)
		synctest.Wait()
	})
}

func TestTheErrorOfAReportIsWhatItSays(t *testing.T) {
	for name, of := range map[string]struct {
		report *system.Report
		want   string // of an error, else there is none
	}{
		"nil":                {nil, ""},
		"the zero one":       {new(system.Report), ""},
		"clean":              {&system.Report{Clean: true}, ""},
		"of a cause":         {&system.Report{Cause: "c", Exit: system.ExitFailed}, "c"},
		"of a cause alone":   {&system.Report{Cause: "c"}, "c"},
		"of errors too":      {&system.Report{Cause: "c", Errors: []string{"a", "b"}}, "c\na\nb"},
		"of a code alone":    {&system.Report{Exit: system.ExitForced}, "stopped"},
		"of those that hang": {&system.Report{Errors: []string{system.ErrHangs.Error()}}, system.ErrHangs.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			err := of.report.Err()
			if of.want == "" {
				require.NoError(t, err)

				return
			}

			require.EqualError(t, err, of.want)

			var stop *system.StopError

			require.ErrorAs(t, err, &stop)
			assert.Same(t, of.report, stop.Report)
			assert.Equal(t, of.want == system.ErrHangs.Error(), errors.Is(err, system.ErrHangs))
		})
	}
}

// deaf has the process ignore a signal until somebody wants to be told of it, and returns what waits for that.
func deaf(t *testing.T, s os.Signal) (listening func()) {
	t.Helper()
	signal.Ignore(s)
	t.Cleanup(func() { signal.Reset(s) })

	return func() {
		t.Helper()
		require.Eventually(t, func() bool { return !signal.Ignored(s) }, time.Minute, time.Millisecond)

		// It is said before the kernel has been told. Who asks to be told too waits until that has been done.
		barrier := make(chan os.Signal, 1)
		signal.Notify(barrier, s)
		signal.Stop(barrier)
	}
}

// TestSignalsAreInTheReport uses a signal of its own, so that the test's runner does not mind.
func TestSignalsAreInTheReport(t *testing.T) {
	listening := deaf(t, syscall.SIGUSR2)
	release := make(chan struct{})
	begun := make(chan struct{})
	listener := &supervision.Task{Name: "listener", Phase: supervision.PhaseIntake, Run: func(context.Context) error {
		close(begun)
		<-release

		return nil
	}}
	options := with(listener)
	options.Grace = time.Hour
	options.Signals = []os.Signal{syscall.SIGUSR2}
	s := start(t, tree(declare(&probe{name: "a"}, supervision.Spec{})), options)

	var all sync.WaitGroup

	for range 4 { // however many wait, a signal counts once
		all.Go(func() { assert.ErrorIs(t, s.Wait(t.Context()), system.ErrForced) })
	}

	listening()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGUSR2))
	<-begun
	assert.False(t, s.Health(t.Context()).Ready())

	select {
	case <-s.Done():
		t.Error("one signal is taken for two")
	case <-time.After(50 * time.Millisecond):
	}

	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGUSR2))
	all.Wait()
	close(release)

	r := s.Report()
	require.Len(t, r.Signals, 2)
	assert.Equal(t, []string{"shutdown", "force"}, []string{r.Signals[0].Did, r.Signals[1].Did})
	assert.Less(t, r.Signals[0].Came, r.Signals[1].Came)
	assert.Equal(t, system.ExitForced, r.Exit)

	var text strings.Builder

	_, err := r.WriteTo(&text)
	require.NoError(t, err)
	assert.Contains(t, text.String(), "  signal user defined signal 2 at ")
}
