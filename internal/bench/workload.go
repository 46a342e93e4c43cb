package main

import "context"

// workload is something every contender does, or ours alone.
type workload struct {
	// name stands in ratios and, without dashes, in the names of Go benchmarks.
	name string
	// models says in a few words what it is.
	models string
	// unit is what an operation is called.
	unit string
	// share is how many messages of -count stand for one operation: 1 for the fastest workloads.
	share int
	// alone is set if it is ours that does it, to be compared with nobody.
	alone bool

	prepare func(ctx context.Context, c contender, ops int) (*trial, error)
}

// msg is the unit of workloads in which a message goes one way.
const msg = "msg"

// workloads returns all of them, in the order they are measured.
func workloads() []workload {
	return []workload{
		{
			name: "tell-1-1", models: "one sender, one receiver", unit: msg, share: 1,
			prepare: func(ctx context.Context, c contender, ops int) (*trial, error) { return c.tell(ctx, 1, 1, ops) },
		},
		{
			name: "tell-4-1", models: "four senders, one receiver", unit: msg, share: 1,
			prepare: func(ctx context.Context, c contender, ops int) (*trial, error) { return c.tell(ctx, 4, 1, ops) },
		},
		{
			name: "tell-8-8", models: "eight senders, each with a receiver of its own", unit: msg, share: 1,
			prepare: func(ctx context.Context, c contender, ops int) (*trial, error) { return c.tell(ctx, 8, 8, ops) },
		},
		{
			name: "chain-4", models: "one sender, four receivers in a row", unit: msg, share: 4,
			prepare: func(ctx context.Context, c contender, ops int) (*trial, error) { return c.chain(ctx, ops) },
		},
		{
			name: "ping-pong", models: "round trips of one message between two receivers", unit: "trips", share: 8,
			prepare: func(ctx context.Context, c contender, ops int) (*trial, error) { return c.pingPong(ctx, ops) },
		},
		{
			name: "ask", models: "requests from outside, one after the other", unit: "asks", share: 16,
			prepare: func(ctx context.Context, c contender, ops int) (*trial, error) { return c.ask(ctx, ops) },
		},
		{
			name: "tell-pointer", models: "one sender, one receiver, messages by pointer", unit: msg, share: 3,
			alone:   true,
			prepare: func(ctx context.Context, _ contender, ops int) (*trial, error) { return tellPointers(ctx, ops) },
		},
	}
}

// contenders returns those that do it; the first is ours.
func (w workload) contenders() []contender {
	all := contenders()
	if w.alone {
		return all[:1]
	}

	return all
}

// ops returns how many operations a run has for a -count.
func (w workload) ops(count int) int { return count / w.share }
