// Package source reads a tree of Go files: the input of the indexer example.
//
// The one picture:
//
//	Open(root) ──► Tree ── Walk ──► one slash path after another ── Read ──► content
//
// Start reading at [Open], then [Tree.Walk]. A tree is read through [os.Root]: no symbolic link and no
// ".." leads out of it. The package starts no goroutine, and it never holds more than the entries of the
// directories between the root and the file being visited.
package source
