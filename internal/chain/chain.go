// Package chain looks along the chain of an error that a user has made. [errors.Is] and [errors.As] run its Is, As and
// Unwrap, which may panic, and that of a nil pointer in a non-nil error does: var e *fs.PathError; return e.
//
// An error that panics is like one that wraps nothing and is nothing but itself. What it is joined with is still found.
// So is one that ends the goroutine with runtime.Goexit, as a failing test does: methods that may are called on another
// one. Those that do not return are beyond it. They are a user's code: it is called with no lock held.
package chain

import (
	"errors"
	"reflect"
)

// Is is [errors.Is] for an err of a user's.
func Is(err, target error) bool {
	if tame(err) {
		return search(err, func(err error) bool { return errors.Is(err, target) })
	}

	return searchApart(err, func(err error) bool { return errors.Is(err, target) })
}

// As is [errors.AsType] for an err of a user's.
func As[E error](err error) (found E, ok bool) {
	if !tame(err) {
		return asApart[E](err)
	}

	ok = search(err, func(err error) (is bool) {
		found, is = errors.AsType[E](err)

		return is
	})

	return found, ok
}

// asApart is As for one that may end the goroutine. It is a function by itself for what it allocates.
func asApart[E error](err error) (found E, ok bool) {
	ok = searchApart(err, func(err error) (is bool) {
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

// searchApart is search where the methods may end the goroutine.
func searchApart(err error, is func(error) bool) bool {
	var (
		yes, returned bool
		wrapped       []error
	)

	apart(func() { yes, returned = try(err, is) })

	if returned {
		return yes
	}

	apart(func() { wrapped = Wrapped(err) })

	for _, e := range wrapped {
		if searchApart(e, is) {
			return true
		}
	}

	return false
}

// apart calls f on a goroutine of its own, which f may end, and waits for that.
func apart(f func()) {
	over := make(chan struct{})

	go func() {
		defer close(over)

		f()
	}()
	<-over
}

// tame reports whether all methods along a chain are of packages that are known: they may panic, but do not end the
// goroutine.
func tame(err error) bool {
	switch err.(type) { //nolint:errorlint // itself, not what it wraps
	case nil:
		return true
	case interface{ Unwrap() error }, interface{ Unwrap() []error }, interface{ Is(target error) bool },
		interface{ As(target any) bool }:
	default:
		return true // it has none
	}

	of := reflect.TypeOf(err)
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}

	switch of.PkgPath() {
	case "context", "encoding/json", "errors", "fmt", "io/fs", "net", "net/url", "os", "os/exec", "strconv",
		ours + "actors", ours + "internal/chain", ours + "mailbox", ours + "supervision", ours + "system",
		ours + "system/plugin":
	default:
		return false
	}

	if w, one := err.(interface{ Unwrap() error }); one {
		return tame(next(w))
	}

	for _, e := range Wrapped(err) {
		if !tame(e) {
			return false
		}
	}

	return true
}

const ours = "github.com/troupe-go/troupe/"

// next returns what err wraps; nil if that panics.
func next(err interface{ Unwrap() error }) (wrapped error) {
	defer func() {
		_ = recover() // the chain ends here
	}()

	return err.Unwrap()
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
