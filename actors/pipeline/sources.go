package pipeline

import (
	"context"
	"io"
	"iter"
)

// Slice is a source of the values of a slice.
func Slice[T any](values []T) Source[T] { //nolint:iface // how it is made is its own affair
	return &slice[T]{left: values}
}

type slice[T any] struct{ left []T }

func (*slice[T]) Open(context.Context) error  { return nil }
func (*slice[T]) Close(context.Context) error { return nil }

// Pull hands out the next values.
func (s *slice[T]) Pull(ctx context.Context, items []T) (int, error) {
	if len(s.left) == 0 || ctx.Err() != nil {
		return 0, io.EOF
	}

	n := copy(items, s.left)
	s.left = s.left[n:]

	return n, nil
}

// Seq is a source of the values of an iterator, each handed out as soon as it is there. An iterator that waits cannot
// be interrupted: it should end when the program stops. It is begun once, by the first Pull, however often the source
// is opened.
func Seq[T any](values iter.Seq[T]) Source[T] { //nolint:iface // how it is made is its own affair
	if values == nil {
		return nil
	}

	return &seq[T]{values: values}
}

type seq[T any] struct {
	values iter.Seq[T]
	next   func() (T, bool)
	stop   func()
}

// Open does nothing: a source that is opened and never asked for anything leaves nothing behind.
func (*seq[T]) Open(context.Context) error { return nil }

// Pull hands out the next value. It begins with the iterator, the first time.
func (s *seq[T]) Pull(ctx context.Context, items []T) (int, error) {
	if s.next == nil {
		s.next, s.stop = iter.Pull(s.values)
	}

	if ctx.Err() == nil {
		if v, ok := s.next(); ok {
			items[0] = v

			return 1, nil
		}
	}

	s.stop()

	return 0, io.EOF
}

// Close does nothing: the iterator goes on when the source is opened again, and is stopped at its end.
func (s *seq[T]) Close(context.Context) error { return nil }

// Chan is a source of what comes out of a channel, until that is closed or intake is over; then it hands out what is in
// the channel's buffer.
func Chan[T any](c <-chan T) Source[T] { //nolint:iface // how it is made is its own affair
	if c == nil {
		return nil
	}

	return channel[T](c)
}

type channel[T any] <-chan T

func (channel[T]) Open(context.Context) error  { return nil }
func (channel[T]) Close(context.Context) error { return nil }

// Pull waits for a value and hands out those that are there.
func (c channel[T]) Pull(ctx context.Context, items []T) (int, error) {
	n := 0

	select {
	case v, ok := <-c:
		if !ok {
			return 0, io.EOF
		}

		items[0] = v
		n++
	default:
		select {
		case v, ok := <-c:
			if !ok {
				return 0, io.EOF
			}

			items[0] = v
			n++
		case <-ctx.Done():
			return 0, io.EOF
		}
	}

	for n < len(items) {
		select {
		case v, ok := <-c:
			if !ok {
				return n, io.EOF
			}

			items[n] = v
			n++
		default:
			return n, nil
		}
	}

	return n, nil
}
