package pipeline

import (
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/mailbox"
)

// counters are what a stage has done with its items, added to once for each hand. A worker that is seen between two of
// its counts makes figures differ by its hand.
type counters struct {
	processed, out, failed, timedOut, retried atomic.Uint64

	letters [32]atomic.Uint64      // by reason
	buckets [buckets]atomic.Uint64 // of latencies
}

func (c *counters) dead(r mailbox.Reason) { c.letters[r].Add(1) }

// stats returns what became of items, without those that are still there.
func (c *counters) stats() (s mailbox.Stats) {
	s.Processed, s.Failed = c.processed.Load(), c.failed.Load()

	for r := range s.DeadLettered {
		s.DeadLettered[r] = c.letters[r].Load()
	}

	return s
}

// Latencies are counted in buckets: four for each power of two, so that a quantile is at most a quarter too high.
const (
	perPower = 4
	buckets  = 64 * perPower
)

// latency counts n items that took so long each.
func (c *counters) latency(each time.Duration, n int) {
	c.buckets[bucketOf(each)].Add(uint64(n)) //nolint:gosec // not negative
}

func bucketOf(d time.Duration) int {
	n := uint64(max(0, d))
	if n < perPower {
		return int(n)
	}

	power := bits.Len64(n) - 1

	return power*perPower + int(n>>(power-2)&(perPower-1))
}

// upper returns the longest latency in a bucket.
func upper(bucket int) time.Duration {
	if bucket < 2*perPower {
		return time.Duration(bucket % (2 * perPower))
	}

	power, part := bucket/perPower, bucket%perPower

	return time.Duration(uint64(perPower+part+1)<<(power-2) - 1) //nolint:gosec // below 1<<63
}

// Latency are quantiles of how long a stage takes for an item, from beginning with it to being done, each at most a
// quarter too high.
type Latency struct {
	P50, P90, P99 time.Duration
	Max           time.Duration
}

func (c *counters) quantiles() (l Latency) {
	var counts [buckets]uint64

	total := uint64(0)
	for i := range counts {
		counts[i] = c.buckets[i].Load()
		total += counts[i]
	}

	seen := uint64(0)

	for i := range counts {
		n := counts[i]
		if n == 0 {
			continue
		}

		before := seen
		seen += n

		for _, q := range []struct {
			rank uint64
			to   *time.Duration
		}{{total / 2, &l.P50}, {total * 9 / 10, &l.P90}, {total * 99 / 100, &l.P99}, {total - 1, &l.Max}} {
			if before <= q.rank && q.rank < seen {
				*q.to = upper(i)
			}
		}
	}

	return l
}

func isTimeout(err error) bool { return chain.Is(err, ErrTimeout) }

// StageStats are the figures of one stage.
type StageStats struct {
	// Name of the stage, and its path.
	Name, Path string
	// In is how many items it has accepted, or handed out if it is a source, and Out how many it has passed on.
	In, Out uint64
	// Failed is how many items have failed for good, TimedOut how many took too long, and Retried how often one was tried
	// again.
	Failed, TimedOut, Retried uint64
	// Queue is how many items wait, also those in the hands of workers.
	Queue int
	// Workers is how many there are, Busy how many of them have items in their hands, and Hanging how many were abandoned
	// and have not returned.
	Workers, Busy, Hanging int
	// Latency of the function.
	Latency Latency
	// Spent is about how much time the stage's workers have spent on items in all.
	Spent time.Duration
}

// Snapshot is what a pipeline has done so far. It is not of one instant: the stages go on meanwhile.
type Snapshot struct {
	// Stages in the order they were declared.
	Stages []StageStats
	// Slowest names the stage that bounds the throughput: whose workers, each, have spent most time. It is empty before
	// anything has happened.
	Slowest string
}

// Snapshot returns the figures of all stages; those of the latest run if it has ended. It does not block. That
// of a nil Pipeline, and of one that no system has started, is the zero Snapshot.
func (p *Pipeline) Snapshot() (s Snapshot) {
	if p == nil {
		return s
	}

	r := p.current.Load()
	if r == nil {
		return s
	}

	most := time.Duration(0)

	for _, m := range r.members {
		st := m.stats()
		s.Stages = append(s.Stages, st)

		if each := st.Spent / time.Duration(max(1, st.Workers)); each > most {
			most, s.Slowest = each, st.Name
		}
	}

	return s
}

// spent returns about how much time all items took.
func (c *counters) spent() (sum time.Duration) {
	for i := range c.buckets {
		sum += time.Duration(c.buckets[i].Load()) * upper(i) //nolint:gosec // an estimate
	}

	return sum
}

func (s *stage[In, Out]) stats() StageStats {
	all := s.Stats()
	st := StageStats{
		Name: s.v.name, Path: s.path, In: all.Accepted, Out: s.counts.out.Load(), Failed: s.counts.failed.Load(),
		TimedOut: s.counts.timedOut.Load(), Retried: s.counts.retried.Load(),
		Queue:   int(all.Queued), //nolint:gosec // bounded
		Workers: s.v.workers(), Latency: s.counts.quantiles(), Spent: s.counts.spent(),
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	st.Hanging = s.left

	for _, w := range s.workers {
		if w.holding.Load() > 0 {
			st.Busy++
		}
	}

	return st
}
