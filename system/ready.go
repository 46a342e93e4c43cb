package system

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/troupe-go/troupe/supervision"
)

// Well reports whether nothing is wrong with the node itself, whatever its children do: it is running, or has stopped
// without a failure and is not permanent, and no incarnation of it hangs.
func (h *NodeHealth) Well() bool {
	return h != nil && len(h.Abandoned) == 0 &&
		(h.State == Running || h.State == Stopped && h.Restart != supervision.Permanent)
}

// Live reports whether the node works or is being brought back to work, which is what a liveness probe asks for: what
// is not live will not recover by itself. An actor is live unless it is failed or abandoned. So is a supervisor, but
// while it runs all its children that are not temporary must be live too; while it starts, backs off or stops, they
// are being dealt with.
func (h *NodeHealth) Live() bool {
	switch {
	case h == nil || h.State == Failed || h.State == Abandoned:
		return false
	case h.State != Running:
		return true
	}

	for _, c := range h.Children {
		if c.counts() && !c.Live() {
			return false
		}
	}

	return true
}

// Ready reports whether the node does its work, which is what a readiness probe asks for. An actor is ready while it
// is running and not degraded. A supervisor is ready while it is running and all its children are ready that count:
// not the temporary ones, and not transient ones that have stopped without a failure. A pool is ready while it is
// running and one of its members is ready, a dynamic group while it is running: one of many that is being restarted is
// no reason to take a service out of use.
func (h *NodeHealth) Ready() bool {
	switch {
	case h == nil || h.State != Running:
		return false
	case h.group:
		return true
	case h.pool:
		return slices.ContainsFunc(h.Children, (*NodeHealth).Ready)
	}

	for _, c := range h.Children {
		if c.counts() && !c.Ready() {
			return false
		}
	}

	return true
}

// counts reports whether a child counts for what its supervisor is.
func (h *NodeHealth) counts() bool {
	return h != nil && h.Restart != supervision.Temporary && (h.Restart == supervision.Permanent || h.State != Stopped)
}

// MarshalJSON writes the node and everything below it; null for a nil one.
func (h *NodeHealth) MarshalJSON() ([]byte, error) {
	if h == nil {
		return []byte("null"), nil
	}

	return json.Marshal(struct { //nolint:wrapcheck // the encoder adds the type
		Path         string        `json:"path"`
		Name         string        `json:"name"`
		State        State         `json:"state"`
		Since        time.Time     `json:"since"`
		Live         bool          `json:"live"`
		Ready        bool          `json:"ready"`
		Restart      string        `json:"restart"`
		Incarnation  uint64        `json:"incarnation,omitempty"`
		Restarts     int           `json:"restarts"`
		RestartsLeft int           `json:"restarts_left"`
		Queued       int           `json:"queued"`
		Degraded     string        `json:"degraded,omitempty"`
		LastFailure  string        `json:"last_failure,omitempty"`
		Abandoned    []Hanging     `json:"abandoned,omitempty"`
		Children     []*NodeHealth `json:"children,omitempty"`
	}{
		h.Path, h.Name, h.State, h.Since, h.Live(), h.Ready(), h.Restart.String(), h.Incarnation, h.Restarts,
		h.RestartsLeft, h.Queued, text(h.Degraded), text(h.LastFailure), h.Abandoned, h.Children,
	})
}
