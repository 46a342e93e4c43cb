package inventory

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/troupe-go/troupe/examples/shop/order"
)

// What the inventory refuses with.
var (
	// ErrUnknownProduct occurs when the catalogue does not have a product.
	ErrUnknownProduct = errors.New("no such product")
	// ErrOutOfStock occurs when there are fewer pieces of a product than wanted.
	ErrOutOfStock = errors.New("out of stock")
)

// Catalogue says what the shop sells, by name.
type Catalogue map[string]Product

// Product is one thing the shop sells.
type Product struct {
	// Price of one piece in cents.
	Price int64
	// Stock is how many pieces there were when the shop opened.
	Stock int
}

// Stock is what is left of a catalogue: what an accepted order takes is gone, and comes back if it is declined.
type Stock struct {
	catalogue Catalogue
	left      map[string]int
}

// NewStock returns the stock of a shop that has not sold anything.
func NewStock(c Catalogue) *Stock {
	s := &Stock{catalogue: c, left: make(map[string]int, len(c))}
	for name, p := range c {
		s.left[name] = p.Stock
	}

	return s
}

// Apply takes in what an event says.
func (s *Stock) Apply(e order.Event) {
	for _, l := range e.Order.Lines {
		switch e.Order.State {
		case order.Accepted:
			s.left[l.Product] -= l.Quantity
		case order.Declined:
			s.left[l.Product] += l.Quantity
		case order.Paid, order.Shipped: // it was taken when the order was accepted
		}
	}
}

// Price returns the lines with their prices, or everything that cannot be had of them.
func (s *Stock) Price(lines []order.Line) ([]order.Line, error) {
	priced := slices.Clone(lines)
	wanted := make(map[string]int)

	var errs []error

	for i, l := range priced {
		p, found := s.catalogue[l.Product]
		if !found {
			errs = append(errs, fmt.Errorf("%w: %q", ErrUnknownProduct, l.Product))
		}

		priced[i].Price = p.Price
		wanted[l.Product] += l.Quantity
	}

	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}

	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if s.left[name] < wanted[name] {
			errs = append(errs, fmt.Errorf("%w: %d of %q wanted, %d left", ErrOutOfStock, wanted[name], name, s.left[name]))
		}
	}

	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}

	return priced, nil
}

// Left returns how many pieces there are of each product.
func (s *Stock) Left() map[string]int { return maps.Clone(s.left) }
