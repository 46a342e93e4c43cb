package files_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors/pipeline/files"
)

func encode(dst []byte, item string) ([]byte, error) { return append(dst, item...), nil }

func openSink(t testing.TB, path string, o files.AppendOptions) *files.AppendSink[string] {
	t.Helper()

	s := files.Append(path, encode, o)
	require.NoError(t, s.Open(t.Context()))

	return s
}

func TestRecordsAreAppendedWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")

	for i := range 2 {
		s := openSink(t, path, files.AppendOptions{})
		require.NoError(t, s.Write(t.Context(), []string{strconv.Itoa(i), ""}))
		require.NoError(t, s.Write(t.Context(), nil))
		require.NoError(t, s.Write(t.Context(), []string{"x"}))
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, s.Close(t.Context()), "it is closed already")
		require.ErrorIs(t, s.Write(t.Context(), []string{"late"}), os.ErrClosed)
	}

	assert.Equal(t, "0\n\nx\n1\n\nx\n", read(t, path))

	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
}

// TestWhateverIsTornAtTheEndIsCutOff has the file end after each of its bytes.
func TestWhateverIsTornAtTheEndIsCutOff(t *testing.T) {
	const whole = "one\n\nthree\n"

	for size := range len(whole) + 1 {
		path := write(t, t.TempDir(), "out", whole[:size])
		s := openSink(t, path, files.AppendOptions{MaxRecord: 5})
		kept := whole[:strings.LastIndexByte(whole[:size], '\n')+1]

		assert.Equal(t, kept, read(t, path))
		assert.Equal(t, int64(size-len(kept)), s.Repaired())
		require.NoError(t, s.Write(t.Context(), []string{"next"}))
		require.NoError(t, s.Close(t.Context()))
		assert.Equal(t, kept+"next\n", read(t, path))
	}
}

func TestAFileThatIsNotOneOfRecordsIsLeftAlone(t *testing.T) {
	path := write(t, t.TempDir(), "out", "one\n012345")
	err := files.Append(path, encode, files.AppendOptions{MaxRecord: 5}).Open(t.Context())
	require.ErrorIs(t, err, files.ErrNotRecords)
	assert.Equal(t, "one\n012345", read(t, path))
}

func TestARecordThatCannotBeWrittenIsNotHalfWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	bad := errors.New("bad")
	s := files.Append(path, func(dst []byte, item string) ([]byte, error) {
		switch item {
		case "bad":
			return dst, bad
		case "short":
			return dst[:0], nil
		default:
			return append(dst, item...), nil
		}
	}, files.AppendOptions{MaxRecord: 5})
	require.NoError(t, s.Open(t.Context()))

	for item, want := range map[string]error{"bad": bad, "a\nb": files.ErrLineFeed, "123456": files.ErrLongRecord} {
		err := s.Write(t.Context(), []string{"good", item, "good"})
		require.ErrorIs(t, err, want)
		require.ErrorContains(t, err, path+": item 1 of 3: ")
	}

	require.ErrorContains(t, s.Write(t.Context(), []string{"good", "short"}), "less than it was given")
	require.NoError(t, s.Write(t.Context(), []string{"12345"}))
	require.NoError(t, s.Close(t.Context()))
	assert.Equal(t, "12345\n", read(t, path))
}

// faulty fails where it is told to.
type faulty struct {
	files.Appended

	write, sync, truncate error
	syncs                 int
}

func (f *faulty) WriteAt(p []byte, at int64) (int, error) {
	if f.write != nil { // as a full disk does
		n, _ := f.Appended.WriteAt(p[:len(p)/2], at)

		return n, f.write
	}

	return f.Appended.WriteAt(p, at)
}

func (f *faulty) Sync() error {
	f.syncs++

	return errors.Join(f.sync, f.Appended.Sync())
}

func (f *faulty) Truncate(size int64) error {
	if f.truncate != nil {
		return f.truncate
	}

	return f.Appended.Truncate(size)
}

func TestAWriteThatFailsIsTakenBackAndCanBeTriedAgain(t *testing.T) {
	full := errors.New("no space left")

	for name, of := range map[string]struct {
		fault faulty
		left  string // what is in the file meanwhile
	}{
		"write":              {faulty{write: full}, "first\n"},
		"sync":               {faulty{sync: full}, "first\n"},
		"write and truncate": {faulty{write: full, truncate: full}, "first\na long"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "out")
			s := openSink(t, path, files.AppendOptions{})
			require.NoError(t, s.Write(t.Context(), []string{"first"}))

			f := of.fault

			s.Wrap(func(a files.Appended) files.Appended {
				f.Appended = a

				return &f
			})

			for range 2 {
				require.ErrorIs(t, s.Write(t.Context(), []string{"a longer one"}), full)
				assert.Equal(t, of.left, read(t, path))
			}

			f.write, f.sync, f.truncate = nil, nil, nil

			require.NoError(t, s.Write(t.Context(), []string{"b"}))
			require.NoError(t, s.Close(t.Context()))
			assert.Equal(t, "first\nb\n", read(t, path))
		})
	}
}

func TestTheDiskIsWaitedForAsThePolicySays(t *testing.T) {
	for policy, want := range map[files.Sync][2]int{files.SyncWrite: {2, 3}, files.SyncClose: {0, 1}} {
		var f faulty

		s := openSink(t, filepath.Join(t.TempDir(), "out"), files.AppendOptions{Sync: policy})
		s.Wrap(func(a files.Appended) files.Appended {
			f.Appended = a

			return &f
		})
		require.NoError(t, s.Write(t.Context(), []string{"a"}))
		require.NoError(t, s.Write(t.Context(), []string{"b"}))
		assert.Equal(t, want[0], f.syncs)
		require.NoError(t, s.Close(t.Context()))
		assert.Equal(t, want[1], f.syncs)
	}
}

func TestWhatIsWrongWithASinkIsSaidAtOnce(t *testing.T) {
	err := files.Append[string]("", nil, files.AppendOptions{Sync: 5, MaxRecord: -1, Mode: os.ModeDir}).Open(t.Context())
	for _, part := range []string{
		"the path is empty", "the function is nil", "Sync: there is no policy 5", "MaxRecord: -1", "Mode",
	} {
		require.ErrorContains(t, err, part)
	}

	err = files.Append(t.TempDir(), encode, files.AppendOptions{}).Open(t.Context())
	require.ErrorContains(t, err, "not a regular file")
}
