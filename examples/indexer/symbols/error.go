package symbols

import "fmt"

// ParseError says that a file is not Go source. It is the only error of [Parse].
type ParseError struct {
	// File is the name that was given to Parse.
	File string
	// Err is the cause, a go/scanner.ErrorList of at most eleven entries with line and column.
	Err error
}

// Error names the file and the first place where it stops being Go.
func (e *ParseError) Error() string {
	return fmt.Sprintf("file %q: must be Go source: %v", e.File, e.Err)
}

// Unwrap returns the cause.
func (e *ParseError) Unwrap() error { return e.Err }
