package httpsource

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Source is a handler whose requests are the items of a pipeline. It implements pipeline.Source. As a handler it is
// safe for concurrent use, before the pipeline has started and after it has stopped, too.
type Source[T any] struct {
	options Options[T]
	room    *room[T]
}

// New makes a source. It answers POST requests:
//
//	202  the pipeline has the item
//	400  the body did not come, or does not decode
//	405  the method is another
//	413  the body is larger than Options.MaxBody
//	429  the pipeline is full: Options.Waiting requests are in hand, or the item was not taken within Options.Patience
//	503  the pipeline has not started, is being restarted, or has stopped
//
// 429 and 503 come with Retry-After, and the item is with the client: the pipeline has not seen it. When the intake of
// the pipeline ends, those that wait are answered 503. So the server can be stopped before the pipeline or after it.
//
// Wrong options are an error of Open.
func New[T any](options Options[T]) *Source[T] {
	return &Source[T]{options: options, room: newRoom[T](cmp.Or(options.Waiting, DefaultWaiting))}
}

// Open lets requests in.
func (s *Source[T]) Open(context.Context) error {
	if err := s.options.validate(); err != nil {
		return err
	}

	s.room.set(true)

	return nil
}

// Pull takes items of requests that wait. When its context ends, none is let in any more.
func (s *Source[T]) Pull(ctx context.Context, items []T) (int, error) {
	if s.room == nil {
		return 0, errNotOpen
	}

	for ctx.Err() == nil {
		if n := s.room.take(items, ctx.Done()); n > 0 {
			return n, nil
		}

		select {
		case <-s.room.wake:
		case <-ctx.Done():
		}
	}

	s.room.set(false)

	return 0, io.EOF
}

// Close turns away requests that wait.
func (s *Source[T]) Close(context.Context) error {
	s.room.set(false)

	return nil
}

// ServeHTTP answers a request when it is known what has become of its item.
func (s *Source[T]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "only POST", http.StatusMethodNotAllowed)

		return
	}

	if err := s.room.enter(); err != nil {
		s.refuse(w, err)

		return
	}

	defer s.room.leave()

	item, code, err := s.read(w, r)
	if err != nil {
		http.Error(w, err.Error(), code)

		return
	}

	if err := s.pass(r.Context(), item); err != nil {
		s.refuse(w, err)

		return
	}

	w.WriteHeader(http.StatusAccepted)
}

// read makes the item of the request, or says with which code that is refused.
func (s *Source[T]) read(w http.ResponseWriter, r *http.Request) (item T, code int, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, cmp.Or(s.options.MaxBody, DefaultMaxBody)))
	if err != nil {
		if large, is := errors.AsType[*http.MaxBytesError](err); is {
			return item, http.StatusRequestEntityTooLarge, large
		}

		return item, http.StatusBadRequest, fmt.Errorf("the body: %w", err)
	}

	item, err = s.options.Decode(r, body)

	return item, http.StatusBadRequest, err
}

// pass waits until the pipeline has the item.
func (s *Source[T]) pass(ctx context.Context, item T) error {
	t, err := s.room.offer(item)
	if err != nil {
		return err
	}

	timer := time.NewTimer(cmp.Or(s.options.Patience, DefaultPatience))
	defer timer.Stop()

	why := errNotOpen

	select {
	case <-t.settled:
	case <-t.intake: // also while the pipeline is too full to pull
	case <-timer.C:
		why = errFull
	case <-ctx.Done(): // the client has gone; nobody hears the answer
	}

	if s.room.withdraw(t) {
		return nil
	}

	return why
}

// refuse says that the item was not taken.
func (s *Source[T]) refuse(w http.ResponseWriter, why error) {
	after := cmp.Or(s.options.RetryAfter, DefaultRetryAfter)
	seconds := int64((after + time.Second - 1) / time.Second)
	w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))

	code := http.StatusServiceUnavailable
	if errors.Is(why, errFull) {
		code = http.StatusTooManyRequests
	}

	http.Error(w, why.Error(), code)
}
