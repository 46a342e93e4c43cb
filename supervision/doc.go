// Package supervision declares supervision trees: which actors there are, what each depends on, and what happens when
// one fails. A tree is data: it can be printed, compared, validated without running, and nothing in it starts anything.
//
//	ledger := supervision.Actor("ledger", newLedger, supervision.Spec{Restart: supervision.Permanent})
//	orders := supervision.Actor("orders", func(in supervision.Deps) (*Orders, error) {
//		return NewOrders(ledger.From(in)), nil
//	}, supervision.Spec{DependsOn: supervision.On(ledger)})
//
//	shop := supervision.Tree{
//		Name:     "shop",
//		Budget:   supervision.Budget{Restarts: 5, Within: 10 * time.Second},
//		Children: []supervision.Child{ledger, orders},
//	}
//
// References are capabilities: the only way for an actor to get one to another is a declared dependency, so the
// declared graph is the true graph. [Compile] checks a tree and reports everything wrong with it at once; package
// system runs it.
//
// Start reading at tree.go and actor.go; plan.go is what a valid tree becomes.
package supervision
