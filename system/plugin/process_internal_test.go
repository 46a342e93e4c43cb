//go:build unix

package plugin

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTheEndOfAProcessIsToldWithWhatItHasPrinted has a process whose standard error is read only when it has ended.
func TestTheEndOfAProcessIsToldWithWhatItHasPrinted(t *testing.T) {
	last := new(tail)
	e := Executable{Path: "/bin/sh", Args: []string{"-c", "echo the last words >&2; exit 3"}, Memory: DefaultMemory}
	p := newProcess(t.Context(), e, nil, t.TempDir(), last)
	require.NoError(t, p.Start(t.Context()))

	<-p.ended
	require.NoError(t, p.stderr.SetReadDeadline(time.Time{})) // however slow this test is: nobody holds the other end

	read := make(chan error, 1)

	go func() {
		_, err := io.Copy(last, p.stderr)
		read <- err

		_ = p.Wait(t.Context()) // as go-plugin does when it has read all
	}()

	var exit *ExitError

	require.ErrorAs(t, p.why(), &exit)
	assert.Equal(t, ExitError{State: "exit status 3", Stderr: "the last words\n"}, *exit)
	require.NoError(t, <-read)
	p.end()
}
