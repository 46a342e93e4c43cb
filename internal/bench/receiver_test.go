package main_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	program "github.com/troupe-go/troupe/internal/bench"
)

func TestReceiverTellsWhatIsWrong(t *testing.T) {
	require.NoError(t, program.Check(3, 2, 0, 1))

	for _, test := range []struct {
		name    string
		numbers []int
	}{
		{"lost", []int{0, 1}},
		{"doubled", []int{0, 1, 2, 2}},
		{"one instead of another", []int{0, 1, 1}},
	} {
		require.ErrorContains(t, program.Check(3, test.numbers...), "but sent were 3", test.name)
	}
}

func TestSendersShareAllMessages(t *testing.T) {
	for _, senders := range []int{1, 3, 4, 7} {
		next := 0

		for _, s := range program.Span(senders, 100) {
			assert.Equal(t, next, s[0])
			next = s[1]
		}

		assert.Equal(t, 100, next)
	}
}
