package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

// maxText is the longest path and the longest name in bytes; a bbolt key must hold either, the name with
// a NUL and a number behind it.
const maxText = 16 << 10

// File is what one source file came to.
type File struct {
	// Path is the slash path relative to the root: not empty, no NUL byte, at most 16 KiB.
	Path string
	// Symbols are the declarations of the file. Their names follow the rules of Path, their kinds are
	// valid, their lines from 0 to 2³¹−1; their File is Path.
	Symbols []symbols.Symbol
	// Err says why the file has no symbols, "" if it was indexed.
	Err string
}

// check returns an error that names the file and the rule it breaks.
func (f File) check() error {
	if err := checkText(f.Path); err != nil {
		return fmt.Errorf("file %q: its path %w", f.Path, err)
	}
	for _, s := range f.Symbols {
		if err := checkText(s.Name); err != nil {
			return fmt.Errorf("file %q: symbol %q: its name %w", f.Path, s.Name, err)
		}
		if !s.Kind.Valid() {
			return fmt.Errorf("file %q: symbol %q: its kind must be valid, is %v", f.Path, s.Name, s.Kind)
		}
		if s.Line < 0 || s.Line > maxLine {
			return fmt.Errorf("file %q: symbol %q: its line must be from 0 to %d, is %d", f.Path, s.Name, maxLine, s.Line)
		}
		if s.File != f.Path {
			return fmt.Errorf("file %q: symbol %q: its file must be that path, is %q", f.Path, s.Name, s.File)
		}
	}
	return nil
}

func checkText(s string) error {
	switch {
	case s == "":
		return errors.New("must not be empty")
	case len(s) > maxText:
		return fmt.Errorf("must be at most %d bytes", maxText)
	case strings.IndexByte(s, 0) >= 0:
		return errors.New("must not contain a NUL byte")
	default:
		return nil
	}
}
