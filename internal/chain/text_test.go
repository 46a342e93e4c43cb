package chain_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/troupe-go/troupe/internal/chain"
)

// selfish is an error whose Error panics with itself, which fmt does not recover from.
type selfish struct{}

func (s *selfish) Error() string { panic(s) }

// leaving is an error whose Error ends the goroutine.
type leaving struct{}

func (leaving) Error() string { runtime.Goexit(); return "" }

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
		"*chain_test.selfish whose Error method panics":                 &selfish{},
		"chain_test.leaving whose Error method ends its goroutine":      leaving{},
		"*fs.PathError whose Error method panics":                       nilPath(),
		"<nil> whose Error method panics":                               nil,
		"EOF\n*chain_test.selfish whose Error method panics":            errors.Join(io.EOF, &selfish{}),
		"chain_test.leaving whose Error method ends its goroutine\nEOF": errors.Join(leaving{}, io.EOF),
		"EOF\nnil": several{errs: []error{io.EOF, nil}},
		"chain_test.several whose Error method ends its goroutine": several{bad: true},
		"before: EOF": chain.Wrap("before", io.EOF),
		"before: *chain_test.selfish whose Error method panics": chain.Wrap("before", &selfish{}),
		"chain_test.leaving whose Error method ends its goroutine: chain_test.wild whose Error method panics": chain.Both(
			leaving{}, wild{1}),
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
		"*chain_test.selfish that cannot be printed: it panics":            &selfish{},
		"[]error that cannot be printed: it panics":                        []error{&selfish{}},
		"chain_test.leaving that cannot be printed: it ends its goroutine": leaving{},
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
