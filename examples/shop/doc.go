// Shop is a small order service: orders come in over HTTP, are paid through a bank that fails at random, shipped, and
// summed up. Without -addr it is its own crowd of customers; with it, it serves until it is interrupted.
//
//	shop [-addr HOST:PORT] [-orders N] [-fail SHARE] [-seed N] [-store FILE] [-report FILE]
//
// The exit code is 0 if everything went well, 1 for a failure and 2 for wrong usage.
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
package main
