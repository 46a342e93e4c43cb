package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	broker "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/examples/ingest/totals"
	"github.com/troupe-go/troupe/system"
)

// longest bounds what a test waits for; it is not reached unless something is wrong.
const longest = 5 * time.Minute

// process is the program in a process of its own.
type process struct {
	*exec.Cmd

	out bytes.Buffer
	err *bufio.Reader
}

func start(t *testing.T, stdin io.Reader, args ...string) *process {
	t.Helper()

	self, err := os.Executable()
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), longest)
	t.Cleanup(cancel)

	p := &process{Cmd: exec.CommandContext(ctx, self, append([]string{"-json"}, args...)...)}
	p.Env = append(os.Environ(), asProgram+"=1")
	p.Stdin, p.Stdout = stdin, &p.out

	pipe, err := p.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())

	p.err = bufio.NewReader(pipe)

	t.Cleanup(func() {
		if t.Failed() { // perhaps nobody has waited for its end
			cancel()

			rest, _ := io.ReadAll(p.err)
			t.Logf("it has said: %s", rest)
		}
	})

	return p
}

// end waits for the end, and returns the exit code and what was printed of totals.
func (p *process) end(t *testing.T) (code int, r result) {
	t.Helper()

	errs, err := io.ReadAll(p.err)
	require.NoError(t, err)

	_ = p.Wait() // its error is the exit code

	t.Logf("it has said: %s", errs)

	if p.out.Len() > 0 {
		require.NoError(t, json.Unmarshal(p.out.Bytes(), &r), errs)
	}

	return p.ProcessState.ExitCode(), r
}

// awaitCounted waits until so many lines are counted in a database that a process writes.
func awaitCounted(t *testing.T, path string, lines int64) {
	t.Helper()

	deadline := time.Now().Add(longest)

	for {
		if counted(t, path) >= lines {
			return
		}

		require.True(t, time.Now().Before(deadline), "%d lines are not counted", lines)
	}
}

func counted(t *testing.T, path string) int64 {
	t.Helper()

	if _, err := os.Stat(path); err != nil {
		return 0
	}

	db, err := openDB(t.Context(), path)
	require.NoError(t, err)

	got, err := totals.Read(t.Context(), db)
	require.NoError(t, db.Close())

	if err != nil { // there are no tables yet
		return 0
	}

	return got.Lines
}

// TestNoSignalCostsALine stops the program in the middle of a log, again and again, and lets it finish then: the totals
// are those of the lines.
func TestNoSignalCostsALine(t *testing.T) {
	lines := sample(4000)

	for name, signal := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGKILL": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			log, db := filepath.Join(dir, "access.log"), filepath.Join(dir, "totals.db")
			write(t, log, lines)

			total := reckon(t, lines, false).Lines

			for range 3 {
				before := counted(t, db)
				p := start(t, nil, "-in", log, "-db", db, "-rate", "3000")
				awaitCounted(t, db, before+total/8) // more than waits in the stream, so it is up and running
				require.NoError(t, p.Process.Signal(signal))

				code, r := p.end(t)
				require.Less(t, counted(t, db), total, "it was stopped in the middle")

				if signal == syscall.SIGTERM {
					require.Equal(t, system.ExitClean, code)
					require.Equal(t, counted(t, db), r.Lines)
				} else {
					require.Equal(t, -1, code)
				}
			}

			code, r := start(t, nil, "-in", log, "-db", db).end(t)
			require.Equal(t, system.ExitClean, code)
			requireTotals(t, lines, false, r)
		})
	}
}

func TestTheStandardInputIsRead(t *testing.T) {
	lines := sample(500)
	db := filepath.Join(t.TempDir(), "totals.db")

	for range 2 { // lines of a name are counted once
		code, r := start(t, strings.NewReader(strings.Join(lines, "\n")), "-in", "-", "-name", "log", "-db", db).end(t)
		require.Equal(t, system.ExitClean, code)
		requireTotals(t, lines, false, r)
	}

	t.Run("and does not hold up a stop", func(t *testing.T) {
		in, out, err := os.Pipe()
		require.NoError(t, err)

		p := start(t, in, "-in", "-", "-db", db)
		_, err = out.WriteString(special[2] + "\n")
		require.NoError(t, err)

		lines = append(lines, special[2])
		awaitCounted(t, db, reckon(t, lines, false).Lines)
		require.NoError(t, p.Process.Signal(syscall.SIGTERM))

		code, r := p.end(t)
		require.NoError(t, out.Close())
		require.NoError(t, in.Close())
		require.Equal(t, system.ExitClean, code)
		requireTotals(t, lines, false, r)
	})
}

// post sends lines and returns how that was answered, and how many seconds to wait before another try.
func post(t *testing.T, client *http.Client, url, key, body string) (status int, after string) {
	t.Helper()

	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)

	if key != "" {
		r.Header.Set(idempotencyKey, key)
	}

	answer, err := client.Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())

	return answer.StatusCode, answer.Header.Get("Retry-After")
}

