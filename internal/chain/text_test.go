package chain_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/internal/nastytest"
)

// several is one that joins others, whose own methods say nothing.
type several struct {
	errs []error
	bad  bool
}

func (several) Error() string { runtime.Goexit(); return "" }

func (s several) Unwrap() []error {
	if s.bad {
		runtime.Goexit()
	}

	return s.errs
}

func TestText(t *testing.T) {
	for want, err := range map[string]error{
		"EOF": io.EOF,
		"*nastytest.SelfishError whose Error method panics":                 &nastytest.SelfishError{},
		"nastytest.RunawayError whose Error method ends its goroutine":      nastytest.RunawayError{},
		"*fs.PathError whose Error method panics":                           nilPath(),
		"<nil> whose Error method panics":                                   nil,
		"EOF\n*nastytest.SelfishError whose Error method panics":            errors.Join(io.EOF, &nastytest.SelfishError{}),
		"nastytest.RunawayError whose Error method ends its goroutine\nEOF": errors.Join(nastytest.RunawayError{}, io.EOF),
		"EOF\nnil": several{errs: []error{io.EOF, nil}},
		"chain_test.several whose Error method ends its goroutine": several{bad: true},
		"before: EOF": chain.Wrap("before", io.EOF),
		"before: *nastytest.SelfishError whose Error method panics": chain.Wrap("before", &nastytest.SelfishError{}),
		"nastytest.RunawayError whose Error method ends its goroutine: chain_test.wild whose Error method panics": chain.Both(
			nastytest.RunawayError{}, wild{1}),
	} {
		assert.Equal(t, want, chain.Text(err))
	}
}

func TestPrint(t *testing.T) {
	for want, v := range map[string]any{
		"<nil>":     nil,
		"EOF":       io.EOF,
		"{1}":       struct{ A int }{1},
		"[EOF EOF]": []error{io.EOF, io.EOF},
		"*nastytest.SelfishError that cannot be printed: it panics":            &nastytest.SelfishError{},
		"[]error that cannot be printed: it panics":                            []error{&nastytest.SelfishError{}},
		"nastytest.RunawayError that cannot be printed: it ends its goroutine": nastytest.RunawayError{},
	} {
		assert.Equal(t, want, chain.Print(v))
	}

	assert.Equal(t, "{A:1}", chain.Detail(struct{ A int }{1}))
	assert.Contains(t, chain.Print(wild{1}), "PANIC", "as fmt says it where it can")
}

func TestWrapAndBoth(t *testing.T) {
	assert.ErrorIs(t, chain.Wrap("before", deep(io.EOF)), io.EOF)
	assert.Equal(t, io.EOF, errors.Unwrap(chain.Wrap("before", io.EOF)))

	b := chain.Both(io.EOF, deep(io.ErrNoProgress))
	assert.ErrorIs(t, b, io.EOF)
	assert.ErrorIs(t, b, io.ErrNoProgress)
	assert.Equal(t, fmt.Errorf("%w: %w", io.EOF, deep(io.ErrNoProgress)).Error(), b.Error())
}
