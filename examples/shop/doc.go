// Shop is a small order service: orders come in over HTTP, are paid through a bank that fails at random, shipped, and
// summed up. Without -addr it is its own crowd of customers; with it, it serves until it is interrupted.
//
//	shop [-addr HOST:PORT] [-orders N] [-fail SHARE] [-latency TIME] [-seed N] [-store FILE] [-grace TIME] [-report FILE]
//
// The exit code is 0 if everything went well, 1 for a failure, 2 for wrong usage, and 3 if the stop was forced or
// somebody was given up on in it.
//
// # The tree
//
// As tree.go declares it; every arrow is a dependency, and so the way messages go:
//
//	shop                       one-for-one
//	├── back                   dependents-for-one
//	│   ├── store                                    the events, on disk
//	│   ├── inventory          → store
//	│   ├── projections        all-for-one
//	│   │   ├── sales
//	│   │   ├── pace
//	│   │   └── feed           → store, sales, pace
//	│   ├── ledger             → store, feed         the orders, in memory
//	│   ├── payments           pool of 4             clients of a bank that breaks connections
//	│   ├── fulfilment         group of workers      → ledger, payments; one for every open order
//	│   └── desk               → inventory, ledger, fulfilment
//	└── api                    → desk, ledger, inventory, sales, pace
//
// An order goes api → desk → (inventory) → ledger → store, and the customer is told that it is accepted when it is on
// disk. Then the desk starts a worker, which has it paid and shipped, and has each step recorded before the next.
//
// What is restarted when something fails:
//
//   - A payment client whose connection breaks, alone; it gets the charge again that it failed on. If it fails on that
//     again and again the worker learns it, fails too, and begins again where the ledger says the order is. A declined
//     card is an answer and no failure.
//   - A projection: all three of them. The feed knows what it has handed on and the projections what that came to, so
//     they begin again together, from the first event.
//   - The ledger: the workers, who are gone with their group, and the desk, which starts one for every open order when
//     it starts again. That is also how orders are taken up that were open when the process ended, in whatever way.
//   - The store: everything that has read from it. Only the payment clients stay, and the api, which tells customers to
//     come again.
//
// At a stop the api goes first, because it depends on the others: it closes its listener and answers the requests in
// flight while everything behind it still works. The store goes last.
//
// # What a signal costs
//
// No order that a customer was told to be accepted, whatever the signal: the store answers when the transaction with
// the order is on disk (bbolt syncs it), and nobody else tells the customer. What was under way is taken up at the next
// start.
//
//   - SIGTERM, SIGINT: every request in flight is answered, and what is being carried out is finished, if there is time
//     for it.
//   - The same again: requests in flight may go without an answer, orders may stay open.
//   - SIGKILL: the same, and there is no report. A customer who was not told sends the order again under the same
//     key, and it is one order.
package main
