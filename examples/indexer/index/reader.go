package index

import (
	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/indexer/store"
	"github.com/troupe-go/troupe/examples/indexer/symbols"
	"github.com/troupe-go/troupe/supervision"
)

// Lookup asks the database for the symbols of a name, in the order of file and line.
type Lookup struct {
	actors.Reply[[]symbols.Symbol]

	Name string
}

// DeclareReader declares the tree that answers queries from a database that is complete.
func DeclareReader(db *store.DB) (supervision.Tree, *supervision.ActorChild[Lookup]) {
	keeper := supervision.Actor("keeper", func(supervision.Deps) (actors.Func[Lookup], error) {
		return func(_ *actors.Context[Lookup], m Lookup) error {
			found, err := db.Lookup(m.Name)
			if err != nil {
				return m.Fail(err)
			}

			return m.Send(found)
		}, nil
	}, supervision.Spec{})

	return supervision.Tree{Name: "reader", Budget: none(), Children: supervision.On(keeper)}, keeper
}
