package plugin_test

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	grpcstatus "google.golang.org/grpc/status"

	"github.com/troupe-go/troupe/system/plugin"
	"github.com/troupe-go/troupe/system/plugin/internal/pluginpb"
)

// program makes a source of the test program, which is the plugin that its arguments say.
func program(t testing.TB, memory int64, args ...string) plugin.Source {
	t.Helper()

	return plugin.Process(executable(t, memory, args...))
}

func executable(t testing.TB, memory int64, args ...string) plugin.Executable {
	t.Helper()

	path, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)

	sum, err := plugin.Checksum(path)
	require.NoError(t, err)

	return plugin.Executable{Path: path, SHA256: sum, Args: append([]string{asPlugin}, args...), Memory: memory}
}

// asPlugin as the first argument makes the test program a plugin.
const asPlugin = "as-plugin"

// do asks the plugin for a deed.
func do(t testing.TB, geo *plugin.Handle, deed string) (string, error) {
	t.Helper()

	m, err := geo.Call(t.Context(), line(deed))

	return string(m.Payload), err
}

// alive reports whether there is a process, zombies not counted.
func alive(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))

	return err == nil && !strings.Contains(string(text), ") Z ")
}

// pid asks the plugin for its process.
func pid(t testing.TB, geo *plugin.Handle) int {
	t.Helper()

	text, err := do(t, geo, "pid")
	require.NoError(t, err)

	var n int

	_, err = fmt.Sscan(text, &n)
	require.NoError(t, err)

	return n
}

