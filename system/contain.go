package system

import (
	"fmt"

	"github.com/troupe-go/troupe/internal/chain"
)

// goOn runs a loop that calls other people's code, on a goroutine of its own, and closes stopped when the loop returns.
// If that code ends the goroutine (runtime.Goexit), exited is called and the loop begins again on another one: what is
// lost is what was in hand.
func goOn(loop, exited func(), stopped chan<- struct{}) {
	go func() {
		returned := false

		defer func() {
			if returned {
				close(stopped)
			} else {
				exited()
				goOn(loop, exited, stopped)
			}
		}()

		loop()

		returned = true
	}()
}

// first is the first thing that other people's code did not do well; there may be any number.
type first struct{ err error }

func (f *first) note(err error) {
	if f.err == nil {
		f.err = err
	}
}

// guard calls a function of the options and returns its panic as an error.
func guard(option string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("system.Options.%s: panic: %s", option, chain.Print(v))
		}
	}()

	return f()
}
