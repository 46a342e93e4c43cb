package main

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/examples/shop/api"
	"github.com/troupe-go/troupe/examples/shop/inventory"
	"github.com/troupe-go/troupe/examples/shop/ledger"
	"github.com/troupe-go/troupe/examples/shop/load"
	"github.com/troupe-go/troupe/examples/shop/order"
	"github.com/troupe-go/troupe/examples/shop/payment"
	"github.com/troupe-go/troupe/examples/shop/projection"
)

const (
	tea      = `{"lines":[{"product":"tea","quantity":1}]}`
	twoLines = `{"lines":[{"product":"tea","quantity":2},{"product":"tea","quantity":1}]}`
)

// TestStoppedUnderLoadItLosesNoAcceptedOrder is the promise of the whole: what a customer was told to be accepted is on
// disk, and is carried out, though actors crash all the time and the shop is closed in the middle of it.
func TestStoppedUnderLoadItLosesNoAcceptedOrder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events.db")
	bank := newBank()
	f := openShop(t, file, bank)
	in := f.sys.Intake()

	const (
		orders = 400
		middle = orders / 2
	)

	var (
		mu    sync.Mutex // what is done for one order is done before the next is counted
		count int
	)

	outcome := f.crowd(orders, func(string) {
		mu.Lock()
		defer mu.Unlock()

		count++

		switch n := count; {
		case n == middle:
			f.sys.Stop()
		case n > middle:
		case n%50 == 0:
			assert.NoError(t, f.inventory.From(in).TryTell(nil))
		case n%20 == 0:
			assert.NoError(t, f.sales.From(in).TryTell(projection.Msg[projection.Sales]{}))
		}
	}).Run(t.Context())

	report := f.stop(t)
	assert.GreaterOrEqual(t, report.Restarts, 20)
	assert.Less(t, len(outcome.Accepted), orders, "it was stopped under load")

	// A connection may be closed before its request is read. Of what was read, the customer was told.
	outcome.Open = nil
	kept, err := history(file)
	require.NoError(t, err)
	requireAllTold(t, outcome, kept)

	f = openShop(t, file, bank)
	requireCharged(t, &bank.Simulation, f.settle(t, slices.Collect(maps.Keys(kept))...))
	f.stop(t)
}

func TestWhatIsNotFinishedInTimeIsTakenUpAtTheNextStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events.db")
	f := openShop(t, file, closedBank{}, func(c *config) { c.grace = 5 * time.Second }) // enough to close all the same
	outcome := f.crowd(30, nil).Run(t.Context())
	require.Len(t, outcome.Accepted, 30)

	report, _ := f.sys.Shutdown(t.Context()) // the error says that there was not time for everything
	assert.Zero(t, report.Unaccounted)

	orders, err := history(file)
	require.NoError(t, err)
	requireAllTold(t, outcome, orders)

	for _, o := range orders {
		assert.Equal(t, order.Accepted, o.State)
	}

	bank := newBank()
	f = openShop(t, file, bank)
	requireCharged(t, &bank.Simulation, f.settle(t, slices.Collect(maps.Keys(orders))...))
	f.stop(t)
}

// TestAnOrderIsOnDiskWhenTheCustomerIsTold looks into a copy of the file, as whoever pulls the plug then finds it.
func TestAnOrderIsOnDiskWhenTheCustomerIsTold(t *testing.T) {
	dir := t.TempDir()
	file, copied := filepath.Join(dir, "events.db"), filepath.Join(dir, "copy.db")
	f := openShop(t, file, closedBank{}, func(c *config) { c.grace = time.Second }) // nobody else writes

	for range 30 {
		var accepted order.Order

		status, _ := f.do(t, http.MethodPost, "/orders", "", tea, &accepted)
		require.Equal(t, http.StatusAccepted, status)

		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(copied, text, 0o600))

		stored, err := history(copied)
		require.NoError(t, err)
		require.Contains(t, stored, accepted.ID)
	}
}

// incarnations returns which life each actor is in, by the last part of its path.
func (f *front) incarnations(t *testing.T) map[string]int {
	t.Helper()

	all := make(map[string]int)

	for n := range f.sys.Health(t.Context()).All() {
		if n.Incarnation > 0 && filepath.Base(filepath.Dir(n.Path)) != "payments" {
			all[filepath.Base(n.Path)] = int(n.Incarnation)
		}
	}

	return all
}

