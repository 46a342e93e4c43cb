package main

import (
	"io"
	"os"
	"sync"
)

// serial lets one goroutine at a time write: the progress and the log share what they write to.
type serial struct {
	mu sync.Mutex
	w  io.Writer
}

// serially returns a writer that several goroutines can use. A file is one already, and may be a terminal.
func serially(w io.Writer) io.Writer {
	if _, file := w.(*os.File); file {
		return w
	}

	return &serial{w: w}
}

func (s *serial) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.w.Write(p)
}
