package plugin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// TestMatrix goes through all that a plugin in a process of its own can do wrong. Whatever it is: the host's other
// actor goes on and the host is ready, the plugin's status says what has happened, there are no more instances than
// the budget allows, every call is accounted for, and no process is left.
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
			require.ErrorContains(t, s.LastFailure, "hung: no answer to the health check")
		}},
		{name: "hang in Drain", kind: "hang-drain", holds: fine},
		{name: "hang in Stop", kind: "hang-stop", holds: fine},
		{name: "garbage on the handshake", kind: "garbage", holds: unstarted("Unrecognized remote plugin message")},
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

			var err error

			// It is done again and again, until it is done no more.
			for done := false; !done; {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				_, again := geo.Call(ctx, line(of.deed))

				cancel()
				h.beats()

				err = keep(err, again)
				done = again == nil || errors.As(again, new(*plugin.QuarantinedError)) ||
					errors.As(again, new(*plugin.SizeError)) || errors.Is(again, plugin.ErrOpen)
			}

			settled(t, h, geo, of.name)

			st := status(t, geo)
			of.holds(t, st, err)
			assert.LessOrEqual(t, st.Stats.Instances, uint64(2))
			assert.Zero(t, st.Stats.InFlight)
			h.beats()

			r := h.end()
			assert.Zero(t, r.Unaccounted)
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

// settled waits for what has been done to have its effect: the health check of a plugin that does not answer.
func settled(t *testing.T, h *host, geo *plugin.Handle, name string) {
	t.Helper()

	if name != "SIGSTOP" && name != "hang in Health" {
		return
	}

	require.Eventually(t, func() bool {
		h.beats()

		return status(t, geo).LastFailure != nil
	}, time.Minute, 10*time.Millisecond)

	if name == "SIGSTOP" {
		require.Eventually(t, func() bool {
			_, _ = do(t, geo, "stop")

			return status(t, geo).Quarantined != nil
		}, time.Minute, 10*time.Millisecond)
	}
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

			for range cap(ends) {
				go func() {
					_, err := geo.Call(t.Context(), line("slow"))
					ends <- err
				}()
			}

			require.Eventually(t, func() bool { return status(t, geo).Stats.InFlight > 0 }, 10*time.Second, time.Millisecond)
			require.NoError(t, syscall.Kill(p, syscall.SIGKILL))

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
			}, 10*time.Second, time.Millisecond)

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

// TestUpgradeOfAProcess has calls all the time while one program takes the place of another.
func TestUpgradeOfAProcess(t *testing.T) {
	s := slot(t, program(t, 0, "version", "1.0.0"), brief())
	h := start(t, s)
	geo := s.From(h.sys.Intake())
	stop := make(chan struct{})
	ends := make(chan map[string]int, 4)

	for range cap(ends) {
		go func() {
			by := make(map[string]int)
			defer func() { ends <- by }()

			for {
				select {
				case <-stop:
					return
				default:
				}

				text, err := do(t, geo, "version")
				assert.NoError(t, err)

				by[text]++
			}
		}()
	}

	require.ErrorAs(t, geo.Upgrade(t.Context(), program(t, 0, "dies")), new(*plugin.InstanceError)) // rolls back
	require.NoError(t, geo.Upgrade(t.Context(), program(t, 0, "version", "1.1.0")))

	text, err := do(t, geo, "version")
	require.NoError(t, err)
	assert.Equal(t, "1.1.0", text)
	close(stop)

	n := 1

	for range cap(ends) {
		for v, count := range <-ends {
			assert.Contains(t, []string{"1.0.0", "1.1.0"}, v)

			n += count
		}
	}

	st := status(t, geo).Stats
	assert.Equal(t, uint64(n), st.Answered)
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
	require.Eventually(t, func() bool { return status(t, geo).Quarantined != nil }, 10*time.Second, time.Millisecond)
	require.ErrorAs(t, status(t, geo).Quarantined, new(*plugin.ChecksumError))
	h.beats()
	h.end()
	assert.Empty(t, children(t))
}
