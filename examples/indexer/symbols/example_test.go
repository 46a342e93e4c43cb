package symbols_test

import (
	"fmt"

	"github.com/troupe-go/troupe/examples/indexer/symbols"
)

func ExampleParse() {
	found, err := symbols.Parse("shop/cart.go", []byte(`package shop

type Cart struct{}

func (c *Cart) Total() int { return 0 }
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range found {
		fmt.Println(s)
	}
	// Output:
	// shop/cart.go:3 type Cart
	// shop/cart.go:5 method Cart.Total
}
