package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system/plugin"
)

// children returns the processes that the test program has started and that have not ended.
func children(t testing.TB) (all []int) {
	t.Helper()

	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)

	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}

		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)

		if len(fields) > 1 && fields[0] != "Z" && fields[1] == strconv.Itoa(os.Getpid()) {
			n, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			require.NoError(t, err)

			all = append(all, n)
		}
	}

	return all
}

// brief is a spec in which no time matters, and everything is over after one restart.
func brief() plugin.Spec {
	return plugin.Spec{
		Deadline: time.Minute, Start: time.Minute, Stop: time.Second, Probe: time.Minute,
		Budget:  supervision.Budget{Restarts: 1, Within: time.Hour},
		Backoff: supervision.Backoff{Initial: supervision.Immediately},
		Breaker: plugin.Breaker{Failures: 2, OpenFor: time.Hour}, MaxMessage: 1 << 16,
	}
}

// books are what callers were told, to be compared with what was counted.
type books plugin.Stats

// note notes what one caller was told.
func (b *books) note(t testing.TB, err error) {
	t.Helper()

	if errors.As(err, new(*plugin.QuarantinedError)) {
		return // the plugin was not there to be called
	}

	b.Calls++

	var fault *plugin.InstanceError

	switch {
	case err == nil:
		b.Answered++
	case errors.As(err, &fault):
		b.Lost++
	case errors.As(err, new(*plugin.DeadlineError)):
		b.Late++
	case errors.Is(err, plugin.ErrOpen):
		b.Refused++
	case errors.As(err, new(*plugin.CallError)):
		b.Failed++
	default:
		require.NoError(t, err, "nothing that a caller should be told")
	}
}

// balance asserts that as many callers were told something as were counted for it.
func (b *books) balance(t testing.TB, s plugin.Stats) {
	t.Helper()

	s.Instances, s.Faults = 0, 0
	assert.Equal(t, plugin.Stats(*b), s)
}

// wellKnown asserts that the health tree says what the plugin's status does.
func (h *host) wellKnown(st plugin.Status) {
	h.t.Helper()

	desk := h.health("/shop/geo/desk")

	switch {
	case st.Quarantined != nil:
		assert.Equal(h.t, st.Quarantined, desk.Degraded)
		assert.Equal(h.t, uint64(1), h.sys.Events().Count(supervision.GaveUp))
	case st.Breaker == "open":
		assert.ErrorIs(h.t, h.health("/shop/geo/run/1").Degraded, plugin.ErrOpen)
	default:
		assert.NoError(h.t, desk.Degraded)
		assert.NoError(h.t, h.health("/shop/geo/run/1").Degraded)

		if st.LastFailure != nil {
			assert.ErrorIs(h.t, h.health("/shop/geo/run/1").LastFailure, st.LastFailure)
		}
	}
}

// nobodyHangs reports whether every instance that was given up has returned: a process can take its time to be killed.
func (h *host) nobodyHangs() bool {
	n, found := h.sys.Health(h.t.Context()).Find("/shop/geo/run/1")

	return !found || len(n.Abandoned) == 0
}

