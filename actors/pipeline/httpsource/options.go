package httpsource

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Defaults of [Options].
const (
	// DefaultWaiting is how many requests can be in hand if Options.Waiting is 0.
	DefaultWaiting = 64
	// DefaultPatience is how long a request waits if Options.Patience is 0.
	DefaultPatience = time.Second
	// DefaultMaxBody is how many bytes a body can have if Options.MaxBody is 0: 1 MiB.
	DefaultMaxBody = 1 << 20
	// DefaultRetryAfter is what refused clients are told if Options.RetryAfter is 0.
	DefaultRetryAfter = time.Second
)

// Options configure a source.
type Options[T any] struct {
	// Decode makes the item of a request whose body was read. It is called on the goroutines of the server, and must not
	// keep body. After an error the answer is 400 with the error's text. It must be set.
	Decode func(r *http.Request, body []byte) (T, error)
	// Waiting is how many requests can be in hand: being read, decoded, or waiting for the pipeline to take their item.
	// One more is answered 429 at once. Memory is bounded by Waiting times MaxBody, and what Decode makes of it. A client
	// that is slow to send is one of them, so give the server a ReadTimeout. 0 means [DefaultWaiting].
	Waiting int
	// Patience is how long an item waits for the pipeline to take it; then the answer is 429. 0 means [DefaultPatience].
	Patience time.Duration
	// MaxBody is how many bytes a body can have; the answer to a larger one is 413. 0 means [DefaultMaxBody].
	MaxBody int64
	// RetryAfter is what clients are told when the pipeline is full or stopping, rounded up to seconds. 0 means
	// [DefaultRetryAfter].
	RetryAfter time.Duration
}

func (o Options[T]) validate() error {
	var errs []error

	if o.Decode == nil {
		errs = append(errs, errors.New("httpsource.Options.Decode: must be set"))
	}

	if o.Waiting < 0 {
		errs = append(errs, fmt.Errorf("httpsource.Options.Waiting: %d is negative, must be from 1, or 0 for %d",
			o.Waiting, DefaultWaiting))
	}

	if o.Patience < 0 {
		errs = append(errs, fmt.Errorf("httpsource.Options.Patience: %v is negative", o.Patience))
	}

	if o.MaxBody < 0 {
		errs = append(errs, fmt.Errorf("httpsource.Options.MaxBody: %d is negative, must be from 1, or 0 for %d",
			o.MaxBody, DefaultMaxBody))
	}

	if o.RetryAfter < 0 {
		errs = append(errs, fmt.Errorf("httpsource.Options.RetryAfter: %v is negative", o.RetryAfter))
	}

	return errors.Join(errs...)
}
