package files_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline/files"
)

// stubborn is a reader of one text. Its second Read returns when it is released, or, unless it is deaf, closed.
type stubborn struct {
	text    string
	deaf    bool
	begun   bool
	waits   chan struct{} // closed when it waits
	release chan struct{}
}

func (s *stubborn) Read(p []byte) (int, error) {
	if !s.begun {
		s.begun = true

		return copy(p, s.text), nil
	}

	close(s.waits)
	<-s.release

	return 0, io.EOF
}

func (s *stubborn) Close() error {
	if !s.deaf {
		close(s.release)
	}

	return nil
}

// waiting opens a source of the reader and has it wait in Read, until the context ends.
func waiting(t *testing.T, r *stubborn) *files.LineSource {
	t.Helper()

	r.waits, r.release = make(chan struct{}), make(chan struct{})
	s := files.Stream(func() (io.ReadCloser, error) { return r, nil }, files.LineOptions{})
	require.NoError(t, s.Open(t.Context()))

	items := make([]files.Line, 8)
	n, err := s.Pull(t.Context(), items)
	require.NoError(t, err)
	assert.Equal(t, []string{"one", "two"}, texts(items[:n]))

	ctx, stop := context.WithCancel(t.Context())

	go func() {
		<-r.waits
		stop()
	}()

	n, err = s.Pull(ctx, items)
	require.ErrorIs(t, err, io.EOF)
	assert.Zero(t, n)

	return s
}

func TestPullOfAStreamThatWaitsEndsWithItsContext(t *testing.T) {
	s := waiting(t, &stubborn{text: "one\ntwo\nthr"})
	require.NoError(t, s.Close(t.Context()), "closing it ends its Read")
}

func TestCloseSaysThatAReadDoesNotReturn(t *testing.T) {
	r := &stubborn{text: "one\ntwo\nthr", deaf: true}
	s := waiting(t, r)

	ctx, stop := context.WithCancel(t.Context())
	stop()

	err := s.Close(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "a Read has not returned")
	close(r.release)
}

func TestAStreamThatFailsIsReadAgainFromWhereItWas(t *testing.T) {
	broken, opened := errors.New("broken"), 0
	s := files.Stream(func() (io.ReadCloser, error) {
		opened++
		if opened == 1 {
			return io.NopCloser(io.MultiReader(strings.NewReader("one\ntwo\nth"), iotest.ErrReader(broken))), nil
		}

		return io.NopCloser(strings.NewReader("one\ntwo\nthree\n")), nil
	}, files.LineOptions{})

	require.NoError(t, s.Open(t.Context()))

	all, err := drain(t.Context(), s)
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "files: stream: ")
	assert.Equal(t, []string{"one", "two"}, texts(all))
	require.NoError(t, s.Close(t.Context()))
	assert.Equal(t, []files.Line{{Text: "three", Number: 3, Offset: 8}}, readAll(t, s))
}

func TestAStreamThatIsNotWhatItWas(t *testing.T) {
	offset := filepath.Join(t.TempDir(), "offset")
	open := func(text string) *files.LineSource {
		return files.Stream(func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil },
			files.LineOptions{OffsetFile: offset})
	}

	s := open("one\ntwo\n")
	require.NoError(t, s.Commit(t.Context(), uint64(len(readAll(t, s)))))
	require.ErrorContains(t, open("one\n").Open(t.Context()), "it is shorter")
	require.ErrorContains(t, open("one\nsix\n").Open(t.Context()), "its beginning")
	require.ErrorIs(t, files.Stream(func() (io.ReadCloser, error) { return nil, os.ErrPermission },
		files.LineOptions{}).Open(t.Context()), os.ErrPermission)

	var none io.ReadCloser

	require.ErrorContains(t, files.Stream(func() (io.ReadCloser, error) { return none, nil },
		files.LineOptions{}).Open(t.Context()), "returned nil")
}

func TestACompressedFileGoesOnBehindItsOffset(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.gz")
	long := strings.Repeat("0123456789abcde\n", 20_000) // much more than is read at a time

	f, err := os.Create(path)
	require.NoError(t, err)

	z := gzip.NewWriter(f)
	_, err = io.WriteString(z, long)
	require.NoError(t, errors.Join(err, z.Close(), f.Close()))

	unzip := func() (io.ReadCloser, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}

		z, err := gzip.NewReader(f)

		return struct {
			io.Reader
			io.Closer
		}{z, f}, err
	}
	o := files.LineOptions{OffsetFile: path + ".offset"}

	s := files.Stream(unzip, o)
	assert.Len(t, readAll(t, s), 20_000)
	require.NoError(t, s.Commit(t.Context(), 19_998))
	assert.Equal(t, []files.Line{
		{Text: "0123456789abcde", Number: 19_999, Offset: 19_998 * 16},
		{Text: "0123456789abcde", Number: 20_000, Offset: 19_999 * 16},
	}, readAll(t, files.Stream(unzip, o)))
}
