package files_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/troupe-go/troupe/actors/pipeline/files"
)

func TestLinesHaveTextNumberAndOffset(t *testing.T) {
	path := write(t, t.TempDir(), "log", "one\r\n\ntwo\r2\nlast\r")

	assert.Equal(t, []files.Line{
		{Text: "one", Number: 1, Offset: 0},
		{Text: "", Number: 2, Offset: 5},
		{Text: "two\r2", Number: 3, Offset: 6},
		{Text: "last\r", Number: 4, Offset: 12},
	}, readAll(t, files.Lines(path, files.LineOptions{})))
}

// lineModel is what the lines of a text are, found by other means.
func lineModel(text string, longest int) (all []files.Line) {
	offset := 0

	for i, l := range strings.SplitAfter(text, "\n") {
		if l == "" {
			continue // behind the last line feed
		}

		line := files.Line{Text: l, Number: int64(i + 1), Offset: int64(offset)}
		if cut, ok := strings.CutSuffix(l, "\n"); ok {
			line.Text = strings.TrimSuffix(cut, "\r")
		}

		if line.Cut = len(line.Text) > longest; line.Cut {
			line.Text = line.Text[:longest]
		}

		all = append(all, line)
		offset += len(l)
	}

	return all
}

// dribble returns at most so many bytes at a time.
type dribble struct {
	io.Reader

	most int
}

func (d dribble) Read(p []byte) (int, error) { return d.Reader.Read(p[:min(len(p), d.most)]) }

// TestAnyTextComesAsItsLinesWhateverIsRestarted has random texts read in random pieces, committed at random, and the
// source closed and opened again, or replaced by a new one as after a crash.
func TestAnyTextComesAsItsLinesWhateverIsRestarted(t *testing.T) {
	dir := t.TempDir()

	rapid.Check(t, func(r *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab\r\n\n")), 0, 200, -1).Draw(r, "text")
		longest := rapid.IntRange(1, 9).Draw(r, "max")
		want := lineModel(text, longest)
		offset := filepath.Join(dir, "offset")
		path := write(t, dir, "text", text)

		if err := os.Remove(offset); err != nil {
			require.ErrorIs(r, err, fs.ErrNotExist)
		}

		most := rapid.IntRange(1, 20).Draw(r, "piece")
		o := files.LineOptions{OffsetFile: offset, MaxLine: longest, Long: files.CutLong}
		open := func() *files.LineSource { return files.Lines(path, o) }

		if rapid.Bool().Draw(r, "stream") {
			open = func() *files.LineSource {
				return files.Stream(func() (io.ReadCloser, error) {
					return io.NopCloser(dribble{strings.NewReader(text), most}), nil
				}, o)
			}
		}

		checkRestarts(t, r, open, want)
	})
}

func checkRestarts(t *testing.T, r *rapid.T, open func() *files.LineSource, want []files.Line) {
	t.Helper()

	var (
		source    = open()
		base      = 0 // the item that the source calls 0
		next      = 0 // the item to come
		committed = 0
		items     [4]files.Line
	)

	require.NoError(r, source.Open(t.Context()))

	for {
		switch rapid.IntRange(0, 6).Draw(r, "step") {
		case 0: // it has failed, and goes on
			require.NoError(r, source.Close(t.Context()))
			require.NoError(r, source.Open(t.Context()))
		case 1: // the process has ended
			require.NoError(r, source.Close(t.Context()))

			source, base, next = open(), committed, committed

			require.NoError(r, source.Open(t.Context()))
		case 2:
			committed = rapid.IntRange(committed, next).Draw(r, "commit")

			require.NoError(r, source.Commit(t.Context(), uint64(committed-base)))
		default:
			n, err := source.Pull(t.Context(), items[:rapid.IntRange(1, len(items)).Draw(r, "room")])
			require.LessOrEqual(r, next+n, len(want))
			require.True(r, slices.Equal(want[next:next+n], items[:n]), "from %d: %v", next, items[:n])

			next += n

			if errors.Is(err, io.EOF) {
				require.Len(r, want, next)
				require.NoError(r, source.Close(t.Context()))

				return
			}

			require.NoError(r, err)
		}
	}
}

func TestALongLineIsAFailureThatNamesIt(t *testing.T) {
	for _, end := range []string{"", "\n", "\r\n", strings.Repeat("x", 100_000)} {
		path := write(t, t.TempDir(), "log", "fits\r\ntoo long"+end)
		s := files.Lines(path, files.LineOptions{MaxLine: 4})
		require.NoError(t, s.Open(t.Context()))

		all, err := drain(t.Context(), s)
		assert.Equal(t, []string{"fits"}, texts(all))

		for range 2 { // and again when it is opened again
			var long *files.LongLineError
			require.ErrorAs(t, err, &long)
			assert.Equal(t, &files.LongLineError{Name: path, Number: 2, Offset: 6, Max: 4}, long)
			assert.EqualError(t, err, path+":2: the line at offset 6 is longer than 4 bytes")

			require.NoError(t, s.Close(t.Context()))
			require.NoError(t, s.Open(t.Context()))

			_, err = drain(t.Context(), s)
		}

		require.NoError(t, s.Close(t.Context()))
	}
}

