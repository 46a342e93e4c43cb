package deadletters_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/deadletters"
)

var errIll = errors.New("ill")

// ledger is an actor that takes posts, unless it is ill, and counts how often it took those of an account.
type ledger struct {
	mu    sync.Mutex
	ill   bool
	taken map[string]int
	gate  chan struct{} // nothing is taken before it is closed, if there is one
	at    chan struct{} // gets a value from whoever comes to the gate
	moved *sync.Cond
	met   int
}

func newLedger(ill bool) *ledger {
	l := &ledger{ill: ill, taken: make(map[string]int)}
	l.moved = sync.NewCond(&l.mu)

	return l
}

func (l *ledger) Receive(_ *actors.Context[post], m post) error {
	if l.gate != nil {
		select {
		case l.at <- struct{}{}:
		default:
		}

		<-l.gate
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.moved.Broadcast()

	l.met++

	if l.ill {
		return errIll
	}

	l.taken[m.Account]++

	return m.reply()
}

func (p post) reply() error {
	if p.Done.IsSet() {
		return p.Done.Send(1)
	}

	return nil
}

// await waits until the ledger has met so many posts.
func (l *ledger) await(met int) {
	l.mu.Lock()
	defer l.mu.Unlock()

	for l.met < met {
		l.moved.Wait()
	}
}

// shop runs a ledger, archiving to a store if there is one.
func shop(t *testing.T, l *ledger, s *deadletters.Store, o system.Options) (*system.System, actors.Ref[post]) {
	t.Helper()

	child := supervision.Actor("ledger", func(supervision.Deps) (*ledger, error) { return l, nil }, supervision.Spec{
		Decide:  func(error) supervision.Directive { return supervision.ResumeChild },
		Mailbox: &mailbox.Options{Capacity: 1024},
	})
	tree := supervision.Tree{
		Name: "shop", Budget: supervision.Budget{Restarts: 3, Within: time.Second}, Children: supervision.On(child),
	}
	o.Logger, o.Signals = slog.New(slog.DiscardHandler), []os.Signal{}

	if s != nil {
		o.OnLetters = s.Keep
	}

	sys, err := system.Start(t.Context(), tree, o)
	require.NoError(t, err)

	return sys, child.From(sys.Intake())
}

func end(t *testing.T, sys *system.System) {
	t.Helper()

	r, err := sys.Shutdown(t.Context())
	require.NoError(t, err)
	assert.Zero(t, r.Unaccounted)
}

func outcomes(all []system.Replayed) (texts []string) {
	for _, r := range all {
		texts = append(texts, r.Outcome.String())
	}

	return texts
}

// TestLettersOutliveTheProcess runs one system after the other, each with the store opened anew.
func TestLettersOutliveTheProcess(t *testing.T) {
	path := temporary(t)
	options := deadletters.Options{Types: types}

	run := func(l *ledger, f func(sys *system.System, ref actors.Ref[post], s *deadletters.Store)) {
		s, err := deadletters.Open(path, options)
		require.NoError(t, err)

		sys, ref := shop(t, l, s, system.Options{Replays: 2})
		f(sys, ref, s)
		end(t, sys)
		require.NoError(t, s.Close())
	}

	run(newLedger(true), func(_ *system.System, ref actors.Ref[post], _ *deadletters.Store) {
		for _, account := range []string{"a", "b", "c"} {
			_, err := actors.Ask(t.Context(), ref, func(r actors.Reply[int]) post { return post{Account: account, Done: r} })
			require.ErrorIs(t, err, errIll)
		}
	})

	for replays := range 2 {
		run(newLedger(true), func(sys *system.System, _ actors.Ref[post], s *deadletters.Store) {
			all, err := s.Replay(sys, system.Filter{}, 2)
			require.NoError(t, err)
			assert.Equal(t, []string{"accepted", "accepted"}, outcomes(all))
		})

		s := open(t, path, options)
		accounts := make(map[string]system.Letter)

		for l, err := range s.All(system.Filter{}) {
			require.NoError(t, err)

			accounts[as[post](t, l.Message).Account] = l
		}

		require.Len(t, accounts, 3)

		switch replays {
		case 0: // a and b were replayed and are now behind c
			assert.Equal(t, [3]int{1, 1, 0}, [3]int{accounts["a"].Replays, accounts["b"].Replays, accounts["c"].Replays})
			assert.Equal(t, 2, accounts["a"].Attempt)
			assert.Less(t, accounts["a"].Origin, accounts["c"].Number)
			assert.NotZero(t, accounts["a"].Origin)
			require.EqualError(t, accounts["a"].Cause, errIll.Error())
		case 1: // c and a
			assert.Equal(t, [3]int{2, 1, 1}, [3]int{accounts["a"].Replays, accounts["b"].Replays, accounts["c"].Replays})
		}

		require.NoError(t, s.Close())
	}

	l := newLedger(false)

	run(l, func(sys *system.System, _ actors.Ref[post], s *deadletters.Store) {
		all, err := s.Replay(sys, system.Filter{}, 10)
		require.NoError(t, err)
		assert.ElementsMatch(t, []string{"accepted", "accepted", "too often"}, outcomes(all), "the guard outlives it too")
	})
	assert.Equal(t, map[string]int{"b": 1, "c": 1}, l.taken)

	s := open(t, path, options)
	got := stats(t, s)
	assert.Equal(t, [3]uint64{7, 1, 6}, [3]uint64{got.Stored, got.Held, got.Replayed})
}

func TestWhatCannotBeReplayedStaysInTheFile(t *testing.T) {
	s := open(t, temporary(t), deadletters.Options{Types: types})
	l := newLedger(false)
	l.gate, l.at = make(chan struct{}), make(chan struct{}, 1)
	sys, ref := shop(t, l, nil, system.Options{})

	elsewhere := letter(4, post{})
	elsewhere.Target = "/shop/nobody"

	wrong := letter(5, &post{})
	once := func(n uint64) system.Letter {
		l := letter(n, post{Account: "late"})
		l.Replays = 0

		return l
	}

	keep(t, s, false, letter(1, "text"), letter(2, post{}), elsewhere, wrong, once(6), once(7))

	_, err := s.Replay(nil, system.Filter{}, 10)
	require.EqualError(t, err, "dead letters: Replay: a nil system")

	_, err = s.ReplayOne(nil, 1)
	require.EqualError(t, err, "dead letters: Replay: a nil system")
	require.NoError(t, s.Overwrite(3, []byte("no letter")))

	require.NoError(t, ref.TryTell(post{}))
	<-l.at // one in hand, and as many as it holds behind it

	for ref.TryTell(post{}) == nil {
		continue
	}

	all, err := s.Replay(sys, system.Filter{}, 100)
	require.NoError(t, err)
	assert.Equal(t, []string{
		"refused", "full", "refused", "no such actor", "full", "full", "full",
	}, outcomes(all))
	require.ErrorIs(t, all[0].Err, deadletters.ErrUnreadable)
	require.EqualError(t, all[0].Err,
		"letter 1: a message of type string cannot be read: its type is not registered (deadletters.Options.Types)")
	require.ErrorContains(t, all[2].Err, "letter 3: ")

	close(l.gate)
	l.await(1025)

	all, err = s.Replay(sys, system.Filter{Since: began.Add(5 * time.Second)}, 2)
	require.NoError(t, err)
	assert.Equal(t, []string{"refused", "type mismatch"}, outcomes(all), "what cannot be read is in any filter")

	r, err := s.ReplayOne(sys, 7)
	require.NoError(t, err)
	assert.Equal(t, system.Accepted, r.Outcome)

	r, err = s.ReplayOne(sys, 7)
	require.NoError(t, err)
	assert.Equal(t, system.NotHeld, r.Outcome)
	require.ErrorIs(t, r.Err, deadletters.ErrNotHeld)

	_, err = s.ReplayOne(sys, 3)
	require.Error(t, err)

	all, err = s.Replay(sys, system.Filter{}, 0)
	require.NoError(t, err)
	assert.Empty(t, all)

	require.NoError(t, s.RemoveOne(3))
	assert.Equal(t, []uint64{1, 2, 4, 5, 6}, numbers(t, s, system.Filter{}))
	end(t, sys)
	require.NoError(t, s.Close())

	_, err = s.Replay(sys, system.Filter{}, 1)
	require.Error(t, err)
}

// TestTwoWhoReplayTheSameTakeNothingTwice replays from the office and from the file at once, again and again.
func TestTwoWhoReplayTheSameTakeNothingTwice(t *testing.T) {
	const posts = 300

	s := open(t, filepath.Join(t.TempDir(), "letters.db"), deadletters.Options{Types: types})
	l := newLedger(true)
	sys, ref := shop(t, l, s, system.Options{})
	letters := sys.DeadLetters().Subscribe(posts)

	for n := range posts {
		require.NoError(t, ref.Tell(t.Context(), post{Account: string(rune('A' + n))}))
	}

	l.await(posts)

	for range posts {
		<-letters.C() // of the last one the ledger has heard before the office has it
	}

	l.mu.Lock()
	l.ill = false
	l.mu.Unlock()

	var replayers sync.WaitGroup

	for range 2 {
		replayers.Go(func() {
			for range 20 {
				sys.DeadLetters().Replay(system.Filter{}, posts/10)
			}
		})
		replayers.Go(func() {
			for range 20 {
				if _, err := s.Replay(sys, system.Filter{}, posts/10); !errors.Is(err, deadletters.ErrReplaying) {
					assert.NoError(t, err)
				}
			}
		})
	}

	replayers.Wait()
	end(t, sys)

	assert.Len(t, l.taken, posts)

	for account, times := range l.taken {
		assert.Equal(t, 1, times, account)
	}

	got := stats(t, s)
	assert.Equal(t, [3]uint64{posts, 0, posts}, [3]uint64{got.Stored, got.Held, got.Replayed})
	assert.Equal(t, system.OfficeStats{Taken: posts, Replayed: posts}, sys.DeadLetters().Stats())
	assert.Zero(t, sys.DeadLetters().Missed())
}

// meddler is a message that does something when it is decoded.
type meddler struct{ Post post }

var meddle func()

func (m *meddler) UnmarshalJSON([]byte) error {
	meddle()

	return nil
}

// TestALetterThatLeftMeanwhileIsNotSentAgain has the office replay a letter that the file's replay has read already.
func TestALetterThatLeftMeanwhileIsNotSentAgain(t *testing.T) {
	s := open(t, temporary(t), deadletters.Options{Types: []deadletters.Type{deadletters.TypeOf[meddler]("meddler")}})
	ill, handled, gone := true, 0, make(chan struct{}, 1)
	child := supervision.Actor("a", func(supervision.Deps) (actors.Func[meddler], error) {
		return func(*actors.Context[meddler], meddler) error {
			if ill {
				return errIll
			}

			handled++

			return nil
		}, nil
	}, supervision.Spec{Decide: func(error) supervision.Directive { return supervision.ResumeChild }})
	kept := make(chan struct{}, 1)
	sys, err := system.Start(t.Context(), supervision.Tree{
		Name: "shop", Budget: supervision.Budget{Restarts: 3, Within: time.Second}, Children: supervision.On(child),
	}, system.Options{
		Logger: slog.New(slog.DiscardHandler), Signals: []os.Signal{},
		OnLetters: func(events []system.LetterEvent) error {
			defer func() { kept <- struct{}{} }()

			return s.Keep(events)
		},
	})
	require.NoError(t, err)
	require.NoError(t, child.From(sys.Intake()).Tell(t.Context(), meddler{}))
	<-kept

	ill = false
	meddle = func() {
		for _, r := range sys.DeadLetters().Replay(system.Filter{}, 1) {
			assert.Equal(t, system.Accepted, r.Outcome)
			<-kept // and it is struck off

			sys.Protoactor().Root.Send(actor.NewPID("nonhost", "nobody"), 1)
			<-kept // and the office knows: it tells of another letter
		}

		gone <- struct{}{}
	}

	all, err := s.Replay(sys, system.Filter{}, 1)
	require.NoError(t, err)
	assert.Equal(t, []string{"not held"}, outcomes(all))
	<-gone

	end(t, sys)
	assert.Equal(t, 1, handled)
	assert.Equal(t, uint64(1), stats(t, s).Replayed)
}

func TestAFileThatFailsIsAnErrorOfTheStop(t *testing.T) {
	s := open(t, temporary(t), deadletters.Options{Types: types})
	require.NoError(t, s.Close())

	sys, ref := shop(t, newLedger(true), s, system.Options{})
	require.NoError(t, ref.Tell(t.Context(), post{}))

	_, err := sys.Shutdown(t.Context())
	require.ErrorContains(t, err, "system.Options.OnLetters: dead letters in")
	assert.Equal(t, uint64(1), sys.DeadLetters().Missed())
}
