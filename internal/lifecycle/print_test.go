package lifecycle_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/troupe-go/troupe/internal/lifecycle"
	"github.com/troupe-go/troupe/internal/node"
	"github.com/troupe-go/troupe/mailbox"
	"github.com/troupe-go/troupe/supervision"
)

// printer prints inputs and effects the way scripts and histories show them.
type printer struct {
	plan  *supervision.Plan
	start time.Time
	added map[int]string // paths of children of groups, by id
}

var commandNames = map[mailbox.Command]string{
	node.Halt: "halt", node.Drain: "drain", node.Cut: "cut", node.Flush: "flush", node.Close: "close",
	node.Finish: "finish", node.Leave: "leave",
}

var eventNames = map[node.Event]string{
	node.Started: "started", node.Failing: "failing", node.Ended: "ended", node.StopSelf: "stopself",
	node.Drained: "drained", node.Flushed: "flushed", node.Closed: "closed", node.Finished: "finished",
	node.Returned: "returned",
}

var directiveNames = map[node.Directive]string{
	node.Restart: "restart", node.Resume: "resume", node.Stop: "stop", node.Escalate: "escalate",
}

func (p printer) path(id int) string {
	if id < len(p.plan.Nodes) {
		return p.plan.Nodes[id].Path
	}

	return p.added[id]
}

func (p printer) task(id int) string { return supervision.TaskPath(p.plan.Tasks[id].Name) }

func (p printer) until(t time.Time) string {
	if t.IsZero() {
		return ""
	}

	return fmt.Sprintf(" until %v", t.Sub(p.start))
}

func (p printer) effect(e lifecycle.Effect) string {
	switch e := e.(type) {
	case *lifecycle.Begin:
		return fmt.Sprintf("begin %s #%d%s", p.path(e.ID), e.Incarnation, p.until(e.Deadline))
	case lifecycle.Seal:
		return "seal " + p.path(e.ID)
	case *lifecycle.Order:
		return fmt.Sprintf("order %s: %s%s", p.path(e.ID), commandNames[e.Command], p.until(e.Deadline))
	case *lifecycle.Sweep:
		paths := make([]string, len(e.IDs))
		for i, id := range e.IDs {
			paths[i] = p.path(id)
		}

		return fmt.Sprintf("sweep %s: %s%s", strings.Join(paths, " "), commandNames[e.Command], p.until(e.Deadline))
	case lifecycle.LetGo:
		if e.TakenBack {
			return "hold " + p.path(e.ID)
		}

		return "let go " + p.path(e.ID)
	case lifecycle.Cancel:
		return fmt.Sprintf("cancel %s: %v", p.path(e.ID), e.Cause)
	case lifecycle.Abandon:
		return fmt.Sprintf("abandon %s #%d: %v", p.path(e.ID), e.Incarnation, e.Cause)
	case lifecycle.CloseIntake:
		return "close the intake"
	case lifecycle.RunTask:
		return fmt.Sprintf("run %s%s", p.task(e.Task), p.until(e.Deadline))
	case lifecycle.CancelTask:
		return fmt.Sprintf("cancel %s: %v", p.task(e.Task), e.Cause)
	case lifecycle.AbandonTask:
		return "abandon " + p.task(e.Task)
	case lifecycle.Booted:
		return "booted"
	case lifecycle.Ended:
		return "ended"
	case lifecycle.Populate:
		return fmt.Sprintf("populate %s with %d", p.path(e.ID), e.Size)
	case *lifecycle.Spawned:
		return fmt.Sprintf("spawned %s: %v", p.path(e.ID), e.Err)
	case lifecycle.Parted:
		return fmt.Sprintf("parted %d", e.Ask)
	case lifecycle.Removed:
		return "removed " + p.path(e.ID)
	case *lifecycle.Happened:
		return p.happened(e.Event)
	default:
		return fmt.Sprintf("%T", e)
	}
}

func (p printer) happened(e supervision.Event) string {
	s := fmt.Sprintf("happened %s: %v", e.Path, e.Kind)

	if e.Incarnation > 0 {
		s += fmt.Sprintf(" #%d", e.Incarnation)
	}

	if e.Kind == supervision.Restarting {
		s += fmt.Sprintf(" in %v, budget left %d", e.Delay, e.Left)
	}

	if e.Step != "" {
		s += " in " + e.Step
	}

	if e.Err != nil {
		s += ": " + e.Err.Error()
	}

	return s
}

func (p printer) input(in lifecycle.Input) string {
	switch in := in.(type) {
	case lifecycle.Report:
		return p.report(in.Report)
	case *lifecycle.Reports:
		all := make([]string, len(in.All))
		for i, r := range in.All {
			all[i] = p.report(r)
		}

		return strings.Join(all, ", ")
	case lifecycle.Woken:
		return "woken " + p.path(in.ID)
	case lifecycle.TaskOver:
		return fmt.Sprintf("over %s %v", p.task(in.Task), in.Err)
	case lifecycle.StopPart:
		return fmt.Sprintf("stop the part %s %v", p.path(in.Target), in.Members)
	case lifecycle.Add:
		return "add to " + p.path(in.Parent)
	case lifecycle.Populated:
		return fmt.Sprintf("populated %s %v", p.path(in.ID), in.Err)
	case lifecycle.StopOne:
		return fmt.Sprintf("stop %s %s", p.path(in.ID), map[node.StopMode]string{
			node.Poison: "poison", node.AtOnce: "at-once",
		}[in.Mode])
	default:
		return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", in), "lifecycle."))
	}
}

func (p printer) report(r node.Report) string {
	s := fmt.Sprintf("%s %s", eventNames[r.Event], p.path(r.ID))

	if r.Event != node.Finished {
		s += fmt.Sprintf(" #%d", r.Incarnation)
	}

	if r.Directive > node.Restart {
		s += " " + directiveNames[r.Directive]
	}

	if r.Err != nil {
		s += " " + r.Err.Error()
	}

	return s
}
