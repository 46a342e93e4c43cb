package deadletters_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/system"
	"github.com/troupe-go/troupe/system/deadletters"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(keeperFile); path != "" {
		keepForEver(path)
	}

	goleak.VerifyTestMain(m)
}

// post is a message with everything that JSON takes, and a reply port.
type post struct {
	Account string            `json:"account"`
	Cents   int               `json:"cents"`
	Tags    []string          `json:"tags"`
	Done    actors.Reply[int] `json:"done"`
}

var types = []deadletters.Type{deadletters.TypeOf[post]("post"), deadletters.TypeOf[*post]("post pointer")}

func open(t *testing.T, path string, o deadletters.Options) *deadletters.Store {
	t.Helper()

	s, err := deadletters.Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })

	return s
}

func temporary(t *testing.T) string {
	t.Helper()

	return filepath.Join(t.TempDir(), "letters.db")
}

// as returns a message as its type.
func as[M any](t *testing.T, message any) M {
	t.Helper()

	m, ok := message.(M)
	require.True(t, ok, "%T", message)

	return m
}

var began = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// letter makes a letter of a number, a second after the one before.
func letter(number uint64, message any) system.Letter {
	return system.Letter{
		Number: number, Target: "/shop/ledger", Message: message, Sender: "nonhost/client", Reason: mailbox.Failed,
		Cause: errors.New("broken"), Attempt: 3, Replays: 2, Origin: 1, Time: began.Add(time.Duration(number) * time.Second),
	}
}

// keep stores letters, and takes them out again if they were replayed.
func keep(t *testing.T, s *deadletters.Store, replayed bool, all ...system.Letter) {
	t.Helper()

	var events []system.LetterEvent
	for _, l := range all {
		events = append(events, system.LetterEvent{Letter: l, Replayed: replayed})
	}

	require.NoError(t, s.Keep(events))
}

// numbers of the letters that a filter matches.
func numbers(t *testing.T, s *deadletters.Store, f system.Filter) (all []uint64) {
	t.Helper()

	for l, err := range s.All(f) {
		require.NoError(t, err)

		all = append(all, l.Number)
	}

	return all
}

func stats(t *testing.T, s *deadletters.Store) deadletters.Stats {
	t.Helper()

	got, err := s.Stats()
	require.NoError(t, err)
	assert.Equal(t, got.Stored, got.Held+got.Replayed+got.Removed+got.Evicted, "the law")

	return got
}

func TestALetterIsReadAsItWas(t *testing.T) {
	path := temporary(t)
	s := open(t, path, deadletters.Options{Types: types})
	messages := []any{
		post{Account: "a", Cents: 7, Tags: []string{"x", "y"}},
		&post{Account: "b"},
		wrapperspb.String("protobuf"),
	}

	for n, m := range messages {
		keep(t, s, false, letter(uint64(n+1), m))
	}

	require.NoError(t, s.Close())

	s = open(t, path, deadletters.Options{Types: types})

	for n, m := range messages {
		got, err := s.Letter(uint64(n + 1))
		require.NoError(t, err)

		want := letter(uint64(n+1), m)
		require.EqualError(t, got.Cause, want.Cause.Error())

		if p, ok := m.(proto.Message); ok {
			assert.True(t, proto.Equal(p, as[proto.Message](t, got.Message)))

			got.Message = want.Message
		}

		got.Cause = want.Cause
		assert.Equal(t, want, got)
	}

	_, err := s.Letter(99)
	require.ErrorIs(t, err, deadletters.ErrNotHeld)
	assert.Equal(t, map[string]uint64{"failed": 3}, stats(t, s).Reasons)
}

type stubborn struct{ Panics bool }

func (s stubborn) MarshalJSON() ([]byte, error) {
	if s.Panics {
		panic("no")
	}

	return nil, errors.New("never")
}

// mistaken has an error whose Error panics.
type mistaken struct{}

func (mistaken) MarshalJSON() ([]byte, error) {
	var none *fs.PathError

	return nil, none
}

