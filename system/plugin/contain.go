package plugin

import (
	"context"
	"runtime/debug"

	"github.com/troupe-go/troupe/internal/chain"
)

// protect calls a plugin's code and turns a panic into an error. It is called on a goroutine that the plugin may end
// with runtime.Goexit: what must happen after that is deferred by the caller.
func protect(f func() error) (err error) {
	returned := false

	defer func() {
		if returned {
			return
		}

		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
	}()

	err = f()
	returned = true

	return err
}

// apart calls a plugin's code on a goroutine of its own and waits until it returns or ctx ends. The goroutine of code
// that does not return is left to what go has made it.
func apart(ctx context.Context, start func(func(context.Context) error) error, f func() error) error {
	over := make(chan error, 1)

	err := start(func(context.Context) error {
		err := ErrExited

		defer func() { over <- err }()

		err = protect(f)

		return nil
	})
	if err != nil {
		return err
	}

	select {
	case err = <-over:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// faultOf returns what an error of a plugin's code says about the instance, or 0 if it says nothing.
func faultOf(err error) Fault {
	if err == nil {
		return 0
	}

	if of, ok := chain.As[*faultError](err); ok {
		return of.fault
	}

	if chain.Has[*PanicError](err) || chain.Is(err, ErrExited) {
		return Panicked
	}

	return 0
}
