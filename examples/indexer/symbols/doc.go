// Package symbols finds the top-level declarations of a Go source file: the domain of the indexer
// example.
//
// The one picture:
//
//	file path + source ──Parse──► []Symbol{Name, File, Line, Kind}   or   *ParseError
//
// Start reading at [Parse]. The package holds no state and starts no goroutine; everything in it is
// safe for concurrent use.
package symbols
