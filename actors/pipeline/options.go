package pipeline

import (
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/troupe-go/troupe/supervision"
)

// Limits and defaults of [Options] and [Stage].
const (
	// DefaultCapacity is how many items wait for a stage when Stage.Capacity is 0.
	DefaultCapacity = 256
	// MaxCapacity is the largest capacity of a stage, in items.
	MaxCapacity = 1 << 20
	// MaxWorkers is the most workers of a stage.
	MaxWorkers = 1 << 10
	// DefaultInFlight is the least that Options.InFlight is when it is 0.
	DefaultInFlight = 1024
	// MaxInFlight is the most items of one source that can be on their way.
	MaxInFlight = 1 << 24
	// DefaultAbandoned is how many workers of a stage may hang when Stage.Abandoned is 0.
	DefaultAbandoned = 8
	// MaxAbandoned is the most that Stage.Abandoned can be.
	MaxAbandoned = 1 << 10
	// DefaultCommitEvery is how often offsets are committed at most when Options.CommitEvery is 0.
	DefaultCommitEvery = 100 * time.Millisecond
	// MaxRetries is how often an item can be tried again at most.
	MaxRetries = 1 << 10
)

// Options say how a pipeline is supervised.
type Options struct {
	// Budget of restarts, shared by all stages; it must be set. When it is exhausted the pipeline comes down with all
	// that is in its queues and fails to its supervisor, which may restart it; then it goes on where it was.
	Budget supervision.Budget
	// Backoff between restarts of a stage.
	Backoff supervision.Backoff
	// Deadlines of each stage's steps.
	Deadlines supervision.Deadlines
	// DependsOn are the children of the whole tree that every stage depends on.
	DependsOn []supervision.Child
	// InFlight is how many items of each source can be unfinished at a time, from 1 to [MaxInFlight]; 0 means twice
	// [Pipeline.Bound], at least [DefaultInFlight] and what batches without Every can wait for, which it must not be less
	// than. An item that takes long holds the offset back, so that those behind it count although they are done; when
	// there are so many the source waits.
	InFlight int
	// CommitEvery is the least time between two calls of a source with what became of its items, so that a commit that
	// costs something is worth it; 0 means [DefaultCommitEvery], [Immediately] that there is no waiting.
	CommitEvery time.Duration
}

// Immediately as Options.CommitEvery tells a source of its items as soon as there is something.
const Immediately time.Duration = -1

// Order says whether a stage with several workers keeps the order of its items. The zero value means [Ordered].
type Order uint8

const (
	// Ordered passes results on in the order of the items. A worker that is done early waits for those before it.
	Ordered Order = iota + 1
	// AsCompleted passes results on as they come.
	AsCompleted
)

// Stage says how one stage works. The zero value is a sound default: one worker, [DefaultCapacity], ordered, no
// timeout, no retries, failed items are dead-lettered.
type Stage struct {
	// Capacity is how many items wait for the stage at most, exactly, those in its workers' hands not among them; from 1
	// to [MaxCapacity], 0 means [DefaultCapacity]. Memory follows use.
	Capacity int
	// Workers is how many goroutines the stage has, from 1 to [MaxWorkers]; 0 means 1.
	Workers int
	// Order of the results if there are several workers; unset means [Ordered].
	Order Order
	// Timeout of one item: then the context passed in ends. If the function has not returned a tenth of it later, the
	// worker is abandoned and replaced, and the item is a dead letter with reason stage timeout. 0 means none.
	Timeout time.Duration
	// Abandoned is how many workers of the stage may hang at a time, from 1 to [MaxAbandoned]; 0 means
	// [DefaultAbandoned]. One more fails the pipeline.
	Abandoned int
	// Retry says which failed items are tried again, and how often.
	Retry Retry
	// Rate bounds how many items the stage begins with per second.
	Rate Rate
	// Breaker holds items back while the stage keeps failing.
	Breaker Breaker
	// Failed says what becomes of an item that has failed for good, or timed out; the zero value is [DeadLetter].
	Failed Policy
	// Redeliver is how often an item in whose handling the stage has crashed is handled again, from 0, the default, to
	// [supervision.MaxRedeliver]; after that it is a dead letter with reason quarantined, or failed if Redeliver is 0. A
	// crash is a panic or the end of the goroutine; an error is none.
	Redeliver int
	// DependsOn are the children of the tree that the stage refers to, beside those that it has of itself.
	DependsOn []supervision.Child
}

// Retry says which failed items are tried again, and how often. The zero value tries nothing again.
type Retry struct {
	// Max is how often an item is tried again, from 0 to [MaxRetries].
	Max int
	// If chooses the errors worth another try; nil means all. It must not block.
	If func(error) bool
	// Initial is the wait before the first retry, about: it is made random by half, and grows by half each time. 0
	// means 500 ms.
	Initial time.Duration
	// Longest bounds every wait; 0 means a minute.
	Longest time.Duration
}

// wait returns how long to wait before the next try, drawn from b, which is made when it is first needed.
func (r *Retry) wait(b **backoff.ExponentialBackOff) time.Duration {
	if *b == nil {
		*b = backoff.NewExponentialBackOff()

		if r.Initial > 0 {
			(*b).InitialInterval = r.Initial
		}

		if r.Longest > 0 {
			(*b).MaxInterval = r.Longest
		}

		(*b).Reset()
	}

	return (*b).NextBackOff()
}

// worth reports whether an item that has failed with err after so many tries is tried again.
func (r *Retry) worth(err error, tries int) bool {
	return tries <= r.Max && (r.If == nil || r.If(err))
}

// Rate is how many items a stage begins with. The zero value does not bound it.
type Rate struct {
	// PerSecond is how many items in the long run, above 0.
	PerSecond float64
	// Burst is how many at once, from 1; 0 means 1.
	Burst int
}

// Breaker says when a stage is given a rest. While the breaker is open items wait, and so does what is before the
// stage. The zero value is none.
type Breaker struct {
	// Failures in a row that open the breaker, tries counted each.
	Failures uint32
	// Open is how long it stays open, until one item is tried; 0 means a minute.
	Open time.Duration
}

// Policy is what becomes of an item that has failed for good. The zero value is [DeadLetter].
type Policy struct {
	kind   policyKind
	divert diversion
	letter bool // what is diverted is a dead letter too
}

type policyKind uint8

const (
	deadLetter policyKind = iota
	failPipeline
	divertItem
)

// DeadLetter sends failed items to the system's dead letters, with the stage and the cause.
func DeadLetter() Policy { return Policy{} }

// FailPipeline fails the pipeline with the first failed item: everything unfinished is acknowledged negatively, and the
// supervisor above is told. A pipeline that has failed so is not started again.
func FailPipeline() Policy { return Policy{kind: failPipeline} }