type forgetful struct{}

func (*forgetful) UnmarshalJSON([]byte) error { panic("no idea") }

// selfish panics with itself, which fmt does not recover from.
type selfish struct{}

func (s selfish) MarshalJSON() ([]byte, error) { panic(s) }
func (s selfish) String() string               { panic(s) }

func TestWhatCannotBeEncodedIsKeptAsItPrints(t *testing.T) {
	long := strings.Repeat("x", deadletters.MaxPrinted)
	s := open(t, temporary(t), deadletters.Options{Types: []deadletters.Type{
		deadletters.TypeOf[stubborn]("stubborn"), deadletters.TypeOf[mistaken]("mistaken"),
		deadletters.TypeOf[selfish]("selfish"),
	}})

	for n, of := range []struct {
		message                any
		kind, printed, because string
	}{
		{stubborn{}, "deadletters_test.stubborn", "{Panics:false}", "never"},
		{mistaken{}, "deadletters_test.mistaken", "{}", "*json.MarshalerError whose Error method panics"},
		{stubborn{Panics: true}, "deadletters_test.stubborn", "{Panics:true}", "panic: no"},
		{selfish{}, "deadletters_test.selfish", "deadletters_test.selfish that cannot be printed: it panics", "it panics"},
		{post{Account: "a\xff"}, "deadletters_test.post", "Account:a�", "not registered"},
		{nil, "<nil>", "<nil>", "not registered"},
		{wrapperspb.String("\xff"), "*wrapperspb.StringValue", "", "UTF-8"},
		{long + long, "string", long, "not registered"},
		{long + "x", "string", long, "not registered"},
	} {
		keep(t, s, false, letter(uint64(n+1), of.message))

		l, err := s.Letter(uint64(n + 1))
		require.NoError(t, err)

		o, ok := l.Message.(*deadletters.Opaque)
		require.True(t, ok, "%T", l.Message)
		assert.Equal(t, of.kind, o.Type)
		assert.Contains(t, o.Printed, of.printed)
		assert.LessOrEqual(t, len(o.Printed), deadletters.MaxPrinted)
		assert.Contains(t, o.Why, of.because)
	}

	assert.Equal(t, uint64(9), stats(t, s).Opaque)
}

func TestATypeThatThisProgramDoesNotKnowIsLeftAsItIs(t *testing.T) {
	path := temporary(t)
	s := open(t, path, deadletters.Options{Types: append(types, deadletters.TypeOf[forgetful]("forgetful"))})
	keep(t, s, false, letter(1, post{Account: "a"}), letter(2, forgetful{}))
	require.NoError(t, s.Close())

	s = open(t, path, deadletters.Options{})

	l, err := s.Letter(1)
	require.NoError(t, err)

	u, ok := l.Message.(*deadletters.Unknown)
	require.True(t, ok)
	assert.Equal(t, "post", u.Type)
	assert.JSONEq(t, `{"account":"a","cents":0,"tags":null,"done":{}}`, string(u.Data))
	require.ErrorContains(t, u.Why, "no type is registered")
	require.NoError(t, s.Close())

	s = open(t, path, deadletters.Options{Types: append(types, deadletters.TypeOf[forgetful]("forgetful"))})

	l, err = s.Letter(1)
	require.NoError(t, err)
	assert.Equal(t, post{Account: "a"}, l.Message, "it was not lost")

	l, err = s.Letter(2)
	require.NoError(t, err)
	require.ErrorContains(t, as[*deadletters.Unknown](t, l.Message).Why, "panic: no idea")
}

