// Package source reads a tree of Go files: the input of the indexer example.
//
// The one picture:
//
//	Open(root) ──► Tree ── FS ──► one slash path after another ── Read ──► content
//
// Start reading at [Open], then [Tree.Read]. A tree is read through [os.Root]: no symbolic link and no
// ".." leads out of it. The package starts no goroutine.
package source
