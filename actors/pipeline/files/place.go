package files

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
)

// headSize is how many bytes at the beginning of a text it is known by.
const headSize = 1 << 10

// text is what is known of a text: its beginning. The methods are safe for concurrent use.
type text struct {
	mu sync.Mutex // guards the following

	head []byte // the first bytes, as far as they were read, at most headSize
	sum  string // the saved sum of as many bytes as are before the saved offset, until they were read
}

// begin is told the beginning of the text when it is opened. It reports whether that is what it was.
func (t *text) begin(head []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()

	same := t.sum == sum(head)
	if t.sum == "" {
		same = bytes.HasPrefix(t.head, head)
	}

	if same {
		t.head, t.sum = head, ""
	}

	return same
}

// grow is told what is read next.
func (t *text) grow(b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()

	t.head = append(t.head, b[:min(len(b), headSize-len(t.head))]...)
}

// until is the sum of the first bytes, at most offset of them.
func (t *text) until(offset int64) string {
	t.mu.Lock()
	defer t.mu.Unlock()

	return sum(t.head[:min(int64(len(t.head)), offset)])
}

func sum(b []byte) string {
	s := sha256.Sum256(b)

	return hex.EncodeToString(s[:])
}

// place is a place between two lines.
type place struct {
	text   *text
	offset int64 // bytes before it
	line   int64 // lines before it
}

// savedPlace is a place in a file of its own.
type savedPlace struct {
	Version int    `json:"version"`
	Offset  int64  `json:"offset"`
	Lines   int64  `json:"lines"`
	Head    string `json:"head"`
}

const placeVersion = 1

func (p place) saved() savedPlace {
	return savedPlace{Version: placeVersion, Offset: p.offset, Lines: p.line, Head: p.text.until(p.offset)}
}

func loadPlace(path string) (place, error) {
	var s savedPlace

	found, err := load(path, &s)

	switch {
	case err != nil:
		return place{}, err
	case !found:
		return place{text: new(text)}, nil
	case s.Version != placeVersion || s.Offset < 0 || s.Lines < 0 || s.Head == "":
		return place{}, fmt.Errorf("offset file %q: %w", path, errNoPlace)
	}

	return place{text: &text{sum: s.Head}, offset: s.Offset, line: s.Lines}, nil
}

var errNoPlace = errors.New("it is not the offset of a source of lines")

// ChangedError says that a file is not the one that was read before.
type ChangedError struct {
	// Name is the path of the file, or "stream".
	Name string
	// Why says how that is known.
	Why string
}

// Error names the file.
func (e *ChangedError) Error() string { return fmt.Sprintf("%s has changed: %s", e.Name, e.Why) }
