package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"

	"github.com/troupe-go/troupe/actors/pipeline/files"
	"github.com/troupe-go/troupe/examples/ingest/traffic"
)

// maxLine is how many bytes of a line are read; what is longer is cut off, and so a bad line.
const maxLine = 64 << 10

// input is a text whose lines are ingested. Its offset is committed when a line is in the stream.
type input struct {
	*files.LineSource

	name string
	buf  []files.Line
}

// Pull hands out lines.
func (s *input) Pull(ctx context.Context, lines []Line) (int, error) {
	if len(s.buf) < len(lines) {
		s.buf = make([]files.Line, len(lines))
	}

	n, err := s.LineSource.Pull(ctx, s.buf[:len(lines)])
	for i, l := range s.buf[:n] {
		lines[i] = Line{Source: s.name, Number: l.Number, Text: []byte(l.Text)}
	}

	return n, err
}

// openInput finds what the options say is to be read. Its name is the same in the next run, so that this goes on where
// the last has ended; only that of a standard input is not, unless the options have one.
func openInput(o options) (*input, error) {
	lines := files.LineOptions{MaxLine: maxLine, Long: files.CutLong}

	switch o.in {
	case "":
		name := fmt.Sprintf("traffic:%d", o.seed)
		return o.input(name, true, func(l files.LineOptions) *files.LineSource { return files.Stream(o.traffic, l) }, lines)
	case "-":
		name := o.name
		if name == "" {
			name = fmt.Sprintf("stdin:%x", rand.Uint64())
		}

		return o.input(name, o.name != "", func(l files.LineOptions) *files.LineSource {
			return files.Stream(standard, l)
		}, lines)
	default:
		name, err := o.fileName()
		if err != nil {
			return nil, err
		}

		return o.input(name, true, func(l files.LineOptions) *files.LineSource { return files.Lines(o.in, l) }, lines)
	}
}

// traffic opens the log that is made up.
func (o options) traffic() (io.ReadCloser, error) {
	return io.NopCloser(traffic.Reader(o.seed, o.lines)), nil
}

// standard opens the standard input: a pipe or a terminal anew, as something that can be closed while it is read.
func standard() (io.ReadCloser, error) {
	info, err := os.Stdin.Stat()
	if err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeCharDevice) != 0 {
		if f, err := os.Open("/dev/stdin"); err == nil {
			return f, nil
		}
	}

	return os.Stdin, err
}

// input makes an input with a file for its offset, if that is to be kept.
func (o options) input(
	name string, kept bool, open func(files.LineOptions) *files.LineSource, lines files.LineOptions,
) (*input, error) {
	if kept {
		dir := o.db + ".offsets"
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}

		lines.OffsetFile = filepath.Join(dir, fmt.Sprintf("%x.json", sha256.Sum256([]byte(name))))
	}

	return &input{LineSource: open(lines), name: name}, nil
}

// fileName names a log by its path and its first line, so that another log that has taken its place has another name.
func (o options) fileName() (string, error) {
	if o.name != "" {
		return o.name, nil
	}

	path, err := filepath.Abs(o.in)
	if err != nil {
		return "", err
	}

	f, err := os.Open(path)
	if err != nil {
		return "", err
	}

	first, err := bufio.NewReaderSize(f, maxLine).ReadSlice('\n')
	if errors.Is(err, io.EOF) || errors.Is(err, bufio.ErrBufferFull) {
		err = nil
	}

	path = (&url.URL{Path: path}).EscapedPath()

	return fmt.Sprintf("file:%s#%.4x", path, sha256.Sum256(first)), errors.Join(err, f.Close())
}
