// Package load is a crowd of customers who order over HTTP and insist: whoever is not told what became of an order
// sends it again under the same key.
package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"
)

// Crowd says who orders what.
type Crowd struct {
	// URL of the shop.
	URL string
	// Orders in all.
	Orders int
	// Customers who order at a time.
	Customers int
	// Products to choose from.
	Products []string
	Seed     uint64
	// OnAccepted is called for every order that was accepted; nil if nobody wants to know. It must be safe for
	// concurrent use.
	OnAccepted func(id string)
}

// Outcome is what the customers were told.
type Outcome struct {
	// Accepted orders, ids by key.
	Accepted map[string]string
	// Refused orders, statuses by key.
	Refused map[string]int
	// Open are the keys of the orders that were sent and not answered when the shop was gone.
	Open []string
}

const (
	patience = 20 * time.Second       // of a customer with one order
	pause    = 100 * time.Millisecond // at most, before an order is sent again
)

// ErrGone occurs when nobody listens any more.
var ErrGone = errors.New("the shop is gone")

// Run has all orders placed and returns when each is answered, or the shop is gone, or ctx has ended.
func (c Crowd) Run(ctx context.Context) Outcome {
	transport := &http.Transport{MaxIdleConnsPerHost: c.Customers}
	defer transport.CloseIdleConnections()

	var (
		mu      sync.Mutex
		outcome = Outcome{Accepted: make(map[string]string), Refused: make(map[string]int)}
		crowd   sync.WaitGroup
		keys    = make(chan int)
	)

	for range c.Customers {
		crowd.Go(func() {
			for n := range keys {
				o := c.order(n)
				c.insist(ctx, &http.Client{Transport: transport, Timeout: patience}, o)
				mu.Lock()
				o.note(&outcome)
				mu.Unlock()
			}
		})
	}

	for n := range c.Orders {
		keys <- n
	}

	close(keys)
	crowd.Wait()

	return outcome
}

// placed is one order and what the customer knows of it.
type placed struct {
	key    string
	body   []byte
	chance *rand.Rand

	id     string // once it is accepted
	status int    // once it is refused
	sent   bool   // the shop may have it
}

func (c Crowd) order(n int) *placed {
	chance := rand.New(rand.NewPCG(c.Seed, uint64(n))) //nolint:gosec // n counts up from 0

	const mostLines, mostPieces = 3, 4

	lines := make([]string, 1+chance.IntN(mostLines))
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"product":%q,"quantity":%d}`,
			c.Products[chance.IntN(len(c.Products))], 1+chance.IntN(mostPieces))
	}

	body := []byte(`{"lines":[` + strings.Join(lines, ",") + `]}`)

	return &placed{key: fmt.Sprintf("%d-%d", c.Seed, n), body: body, chance: chance}
}

// insist sends an order until it is answered or nobody is there to answer.
func (c Crowd) insist(ctx context.Context, client *http.Client, o *placed) {
	for ctx.Err() == nil {
		err := o.send(ctx, client, c.URL)

		switch {
		case o.id != "" && c.OnAccepted != nil:
			c.OnAccepted(o.id)

			return
		case o.id != "", o.status != 0, errors.Is(err, ErrGone):
			return
		}

		select {
		case <-time.After(time.Duration(o.chance.Int64N(int64(pause)))):
		case <-ctx.Done():
		}
	}
}

// send sends an order once. Whatever it does not return, the order knows.
func (o *placed) send(ctx context.Context, client *http.Client, url string) error {
	before := o.sent
	// The client tries again by itself when a connection breaks: that the last attempt found nobody does not mean that
	// none has.
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { o.sent = true },
	})

	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/orders", bytes.NewReader(o.body))
	if err != nil {
		return err
	}

	r.Header.Set("Idempotency-Key", o.key)

	answer, err := client.Do(r)
	if err != nil {
		if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
			return fmt.Errorf("%w: %w", ErrGone, err)
		}

		return err
	}

	defer func() { _ = answer.Body.Close() }() // it was read

	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}

	switch answer.StatusCode {
	case http.StatusAccepted:
		var accepted struct {
			ID string `json:"id"`
		}

		err = json.Unmarshal(text, &accepted)
		o.id = accepted.ID
	case http.StatusTooManyRequests:
		o.sent = before // it was not accepted
	case http.StatusServiceUnavailable:
	default:
		o.status = answer.StatusCode
	}

	return err
}

func (o *placed) note(outcome *Outcome) {
	switch {
	case o.id != "":
		outcome.Accepted[o.key] = o.id
	case o.status != 0:
		outcome.Refused[o.key] = o.status
	case o.sent:
		outcome.Open = append(outcome.Open, o.key)
	}
}