func TestProcess(t *testing.T) {
	t.Run("a plugin in a process of its own is called, streamed to, drained and stopped", func(t *testing.T) {
		log := filepath.Join(t.TempDir(), "log")
		s := slot(t, program(t, 0, "good", log), plugin.Spec{
			Config: []byte("conf"), Offer: plugin.Offer{Offers: []string{"x"}},
		})
		h := start(t, s)
		geo := s.From(h.sys.Intake())

		text, err := do(t, geo, "a")
		require.NoError(t, err)
		assert.Equal(t, "A", text)

		text, err = do(t, geo, "session")
		require.NoError(t, err)
		assert.Equal(t, "2 [x] conf", text)

		_, err = do(t, geo, "bad")
		require.ErrorAs(t, err, new(*plugin.InvalidError))

		var remote *plugin.RemoteError

		_, err = do(t, geo, "err")
		require.ErrorAs(t, err, &remote)
		assert.Equal(t, plugin.RemoteError{Code: "Unknown", Text: "broken"}, *remote)

		st, err := geo.Stream(t.Context())
		require.NoError(t, err)
		require.NoError(t, st.Send(line("b")))
		st.CloseSend()

		m, err := st.Recv()
		require.NoError(t, err)
		assert.Equal(t, "B", string(m.Payload))
		_, err = st.Recv()
		require.ErrorContains(t, err, "EOF")

		p := pid(t, geo)
		h.beats()
		assert.True(t, h.end().Clean)
		assert.False(t, alive(p))

		said, err := os.ReadFile(log)
		require.NoError(t, err)
		assert.Equal(t, "start\ndrain\nstop\n", string(said))
	})

	t.Run("it has the environment it is given and no other", func(t *testing.T) {
		t.Setenv("SECRET", "of the host")

		e := executable(t, 0, "good")
		e.Env = []string{"GIVEN=1"}

		s := slot(t, plugin.Process(e), plugin.Spec{})
		h := start(t, s)
		text, err := do(t, s.From(h.sys.Intake()), "env")
		require.NoError(t, err)

		for name := range strings.FieldsSeq(text) {
			assert.True(t, name == "GIVEN" || name == "GOMEMLIMIT" || name == "TROUPE_PLUGIN" || name == "PATH" ||
				strings.HasPrefix(name, "PLUGIN_") || name == "PWD", name)
		}

		assert.Contains(t, text, "GIVEN")
		assert.NotContains(t, text, "SECRET")
		h.end()
	})

	t.Run("what it has started is killed with it", func(t *testing.T) {
		s := slot(t, program(t, 0, "good"), plugin.Spec{})
		h := start(t, s)
		text, err := do(t, s.From(h.sys.Intake()), "child")
		require.NoError(t, err)

		child, err := strconv.Atoi(text)
		require.NoError(t, err)
		require.True(t, alive(child))
		h.end()
		assert.Eventually(t, func() bool { return !alive(child) }, patience, time.Millisecond)
	})

	t.Run("old and new ones go together", func(t *testing.T) {
		for name, of := range map[string]struct {
			plugin, host plugin.Range
			says         string
		}{
			"old plugin, new host": {plugin.Range{Min: 1, Max: 1}, plugin.Range{Min: 1, Max: 2}, "1 [] "},
			"new plugin, old host": {plugin.Range{Min: 1, Max: 2}, plugin.Range{Min: 1, Max: 1}, "1 [] "},
			"both new":             {plugin.Range{Min: 2, Max: 2}, plugin.Range{Min: 1, Max: 2}, "2 [] "},
			"nothing in common":    {plugin.Range{Min: 1, Max: 1}, plugin.Range{Min: 2, Max: 2}, ""},
		} {
			s := slot(t, program(t, 0, "speaks", of.plugin.String()),
				plugin.Spec{Required: true, Offer: plugin.Offer{Protocols: of.host}})

			h, err := boot(t, s)
			if of.says == "" {
				require.ErrorAs(t, err, new(*plugin.RefusedError))
				require.ErrorContains(t, err, "plugin: protocols 1, offers [], needs []; host: protocols 2", name)

				continue
			}

			require.NoError(t, err, name)

			text, err := do(t, s.From(h.sys.Intake()), "session")
			require.NoError(t, err)
			assert.Equal(t, of.says, text, name)

			_, err = s.From(h.sys.Intake()).Stream(t.Context())
			if strings.HasPrefix(of.says, "1") {
				require.ErrorIs(t, err, plugin.ErrNoStreams, name)
			} else {
				require.NoError(t, err, name)
			}

			assert.True(t, h.end().Clean)
		}
	})

	t.Run("a program with another checksum is not started", func(t *testing.T) {
		e := executable(t, 0, "good")
		e.SHA256 = strings.Repeat("00", 32)

		_, err := boot(t, slot(t, plugin.Process(e), plugin.Spec{Required: true}))

		var sum *plugin.ChecksumError

		require.ErrorAs(t, err, &sum)
		assert.Equal(t, e.Path, sum.Path)
	})

	t.Run("what is wrong with an executable is said at once", func(t *testing.T) {
		_, err := plugin.New("geo", plugin.Process(plugin.Executable{
			Path: "geo", SHA256: "00", Memory: -1, Manifest: &plugin.Manifest{},
		}), plugin.Spec{})

		for _, says := range []string{"Executable.Path", "Executable.SHA256", "Executable.Memory", "manifest.name"} {
			assert.ErrorContains(t, err, says)
		}
	})
}

// TestTheHostIsKilled has a host killed that runs plugins. Some of them end when their standard input does. What is
// stopped by a signal, or hears nothing, ends only because the kernel kills it with its host.
func TestTheHostIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts six processes")
	}

	host, pids := startHost(t)
	require.Len(t, pids, len(orphans()))

	for _, p := range pids {
		require.True(t, alive(p))
	}

	require.NoError(t, syscall.Kill(pids[1], syscall.SIGSTOP))
	require.NoError(t, syscall.Kill(pids[4], syscall.SIGSTOP))

	for _, p := range pids[3:] {
		require.NoError(t, syscall.Kill(p, syscall.SIGTERM))
		require.NoError(t, syscall.Kill(p, syscall.SIGHUP))
	}

	require.NoError(t, host.Kill())
	_, err := host.Wait()
	require.NoError(t, err)

	for i, p := range pids {
		assert.Eventually(t, func() bool { return !alive(p) }, patience, time.Millisecond, orphans()[i])
	}
}

