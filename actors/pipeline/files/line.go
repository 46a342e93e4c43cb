package files

import (
	"bytes"
	"fmt"
)

// Line is a line of text.
type Line struct {
	// Text is the line without its line feed, and without the carriage return in front of that.
	Text string
	// Number counts the lines of the file from 1.
	Number int64
	// Offset is how many bytes of the file are before the line.
	Offset int64
	// Cut says that the line was longer than LineOptions.MaxLine, and Text is the beginning of it.
	Cut bool
}

// LongLines says what becomes of a line that is longer than LineOptions.MaxLine.
type LongLines int

const (
	// RefuseLong is the zero value: such a line is a failure of the source, a [*LongLineError].
	RefuseLong LongLines = iota
	// CutLong: the beginning of the line is handed out, marked as cut, and the rest is dropped.
	CutLong
)

// LongLineError says that a line is longer than LineOptions.MaxLine.
type LongLineError struct {
	// Name is the path of the file, or "stream".
	Name string
	// Number and Offset are those of the [Line].
	Number, Offset int64
	// Max is how many bytes were allowed.
	Max int
}

// Error names the place and the rule.
func (e *LongLineError) Error() string {
	return fmt.Sprintf("%s:%d: the line at offset %d is longer than %d bytes", e.Name, e.Number, e.Offset, e.Max)
}

// splitter finds lines in what is read. It holds one buffer, of at most the longest line with its ending.
type splitter struct {
	max  int
	buf  []byte // what is read and not yet taken is buf[r:w]
	r, w int
	seen int // that many bytes from r on have no line feed among them

	head    []byte // the beginning of a line that is cut, while its end is looked for
	dropped int64  // how many bytes of that line are no longer in buf
	cutting bool
}

const (
	firstBuffer = 64 << 10
	ending      = 2 // bytes: "\r\n"
)

func newSplitter(longest int) *splitter {
	return &splitter{max: longest, buf: make([]byte, min(firstBuffer, longest+ending))}
}

// found is a line in the splitter's buffer, good until the next call.
type found struct {
	text []byte
	size int64 // with its ending
	long bool
}

// next takes a line. At the end of the text, last, it is what is left. It reports whether there was one.
func (s *splitter) next(last bool) (f found, ok bool) {
	i := bytes.IndexByte(s.buf[s.r+s.seen:s.w], '\n')
	if i < 0 && (!last || s.w == s.r && !s.cutting) {
		s.seen = s.w - s.r

		return found{}, false
	}

	text := s.buf[s.r:s.w]
	end := s.w

	if i >= 0 {
		end = s.r + s.seen + i + 1
		text = bytes.TrimSuffix(s.buf[s.r:end-1], []byte("\r"))
	}

	f = found{text: text, size: int64(end-s.r) + s.dropped, long: s.cutting || len(text) > s.max}

	if s.cutting {
		f.text = s.head
	} else if f.long {
		f.text = text[:s.max]
	}

	s.r, s.seen, s.cutting, s.dropped = end, 0, false, 0

	return f, true
}

// back undoes a next that has found a line, which was not being cut.
func (s *splitter) back(f found) { s.r -= int(f.size) }

// long reports whether what is in the buffer is the beginning of a line that is too long.
func (s *splitter) long() bool { return s.cutting || s.seen > s.max+1 } // the last byte may be a carriage return

// cut keeps the beginning of the line, and drops what else is read of it. Called if the line is too long and has no end
// so far.
func (s *splitter) cut() {
	if !s.cutting {
		s.head = append(s.head[:0], s.buf[s.r:s.r+s.max]...)
		s.cutting = true
	}

	s.dropped += int64(s.w - s.r)
	s.r, s.w, s.seen = 0, 0, 0
}

// room returns where to read to, at least a byte. Called when no line is in the buffer, and it is not too long for one.
func (s *splitter) room() []byte {
	if s.r > 0 {
		copy(s.buf, s.buf[s.r:s.w])
		s.w -= s.r
		s.r = 0
	}

	if s.w == len(s.buf) {
		s.buf = append(s.buf, make([]byte, min(len(s.buf), s.max+ending-len(s.buf)))...)
	}

	return s.buf[s.w:]
}

// filled says that n bytes were read.
func (s *splitter) filled(n int) { s.w += n }
