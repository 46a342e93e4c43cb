package pipeline

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/mailbox"
)

// TestAZipThatIsDroppedAsItTakesLosesBothOrNone drops the queues of a zip while its worker takes from them: each item
// is one of a pair, or a letter.
func TestAZipThatIsDroppedAsItTakesLosesBothOrNone(t *testing.T) {
	const count = 4

	for range 5000 {
		letters := 0

		z := &zipper[int, int]{
			left: newQueue[int](count, 1), right: newQueue[int](count, 1), again: newQueue[Pair[int, int]](count, 1),
			flight: newInflight(),
			letter: func(any, mailbox.Reason, error) { letters++ },
		}

		for v := 1; v <= count; v++ {
			require.Equal(t, 1, z.left.put(newParker(), []item[int]{{value: v}}))
			require.Equal(t, 1, z.right.put(newParker(), []item[int]{{value: -v}}))
		}

		var (
			both  sync.WaitGroup
			pairs = make([]item[Pair[int, int]], count)
			n     int
		)

		both.Go(func() { n, _ = z.take(newParker(), pairs) })
		both.Go(func() { z.drop(mailbox.Deadline, ErrStopped) })
		both.Wait()

		require.Equal(t, 2*count, 2*n+letters)

		for i, p := range pairs[:n] {
			assert.Equal(t, Pair[int, int]{i + 1, -i - 1}, p.value)
		}
	}
}
