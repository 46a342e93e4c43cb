package pipeline

// hand is what a worker has taken and not finished. It outlives the worker: the next one goes on with it.
type hand[In, Out any] struct {
	chunk  []item[In] // those from at on are unfinished
	at     int
	outs   [][]item[Out] // finished, and not yet sent on, by output
	failed []failure[In] // that are to be diverted; counted, no part of chunk any more
	ticket uint64        // its turn, if the stage keeps the order
	tries  int           // that chunk[at] has had
	// crashes is how often the stage has crashed on chunk[at].
	crashes int
}

// empty reports whether nothing of the hand is left; in a stage that keeps the order it may still have a turn to give
// up.
func (h *hand[In, Out]) empty() bool {
	if h.at < len(h.chunk) || len(h.failed) > 0 {
		return false
	}

	for _, o := range h.outs {
		if len(o) > 0 {
			return false
		}
	}

	return true
}

// results are what a worker makes while it calls functions, its own until it is back from them.
type results[In, Out any] struct {
	outs   [][]item[Out]
	forks  []mark // stand for one value more
	done   []mark // finished here
	failed []failure[In]
	// values is memory for what a sink is given at a time.
	values []In
}

type failure[In any] struct {
	item  item[In]
	err   error
	tries int
}

func newResults[In, Out any](ports int) results[In, Out] {
	return results[In, Out]{outs: make([][]item[Out], ports)}
}

func (r *results[In, Out]) emit(port int, m mark, v Out) {
	r.outs[port] = append(r.outs[port], item[Out]{v, m})
}
