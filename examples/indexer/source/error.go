package source

import "fmt"

// RootError says that the root of a tree cannot be used.
type RootError struct {
	// Root is the path as the caller gave it.
	Root string
	// Err is the cause.
	Err error
}

// Error names the root and the rule.
func (e *RootError) Error() string {
	return fmt.Sprintf("root %q: must be a readable directory: %v", e.Root, e.Err)
}

// Unwrap returns the cause.
func (e *RootError) Unwrap() error { return e.Err }

// DirError says that a directory below the root could not be listed, or not to its end.
type DirError struct {
	// Dir is the slash path relative to the root, "." for the root itself.
	Dir string
	// Err is the cause.
	Err error
}

// Error names the directory.
func (e *DirError) Error() string {
	return fmt.Sprintf("directory %q: cannot be listed: %v", e.Dir, e.Err)
}

// Unwrap returns the cause.
func (e *DirError) Unwrap() error { return e.Err }

// FileError says that a file could not be read.
type FileError struct {
	// File is the slash path relative to the root.
	File string
	// Err is the cause.
	Err error
}

// Error names the file.
func (e *FileError) Error() string { return fmt.Sprintf("file %q: cannot be read: %v", e.File, e.Err) }

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }
