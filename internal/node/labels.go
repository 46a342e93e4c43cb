package node

// The pprof labels of every goroutine that runs an actor or belongs to one.
const (
	// LabelActor is the actor's path; of those that call hooks of actors that sleep, the path of the root.
	LabelActor = "troupe.actor"
	// LabelSince is the first of the incarnations that the goroutine has run, one after the other.
	LabelSince = "troupe.since"
)