func TestACrashOfTheLedgerRestartsWhatDependsOnIt(t *testing.T) {
	bank := closedBank{opened: make(chan struct{})}
	f := openShop(t, filepath.Join(t.TempDir(), "events.db"), bank)
	before := f.crowd(20, nil).Run(t.Context())
	require.Len(t, before.Accepted, 20)

	book := f.ledger.From(f.sys.Intake())
	require.NoError(t, book.Tell(t.Context(), nil))

	// The next order comes to the desk before it is halted or after it has started again; then it knows what was open.
	after := load.Crowd{URL: f.url, Orders: 1, Customers: 1, Products: []string{"cup"}, Seed: 8}.Run(t.Context())
	require.Len(t, after.Accepted, 1)

	open, err := actors.Ask(t.Context(), book, func(r actors.Reply[[]string]) ledger.Msg {
		return ledger.Unfinished{Reply: r}
	})
	require.NoError(t, err)
	assert.Len(t, open, 21)

	require.Eventually(t, func() bool { return f.incarnations(t)["desk"] > 1 }, longest, time.Millisecond)

	lives := f.incarnations(t)
	lives["desk"] = min(lives["desk"], 2) // it may have come too early for a worker to be replaced, and once more

	for _, id := range open {
		delete(lives, id)
	}

	assert.Equal(t, map[string]int{
		"store": 1, "inventory": 1, "sales": 1, "pace": 1, "feed": 1, "ledger": 2, "desk": 2, "api": 1,
	}, lives)

	close(bank.opened)

	for _, o := range f.settle(t, open...) {
		assert.Equal(t, order.Shipped, o.State)
	}

	f.stop(t)
}

// TestCrashesUnderLoadLoseNoAcceptedOrder takes the ledger and then the store, and with them nearly all of the shop,
// from under the customers. They are told to come again, and none of their orders is accepted twice.
func TestCrashesUnderLoadLoseNoAcceptedOrder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events.db")
	bank := newBank()
	f := openShop(t, file, bank)
	in := f.sys.Intake()

	var count atomic.Int64

	outcome := f.crowd(100, func(string) {
		switch count.Add(1) {
		case 30:
			assert.NoError(t, f.ledger.From(in).TryTell(nil))
		case 60:
			assert.NoError(t, f.store.From(in).TryTell(nil))
		}
	}).Run(t.Context())

	require.Empty(t, outcome.Open)
	f.settle(t, slices.Collect(maps.Values(outcome.Accepted))...)

	lives := f.incarnations(t)
	assert.Equal(t, []int{2, 3, 1}, []int{lives["store"], lives["ledger"], lives["api"]})
	assert.GreaterOrEqual(t, lives["desk"], 3)
	f.stop(t)

	kept, err := history(file)
	require.NoError(t, err)
	requireAllTold(t, outcome, kept)
	requireCharged(t, &bank.Simulation, kept)
}

func TestACrashOfAProjectionRestartsAllAndTheTotalsAreRight(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events.db")
	f := openShop(t, file, newBank())
	outcome := f.crowd(60, nil).Run(t.Context())
	f.settle(t, slices.Collect(maps.Values(outcome.Accepted))...)

	pace := f.pace.From(f.sys.Intake())
	require.NoError(t, pace.Tell(t.Context(), projection.Msg[projection.Pace]{}))

	more := load.Crowd{URL: f.url, Orders: 20, Customers: 4, Products: []string{"cup"}, Seed: 8}.Run(t.Context())
	orders := f.settle(t, slices.Concat(
		slices.Collect(maps.Values(outcome.Accepted)), slices.Collect(maps.Values(more.Accepted)))...)
	require.Len(t, orders, 80)

	states := map[order.State]int{order.Accepted: len(orders)}
	revenue := make(map[string]int64)

	for _, o := range orders {
		states[o.State]++

		if o.State == order.Shipped {
			states[order.Paid]++

			for _, l := range o.Lines {
				revenue[l.Product] += l.Price * int64(l.Quantity)
			}
		}
	}

	events := uint64(0)
	for _, n := range states {
		events += uint64(n)
	}

	var stats api.Stats

	require.Eventually(t, func() bool {
		status, _ := f.do(t, http.MethodGet, "/stats", "", "", &stats)

		return status == http.StatusOK && stats.Sales.Position == events && stats.Pace.Position == events
	}, longest, time.Millisecond)

	assert.Equal(t, states, stats.Sales.Orders)
	assert.Equal(t, revenue, stats.Sales.Revenue)

	accepted := 0
	for _, n := range stats.Pace.PerMinute {
		accepted += n
	}

	assert.Equal(t, len(orders), accepted)

	lives := f.incarnations(t)
	assert.Equal(t, []int{2, 2, 2}, []int{lives["sales"], lives["pace"], lives["feed"]})
	assert.Equal(t, []int{1, 1, 1}, []int{lives["store"], lives["ledger"], lives["desk"]})
	f.stop(t)
}

