// Package chain looks along the chain of an error that a user has made. [errors.Is] and [errors.As] run its Is, As and
// Unwrap, which may panic, and that of a nil pointer in a non-nil error does: var e *fs.PathError; return e.
//
// An error that panics is like one that wraps nothing and is nothing but itself. What it is joined with is still found.
// Methods that do not return, or end the goroutine with runtime.Goexit, are beyond it. They are a user's code: it is
// called with no lock held.
package chain

import "errors"

// Is is [errors.Is] for an err of a user's.
func Is(err, target error) bool {
	return search(err, func(err error) bool { return errors.Is(err, target) })
}

// As is [errors.AsType] for an err of a user's.
func As[E error](err error) (found E, ok bool) {
	ok = search(err, func(err error) (is bool) {
		found, is = errors.AsType[E](err)

		return is
	})

	return found, ok
}

// Has reports whether [As] finds one.
func Has[E error](err error) bool {
	_, ok := As[E](err)

	return ok
}

// search reports whether is holds for err, or, if that panics, for one of those that it wraps.
func search(err error, is func(error) bool) bool {
	yes, returned := try(err, is)
	if returned {
		return yes
	}

	for _, e := range Wrapped(err) {
		if search(e, is) {
			return true
		}
	}

	return false
}

func try(err error, is func(error) bool) (yes, returned bool) {
	defer func() {
		if !returned {
			_ = recover() // whatever it was, err is not what is looked for
		}
	}()

	return is(err), true
}

// Wrapped returns what err wraps; nothing if that panics.
func Wrapped(err error) (errs []error) {
	defer func() {
		_ = recover() // the chain ends here
	}()

	switch err := err.(type) { //nolint:errorlint // this is how a chain is followed
	case interface{ Unwrap() []error }:
		return err.Unwrap()
	case interface{ Unwrap() error }:
		if e := err.Unwrap(); e != nil {
			return []error{e}
		}
	}

	return nil
}
