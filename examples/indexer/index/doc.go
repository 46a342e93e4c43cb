// Package index is the indexer as a pipeline:
//
//	walk ──▶ new ──path──▶ read ──text──▶ parse ──symbols──▶ outcomes ──▶ batches ──▶ write   (the database)
//	                         └──────────────┴──▶ refused ──▶ record ──┘
//
// Every arrow is a bounded queue, and a full one holds back whoever fills it, so the walk goes as fast as the slowest
// stage and the tree of files is never queued. A file that cannot be read or parsed is a dead letter of the stage it
// has failed in, and the reason is in the database too.
//
// What is in the database is done: "new" lets only the other files pass. So a run that was killed is gone on with, and
// a file that was under way then is handled again; writing it twice is writing it once, and a batch is written with all
// of its files or none. The package declares the pipeline; main puts it into a system. Start reading at [Declare].
package index