// serve starts the program as a server and returns its URL.
func serve(t *testing.T, args ...string) (p *process, url string) {
	t.Helper()

	p = start(t, nil, append([]string{"-http", "127.0.0.1:0"}, args...)...)
	line, err := p.err.ReadString('\n')
	require.NoError(t, err)

	_, url, _ = strings.Cut(strings.TrimSpace(line), "post lines to ")

	return p, url
}

func TestLinesArePosted(t *testing.T) {
	db := filepath.Join(t.TempDir(), "totals.db")
	lines := sample(600)
	p, url := serve(t, "-db", db)
	client := &http.Client{Transport: &http.Transport{}, Timeout: longest}

	defer client.CloseIdleConnections()

	for i := 0; i < len(lines); i += 50 {
		body := strings.Join(lines[i:min(i+50, len(lines))], "\r\n") + "\n"
		key := []string{"", lines[0] + string(rune('a'+i/50))}[i/50%2]

		for range 1 + i/50%2 { // what has a key is sent twice, and counted once
			status, _ := post(t, client, url, key, body)
			require.Equal(t, http.StatusAccepted, status)
		}
	}

	status, _ := post(t, client, url, "", "\n")
	require.Equal(t, http.StatusBadRequest, status)

	status, _ = post(t, client, url+"/more", "", "a")
	require.Equal(t, http.StatusNotFound, status)

	require.NoError(t, p.Process.Signal(syscall.SIGTERM))

	code, _ := p.end(t)
	require.Equal(t, system.ExitClean, code)

	// What was in the stream at the stop is counted by the next run, which has nothing to read of its own.
	requireTotals(t, lines, false, must(t, "-lines", "0", "-db", db))
}

func TestAFullPipelineTellsClientsToComeAgain(t *testing.T) {
	db := filepath.Join(t.TempDir(), "totals.db")
	p, url := serve(t, "-db", db, "-rate", "20", "-grace", "10s")
	client := &http.Client{Transport: &http.Transport{}, Timeout: longest}

	defer client.CloseIdleConnections()

	var accepted []string

	lines := slices.Concat(sample(50)[:20], special[:3])

	for {
		body := strings.Join(lines, "\n")
		status, after := post(t, client, url, "", body)

		if status != http.StatusAccepted {
			require.Equal(t, http.StatusTooManyRequests, status)
			require.Equal(t, "1", after)

			break
		}

		accepted = append(accepted, lines...)
		require.LessOrEqual(t, len(accepted)/len(lines), 2*maxRequests)
	}

	require.NoError(t, p.Process.Signal(syscall.SIGTERM))

	code, _ := p.end(t)
	require.Equal(t, system.ExitFailed, code)

	// What was accepted and had no time is in the dead letters, and gets into the totals from there.
	requireTotals(t, accepted, false, must(t, "-replay", "-db", db))
}

// TestABrokerOutsideIsUsed has a server of its own, and somebody who publishes lines there.
func TestABrokerOutsideIsUsed(t *testing.T) {
	s, err := broker.NewServer(&broker.Options{
		Host: "127.0.0.1", Port: broker.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true,
	})
	require.NoError(t, err)
	s.Start()

	defer func() {
		s.Shutdown()
		s.WaitForShutdown()
	}()

	require.True(t, s.ReadyForConnections(longest))

	conn, err := nats.Connect(s.ClientURL())
	require.NoError(t, err)

	defer conn.Close()

	lines := sample(400)
	dir := t.TempDir()
	log, db := filepath.Join(dir, "access.log"), filepath.Join(dir, "totals.db")
	write(t, log, lines)

	args := []string{"-nats", s.ClientURL(), "-stream", "web", "-in", log, "-db", db}
	requireTotals(t, lines, false, must(t, args...))
	assert.NoDirExists(t, db+".stream")

	js, err := jetstream.New(conn)
	require.NoError(t, err)

	for range 3 {
		_, err = js.Publish(t.Context(), "web.lines", []byte(special[2]))
		require.NoError(t, err)

		lines = append(lines, special[2])
	}

	requireTotals(t, lines, false, must(t, args...))
}

// TestASignalCountsFromTheBeginning has signals that come while the program starts: no database is open yet, the broker
// of the process is being started, or the tree is.
func TestASignalCountsFromTheBeginning(t *testing.T) {
	lines := sample(200)

	for _, suffix := range []string{".letters", ".stream", ".offsets"} {
		t.Run(suffix, func(t *testing.T) {
			dir := t.TempDir()
			log, db := filepath.Join(dir, "access.log"), filepath.Join(dir, "totals.db")
			write(t, log, lines)

			p := start(t, nil, "-in", log, "-db", db, "-rate", "100")

			require.Eventually(t, func() bool {
				_, err := os.Stat(db + suffix)

				return err == nil
			}, longest, time.Millisecond)

			require.NoError(t, p.Process.Signal(syscall.SIGTERM))

			code, _ := p.end(t)
			require.Equal(t, system.ExitClean, code)
			requireTotals(t, lines, false, must(t, "-in", log, "-db", db))
		})
	}
}
