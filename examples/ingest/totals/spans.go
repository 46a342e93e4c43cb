package totals

import (
	"slices"
	"sort"
)

// span is a run of numbers, both ends included.
type span struct{ first, last int64 }

// spans is a set of numbers as runs of them, in order, with a gap between any two.
type spans []span

// after returns the place of the first run that ends at n or later.
func (s spans) after(n int64) int {
	return sort.Search(len(s), func(i int) bool { return s[i].last >= n })
}

func (s spans) has(n int64) bool {
	i := s.after(n)

	return i < len(s) && s[i].first <= n
}

// with adds a number. It changes s.
func (s spans) with(n int64) spans {
	if s.has(n) {
		return s
	}

	i := s.after(n)
	left, right := i > 0 && s[i-1].last == n-1, i < len(s) && s[i].first == n+1

	switch {
	case left && right:
		s[i-1].last = s[i].last

		return slices.Delete(s, i, i+1)
	case left:
		s[i-1].last = n
	case right:
		s[i].first = n
	default:
		return slices.Insert(s, i, span{n, n})
	}

	return s
}