// TestMatrix goes through all that a plugin in a process of its own can do wrong. Whatever it is: the host's other
// actor goes on and the host is ready, the plugin's status and the health tree say what has happened, there are no more
// instances than the budget allows, every call is accounted for, by what its caller was told too, and no process is
// left. TestMatrixInProcess is the same for plugins in the host's process.
func TestMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for some forty processes")
	}

	crash := func(says string) func(*testing.T, plugin.Status, error) {
		return func(t *testing.T, s plugin.Status, err error) {
			t.Helper()

			var fault *plugin.InstanceError

			require.ErrorAs(t, err, &fault)
			assert.Equal(t, plugin.Crashed, fault.Fault)
			require.ErrorAs(t, err, new(*plugin.ExitError))
			require.ErrorContains(t, err, says)
			require.ErrorContains(t, s.Quarantined, says)
			assert.Equal(t, uint64(2), s.Stats.Lost)
		}
	}
	unstarted := func(says string) func(*testing.T, plugin.Status, error) {
		return func(t *testing.T, s plugin.Status, err error) {
			t.Helper()
			require.ErrorAs(t, err, new(*plugin.QuarantinedError))

			var fault *plugin.InstanceError

			require.ErrorAs(t, s.Quarantined, &fault)
			assert.Equal(t, plugin.NotStarted, fault.Fault)
			require.Regexp(t, says, fault.Error())
		}
	}
	quick := func(s *plugin.Spec) { s.Start = time.Second }

	for _, of := range []struct {
		name, kind, deed string
		spec             func(*plugin.Spec)
		holds            func(*testing.T, plugin.Status, error)
		report           string // what the report of the shutdown says is wrong, a regular expression
	}{
		{name: "panic", kind: "good", deed: "panic", holds: crash("panic: at the disco")},
		{name: "os.Exit", kind: "good", deed: "exit 7", holds: crash("exit status 7")},
		{name: "SIGKILL", kind: "good", deed: "kill", holds: crash("signal: killed")},
		{name: "SIGSTOP", kind: "good", deed: "stop", spec: func(s *plugin.Spec) {
			s.Breaker.Failures, s.Deadline, s.Probe = -1, time.Second, 500*time.Millisecond
		}, holds: func(t *testing.T, s plugin.Status, _ error) {
			t.Helper()
			require.ErrorContains(t, s.Quarantined, "hung: no answer to the health check")
		}},
		{name: "hang in a call", kind: "good", deed: "hang", spec: func(s *plugin.Spec) {
			s.Deadline = 300 * time.Millisecond
		}, holds: func(t *testing.T, s plugin.Status, err error) {
			t.Helper()
			require.ErrorIs(t, err, plugin.ErrOpen)
			assert.Equal(t, "open", s.Breaker)
			assert.Equal(t, uint64(2), s.Stats.Late)
			assert.True(t, s.Loaded)
		}},
		{name: "hang before the handshake", kind: "hang-manifest", spec: quick, holds: unstarted(tooLate)},
		{name: "hang in Start", kind: "hang-start", spec: quick, holds: unstarted(tooLate)},
		{name: "hang in Health at the start", kind: "hang-health", spec: quick, holds: unstarted(tooLate)},
		{name: "hang in Health", kind: "deaf", spec: func(s *plugin.Spec) {
			s.Probe = 500 * time.Millisecond
		}, holds: func(t *testing.T, s plugin.Status, _ error) {
			t.Helper()
			require.ErrorContains(t, s.Quarantined, "hung: no answer to the health check")
		}},
		{name: "hang in Drain", kind: "hang-drain", holds: fine, report: "flush did not finish|deadline exceeded"},
		{name: "hang in Stop", kind: "hang-stop", holds: fine, report: "close did not finish|deadline exceeded"},
		// It is random, and may have as many bars as a handshake.
		{name: "garbage on the handshake", kind: "garbage", holds: unstarted(
			"Unrecognized remote plugin message|error parsing core protocol version")},
		{name: "a line on the handshake", kind: "line", holds: unstarted("Unrecognized remote plugin message: hello")},
		{name: "a socket elsewhere", kind: "elsewhere", holds: unstarted("must be a socket in")},
		{name: "no certificate", kind: "naked", holds: unstarted("the plugin has sent no certificate")},
		{name: "an end before the handshake", kind: "dies", holds: unstarted("exit status 9")},
		{name: "garbage in an answer", kind: "garbled", deed: "garble", holds: func(
			t *testing.T, s plugin.Status, err error,
		) {
			t.Helper()
			require.ErrorIs(t, err, plugin.ErrOpen)
			assert.Equal(t, uint64(2), s.Stats.Failed)
			assert.True(t, s.Loaded)
		}},
		{name: "an oversized message", kind: "good", deed: "long 200000", holds: func(
			t *testing.T, s plugin.Status, err error,
		) {
			t.Helper()
			require.ErrorAs(t, err, new(*plugin.SizeError))
			assert.Equal(t, s.Stats.Calls, s.Stats.Failed)
			assert.True(t, s.Loaded)
		}},
		{name: "a slow start", kind: "slow", spec: quick, holds: unstarted(tooLate)},
		{name: "a leak", kind: "good", deed: "leak", holds: func(t *testing.T, s plugin.Status, err error) {
			t.Helper()

			var fault *plugin.InstanceError

			require.ErrorAs(t, err, &fault)
			assert.Equal(t, plugin.Oversized, fault.Fault)
			require.ErrorContains(t, s.Quarantined, "bytes of memory, 268435456 are allowed")
		}},
		{name: "a flood of output", kind: "good", deed: "print", holds: fine},
	} {
		t.Run(of.name, func(t *testing.T) {
			spec := brief()
			if of.spec != nil {
				of.spec(&spec)
			}

			s := slot(t, program(t, 256<<20, of.kind), spec)
			h := start(t, s)
			geo := s.From(h.sys.Intake())

			var (
				err  error
				told books
			)

			// It is done again and again, until it is done no more. Who stops itself may have answered before.
			for done := false; !done; {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				_, again := geo.Call(ctx, line(of.deed))

				cancel()
				h.beats()
				told.note(t, again)

				err = keep(err, again)
				done = again == nil && of.name != "SIGSTOP" || errors.As(again, new(*plugin.QuarantinedError)) ||
					errors.As(again, new(*plugin.SizeError)) || errors.Is(again, plugin.ErrOpen)
			}

			if of.name == "hang in Health" {
				require.Eventually(t, func() bool {
					h.beats()

					return status(t, geo).Quarantined != nil
				}, patience, 10*time.Millisecond)
			}

			st := status(t, geo)
			of.holds(t, st, err)
			assert.LessOrEqual(t, st.Stats.Instances, uint64(2))
			told.balance(t, st.Stats)
			h.wellKnown(st)
			h.beats()
			require.Eventually(t, h.nobodyHangs, patience, 10*time.Millisecond)

			r := h.end()
			if of.report == "" {
				assert.NoError(t, r.Err())
			} else {
				require.Error(t, r.Err())
				assert.Regexp(t, of.report, r.Err().Error())
			}

			assert.Empty(t, children(t))
		})
	}
}

