package pipeline

import "context"

// Source hands out the items of a pipeline. The pipeline numbers them in the order it gets them, from 0, through all
// restarts of the source.
//
// Open, Pull and Close are called by one goroutine at a time. What the pipeline tells a source of its items, if the
// source implements [Acknowledger] or [Committer], may come while Pull waits.
type Source[T any] interface {
	// Open is called before the first Pull, and again after a failure of the source, when Close was called. An error is
	// a failed start.
	Open(ctx context.Context) error
	// Pull writes at least one item to the beginning of items, waiting for it if need be, and returns how many it wrote.
	// At the end of the source it returns [io.EOF], perhaps beside last items. When ctx ends, intake is over: Pull hands
	// out what the source has already accepted from others, if there is such a thing, and then returns io.EOF. If that
	// was because the source is restarted it is opened again, and goes on. Any other error is a failure of the source;
	// the items written beside it are taken all the same. While the pipeline runs empty a failure is the end of the
	// source, and an error of the stop.
	Pull(ctx context.Context, items []T) (int, error)
	// Close is called once after each Open that succeeded, when all items are acknowledged, or the source has failed. If
	// an Open or a Pull that was given up on returns when the source has been opened again, the next Close is for both.
	Close(ctx context.Context) error
}

// Ack is what became of an item.
type Ack struct {
	// Item is its number.
	Item uint64
	// Err is nil if the item, and all that came of it, is sunk, filtered or dead-lettered; else why it is not.
	Err error
}

// Acknowledger is a source that wants to hear what became of each of its items: exactly once, in any order. It hears of
// none twice, and of some not at all if it hangs until it is given up on, or is down when everything ends.
type Acknowledger interface {
	// Acknowledge is called by one goroutine at a time; acks is not to be kept. An error is a failure of the source.
	Acknowledge(ctx context.Context, acks []Ack) error
}

// Committer is a source that keeps an offset.
type Committer interface {
	// Commit is called with a number that never falls: the first done items are done, all of them, however many later
	// ones are. It is called now and then while items finish, and once more in the flush phase if there is more to
	// commit. An error is a failure of the source.
	Commit(ctx context.Context, done uint64) error
}
