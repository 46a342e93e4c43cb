package node

// The pprof labels of every goroutine that runs an actor or belongs to one.
const (
	LabelActor       = "troupe.actor"
	LabelIncarnation = "troupe.incarnation"
)
