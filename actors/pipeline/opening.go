package pipeline

import (
	"errors"
	"sync"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/internal/chain"
)

// OpenError says that a source or a sink, or the factory of a stage, did not open. When a pipeline is started for the
// first time, those of all its stages are reported together.
type OpenError struct {
	// Stage is the path of the stage.
	Stage string
	// Err is what its Open or its factory has returned.
	Err error
}

// Error names the stage.
func (e *OpenError) Error() string {
	return e.Stage + ": must open, but refuses to: " + chain.Text(e.Err)
}

// Unwrap returns what it was refused with.
func (e *OpenError) Unwrap() error { return e.Err }

// opening is the actor that is the last of a pipeline to start. In its first start, stages keep to themselves that they
// did not open, so that those after them are asked too; then the opening fails with all refusals, and what has opened
// is closed as by any failed start. No source hands out anything before that. From then on a refusal is the failed
// start of its stage alone.
type opening struct {
	mu      sync.Mutex
	asked   map[string]bool // by path, those that were to open; guarded by mu
	refused []error         // not yet reported; guarded by mu
	over    chan struct{}   // closed when all is open for the first time
}

func newOpening() *opening { return &opening{asked: make(map[string]bool), over: make(chan struct{})} }

// ask notes that a source or a sink is going to be opened.
func (o *opening) ask(stage string) {
	o.mu.Lock()
	defer o.mu.Unlock()

	o.asked[stage] = true
}

// hasAsked reports whether it was to open.
func (o *opening) hasAsked(stage string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()

	return o.asked[stage]
}

// report returns what was refused and not yet reported, joined.
func (o *opening) report() error {
	o.mu.Lock()
	defer o.mu.Unlock()

	err := errors.Join(o.refused...)
	o.refused = nil

	return err
}

// refuse takes the error that a stage did not open with. It returns what the stage is to fail with: nothing, as long as
// the opening does it for all.
func (o *opening) refuse(stage string, err error) error {
	err = &OpenError{Stage: stage, Err: err}

	select {
	case <-o.over:
		return err
	default:
	}

	o.mu.Lock()
	defer o.mu.Unlock()

	o.refused = append(o.refused, err)

	return nil
}

// Start fails with what was refused, or lets the sources begin.
func (o *opening) Start(*actors.Context[struct{}]) error {
	select {
	case <-o.over: // it is a restart of the whole pipeline
		return nil
	default:
	}

	if err := o.report(); err != nil {
		return err
	}

	close(o.over)

	return nil
}

// Receive is never called: nobody has a reference.
func (*opening) Receive(*actors.Context[struct{}], struct{}) error { return nil }
