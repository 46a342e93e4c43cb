package console

import (
	"fmt"
	"io"
)

// view draws one state of the progress.
type view interface {
	update(s snapshot) error
	finish(s snapshot) error
}

// snapshot is what an update shows. total is 0 if unknown and at least done otherwise.
type snapshot struct {
	done, failed, total int
}

// String returns "1,200 of 7,711 files, 3 failed".
func (s snapshot) String() string {
	text := count(s.done)
	if s.total > 0 {
		text += " of " + count(s.total)
	}
	text += " files"
	if s.failed > 0 {
		text += ", " + count(s.failed) + " failed"
	}
	return text
}

// lines is the view for anything but a terminal.
type lines struct {
	w io.Writer
}

func (l lines) update(s snapshot) error {
	_, err := fmt.Fprintln(l.w, "indexing:", s)
	return err
}

func (l lines) finish(s snapshot) error {
	_, err := fmt.Fprintln(l.w, "indexed:", s)
	return err
}