// tooLate is what a start that takes too long is called, by whoever finds out first.
const tooLate = "timeout|no answer within 1s|deadline exceeded"

// keep returns the error that says more: one of the instance is not forgotten for the quarantine that follows.
func keep(before, now error) error {
	quarantined := errors.As(now, new(*plugin.QuarantinedError))
	if errors.As(before, new(*plugin.InstanceError)) && (quarantined || !errors.As(now, new(*plugin.InstanceError))) {
		return before
	}

	return now
}

// fine is what holds for a plugin that has done its work.
func fine(t *testing.T, s plugin.Status, err error) {
	t.Helper()
	require.NoError(t, err)
	assert.Equal(t, s.Stats.Calls, s.Stats.Answered)
	assert.Equal(t, uint64(1), s.Stats.Instances)
}

// TestACallInFlightWhenTheProcessEnds is reported as lost, or given to the next process, as declared.
func TestACallInFlightWhenTheProcessEnds(t *testing.T) {
	for _, again := range []int{0, 1} {
		t.Run(fmt.Sprint(again, " times again"), func(t *testing.T) {
			spec := brief()
			spec.Redeliver = again

			s := slot(t, program(t, 0, "good"), spec)
			h := start(t, s)
			geo := s.From(h.sys.Intake())
			ends := make(chan error, 8)
			p := pid(t, geo)
			file := filepath.Join(t.TempDir(), "over") // until it is there, no call returns

			for range cap(ends) {
				go func() {
					_, err := geo.Call(t.Context(), line("wait "+file))
					ends <- err
				}()
			}

			require.Eventually(t, func() bool { return status(t, geo).Stats.InFlight > 0 }, patience, time.Millisecond)
			require.NoError(t, syscall.Kill(p, syscall.SIGKILL))
			require.Eventually(t, func() bool { return !alive(p) }, patience, time.Millisecond)
			require.NoError(t, os.WriteFile(file, nil, 0o600))

			lost := uint64(0)

			for range cap(ends) {
				if err := <-ends; err != nil {
					require.ErrorAs(t, err, new(*plugin.InstanceError))

					lost++
				}
			}

			st := status(t, geo).Stats
			assert.Positive(t, st.Lost)
			require.Eventually(t, func() bool {
				return status(t, geo).Stats.Instances == 2
			}, patience, time.Millisecond)

			if again == 0 {
				assert.Equal(t, st.Lost, lost)
			} else {
				assert.Zero(t, lost)
				assert.Equal(t, uint64(1+cap(ends)), st.Answered)
			}

			h.beats()
			h.end()
			assert.Empty(t, children(t))
		})
	}
}

// TestStreamsOfAProcess has streams go wrong that are not those of calls.
func TestStreamsOfAProcess(t *testing.T) {
	t.Run("a plugin that hangs in a stream does not hold up its caller, nor calls", func(t *testing.T) {
		spec := brief()
		spec.HangAfter, spec.Concurrency = 10*time.Second, 1

		s := slot(t, program(t, 0, "hang-stream"), spec)
		h := start(t, s)
		geo := s.From(h.sys.Intake())
		ctx, cancel := context.WithCancel(t.Context())
		st, err := geo.Stream(ctx)
		require.NoError(t, err)
		require.NoError(t, st.Send(line("a")))
		cancel()

		_, err = st.Recv()
		require.ErrorIs(t, err, context.Canceled)

		text, err := do(t, geo, "a") // there is one slot, and the stream has given it back
		require.NoError(t, err)
		assert.Equal(t, "A", text)
		assert.Equal(t, plugin.Stats{Calls: 2, Answered: 1, GivenUp: 1, Instances: 1}, status(t, geo).Stats)
		h.beats()
		assert.True(t, h.end().Clean)
		assert.Empty(t, children(t))
	})

	t.Run("a message that is too long ends its stream, and no other", func(t *testing.T) {
		s := slot(t, program(t, 0, "good"), brief())
		h := start(t, s)
		geo := s.From(h.sys.Intake())
		st, err := geo.Stream(t.Context())
		require.NoError(t, err)
		require.ErrorAs(t, st.Send(line(string(make([]byte, 1<<16+1)))), new(*plugin.SizeError))
		require.NoError(t, st.Send(line("long 200000")))

		_, err = st.Recv()
		require.ErrorAs(t, err, new(*plugin.SizeError))

		_, err = do(t, geo, "a")
		require.NoError(t, err)
		assert.Equal(t, plugin.Stats{Calls: 2, Answered: 1, Failed: 1, Instances: 1}, status(t, geo).Stats)
		h.beats()
		assert.True(t, h.end().Clean)
		assert.Empty(t, children(t))
	})
}

