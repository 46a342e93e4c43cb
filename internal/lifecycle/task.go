package lifecycle

import (
	"errors"
	"time"

	"github.com/troupe-go/troupe/supervision"
)

// Tasks are what a service does besides in the phases of a shutdown. They take part in the walk of their phase as
// actors do: one begins when what it comes after is over, and the phase is over when all its tasks are.

// TaskState is what a task is doing. The zero value is that its turn has not come.
type TaskState uint8

// The states.
const (
	TaskWaiting   TaskState = iota
	TaskRunning             // its function runs
	TaskDone                // has returned without an error
	TaskFailed              // has returned an error
	TaskAbandoned           // did not return by its deadline
	TaskSkipped             // was not run, because one before it failed that is to abort
)

var taskStateNames = [...]string{"waiting", "running", "done", "failed", "abandoned", "skipped"}

// String returns the state's name.
func (s TaskState) String() string { return taskStateNames[s] }

// tasks are those of a machine.
type tasks struct {
	all     []*task
	after   map[*entry][]*task // by what they come after
	running int                // how many are
}

type task struct {
	step // in progress, or as it was

	spec     *supervision.PlannedTask
	id       int
	phase    Phase
	next     []*task // that come after it
	state    TaskState
	blockers int  // not over, in the phase
	entered  bool // its turn has come
	hangs    bool // abandoned and not come back
	took     time.Duration
	err      error
}

// linkTasks makes the tasks of the plan.
func (m *Machine) linkTasks() {
	all := &m.tasks
	all.after = make(map[*entry][]*task)

	for i := range m.config.Plan.Tasks {
		spec := &m.config.Plan.Tasks[i]
		all.all = append(all.all, &task{spec: spec, id: i, phase: Intake + Phase(spec.Phase-supervision.PhaseIntake)})
	}

	for _, t := range all.all {
		for _, id := range t.spec.After {
			all.after[m.nodes[id]] = append(all.after[m.nodes[id]], t)
		}

		for _, id := range t.spec.AfterTasks {
			all.all[id].next = append(all.all[id].next, t)
		}
	}
}

func (m *Machine) hasTasks(p Phase) bool {
	for _, t := range m.tasks.all {
		if t.phase == p {
			return true
		}
	}

	return false
}

// beginTasks makes the tasks of the phase ready, in their order.
func (w *walk) beginTasks(m *Machine) {
	w.tasks, w.open = w.tasks[:0], 0

	for _, t := range m.tasks.all {
		if t.phase != m.phase {
			continue
		}

		w.open++
		t.blockers = len(t.spec.After)

		for _, id := range t.spec.AfterTasks {
			if m.tasks.all[id].phase == m.phase {
				t.blockers++
			}
		}

		if t.blockers == 0 {
			w.enterTask(t)
		}
	}
}

func (w *walk) enterTask(t *task) {
	if !t.entered {
		t.entered = true
		w.tasks = append(w.tasks, t)
	}
}

// unblockTasks lets in those that nothing blocks any more. Tasks of other phases have no blockers to lose.
func (w *walk) unblockTasks(waiting []*task) {
	for _, t := range waiting {
		t.blockers--

		if t.blockers == 0 {
			w.enterTask(t)
		}
	}
}

// hurryTasks lets every task of the phase begin that has not.
func (w *walk) hurryTasks(m *Machine) {
	for _, t := range m.tasks.all {
		if t.phase == m.phase {
			w.enterTask(t)
		}
	}
}

// nextTask takes a task that may begin, or returns nil.
func (w *walk) nextTask() *task {
	if len(w.tasks) == 0 {
		return nil
	}

	t := w.tasks[0]
	w.tasks = w.tasks[1:]

	return t
}

// taskVisit begins a task whose turn has come, or skips it.
func (m *Machine) taskVisit(t *task) {
	if m.skips(t) {
		t.began = m.at
		m.taskOver(t, TaskSkipped)

		return
	}

	t.state, t.began = TaskRunning, m.at
	t.hardAt = m.at.after(t.spec.Deadline)
	t.cutAt = m.at.after(nineTenths(t.spec.Deadline))

	if t.spec.Deadline == 0 {
		t.hardAt = m.ends[m.phase]
		t.cutAt = t.hardAt
	}

	m.clampTask(t)
	m.tasks.running++
	m.emit(RunTask{Task: t.id, Deadline: m.time(t.cutAt)})
}

