package chain_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/internal/chain"
)

// wild is an error whose methods panic. As a struct with a slice in an interface it cannot even be compared, which the
// compiler and reflect do not see.
type wild struct{ value any }

func (wild) Error() string { panic("Error") }
func (wild) Unwrap() error { panic("Unwrap") }
func (wild) Is(error) bool { panic("Is") }
func (wild) As(any) bool   { panic("As") }

// gone is an error that ends the goroutine of those who compare it.
type gone struct{}

func (gone) Error() string { return "gone" }
func (gone) Is(error) bool { runtime.Goexit(); return false }
func (gone) As(any) bool   { runtime.Goexit(); return false }

func nilPath() error           { var e *fs.PathError; return e }
func uncomparable() error      { return wild{[]int{1}} }
func nilSyscall() error        { var e *os.SyscallError; return e }
func deep(err error) error     { return fmt.Errorf("deep: %w", &fs.PathError{Err: err}) }
func joined(es ...error) error { return errors.Join(es...) }

func TestIs(t *testing.T) {
	for name, of := range map[string]struct {
		err, target error
		want        bool
	}{
		"nothing":                                 {nil, io.EOF, false},
		"nothing is nothing":                      {nil, nil, true},
		"itself":                                  {io.EOF, io.EOF, true},
		"wrapped":                                 {deep(io.EOF), io.EOF, true},
		"another":                                 {deep(io.EOF), io.ErrNoProgress, false},
		"a nil pointer":                           {nilPath(), io.EOF, false},
		"a nil pointer is itself":                 {nilPath(), nilPath(), true},
		"a nil pointer, wrapped":                  {deep(nilPath()), io.EOF, false},
		"behind a nil pointer":                    {joined(nilPath(), io.EOF), io.EOF, true},
		"before a nil pointer":                    {joined(io.EOF, nilPath()), io.EOF, true},
		"deep behind a nil pointer":               {deep(joined(deep(nilPath()), deep(io.EOF))), io.EOF, true},
		"one whose methods panic":                 {wild{1}, io.EOF, false},
		"behind one whose methods panic":          {joined(wild{1}, deep(io.EOF)), io.EOF, true},
		"one that ends the goroutine":             {several{bad: true}, io.EOF, false},
		"behind one that ends the goroutine":      {joined(joined(several{bad: true}), deep(io.EOF)), io.EOF, true},
		"before one that ends the goroutine":      {joined(deep(io.EOF), several{bad: true}), io.EOF, true},
		"one whose Is ends the goroutine":         {joined(gone{}, deep(io.EOF)), io.EOF, true},
		"one that cannot be compared":             {uncomparable(), io.EOF, false},
		"one that cannot be compared with":        {io.EOF, uncomparable(), false},
		"one that cannot be compared with itself": {uncomparable(), uncomparable(), false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, of.want, chain.Is(of.err, of.target))
		})
	}
}

func TestAs(t *testing.T) {
	path := &fs.PathError{Op: "open", Err: nilPath()}

	for name, of := range map[string]struct {
		err  error
		want *fs.PathError
		ok   bool
	}{
		"nothing":                        {nil, nil, false},
		"itself":                         {path, path, true},
		"wrapped":                        {fmt.Errorf("w: %w", path), path, true},
		"another":                        {context.Canceled, nil, false},
		"a nil pointer is one":           {nilPath(), nil, true},
		"a nil pointer of another type":  {nilSyscall(), nil, false},
		"behind one whose methods panic": {joined(wild{1}, path), path, true},
		"one whose methods panic":        {fmt.Errorf("w: %w", wild{1}), nil, false},
		"behind one that is gone":        {joined(gone{}, path), path, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := chain.As[*fs.PathError](of.err)
			assert.Equal(t, of.ok, ok)
			assert.Same(t, of.want, got)
			assert.Equal(t, of.ok, chain.Has[*fs.PathError](of.err))
		})
	}
}

func TestWrapped(t *testing.T) {
	assert.Empty(t, chain.Wrapped(nil))
	assert.Empty(t, chain.Wrapped(io.EOF))
	assert.Empty(t, chain.Wrapped(&fs.PathError{}))
	assert.Empty(t, chain.Wrapped(nilPath()))
	assert.Equal(t, []error{io.EOF}, chain.Wrapped(fmt.Errorf("w: %w", io.EOF)))
	assert.Equal(t, []error{io.EOF, io.ErrNoProgress}, chain.Wrapped(joined(io.EOF, io.ErrNoProgress)))
}

func TestNoAllocation(t *testing.T) {
	err := deep(io.EOF)

	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_ = chain.Is(err, io.EOF)
		_, _ = chain.As[*fs.PathError](err)
	}))
}