func TestAStreamWhenTheProcessEnds(t *testing.T) {
	s := slot(t, program(t, 0, "good"), brief())
	h := start(t, s)
	st, err := s.From(h.sys.Intake()).Stream(t.Context())
	require.NoError(t, err)
	require.NoError(t, st.Send(line("a")))

	m, err := st.Recv()
	require.NoError(t, err)
	assert.Equal(t, "A", string(m.Payload))
	require.NoError(t, st.Send(line("kill")))

	_, err = st.Recv()
	require.NotErrorIs(t, err, io.EOF)
	require.ErrorAs(t, err, new(*plugin.InstanceError))
	h.beats()
	h.end()
	assert.Empty(t, children(t))
}

// TestUpgradeOfAProcess has calls all the time while programs take each other's place, an old protocol among them, and
// one that does not start. Each call is answered, by the one that has handled it, and no other has.
func TestUpgradeOfAProcess(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	s := slot(t, program(t, 0, "version", "1.0.0", log), brief()) // of protocol 1
	h := start(t, s)
	geo := s.From(h.sys.Intake())
	stop := make(chan struct{})
	ends := make(chan map[string]string, 4) // who has answered which call

	for i := range cap(ends) {
		go func() {
			by := make(map[string]string)
			defer func() { ends <- by }()

			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}

				id := fmt.Sprint(i, "-", n)
				version, err := do(t, geo, "mark "+id)
				assert.NoError(t, err)

				by[id] = version
			}
		}()
	}

	for i, with := range []plugin.Source{
		program(t, 0, "dies"), program(t, 0, "version", "1.1.0", log, "new"), program(t, 0, "version", "1.2.0", log),
	} {
		err := geo.Upgrade(t.Context(), with)
		if i == 0 {
			require.ErrorAs(t, err, new(*plugin.InstanceError)) // rolls back
		} else {
			require.NoError(t, err)
		}

		version, err := do(t, geo, "version")
		require.NoError(t, err)
		assert.Equal(t, []string{"1.0.0", "1.1.0", "1.2.0"}[i], version)
		assert.Equal(t, []int{1, 2, 1}[i], status(t, geo).Session.Protocol)
		h.beats()
	}

	close(stop)

	answered := make(map[string]string)
	for range cap(ends) {
		maps.Copy(answered, <-ends)
	}

	text, err := os.ReadFile(log)
	require.NoError(t, err)

	handled := make(map[string]string)

	for said := range strings.Lines(string(text)) {
		if version, id, marked := strings.Cut(strings.TrimSpace(said), " "); marked {
			require.NotContains(t, handled, id)

			handled[id] = version
		}
	}

	assert.Equal(t, answered, handled)

	st := status(t, geo).Stats
	assert.Equal(t, uint64(3+len(answered)), st.Answered)
	assert.Equal(t, st.Answered, st.Calls)
	h.beats()
	assert.True(t, h.end().Clean)
	assert.Empty(t, children(t))
}

// TestAReplacedProgram is not started again.
func TestAReplacedProgram(t *testing.T) {
	e := executable(t, 0, "good")
	text, err := os.ReadFile(e.Path)
	require.NoError(t, err)

	e.Path = filepath.Join(t.TempDir(), "troupe-plugin-geo")
	require.NoError(t, os.WriteFile(e.Path, text, 0o700))

	s := slot(t, plugin.Process(e), brief())
	h := start(t, s)
	geo := s.From(h.sys.Intake())
	_, err = do(t, geo, "a")
	require.NoError(t, err)

	require.NoError(t, os.Remove(e.Path))
	require.NoError(t, os.WriteFile(e.Path, append(text, "more"...), 0o700))

	_, err = do(t, geo, "exit 1")
	require.ErrorAs(t, err, new(*plugin.InstanceError))
	require.Eventually(t, func() bool { return status(t, geo).Quarantined != nil }, patience, time.Millisecond)
	require.ErrorAs(t, status(t, geo).Quarantined, new(*plugin.ChecksumError))
	h.beats()
	h.end()
	assert.Empty(t, children(t))
}
