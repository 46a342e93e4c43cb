package httpsource_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/troupe-go/troupe/actors/pipeline"
	"github.com/troupe-go/troupe/actors/pipeline/httpsource"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ pipeline.Source[int] = (*httpsource.Source[int])(nil)

// number decodes a decimal number.
func number(_ *http.Request, body []byte) (int, error) { return strconv.Atoi(string(body)) }

// client posts to a server of the source.
type client struct {
	http.Client

	t   *testing.T
	url string
}

func serve(t *testing.T, s http.Handler) *client {
	t.Helper()

	server := httptest.NewServer(s)
	t.Cleanup(server.Close)

	c := &client{t: t, url: server.URL}
	t.Cleanup(c.CloseIdleConnections)

	return c
}

// post returns the code, Retry-After, and the text of the answer.
func (c *client) post(body io.Reader) (code int, retry, text string) {
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.url, body)
	if !assert.NoError(c.t, err) {
		return 0, "", ""
	}

	answer, err := c.Do(r)
	if !assert.NoError(c.t, err) {
		return 0, "", ""
	}

	defer answer.Body.Close()

	all, err := io.ReadAll(answer.Body)
	assert.NoError(c.t, err)

	return answer.StatusCode, answer.Header.Get("Retry-After"), string(all)
}

func TestARequestIsAcceptedWhenThePipelineHasItsItem(t *testing.T) {
	s := httpsource.New(httpsource.Options[int]{Decode: number, Patience: time.Hour})
	c := serve(t, s)
	require.NoError(t, s.Open(t.Context()))

	answers := make(chan int)

	go func() {
		code, _, _ := c.post(strings.NewReader("7"))
		answers <- code
	}()

	items := make([]int, 4)
	n, err := s.Pull(t.Context(), items)
	require.NoError(t, err)
	assert.Equal(t, []int{7}, items[:n])
	assert.Equal(t, http.StatusAccepted, <-answers)
	require.NoError(t, s.Close(t.Context()))
}

func TestWhatIsNoItemIsRefusedWithTheReason(t *testing.T) {
	s := httpsource.New(httpsource.Options[int]{Decode: number, MaxBody: 4})
	c := serve(t, s)
	require.NoError(t, s.Open(t.Context()))

	code, _, text := c.post(strings.NewReader("x"))
	assert.Equal(t, http.StatusBadRequest, code)
	assert.Contains(t, text, `parsing "x"`)

	// With a length, and without one.
	for _, body := range []io.Reader{strings.NewReader("12345"), io.MultiReader(strings.NewReader("12345"))} {
		code, _, _ = c.post(body)
		assert.Equal(t, http.StatusRequestEntityTooLarge, code)
	}

	answer, err := http.Get(c.url)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	assert.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode)
	assert.Equal(t, http.MethodPost, answer.Header.Get("Allow"))
	http.DefaultClient.CloseIdleConnections()

	// A body that breaks off.
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("1"), broken{}))

	s.ServeHTTP(w, r)
	assert.Equal(t, http.StatusBadRequest, w.Code)

	require.NoError(t, s.Close(t.Context()))
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAPipelineThatDoesNotRunIsUnavailable(t *testing.T) {
	s := httpsource.New(httpsource.Options[int]{Decode: number, RetryAfter: 1100 * time.Millisecond})
	c := serve(t, s)

	refused := func() {
		code, retry, _ := c.post(strings.NewReader("1"))
		assert.Equal(t, http.StatusServiceUnavailable, code)
		assert.Equal(t, "2", retry)
	}

	refused() // not yet opened

	for range 2 {
		require.NoError(t, s.Open(t.Context()))

		ctx, cancel := context.WithCancel(t.Context())
		cancel()

		_, err := s.Pull(ctx, make([]int, 1))
		require.ErrorIs(t, err, io.EOF)
		refused() // intake has ended
		require.NoError(t, s.Close(t.Context()))
		refused() // closed
	}
}

// call is a request to a handler, in a bubble.
type call struct {
	answer *httptest.ResponseRecorder
	done   chan struct{}
}

func start(ctx context.Context, s http.Handler, body string) call {
	c := call{httptest.NewRecorder(), make(chan struct{})}

	go func() {
		defer close(c.done)

		s.ServeHTTP(c.answer, httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(body)))
	}()

	synctest.Wait()

	return c
}

// code returns the code of the answer, 0 if there is none so far.
func (c call) code() int {
	synctest.Wait()

	select {
	case <-c.done:
		return c.answer.Code
	default:
		return 0
	}
}

func TestAFullPipelineIsToldAtOnceOrWhenPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := httpsource.New(httpsource.Options[int]{
			Decode: number, Waiting: 2, Patience: time.Minute, RetryAfter: 3 * time.Second,
		})
		require.NoError(t, s.Open(t.Context()))

		first, second := start(t.Context(), s, "1"), start(t.Context(), s, "2")
		third := start(t.Context(), s, "3")

		assert.Equal(t, http.StatusTooManyRequests, third.code(), "there is no room for it")
		assert.Equal(t, "3", third.answer.Header().Get("Retry-After"))

		items := make([]int, 1)
		n, err := s.Pull(t.Context(), items)
		require.NoError(t, err)
		assert.Equal(t, []int{1}, items[:n], "in their order")
		assert.Equal(t, http.StatusAccepted, first.code())

		time.Sleep(time.Minute - time.Nanosecond) //nolint:forbidigo // virtual
		assert.Zero(t, second.code())
		time.Sleep(time.Nanosecond) //nolint:forbidigo // virtual
		assert.Equal(t, http.StatusTooManyRequests, second.code())

		fourth := start(t.Context(), s, "4")
		n, err = s.Pull(t.Context(), items)
		require.NoError(t, err)
		assert.Equal(t, []int{4}, items[:n], "what was refused is not handed out")
		assert.Equal(t, http.StatusAccepted, fourth.code())
		require.NoError(t, s.Close(t.Context()))
	})
}