// clampTask keeps a task within its phase, as clamp does a hook.
func (m *Machine) clampTask(t *task) {
	m.keepWithin(&t.step, t.phase, false)
}

func (m *Machine) reclampTasks() {
	for _, t := range m.tasks.all {
		if t.state == TaskRunning {
			m.clampTask(t)
		}
	}
}

// skips reports whether a task is not to be run, because one that it comes after was skipped, or has not succeeded and
// is to abort.
func (m *Machine) skips(t *task) bool {
	for _, id := range t.spec.AfterTasks {
		on := m.tasks.all[id]
		if on.state == TaskSkipped || on.state != TaskDone && on.spec.OnFailure == supervision.Abort {
			return true
		}
	}

	return false
}

// taskOver goes on when a task is over.
func (m *Machine) taskOver(t *task, s TaskState) {
	t.state, t.took = s, time.Duration(m.at-t.began)
	m.walk.open--
	m.walk.unblockTasks(t.next)
	m.proceed()
}

// taskReturned notes that a task's function has returned.
func (m *Machine) taskReturned(id int, err error) {
	if id < 0 || id >= len(m.tasks.all) {
		return
	}

	t := m.tasks.all[id]

	switch {
	case t.hangs:
		t.hangs = false
		m.tellTask(t, supervision.Event{Kind: supervision.Returned})
	case t.state != TaskRunning: // said twice
	case err == nil:
		m.tasks.running--
		m.taskOver(t, TaskDone)
	default:
		if t.cut != nil {
			err = errors.Join(t.cut, err)
		}

		m.tellTask(t, supervision.Event{Kind: supervision.HookFailed, Step: t.phase.String(), Err: err})
		m.taskFailed(t, TaskFailed, err)
	}
}

func (m *Machine) taskFailed(t *task, s TaskState, err error) {
	t.err = err
	m.errs = append(m.errs, &supervision.FailureError{Path: supervision.TaskPath(t.spec.Name), Err: err})
	m.tasks.running--
	m.taskOver(t, s)
}

// nextTask returns when the time of a running task has come, or the zero time.
func (m *Machine) nextTask() time.Time {
	if t := m.firstTask(); t != nil {
		return m.time(t.due())
	}

	return time.Time{}
}

// firstTask returns the running task whose time comes first, or nil.
func (m *Machine) firstTask() (first *task) {
	if m.tasks.running == 0 {
		return nil
	}

	for _, t := range m.tasks.all {
		if t.state == TaskRunning && (first == nil || t.due() < first.due()) {
			first = t
		}
	}

	return first
}

// due returns when something is to be done about a running task: its context is to end, or it is to be given up on.
func (t *task) due() moment {
	if t.cut == nil {
		return t.cutAt
	}

	return t.hardAt
}

// expireTask handles a task whose time has come. It reports whether there was one.
func (m *Machine) expireTask() bool {
	t := m.firstTask()
	if t == nil || t.due() > m.at {
		return false
	}

	cause := &supervision.DeadlineError{Step: t.phase.String(), After: time.Duration(t.hardAt - t.began)}

	if t.cut == nil {
		t.cut = cause
		m.emit(CancelTask{Task: t.id, Cause: cause})

		return true
	}

	t.hangs, m.gaveUp = true, true
	m.emit(AbandonTask{Task: t.id})
	m.tellTask(t, supervision.Event{Kind: supervision.Abandoned, Err: cause})
	m.taskFailed(t, TaskAbandoned, cause)

	return true
}

// noNode is the id of nobody.
const noNode = -1

func (m *Machine) tellTask(t *task, e supervision.Event) {
	e.Path, e.Time = supervision.TaskPath(t.spec.Name), m.now
	m.emit(&Happened{e, noNode})
}

// TaskView is how a task is.
type TaskView struct {
	Name  string
	Phase Phase
	State TaskState
	Step  Step
	// Hangs says that it was abandoned and has not come back, At when that was.
	Hangs bool
	At    time.Time
}

// Tasks returns how the tasks are, in the order they were given.
func (m *Machine) Tasks() []TaskView {
	all := make([]TaskView, len(m.tasks.all))

	for i, t := range m.tasks.all {
		all[i] = TaskView{
			Name: t.spec.Name, Phase: t.phase, State: t.state, Hangs: t.hangs,
			Step: Step{Took: t.took, Err: t.err},
		}

		if t.began != 0 {
			all[i].Step.Began = m.time(t.began)
		}

		if t.hangs {
			all[i].At = all[i].Step.Began.Add(t.took)
		}
	}

	return all
}