func TestTheFileIsBoundedTheOldestGoCounted(t *testing.T) {
	path := temporary(t)
	s := open(t, path, deadletters.Options{Types: types, MaxLetters: 5})

	for n := range uint64(4) {
		keep(t, s, false, letter(2*n+1, post{}), letter(2*n+2, post{}))
	}

	assert.Equal(t, []uint64{4, 5, 6, 7, 8}, numbers(t, s, system.Filter{}))
	assert.Equal(t, uint64(3), stats(t, s).Evicted)
	require.NoError(t, s.Close())

	s = open(t, path, deadletters.Options{Types: types, MaxLetters: 2})
	assert.Equal(t, []uint64{7, 8}, numbers(t, s, system.Filter{}), "a lower bound holds from the beginning")
	require.NoError(t, s.Close())

	s = open(t, path, deadletters.Options{Types: types, MaxBytes: deadletters.MinBytes})

	for n := range uint64(40) {
		keep(t, s, false, letter(100+n, post{Account: strings.Repeat("x", 5000)}))

		got := stats(t, s)
		assert.LessOrEqual(t, got.Bytes, uint64(deadletters.MinBytes))
	}

	assert.Len(t, numbers(t, s, system.Filter{}), 12)

	keep(t, s, false, letter(200, post{Account: strings.Repeat("x", deadletters.MinBytes)}))

	l, err := s.Letter(200)
	require.NoError(t, err)
	assert.Contains(t, as[*deadletters.Opaque](t, l.Message).Why, "more than deadletters.Options.MaxBytes")
}

func TestLettersAreFilteredCountedAndRemoved(t *testing.T) {
	s := open(t, temporary(t), deadletters.Options{Types: types})

	for n := range uint64(200) { // more than are read at a time
		l := letter(n+1, post{})
		if n%2 == 0 {
			l.Target, l.Reason = "/shop/orders", mailbox.Stopped
		}

		keep(t, s, false, l)
	}

	orders := system.Filter{Target: "/shop/orders"}
	assert.Len(t, numbers(t, s, orders), 100)
	assert.Len(t, numbers(t, s, system.Filter{Since: began.Add(191 * time.Second)}), 10)

	counts, err := s.Count(system.Filter{Under: "/shop"})
	require.NoError(t, err)
	assert.Equal(t, map[mailbox.Reason]uint64{mailbox.Stopped: 100, mailbox.Failed: 100}, counts.Map())

	n, err := s.Remove(orders)
	require.NoError(t, err)
	assert.Equal(t, 100, n)
	assert.Empty(t, numbers(t, s, orders))

	require.NoError(t, s.RemoveOne(2))
	require.ErrorIs(t, s.RemoveOne(2), deadletters.ErrNotHeld)
	assert.Equal(t, uint64(101), stats(t, s).Removed)

	for _, err := range s.All(system.Filter{}) { // to change what is iterated is fine
		require.NoError(t, err)

		_, err = s.Remove(system.Filter{})
		require.NoError(t, err)
	}

	assert.Zero(t, stats(t, s).Held)
	assert.Zero(t, stats(t, s).Bytes)
}