func TestTheAnswersOfTheAPI(t *testing.T) {
	f := openShop(t, filepath.Join(t.TempDir(), "events.db"), new(payment.Simulation), func(c *config) {
		c.catalogue = inventory.Catalogue{"tea": {Price: 450, Stock: 3}}
	})

	var first, again, shown order.Order

	status, header := f.do(t, http.MethodPost, "/orders", "k", tea, &first)
	require.Equal(t, http.StatusAccepted, status)
	assert.Equal(t, "/orders/"+first.ID, header.Get("Location"))
	assert.Equal(t, int64(450), first.Total())

	status, _ = f.do(t, http.MethodPost, "/orders", "k", tea, &again)
	require.Equal(t, http.StatusAccepted, status)
	assert.Equal(t, first.ID, again.ID, "the same order under the same key")

	f.settle(t, first.ID)
	status, _ = f.do(t, http.MethodGet, "/orders/"+first.ID, "", "", &shown)
	require.Equal(t, http.StatusOK, status)
	assert.Equal(t, order.Shipped, shown.State)

	for name, c := range map[string]struct {
		method, path, key, body string
		status                  int
	}{
		"out of stock":          {http.MethodPost, "/orders", "", `{"lines":[{"product":"tea","quantity":3}]}`, 409},
		"in two lines":          {http.MethodPost, "/orders", "", twoLines, 409},
		"no such product":       {http.MethodPost, "/orders", "", `{"lines":[{"product":"rum","quantity":1}]}`, 422},
		"nothing":               {http.MethodPost, "/orders", "", `{"lines":[]}`, 422},
		"less than nothing":     {http.MethodPost, "/orders", "", `{"lines":[{"product":"tea","quantity":-1}]}`, 422},
		"not JSON":              {http.MethodPost, "/orders", "", `tea`, 422},
		"an unknown field":      {http.MethodPost, "/orders", "", `{"line":[]}`, 422},
		"another under the key": {http.MethodPost, "/orders", "k", `{"lines":[{"product":"tea","quantity":2}]}`, 422},
		"no such order":         {http.MethodGet, "/orders/99", "", "", 404},
		"waiting for none":      {http.MethodGet, "/orders/99?wait=1", "", "", 404},
		"stock":                 {http.MethodGet, "/stock", "", "", 200},
		"live":                  {http.MethodGet, "/livez", "", "", 200},
		"ready":                 {http.MethodGet, "/readyz", "", "", 200},
		"no such method":        {http.MethodDelete, "/orders", "", "", 405},
	} {
		t.Run(name, func(t *testing.T) {
			status, _ := f.do(t, c.method, c.path, c.key, c.body, nil)
			assert.Equal(t, c.status, status)
		})
	}

	var left map[string]int
	f.do(t, http.MethodGet, "/stock", "", "", &left)
	assert.Equal(t, map[string]int{"tea": 2}, left)
	f.stop(t)
}

func TestTooManyOpenOrdersAreRefusedUntilThereIsRoom(t *testing.T) {
	bank := closedBank{opened: make(chan struct{})}
	f := openShop(t, filepath.Join(t.TempDir(), "events.db"), bank)
	outcome := f.crowd(maxOpen, nil).Run(t.Context())
	require.Len(t, outcome.Accepted, maxOpen)

	status, header := f.do(t, http.MethodPost, "/orders", "one-more", tea, nil)
	assert.Equal(t, http.StatusTooManyRequests, status)
	assert.Equal(t, "1", header.Get("Retry-After"))

	close(bank.opened)
	f.settle(t, slices.Collect(maps.Values(outcome.Accepted))...)

	status, _ = f.do(t, http.MethodPost, "/orders", "one-more", tea, nil)
	assert.Equal(t, http.StatusAccepted, status)
	f.stop(t)
}
