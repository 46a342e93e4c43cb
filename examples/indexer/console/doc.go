// Package console is what the indexer example shows on a terminal or in a log: its progress while it runs
// and a table at the end.
//
// The one picture:
//
//	Add(now, done, failed) ──► Progress ──► a bar on a terminal, a plain line now and then elsewhere
//	Summary ── WriteTo ──► a table
//
// Start reading at [NewProgress] and [Summary]. The package starts no goroutine. When to show
// something is decided by the time that is passed in; only the rate beside the bar is the library's own.
package console
