// Package nastytest has the errors that do most harm to those who look at them.
package nastytest

import (
	"errors"
	"runtime"
)

// SelfishError is an error whose Error panics with itself: fmt, which prints what was panicked with, panics then too.
type SelfishError struct{}

func (s *SelfishError) Error() string { panic(s) }

// RunawayError is an error whose Error ends the goroutine.
type RunawayError struct{}

func (RunawayError) Error() string { runtime.Goexit(); return "" }

// HollowError is an error whose Unwrap ends the goroutine.
type HollowError struct{}

func (HollowError) Error() string { return "hollow" }

// Unwrap ends the goroutine.
func (HollowError) Unwrap() error { runtime.Goexit(); return nil }

// Errors returns one of each, by what it does, and all of them joined with tame.
func Errors(tame error) map[string]error {
	return map[string]error{
		"Error panics with the error": &SelfishError{},
		"Error ends the goroutine":    RunawayError{},
		"Unwrap ends the goroutine":   HollowError{},
		"one of several":              errors.Join(tame, &SelfishError{}, RunawayError{}, HollowError{}),
	}
}
