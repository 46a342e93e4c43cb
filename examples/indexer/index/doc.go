// Package index is the indexer as actors:
//
//	walker ──path──▶ parsers ──symbols──▶ shards   (the index in memory)
//	                    └─────file──────▶ keeper   (the index on disk)
//
// Every arrow is a bounded mailbox whose senders wait for room, so the walker goes as fast as the slowest of the
// others and the tree of files is never queued. The package declares the actors; main puts them into a system.
package index
