// Package waits knows which actors wait for which, and finds the one that would wait for itself.
//
// An actor is one goroutine, so it waits for at most one other at a time: for room in its queue or for its answer. The
// waits make a graph in which at most one edge leaves each actor, and a cycle is found by following them. The graph is
// only touched by an actor that is about to wait; a send that finds room knows nothing of it.
//
// # Why an alarm is true
//
// An edge is entered before its actor waits and left before it goes on, both under the graph's lock. So none of the
// actors on a cycle can do anything while the lock is held: what is seen there of one edge after the other was so all
// at once, when the lock was taken. A wait that is over although its actor has not come to leave it, because there is
// room or an answer or its context has ended, is no edge: that is asked of each, and no wait that is over begins again.
package waits
