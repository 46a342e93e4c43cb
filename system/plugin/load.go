package plugin

import (
	"fmt"
	"sync"

	"github.com/troupe-go/troupe/internal/chain"
	"github.com/troupe-go/troupe/supervision"
)

// load is one version of a plugin in its place: what its instances, which come one after the other, have in common.
// Safe for concurrent use.
type load struct {
	place  *place
	name   string // of the plugin
	source Source
	child  string // its name in the group
	// strict says that the first instance must start. Otherwise it is restarted like any other.
	strict bool

	mu       sync.Mutex
	alive    int // instances that have not ended, with those that hang
	manifest Manifest
	session  Session
	last     *InstanceError
	degraded error
}

// made notes that there is one more instance.
func (l *load) made() {
	l.mu.Lock()
	l.alive++
	l.mu.Unlock()

	l.place.counters.count(func(s *Stats) { s.Instances++ })
}

// ended notes that an instance has ended, late or not.
func (l *load) ended() {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.alive--
}

// agreed notes what an instance has said of itself.
func (l *load) agreed(m Manifest, s Session) {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.manifest, l.session = m, s
}

// gaveUp notes why an instance was given up.
func (l *load) gaveUp(err *InstanceError) {
	l.mu.Lock()
	l.last = err
	l.mu.Unlock()

	l.place.counters.count(func(s *Stats) { s.Faults++ })
}

// failure returns why the last instance was given up, or nil.
func (l *load) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()

	if l.last == nil {
		return nil
	}

	return l.last
}

// facts returns what is known of the version.
func (l *load) facts() (Manifest, Session) {
	l.mu.Lock()
	defer l.mu.Unlock()

	return l.manifest, l.session
}

// accepts returns what is wrong with what a plugin says of itself, or "".
func (l *load) accepts(m Manifest) string {
	switch want := l.source.manifest; {
	case m.Name != l.name:
		return "it is to be " + l.name
	case want != nil && !want.same(m):
		return fmt.Sprintf("its manifest is of %s %s, or another one", want.Name, want.Version)
	default:
		return ""
	}
}

// decide is the supervisor's: a plugin of which too many instances hang is not started again.
func decide(err error) supervision.Directive {
	of, ok := chain.As[*InstanceError](err)
	if !ok || of == nil || of.load == nil {
		return supervision.RestartChild
	}

	of.load.mu.Lock()
	defer of.load.mu.Unlock()

	if of.load.alive >= MaxHanging {
		return supervision.StopChild
	}

	return supervision.RestartChild
}
