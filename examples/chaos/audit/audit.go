package audit

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/troupe-go/troupe/mailbox"
)

// maxKept is how many violations are kept with their text; the others are counted.
const maxKept = 50

// Audit is what was seen so far. All methods are safe for concurrent use.
type Audit struct {
	ids      atomic.Uint64
	accounts []string // paths of actors, groups and pools; read-only

	mu         sync.Mutex
	violations []string
	violated   int
	open       map[uint64]*message // offered and not settled
	late       late                // settled, of which something may still be heard
	streams    map[string]*Stream
	receivers  map[string]*receiver
	figures    map[string]*Figures // by account
	letters    mailbox.Counts      // of all letters, also of refused messages
	asks       map[uint64]*ask     // that wait, by token
	asked      AskFigures
	lives      map[string][]*Life // that are not closed, by path
	hangs      map[string][]span  // the last ones, by path
	abandoned  int
	returned   int
	stalls     []span
	longest    time.Duration // of the stalls
	circles    map[string]*circle
	found      int       // deadlocks
	told       []told    // since the last calm
	stopping   time.Time // zero before the shutdown
	steps      map[string]*steps
	clock      int // of steps
	heap       heap
}

// New returns an audit of a system whose actors, groups and pools have the given paths.
func New(accounts []string) *Audit {
	a := &Audit{
		accounts: accounts, open: make(map[uint64]*message), late: newLate(), streams: make(map[string]*Stream),
		receivers: make(map[string]*receiver), figures: make(map[string]*Figures), asks: make(map[uint64]*ask),
		lives: make(map[string][]*Life), hangs: make(map[string][]span), circles: make(map[string]*circle),
		steps: make(map[string]*steps),
	}

	for _, path := range accounts {
		a.figures[path] = new(Figures)
	}

	return a
}

// Violatef notes that a promise was broken.
func (a *Audit) Violatef(rule, format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()

	a.violatef(rule, format, args...)
}

// violatef is Violatef with mu held.
func (a *Audit) violatef(rule, format string, args ...any) {
	a.violated++

	if len(a.violations) < maxKept {
		a.violations = append(a.violations, time.Now().Format("15:04:05.000")+" "+rule+": "+fmt.Sprintf(format, args...))
	}
}

// Violations returns the violations that were kept, in their order, and how many there were.
func (a *Audit) Violations() (kept []string, all int) {
	a.mu.Lock()
	defer a.mu.Unlock()

	return append([]string(nil), a.violations...), a.violated
}

// account returns the figures that what happens at a path belongs to: those of the actor, or of its group or pool.
func (a *Audit) account(path string) *Figures {
	for p := path; p != ""; p = p[:strings.LastIndexByte(p, '/')] {
		if f := a.figures[p]; f != nil {
			return f
		}
	}

	f := new(Figures)
	a.figures[path] = f

	return f
}
