package main

import (
	"bufio"
	"context"
	"encoding/json"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/shop/load"
	"github.com/troupe-go/troupe/system"
)

// process is the program in a process of its own.
type process struct {
	*exec.Cmd

	url, store, report string
	out                *bufio.Reader
}

func start(t *testing.T, args ...string) *process {
	t.Helper()

	self, err := os.Executable()
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)

	dir := t.TempDir()
	p := &process{store: filepath.Join(dir, "events.db"), report: filepath.Join(dir, "report.json")}
	p.Cmd = exec.CommandContext(ctx, self,
		append([]string{"-addr", "127.0.0.1:0", "-store", p.store, "-report", p.report}, args...)...)
	p.Env = append(os.Environ(), asShop+"=1")
	pipe, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())

	p.out = bufio.NewReader(pipe)
	line, err := p.out.ReadString('\n')
	require.NoError(t, err)

	_, p.url, _ = strings.Cut(strings.TrimSpace(line), ": ")

	return p
}

// orders is how many the crowd wants to place; the first signal comes when a quarter of them is accepted.
const orders = 400

// signalUnderLoad has a crowd order from a process, and sends it the signals while it does: the first one after some
// orders, each other one when the shop has closed its door. It waits for the end of the process.
func (p *process) signalUnderLoad(t *testing.T, signals ...syscall.Signal) (o load.Outcome, out string, code int) {
	t.Helper()

	var (
		accepted atomic.Int32
		middle   = make(chan struct{})
		sent     = make(chan struct{})
	)

	go func() {
		defer close(sent)

		select {
		case <-middle:
		case <-t.Context().Done():
			return
		}

		for i, s := range signals {
			for open := i > 0; open; open = p.isOpen(t) { //nolint:revive // it is the door that is awaited
			}

			assert.NoError(t, p.Process.Signal(s))
		}
	}()

	f := &front{running: &running{url: p.url}}
	o = f.crowd(orders, func(string) {
		if accepted.Add(1) == orders/4 {
			close(middle)
		}
	}).Run(t.Context())

	require.GreaterOrEqual(t, len(o.Accepted), orders/4)
	require.Less(t, len(o.Accepted), orders, "it was stopped under load")

	<-sent

	var text strings.Builder
	_, err := p.out.WriteTo(&text)
	require.NoError(t, err)

	_ = p.Wait() // its error is the exit code

	return o, text.String(), p.ProcessState.ExitCode()
}

// isOpen reports whether somebody listens.
func (p *process) isOpen(t *testing.T) bool {
	t.Helper()

	var d net.Dialer

	c, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		return false
	}

	assert.NoError(t, c.Close())

	return true
}

// requireReport checks that the report on disk says what happened.
func (p *process) requireReport(t *testing.T, code int, did []string) {
	t.Helper()

	text, err := os.ReadFile(p.report)

	if len(did) == 0 {
		require.ErrorIs(t, err, os.ErrNotExist)

		return
	}

	require.NoError(t, err)

	var r system.Report
	require.NoError(t, json.Unmarshal(text, &r))
	assert.Equal(t, code, r.Exit)
	assert.Equal(t, code == system.ExitForced, r.Forced)
	assert.Zero(t, r.Unaccounted)

	var signals []string
	for _, s := range r.Signals {
		signals = append(signals, s.Did)
	}

	assert.Equal(t, did, signals)
}

// TestNoSignalCostsAnAcceptedOrder is the promise of docs/shutdown.md for each signal, with the program in a process of
// its own: what the customers were told to be accepted is what is on disk, and is carried out after the next start.
// Only of orders that nobody was told about either is right, and an orderly stop leaves none of those.
func TestNoSignalCostsAnAcceptedOrder(t *testing.T) {
	const never = "1m" // is when the bank answers, and so there is something to wait for

	for name, c := range map[string]struct {
		args    []string
		signals []syscall.Signal
		code    int
		did     []string
	}{
		"SIGTERM": {
			nil, []syscall.Signal{syscall.SIGTERM}, system.ExitClean, []string{"shutdown"},
		},
		"SIGTERM and no time for what is open": {
			[]string{"-latency", never, "-grace", "10s"},
			[]syscall.Signal{syscall.SIGTERM},
			system.ExitFailed,
			[]string{"shutdown"},
		},
		"SIGTERM twice": {
			[]string{"-latency", never},
			[]syscall.Signal{syscall.SIGTERM, syscall.SIGTERM},
			system.ExitForced,
			[]string{"shutdown", "force"},
		},
		"SIGINT and SIGTERM": {
			[]string{"-latency", never},
			[]syscall.Signal{syscall.SIGINT, syscall.SIGTERM},
			system.ExitForced,
			[]string{"shutdown", "force"},
		},
		"SIGKILL": {
			nil, []syscall.Signal{syscall.SIGKILL}, -1, nil,
		},
		"SIGTERM and SIGKILL": {
			[]string{"-latency", never}, []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}, -1, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, c.args...)

			outcome, out, code := p.signalUnderLoad(t, c.signals...)
			require.Equal(t, c.code, code, out)
			p.requireReport(t, code, c.did)

			stored, err := history(p.store)
			require.NoError(t, err)

			if code == system.ExitClean {
				for id, o := range stored {
					require.Contains(t, outcome.Accepted, o.Key, "order %s: whoever had it accepted was told", id)
				}
			}

			requireAllTold(t, outcome, stored)

			f := openShop(t, p.store, newBank())
			shown := f.settle(t, slices.Collect(maps.Keys(stored))...)
			requireAllTold(t, outcome, shown)
			f.stop(t)
		})
	}
}