func TestThoseThatWaitAreTurnedAwayWhenIntakeEnds(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context, s *httpsource.Source[int]) error{
		"stop": func(ctx context.Context, s *httpsource.Source[int]) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()

			if _, err := s.Pull(ctx, make([]int, 1)); !errors.Is(err, io.EOF) {
				return fmt.Errorf("not the end: %w", err)
			}

			return nil
		},
		"failure": func(ctx context.Context, s *httpsource.Source[int]) error { return s.Close(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := httpsource.New(httpsource.Options[int]{Decode: number})
				require.NoError(t, s.Open(t.Context()))

				c := start(t.Context(), s, "1")
				require.NoError(t, end(t.Context(), s))
				assert.Equal(t, http.StatusServiceUnavailable, c.code())
			})
		})
	}
}

func TestAClientThatGoesTakesItsItemAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := httpsource.New(httpsource.Options[int]{Decode: number, Waiting: 1})
		require.NoError(t, s.Open(t.Context()))

		ctx, cancel := context.WithCancel(t.Context())
		gone := start(ctx, s, "1")

		cancel()
		assert.NotZero(t, gone.code())

		stays := start(t.Context(), s, "2")
		items := make([]int, 2)
		n, err := s.Pull(t.Context(), items)
		require.NoError(t, err)
		assert.Equal(t, []int{2}, items[:n])
		assert.Equal(t, http.StatusAccepted, stays.code())
	})
}

func TestADecoderThatPanicsGivesItsPlaceBack(t *testing.T) {
	s := httpsource.New(httpsource.Options[int]{
		Waiting: 1, Decode: func(*http.Request, []byte) (int, error) { panic("bad decoder") },
	})
	require.NoError(t, s.Open(t.Context()))

	for range 2 {
		assert.PanicsWithValue(t, "bad decoder", func() {
			s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody))
		})
	}

	require.NoError(t, s.Close(t.Context()))
}

func TestWrongOptionsAreSaidAtOpen(t *testing.T) {
	wrong := httpsource.Options[int]{Waiting: -1, Patience: -1, MaxBody: -1, RetryAfter: -1}
	err := httpsource.New(wrong).Open(t.Context())

	for _, field := range []string{"Decode", "Waiting", "Patience", "MaxBody", "RetryAfter"} {
		require.ErrorContains(t, err, "httpsource.Options."+field)
	}
}

// TestWhatIsAcceptedIsWhatThePipelineGot has many clients, and a pipeline that fails at random and is stopped.
func TestWhatIsAcceptedIsWhatThePipelineGot(t *testing.T) {
	const clients, each = 8, 50

	s := httpsource.New(httpsource.Options[int]{Decode: number, Waiting: 5, Patience: 5 * time.Millisecond})
	c := serve(t, s)
	ctx, stop := context.WithCancel(t.Context())
	pulled := make(chan []int)

	go func() { pulled <- pullAll(ctx, t, s) }()

	var (
		group    sync.WaitGroup
		mu       sync.Mutex
		accepted []int
		codes    = map[int]int{}
	)

	for i := range clients {
		group.Go(func() {
			for j := range each {
				n := i*each + j
				code, _, _ := c.post(strings.NewReader(strconv.Itoa(n)))

				mu.Lock()
				codes[code]++

				if code == http.StatusAccepted {
					accepted = append(accepted, n)
				}

				if len(accepted) == clients*each/2 {
					stop()
				}
				mu.Unlock()
			}
		})
	}

	group.Wait()
	stop()

	got := <-pulled

	t.Log(codes)
	slices.Sort(accepted)
	slices.Sort(got)
	assert.Equal(t, accepted, got)
	delete(codes, http.StatusAccepted)
	delete(codes, http.StatusTooManyRequests)
	delete(codes, http.StatusServiceUnavailable)
	assert.Empty(t, codes)
}

// pullAll pulls a few items at a time, and now and then closes the source and opens it again.
func pullAll(ctx context.Context, t *testing.T, s *httpsource.Source[int]) (all []int) {
	t.Helper()
	assert.NoError(t, s.Open(ctx))

	for items := make([]int, 3); ; {
		n, err := s.Pull(ctx, items[:1+rand.IntN(3)])
		all = append(all, items[:n]...)

		if err != nil {
			assert.ErrorIs(t, err, io.EOF)
			assert.NoError(t, s.Close(ctx))

			return all
		}

		if rand.IntN(20) == 0 {
			assert.NoError(t, s.Close(ctx))
			assert.NoError(t, s.Open(ctx))
		}
	}
}