func TestALetterThatWasReplayedGoesAndNoOther(t *testing.T) {
	s := open(t, temporary(t), deadletters.Options{Types: types})
	keep(t, s, false, letter(1, post{}), letter(2, post{}))
	keep(t, s, true, letter(2, nil), letter(3, nil))
	assert.Equal(t, []uint64{1}, numbers(t, s, system.Filter{}))

	other := letter(1, post{Account: "other"}) // of a process whose clock was set back
	other.Time = began

	keep(t, s, false, other)
	keep(t, s, false, other, letter(1, post{}))
	assert.Equal(t, []uint64{1, 2, 3}, numbers(t, s, system.Filter{}), "none takes the place of another")
	keep(t, s, true, other)
	assert.Equal(t, []uint64{1, 2, 3}, numbers(t, s, system.Filter{}), "what is under its number is another")
	assert.Equal(t, uint64(1), stats(t, s).Replayed)
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := deadletters.Open(temporary(t), deadletters.Options{
		MaxLetters: -1, MaxBytes: 5,
		Types: []deadletters.Type{
			{},
			deadletters.TypeOf[int](""), deadletters.TypeOf[error]("error"), deadletters.TypeOf[string]("error"),
			deadletters.TypeOf[int]("int"),
		},
	})

	for _, want := range []string{
		"deadletters.Options.MaxLetters: -1 is negative", "deadletters.Options.MaxBytes: 5 is too little",
		"Types[0]: the zero Type", "Types[1]: int has no name", "Types[2]: error is an interface",
		`Types[3]: the name "error" is given twice`, "Types[4]: int is registered twice",
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestATypeThatIsNeverEncodedIsRefused(t *testing.T) {
	type list struct{ Next *list }

	type never struct {
		Deep struct{ Done chan struct{} }
	}

	_, err := deadletters.Open(temporary(t), deadletters.Options{Types: []deadletters.Type{
		deadletters.TypeOf[chan int]("chan"), deadletters.TypeOf[func()]("func"), deadletters.TypeOf[complex64]("complex"),
		deadletters.TypeOf[never]("never"), deadletters.TypeOf[*never]("pointer"),
		deadletters.TypeOf[map[[1]int]int]("map"), deadletters.TypeOf[int]("a\xff"),
	}})

	var problems []string
	for p := range strings.SplitSeq(err.Error(), "\n") {
		problems = append(problems, strings.TrimPrefix(p, "deadletters.Options.Types"))
	}

	const why = "is never encoded by encoding/json, which does not take a "

	assert.Equal(t, []string{
		"[0]: chan int " + why + "chan int", "[1]: func() " + why + "func()", "[2]: complex64 " + why + "complex64",
		"[3]: deadletters_test.never " + why + "chan struct {}", "[4]: *deadletters_test.never " + why + "chan struct {}",
		"[5]: map[[1]int]int " + why + "map[[1]int]int", `[6]: the name "a\xff" is not valid UTF-8`,
	}, problems)

	open(t, temporary(t), deadletters.Options{Types: []deadletters.Type{
		deadletters.TypeOf[list]("list"), deadletters.TypeOf[stubborn]("stubborn"),
		deadletters.TypeOf[forgetful]("forgetful"), deadletters.TypeOf[mistaken]("mistaken"),
		deadletters.TypeOf[wayward]("wayward"), deadletters.TypeOf[**never]("only when there is one"),
		deadletters.TypeOf[struct {
			Reply chan int `json:"-"`
			When  func()   `json:"when,omitzero"`
			Any   any
			Many  []chan int
			c     chan int
		}]("not in the text"),
	}})
}

// wayward is a type of which no zero value can be encoded, but others can.
type wayward struct{ N int }

func (w wayward) MarshalJSON() ([]byte, error) {
	switch w.N {
	case 0:
		panic("nothing")
	case 1:
		return json.Marshal([]any{make(chan int)})
	default:
		return []byte("1"), nil
	}
}

// TestNobodyElseMayReadTheFile: messages may be anything.
func TestNobodyElseMayReadTheFile(t *testing.T) {
	path := temporary(t)
	open(t, path, deadletters.Options{})

	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestAFileIsOpenOnce(t *testing.T) {
	path := temporary(t)
	s := open(t, path, deadletters.Options{})

	_, err := deadletters.Open(path, deadletters.Options{})
	require.ErrorIs(t, err, deadletters.ErrInUse)
	require.ErrorContains(t, err, path)

	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.ErrorContains(t, s.Keep(nil), fmt.Sprintf("dead letters in %q", path))

	_, err = s.Stats()
	require.ErrorContains(t, err, path)

	_, err = s.Remove(system.Filter{})
	require.Error(t, err)

	n := 0

	for _, err := range s.All(system.Filter{}) {
		require.Error(t, err)

		n++
	}

	assert.Equal(t, 1, n)

	_, err = deadletters.Open(t.TempDir(), deadletters.Options{})
	require.Error(t, err)

	noDatabase := temporary(t)
	require.NoError(t, os.WriteFile(noDatabase, []byte(fmt.Sprint(types)), 0o600))

	_, err = deadletters.Open(noDatabase, deadletters.Options{})
	require.ErrorContains(t, err, noDatabase)
}