// TestNobodyElseIsOnTheSocket holds that the socket is for the host: its directory is the user's own, and who connects
// without the host's key is not answered.
func TestNobodyElseIsOnTheSocket(t *testing.T) {
	s := slot(t, program(t, 0, "good"), plugin.Spec{})
	h := start(t, s)
	dir, err := do(t, s.From(h.sys.Intake()), "socket")
	require.NoError(t, err)

	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	sockets, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Len(t, sockets, 1)

	own := certify(t, filepath.Join(t.TempDir(), "cert"), filepath.Join(t.TempDir(), "key"))

	for name, as := range map[string]credentials.TransportCredentials{
		"no TLS":         insecure.NewCredentials(),
		"no certificate": credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}),
		"one of its own": credentials.NewTLS(&tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{own}}),
	} {
		conn, err := grpc.NewClient("unix:"+sockets[0], grpc.WithTransportCredentials(as))
		require.NoError(t, err)

		_, err = pluginpb.NewHelloClient(conn).Describe(t.Context(), &pluginpb.DescribeRequest{})
		require.Error(t, err, name)
		assert.Equal(t, codes.Unavailable, grpcstatus.Code(err), name)
		require.NoError(t, conn.Close())
	}

	h.beats()
	assert.True(t, h.end().Clean)
	assert.NoDirExists(t, dir)
}

// TestAnIdleProcessIsKilled has the next one started without a call that would find out.
func TestAnIdleProcessIsKilled(t *testing.T) {
	s := slot(t, program(t, 0, "good"), brief())
	h := start(t, s)
	geo := s.From(h.sys.Intake())
	p := pid(t, geo)

	score, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", p))
	require.NoError(t, err)
	assert.Equal(t, "1000\n", string(score)) // the kernel would take it before the host

	require.NoError(t, syscall.Kill(p, syscall.SIGKILL))
	require.Eventually(t, func() bool { return status(t, geo).Stats.Instances == 2 }, patience, time.Millisecond)
	require.ErrorContains(t, status(t, geo).LastFailure, "crashed: the process has ended: signal: killed")
	assert.NotEqual(t, p, pid(t, geo))
	h.beats()
	h.end()
	assert.Empty(t, children(t))
}

// TestADrainThatDoesNotEnd has a plugin taken out, and a host stopped, while a call is in its hands that does not end:
// when the time for the drain is over its process is killed, and the caller is told.
func TestADrainThatDoesNotEnd(t *testing.T) {
	for name, end := range map[string]func(*host, *plugin.Handle){
		"unload": func(h *host, geo *plugin.Handle) {
			assert.NoError(h.t, geo.Unload(h.t.Context()))
			h.beats()
		},
		"shutdown": func(h *host, _ *plugin.Handle) {
			r := h.end()
			assert.False(h.t, r.Clean)
			assert.ErrorContains(h.t, r.Err(), "cut short")
		},
	} {
		t.Run(name, func(t *testing.T) {
			spec := brief()
			spec.Deadline, spec.Drain = time.Hour, 500*time.Millisecond

			s := slot(t, program(t, 0, "good"), spec)
			h := start(t, s)
			geo := s.From(h.sys.Intake())
			p := pid(t, geo)
			told := make(chan error, 1)

			go func() {
				_, err := do(t, geo, "hang")
				told <- err
			}()

			require.Eventually(t, func() bool { return status(t, geo).Stats.InFlight == 1 }, patience, time.Millisecond)
			end(h, geo)

			var fault *plugin.InstanceError

			require.ErrorAs(t, <-told, &fault)
			assert.Equal(t, plugin.Cut, fault.Fault)
			assert.False(t, alive(p))
			assert.Empty(t, children(t))
			h.end()
		})
	}
}
