// Package store keeps the symbols of a tree of Go files in a bbolt database file: what the indexer
// example writes to disk.
//
// The one picture, the buckets of the file:
//
//	meta    version   -> schema version, one byte
//	        counters  -> Stats, changed in the transaction that changes the files
//	        state     -> State: which root the index is of, and whether all of it is there
//	files   path                   -> record of the file: number, failure or symbols in source order
//	paths   number                 -> path
//	names   name NUL number        -> kinds and lines of that name in the file of that number
//
// files is the truth; paths and names are its inverse, kept so that a lookup is one range scan. (Numbers
// stand for paths in the keys of names because the paths would double the size of the database.) All change
// in one transaction, therefore a file that a killed process left behind holds exactly the batches that were
// committed.
//
// Start reading at [Open], then [DB.Put]. Values are encoded by codec.go. The package starts no goroutine.
package store
