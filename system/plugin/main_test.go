package plugin_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/troupe-go/troupe/system/plugin"
)

// patience is how long a test waits for what must happen before it says that it did not.
const patience = time.Minute

// orphans are the kinds of the plugins of a host that is killed.
func orphans() []string { return []string{"good", "good", "hangs", "stubborn", "stubborn"} }

// asHost as the first argument makes the test program a host with these plugins.
const asHost = "as-host"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == asPlugin {
		serve(os.Args[2], os.Args[3:])
		os.Exit(0)
	}

	if len(os.Args) > 1 && os.Args[1] == asHost {
		beHost()
	}

	if len(os.Args) > 4 && os.Args[1] == asServer {
		beServer(os.Args[2], os.Args[3], os.Args[4])
		os.Exit(0)
	}

	goleak.VerifyTestMain(m)
}

// serve is the main function of the plugins.
func serve(kind string, args []string) {
	switch kind {
	case "good", "hangs":
		m := manifest("geo", "1.0.0")
		m.Offers = []string{"x"}
		plugin.Serve(&worker{fake: fake{manifest: m}, log: args})
	case "version":
		m := manifest("geo", args[0])
		m.Protocols.Max = 1 + len(args)%2 // without a log it is of protocol 2, with one of protocol 1, with a third of 2
		plugin.Serve(&worker{fake: fake{manifest: m}, log: args[1:]})
	case "speaks":
		m := manifest("geo", "1.0.0")

		low, high, _ := strings.Cut(args[0]+"-"+args[0], "-")
		m.Protocols.Min, _ = strconv.Atoi(low)
		m.Protocols.Max, _ = strconv.Atoi(strings.Split(high, "-")[0])
		plugin.Serve(&worker{fake: fake{manifest: m}})
	default:
		misbehave(kind, args)
	}
}

// worker is a plugin that does what its messages say.
type worker struct {
	fake

	log     []string
	leaked  [][]byte
	session plugin.Session
}

func (w *worker) note(what string) {
	if len(w.log) == 0 {
		return
	}

	f, err := os.OpenFile(w.log[0], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, _ = fmt.Fprintln(f, what)
		f.Close()
	}
}

func (w *worker) Start(_ context.Context, s plugin.Session) error {
	w.session = s
	w.note("start")

	return nil
}

func (w *worker) Drain(context.Context) error { w.note("drain"); return nil }
func (w *worker) Stop(context.Context) error  { w.note("stop"); return nil }

func (w *worker) Handle(ctx context.Context, m plugin.Message) (plugin.Message, error) {
	deed, arg, _ := strings.Cut(string(m.Payload), " ")

	switch deed {
	case "child": // leaves the host only a process to kill
		c := exec.Command(os.Args[0], asPlugin, "hang-manifest")
		if err := c.Start(); err != nil {
			return m, err
		}

		return line(strconv.Itoa(c.Process.Pid)), nil
	case "socket":
		return line(os.Getenv("PLUGIN_UNIX_SOCKET_DIR")), nil
	case "pid":
		return line(strconv.Itoa(os.Getpid())), nil
	case "mark":
		w.note(w.Manifest().Version + " " + arg)

		return line(w.Manifest().Version), nil
	case "version":
		return line(w.Manifest().Version), nil
	case "session":
		return line(fmt.Sprintf("%d %v %s", w.session.Protocol, w.session.Features, w.session.Config)), nil
	case "env":
		var names []string

		for _, v := range os.Environ() {
			name, _, _ := strings.Cut(v, "=")
			names = append(names, name)
		}

		return line(strings.Join(names, " ")), nil
	case "bad":
		return m, plugin.Invalid(errBroken)
	case "err":
		return m, errBroken
	case "panic":
		panic("at the disco")
	case "exit":
		n, _ := strconv.Atoi(arg)
		os.Exit(n) //nolint:revive // it is the deed
	case "kill":
		return m, syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "stop":
		return m, syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case "hang":
		select {}
	case "wait": // until a file is there
		return m, waitFor(ctx, arg)
	case "long":
		n, _ := strconv.Atoi(arg)

		return line(strings.Repeat("x", n)), nil
	case "leak":
		for {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}

			w.leaked = append(w.leaked, b)
		}
	case "print":
		for range 10_000 {
			_, _ = fmt.Fprintln(os.Stdout, strings.Repeat("x", 100))
			_, _ = fmt.Fprintln(os.Stderr, strings.Repeat("x", 100))
		}
	}

	return upper(ctx, m)
}

// waitFor blocks until there is such a file.
func waitFor(ctx context.Context, path string) error {
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()

	for {
		if _, err := os.Stat(path); err == nil {
			return nil
		}

		select {
		case <-poll.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// startHost starts a host as a process, and returns the processes of its plugins.
func startHost(t testing.TB) (*os.Process, []int) {
	t.Helper()

	c := exec.Command(os.Args[0], asHost)
	c.Stderr = os.Stderr

	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())

	text, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)

	var pids []int

	for field := range strings.FieldsSeq(text) {
		n, err := strconv.Atoi(field)
		require.NoError(t, err)

		pids = append(pids, n)
	}

	return c.Process, pids
}

// beHost runs a host until it is killed. Its plugins are a good one, one to be stopped, one that hangs in a call, and
// two that hear neither signals nor that the host has gone.
func beHost() {
	testing.Init()

	result := testing.Benchmark(func(b *testing.B) { //nolint:thelper // it is what the process does
		for _, kind := range orphans() {
			s := slot(b, program(b, 0, kind), plugin.Spec{Deadline: time.Hour})
			geo := s.From(start(b, s).sys.Intake())
			p := pid(b, geo)

			if kind == "hangs" {
				go func() { _, _ = do(b, geo, "hang") }()

				require.Eventually(b, func() bool { return status(b, geo).Stats.InFlight == 1 }, patience, time.Millisecond)
			}

			_, _ = fmt.Fprint(os.Stdout, p, " ")
		}

		_, _ = fmt.Fprintln(os.Stdout)
		select {}
	})
	_, _ = fmt.Fprintln(os.Stdout, result)
	os.Exit(1) //nolint:revive // it stands for main
}
