// Package deadletters keeps the dead letters of a system in a file, so that they outlive the process: they can be
// listed, counted and removed, and replayed into a later one.
//
//	store, err := deadletters.Open("letters.db", deadletters.Options{
//		Types: []deadletters.Type{deadletters.TypeOf[ledger.Post]("ledger.post")},
//	})
//	err = system.Run(ctx, tree, system.Options{OnLetters: store.Keep})
//	err = store.Close()
//
// A message is stored as protobuf if it is a proto.Message, as JSON if its type is registered, and otherwise as what it
// prints, which can be looked at and not be replayed. A type that this program does not know stays in the file as it
// is, for one that does.
//
// The file is bounded: the oldest letters go, counted. It is a bbolt database of one process at a time; each call of
// Keep is one transaction, on disk when it returns, so that a crash leaves whole letters. docs/dead-letters.md says
// what is guaranteed. Start reading at [Store.Keep] and [Store.Replay].
package deadletters
