package pipeline

// item is a value on its way, with what is to be acknowledged for it.
type item[T any] struct {
	value T
	mark  mark
}

// mark says which source item a value has come of: its number, and that of its source in the bits from sourceShift on;
// or the group of values that became this one. The zero mark is that of a value no source waits for, such as a replayed
// dead letter.
type mark struct {
	group *group
	n     uint64
}

const (
	// holeBit is set in the mark of an item without a value, which stands between a broadcast and a zip for one that was
	// filtered or has failed, so that the others keep their places. Such an item is settled already.
	holeBit = 1 << 63
	// sourceShift is where the number of the source begins, which counts from 1.
	sourceShift = 48
	seqMask     = 1<<sourceShift - 1
	// maxSources is the most sources of a pipeline.
	maxSources = 1<<15 - 1
)

// hole returns what stands for an item without a value.
func hole[T any]() item[T] { return item[T]{mark: mark{n: holeBit}} }

func (m mark) hole() bool { return m.n&holeBit != 0 }

// group is several values that have become one, as in a batch. Guarded by inflight.mu.
type group struct {
	refs  int
	marks []mark
	err   error // of the first part that was not finished
}

// grouped returns the mark of one value that came of several.
func grouped[T any](items []item[T]) mark {
	g := &group{refs: 1, marks: make([]mark, len(items))}
	for i := range items {
		g.marks[i] = items[i].mark
	}

	return mark{group: g}
}
