// Package world is a tree of actors of every kind that make each other trouble, and the drivers that keep them busy.
// What is drawn follows from a seed; when it happens is the scheduler's.
//
// Start reading at world.go; tree.go declares the tree, deed.go says what can happen, worker.go is the actor.
package world
