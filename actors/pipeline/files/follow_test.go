package files_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline/files"
)

// tail follows a file in a bubble.
type tail struct {
	t      *testing.T
	path   string
	source *files.LineSource
	stop   context.CancelFunc

	mu    sync.Mutex // guards the following
	lines []string
	err   error
}

const poll = time.Second

func newTail(t *testing.T, changed files.Changed) *tail {
	t.Helper()

	l := &tail{t: t, path: filepath.Join(t.TempDir(), "log")}
	l.append("one\ntw")

	l.source = files.Lines(l.path, files.LineOptions{Follow: poll, Changed: changed})
	require.NoError(t, l.source.Open(t.Context()))

	ctx, stop := context.WithCancel(t.Context())
	l.stop = stop

	go func() {
		var err error

		for items := make([]files.Line, 1); err == nil; {
			var n int

			n, err = l.source.Pull(ctx, items)
			l.took(texts(items[:n]), err)
		}
	}()

	return l
}

func (l *tail) took(lines []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.lines = append(l.lines, lines...)
	l.err = err
}

// got returns the lines so far, and why there are no more.
func (l *tail) got() ([]string, error) {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()

	return slices.Clone(l.lines), l.err
}

// append adds text to what is at the path.
func (l *tail) append(text string) {
	l.t.Helper()

	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(l.t, err)

	_, err = f.WriteString(text)
	require.NoError(l.t, errors.Join(err, f.Close()))
}

// sees asserts that the lines are there after the next look, and not before.
func (l *tail) sees(want ...string) {
	l.t.Helper()

	before, _ := l.got()

	time.Sleep(poll - time.Nanosecond) //nolint:forbidigo // virtual

	now, _ := l.got()
	assert.Equal(l.t, before, now)
	time.Sleep(time.Nanosecond) //nolint:forbidigo // virtual

	now, err := l.got()
	require.NoError(l.t, err)
	assert.Equal(l.t, want, now)
}

func (l *tail) end(want error) {
	l.t.Helper()
	l.stop()

	_, err := l.got()
	require.ErrorIs(l.t, err, want)
	require.NoError(l.t, l.source.Close(l.t.Context()))
}

func TestAFileIsFollowedAsItGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTail(t, files.RefuseChanged)

		now, _ := l.got()
		assert.Equal(t, []string{"one"}, now, "the last line has no end yet")

		l.append("o\nthree\n")
		l.sees("one", "two", "three")

		require.NoError(t, os.Rename(l.path, l.path+".1"))
		l.sees("one", "two", "three") // nothing is in its place yet
		l.end(io.EOF)
	})
}

func TestAFileThatIsRotatedIsReadToItsEndAndThenTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTail(t, files.StartOver)
		synctest.Wait()

		l.append("o\nlate")
		require.NoError(t, os.Rename(l.path, l.path+".1"))
		l.append("other\n")
		l.sees("one", "two", "late", "other")
		l.append("more\n")
		l.sees("one", "two", "late", "other", "more")

		require.NoError(t, os.Truncate(l.path, 0))
		l.append("new\n")
		l.sees("one", "two", "late", "other", "more", "new")
		l.end(io.EOF)
	})
}

func TestAFollowedFileThatHasChangedIsRefused(t *testing.T) {
	for why, change := range map[string]func(l *tail) error{
		"another file is in its place": func(l *tail) error {
			defer l.append("other\n")

			return os.Rename(l.path, l.path+".1")
		},
		"it is shorter than what was read of it": func(l *tail) error { return os.Truncate(l.path, 2) },
	} {
		t.Run(why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newTail(t, files.RefuseChanged)
				synctest.Wait()
				require.NoError(t, change(l))
				time.Sleep(poll) //nolint:forbidigo // virtual

				_, err := l.got()

				var changed *files.ChangedError
				require.ErrorAs(t, err, &changed)
				assert.Equal(t, why, changed.Why)
				l.end(err)
			})
		})
	}
}
