package supervision

// Child is something a supervisor can have as a child: an actor made with [Actor], a *[Tree], a group made with
// [DynamicGroup], a [Pool], or what another package declares as a [Subtree]. The declaration's identity is its pointer;
// the same one cannot stand twice in a tree, but can be run by several systems.
type Child interface {
	// declaration seals the interface.
	declaration() declaration
}

// declaration is what a child says of itself. Exactly one of tree, actor, group and subtree is set.
type declaration struct {
	name    string
	tree    *Tree
	actor   *actorDeclaration
	group   *groupDeclaration
	subtree *Subtree
}

// dependsOn returns the dependencies that a child declares.
func (d declaration) dependsOn() []Child {
	switch {
	case d.actor != nil:
		return d.actor.spec.DependsOn
	case d.tree != nil:
		return d.tree.DependsOn
	case d.group != nil:
		return d.group.members.spec.DependsOn
	case d.subtree != nil:
		return d.subtree.dependsOn
	default:
		return nil
	}
}

// Tree declares a supervisor and its children. Pass it to system.Run, or nest it as a child by its address.
type Tree struct {
	// Name of the supervisor, the last element of its path; [MaxName] says what a name is.
	Name string
	// Strategy; unset means [OneForOne].
	Strategy Strategy
	// Budget of restarts; it must be set.
	Budget Budget
	// Children in the order they were thought of; they start in the order their dependencies ask for, and in this
	// order otherwise.
	Children []Child

	// The rest says how a nested tree is supervised by its parent; the root has none.

	// Restart type; unset means [Transient].
	Restart Restart
	// Backoff between restarts of the whole tree.
	Backoff Backoff
	// DependsOn are the children of the whole tree that every actor in this one depends on. It orders starting and
	// stopping; for a reference an actor must declare the dependency itself.
	DependsOn []Child
}

func (t *Tree) declaration() declaration {
	if t == nil {
		return declaration{}
	}

	return declaration{name: t.Name, tree: t}
}
