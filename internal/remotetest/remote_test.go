package remotetest_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// side makes the test binary be one of the two processes: near, or far with the identity to send to.
const side = "TROUPE_TEST_REMOTE_SIDE"

func TestMain(m *testing.M) {
	switch words := strings.Fields(os.Getenv(side)); {
	case len(words) == 0:
		os.Exit(m.Run())
	case words[0] == "near":
		if err := near(); err != nil {
			sayf("%v", err)
			os.Exit(1)
		}
	default:
		far(words[0], words[1])
	}
}

// process is one side at work.
type process struct {
	*exec.Cmd

	in  io.WriteCloser
	out *bufio.Scanner
}

func start(t *testing.T, as string) process {
	t.Helper()

	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	t.Cleanup(cancel)

	self, err := os.Executable()
	require.NoError(t, err)

	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), side+"="+as)
	cmd.Stderr = os.Stderr

	in, err := cmd.StdinPipe()
	require.NoError(t, err)

	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())

	return process{cmd, in, bufio.NewScanner(out)}
}

// line returns the next line the process prints.
func (p process) line(t *testing.T) string {
	t.Helper()
	require.True(t, p.out.Scan(), "%v", p.out.Err())

	return p.out.Text()
}

func TestAnActorIsReachedThroughProtoactorsRemote(t *testing.T) {
	near := start(t, "near")
	identity := near.line(t)
	assert.NotContains(t, identity, "nonhost", "it was registered after the address was final")
	assert.Contains(t, identity, " near/echo")

	far := start(t, identity)
	assert.ElementsMatch(t, []string{
		"got from afar", "letter undecodable for /near/echo", "got the end of /mortal: stopped",
	}, []string{near.line(t), near.line(t), near.line(t)})

	require.NoError(t, near.in.Close())
	assert.Equal(t, "processed 3 unaccounted 0", near.line(t))
	assert.Equal(t, "terminated", far.line(t), "the watcher is told")
	require.NoError(t, far.Wait())
	require.NoError(t, near.Wait(), "also without a data race on our side")
}