func TestAnOffsetIsKeptAndGoneOnFrom(t *testing.T) {
	dir := t.TempDir()
	path, offset := write(t, dir, "log", "a\nb\nc\n"), filepath.Join(dir, "offset")
	o := files.LineOptions{OffsetFile: offset}

	s := files.Lines(path, o)
	assert.Len(t, readAll(t, s), 3)
	require.NoError(t, s.Commit(t.Context(), 0))
	assert.NoFileExists(t, offset, "nothing is done")
	require.NoError(t, s.Commit(t.Context(), 2))
	assert.NoFileExists(t, offset+".new")

	write(t, dir, "offset.new", "half of an off") // as a crash leaves it
	assert.Equal(t, []files.Line{{Text: "c", Number: 3, Offset: 4}}, readAll(t, files.Lines(path, o)))

	s = files.Lines(path, o)
	assert.Equal(t, []string{"c"}, texts(readAll(t, s)))
	require.NoError(t, s.Commit(t.Context(), 1))
	write(t, dir, "log", "a\nb\nc\nd\n")
	assert.Equal(t, []files.Line{{Text: "d", Number: 4, Offset: 6}}, readAll(t, files.Lines(path, o)))
}

func TestACommitThatFailsIsTriedAgain(t *testing.T) {
	dir := t.TempDir()
	path, missing := write(t, dir, "log", "a\nb\n"), filepath.Join(dir, "missing")
	s := files.Lines(path, files.LineOptions{OffsetFile: filepath.Join(missing, "offset")})

	assert.Len(t, readAll(t, s), 2)
	require.ErrorIs(t, s.Commit(t.Context(), 2), fs.ErrNotExist)
	require.NoError(t, os.Mkdir(missing, 0o700))
	require.NoError(t, s.Commit(t.Context(), 2))
	assert.Contains(t, read(t, filepath.Join(missing, "offset")), `"offset":4,"lines":2`)
}

func TestAFileThatIsNotTheOneItWas(t *testing.T) {
	long := strings.Repeat("the first KiB is what a file is known by\n", 100)

	for name, of := range map[string]struct{ before, after, why string }{
		"shorter":            {"a\nb\n", "a\n", "it is shorter than what was read of it"},
		"a little shorter":   {"a\nb\n", "a\nb", "it is shorter than what was read of it"},
		"empty":              {"a\nb\n", "", "it is shorter than what was read of it"},
		"another":            {"a\nb\n", "a\nc\nd\n", "its beginning is not what was read of it"},
		"long and truncated": {long, long[:len(long)-1], "it is shorter than what was read of it"},
		"long and another":   {long, "T" + long[1:], "its beginning is not what was read of it"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, crash := range []bool{false, true} {
				dir := t.TempDir()
				path := write(t, dir, "log", of.before)
				o := files.LineOptions{OffsetFile: filepath.Join(dir, "offset")}
				s := files.Lines(path, o)
				require.NoError(t, s.Commit(t.Context(), uint64(len(readAll(t, s)))))
				write(t, dir, "log", of.after)

				if crash {
					s = files.Lines(path, o)
				}

				var changed *files.ChangedError
				require.ErrorAs(t, s.Open(t.Context()), &changed)
				assert.Equal(t, &files.ChangedError{Name: path, Why: of.why}, changed)

				o.Changed = files.StartOver
				assert.Equal(t, lineModel(of.after, 100), readAll(t, files.Lines(path, o)))
			}
		})
	}
}

func TestWhatIsWrongWithASourceIsSaidAtOnce(t *testing.T) {
	dir := t.TempDir()

	err := files.Lines("", files.LineOptions{MaxLine: -1, Long: 7, Changed: 8, Follow: -1}).Open(t.Context())
	for _, part := range []string{"the path is empty", "MaxLine: -1", "Long: there is no policy 7", "Changed", "Follow"} {
		require.ErrorContains(t, err, part)
	}

	require.ErrorContains(t, files.Stream(nil, files.LineOptions{Follow: 1}).Open(t.Context()), "Follow: only a file")
	require.ErrorContains(t, files.Stream(nil, files.LineOptions{}).Open(t.Context()), "the function is nil")
	require.ErrorIs(t, files.Lines(filepath.Join(dir, "none"), files.LineOptions{}).Open(t.Context()), fs.ErrNotExist)
	require.ErrorContains(t, files.Lines(dir, files.LineOptions{}).Open(t.Context()), "not a regular file")

	path := write(t, dir, "log", "a\n")

	for i, text := range []string{"", "{", "{}", `{"version":1,"offset":-1,"head":"0"}`, `{"version":2,"head":"0"}`} {
		offset := write(t, dir, fmt.Sprintf("offset%d", i), text)
		err := files.Lines(path, files.LineOptions{OffsetFile: offset}).Open(t.Context())
		require.ErrorContains(t, err, fmt.Sprintf("offset file %q", offset), text)
	}
}
