package main

import "context"

// workload is something every contender does, or some, or ours alone.
type workload struct {
	// name stands in ratios and, without dashes, in the names of Go benchmarks.
	name string
	// models says in a few words what it is.
	models string
	// unit is what an operation is called.
	unit string
	// share is how many messages of -count stand for one operation: 1 for the fastest workloads.
	share int
	// by are those who do it, ours first; nil means all contenders.
	by []contender
	// allocates is set if ours may allocate.
	allocates bool
	// holds is set if what the operations have made is still there when they are done, and counts.
	holds bool

	prepare func(ctx context.Context, c contender, ops int) (*trial, error)
}

// msg is the unit of workloads in which a message goes one way.
const msg = "msg"

// actorsUnit is that of workloads in which actors come or go.
const actorsUnit = "actors"

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
			name: "pipeline", models: "a source and four stages in a row; the others as in chain-4", unit: "items", share: 2,
			prepare: piped,
		},
		{
			name: "pipeline-cpu", models: "a stage that computes for 200 µs, on two workers and on one", unit: "items",
			share: 2000, by: []contender{workers{count: 2}, workers{count: 1}}, allocates: true, prepare: computing,
		},
		{
			name: "tell-pointer", models: "one sender, one receiver, messages by pointer", unit: msg, share: 3,
			by:      contenders()[:1],
			prepare: func(ctx context.Context, _ contender, ops int) (*trial, error) { return tellPointers(ctx, ops) },
		},
		{
			name: "restart", models: "panic, new instance, next message; no restart counts for long", unit: "restarts",
			share: 60, by: restarters(), allocates: true,
			prepare: supervised(func(ctx context.Context, c supervising, ops int) (*trial, error) {
				return c.restart(ctx, restarts{count: ops})
			}),
		},
		{
			name: "restart-window", models: "the same, each of the last 10 s counts, and 20,000 do", unit: "restarts",
			share: 3000, by: restarters(), allocates: true,
			prepare: supervised(func(ctx context.Context, c supervising, ops int) (*trial, error) {
				return c.restart(ctx, restarts{within: restartWindow, before: restartHistory, count: ops})
			}),
		},
		{
			name: "idle", models: "actors that have started and have nothing to do", unit: actorsUnit, share: 30,
			by: supervisors(), allocates: true, holds: true,
			prepare: supervised(func(ctx context.Context, c supervising, ops int) (*trial, error) {
				return c.idle(ctx, ops), nil
			}),
		},
		{
			name: "idle-each", models: "the same, started one by one", unit: actorsUnit, share: 30,
			by: supervisors(), allocates: true,
			prepare: supervised(func(ctx context.Context, c supervising, ops int) (*trial, error) {
				return c.idleEach(ctx, ops), nil
			}),
		},
		{
			name: "stop", models: "such actors stop, with two hooks each", unit: actorsUnit, share: 30,
			by: supervisors(), allocates: true,
			prepare: supervised(func(ctx context.Context, c supervising, ops int) (*trial, error) {
				return c.stop(ctx, ops)
			}),
		},
		{
			name: "stop-chain", models: "such actors stop, each only after the one that depends on it", unit: actorsUnit,
			share: 6000, by: contenders()[:1], allocates: true,
			prepare: func(ctx context.Context, _ contender, ops int) (*trial, error) { return stopChain(ctx, ops) },
		},
	}
}

// contenders returns those that do it; the first is ours.
func (w workload) contenders() []contender {
	if w.by != nil {
		return w.by
	}

	return contenders()
}

// ops returns how many operations a run has for a -count.
func (w workload) ops(count int) int { return max(1, count/w.share) }
