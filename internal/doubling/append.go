// Package doubling is about slices that may have an element for each of hundreds of thousands of actors.
package doubling

import "slices"

// Append is append, but makes a slice that is full twice as long. The built-in makes a long one longer by a quarter,
// and so leaves four times as much behind as it makes.
func Append[T any](s []T, element T) []T {
	if len(s) == cap(s) {
		s = slices.Grow(s, len(s)+1)
	}

	return append(s, element)
}
