package main

import (
	"bytes"
	"context"
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/troupe-go/troupe/examples/shop/load"
	"github.com/troupe-go/troupe/examples/shop/order"
	"github.com/troupe-go/troupe/examples/shop/payment"
	"github.com/troupe-go/troupe/system"
)

// asShop makes the test binary be the program, for tests that need a process of its own.
const asShop = "TROUPE_TEST_AS_SHOP"

func TestMain(m *testing.M) {
	if os.Getenv(asShop) != "" {
		main()
	}

	goleak.VerifyTestMain(m)
}

// longest bounds what a test waits for; it is not reached unless something is wrong.
const longest = time.Minute

// front is a shop that is open for a test, and a customer.
type front struct {
	*running

	client *http.Client
}

// openShop opens a shop over a file with a bank.
func openShop(t *testing.T, file string, bank payment.Gateway, change ...func(*config)) *front {
	t.Helper()

	c := config{
		addr: "127.0.0.1:0", store: file, catalogue: goods(), bank: bank, patience: longest,
		log: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&c)
	}

	s, err := open(t.Context(), c)
	require.NoError(t, err)

	client := &http.Client{Transport: &http.Transport{}, Timeout: longest}

	t.Cleanup(func() {
		client.CloseIdleConnections()
		s.sys.Force()
		<-s.sys.Done()
	})

	return &front{running: s, client: client}
}

// stop shuts the shop down in order.
func (f *front) stop(t *testing.T) *system.Report {
	t.Helper()

	report, err := f.sys.Shutdown(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	assert.True(t, report.Clean)
	assert.Zero(t, report.Unaccounted)

	return report
}

func (f *front) crowd(orders int, onAccepted func(string)) load.Crowd {
	return load.Crowd{
		URL: f.url, Orders: orders, Customers: 8, Products: []string{"tea", "coffee", "cup"}, Seed: 7,
		OnAccepted: onAccepted,
	}
}

// do sends a request, reads the body of the answer into value, if it is not nil, and returns the rest.
func (f *front) do(t *testing.T, method, path, key, body string, value any) (status int, header http.Header) {
	t.Helper()

	r, err := http.NewRequestWithContext(t.Context(), method, f.url+path, strings.NewReader(body))
	require.NoError(t, err)

	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}

	answer, err := f.client.Do(r)
	require.NoError(t, err)

	defer answer.Body.Close()

	var text bytes.Buffer
	_, err = text.ReadFrom(answer.Body)
	require.NoError(t, err)

	if value != nil {
		require.NoError(t, json.Unmarshal(text.Bytes(), value), text.String())
	}

	return answer.StatusCode, answer.Header
}

// settle waits until the orders are shipped or declined, and returns them by id.
func (f *front) settle(t *testing.T, ids ...string) map[string]order.Order {
	t.Helper()

	orders := make(map[string]order.Order)
	deadline := time.Now().Add(longest)

	for _, id := range ids {
		for o := (order.Order{}); !o.State.Final(); orders[id] = o {
			require.True(t, time.Now().Before(deadline), "order %s is %s", id, orders[id].State)
			f.do(t, http.MethodGet, "/orders/"+id+"?wait=1", "", "", &o)
		}
	}

	return orders
}

// unreliable is a bank that now and then panics besides.
type unreliable struct {
	payment.Simulation

	mu    sync.Mutex
	calls int
}

func (u *unreliable) Charge(ctx context.Context, o order.Order) (bool, error) {
	u.mu.Lock()
	u.calls++
	strikes := u.calls%13 == 0
	u.mu.Unlock()

	if strikes {
		panic("the bank's library has a bug")
	}

	return u.Simulation.Charge(ctx, o)
}

func newBank() *unreliable {
	return &unreliable{Simulation: payment.Simulation{Fail: 0.3, Decline: 0.1, Latency: time.Millisecond, Seed: 1}}
}

// closedBank answers nobody until it opens.
type closedBank struct{ opened chan struct{} }

func (b closedBank) Charge(ctx context.Context, _ order.Order) (bool, error) {
	select {
	case <-b.opened:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// requireAllTold compares what the customers were told with what is on disk.
func requireAllTold(t *testing.T, outcome load.Outcome, orders map[string]order.Order) {
	t.Helper()

	kept := make(map[string]string)

	for id, o := range orders {
		_, twice := kept[o.Key]
		assert.False(t, twice, "order %s was accepted twice", o.Key)

		kept[o.Key] = id
	}

	for _, key := range outcome.Open { // the customer was not told: either is right
		delete(kept, key)
	}

	require.Equal(t, outcome.Accepted, kept)
	require.Empty(t, outcome.Refused)
}

// requireCharged compares what became of the orders with what the bank has charged.
func requireCharged(t *testing.T, bank *payment.Simulation, orders map[string]order.Order) {
	t.Helper()

	paid := make(map[string]int64)

	for id, o := range orders {
		require.True(t, o.State.Final(), "order %s is %s", id, o.State)

		if o.State == order.Shipped {
			paid[id] = o.Total()
		}
	}

	require.Equal(t, bank.Charged(), paid)
}

func TestTheDomainKnowsNothingOfSupervision(t *testing.T) {
	packages := 0

	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Dir(path) == "." || filepath.Ext(path) != ".go" {
			return err
		}

		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}

		packages++

		for _, i := range file.Imports {
			assert.NotContains(t, i.Path.Value, "troupe/supervision", path)
			assert.NotContains(t, i.Path.Value, "troupe/system", path)
		}

		return nil
	}))
	assert.Positive(t, packages)
}

func TestWithoutFlagsItIsItsOwnCrowd(t *testing.T) {
	report := filepath.Join(t.TempDir(), "report.json")

	var out, errs bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-orders", "60", "-report", report}, &out, &errs), errs.String())
	assert.Regexp(t, `orders accepted +60\n`, out.String())
	assert.Regexp(t, `open +0\n`, out.String())
	assert.Regexp(t, `lost +0\n`, out.String())
	assert.Regexp(t, `unaccounted +0\n`, out.String())

	text, err := os.ReadFile(report)
	require.NoError(t, err)

	var r system.Report
	require.NoError(t, json.Unmarshal(text, &r))
	assert.True(t, r.Clean)
	assert.Positive(t, r.Restarts)
}

func TestBadInputIsOneClearErrorAndAnExitCode(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign")
	require.NoError(t, os.WriteFile(foreign, []byte("not a database"), 0o600))

	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"unknown flag":      {[]string{"-frob"}, exitUsage, "-frob"},
		"argument":          {[]string{"x"}, exitUsage, "there are only flags"},
		"fail out of range": {[]string{"-fail", "NaN"}, exitUsage, "from 0 to 1"},
		"negative orders":   {[]string{"-orders", "-1"}, exitUsage, "must not be negative"},
		"negative latency":  {[]string{"-latency", "-1s"}, exitUsage, "-latency -1s: must not be negative"},
		"no grace":          {[]string{"-grace", "0s"}, exitUsage, "-grace 0s: must be positive"},
		"no such address":   {[]string{"-addr", "nowhere"}, system.ExitFailed, "/shop/api"},
		"no such directory": {[]string{"-store", filepath.Join(dir, "no", "f")}, system.ExitFailed, "/shop/back/store"},
		"a foreign file":    {[]string{"-store", foreign}, system.ExitFailed, foreign},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			assert.Equal(t, c.code, run(t.Context(), c.args, &out, &errs))
			assert.Contains(t, errs.String(), c.says)
			assert.Empty(t, out.String())
		})
	}
}
