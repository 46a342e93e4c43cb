// Package remotetest shows, as a test, that actors are reached through protoactor's remote from another process. Both
// sides are processes of their own that never shut their remote down: at the pinned version it leaves goroutines behind
// and races with itself at its shutdown and at a second start, and the tests of all other packages check for both.
package remotetest
