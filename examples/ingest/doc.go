// Ingest reads an access log of Apache or nginx, in the common or the combined format, and adds it up per minute and
// per path in a SQLite database, without the visits of programs. The lines go through a stream of NATS JetStream,
// in the process or outside. Without -in it makes the log up.
//
//	ingest [-in FILE|-] [-name NAME] [-seed N] [-lines N]   read a file, the standard input, or made-up traffic
//	ingest -http HOST:PORT                                  take what is posted to /lines, until interrupted
//	ingest -list -db FILE                                   list the lines that could not be read
//	ingest -replay -db FILE                                 try them again, say with -vhost
//
// Besides: [-db FILE] [-nats URL] [-stream NAME] [-rate N] [-vhost] [-json] [-report FILE] [-grace TIME]. With -json it
// prints the totals and nothing else. The exit code is 0 if everything went well, 1 for a failure, 2 for wrong usage,
// and 3 if the stop was forced or somebody was given up on in it.
//
// # The tree
//
// As tree.go declares it; every stage depends on those behind it:
//
//	ingest
//	├── collect   lines ─► (rate) ─► publish ──┐         lines of a text; or requests or letters ─► split
//	│                                          ▼
//	│                                       stream       JetStream, on disk
//	│                                          │
//	├── count     stream ─► parse ─► bots ─► batch ─► totals
//	│                         └───► bad ─► letters       lines that cannot be read
//	└── http      → collect                              with -http
//
// # Each line once
//
// Both pipelines are at least once: after a crash, lines are published again that were in the stream already, and
// delivered again that were counted already. So every line has a name that stays: its source and its number there. The
// transaction that adds a batch of lines to the sums adds their names to those that are counted, as runs of numbers,
// and leaves out what is there (package totals). Visits of programs go through all of it, to be counted as such; a
// filter would leave holes in the runs.
//
//   - A text has its offset committed when its lines are in the stream (DB.offsets). A file is known by its path and
//     its first line; a text from the standard input by -name, or else it is a new one each time.
//   - A message is acknowledged, and leaves the stream (DB.stream), when its line is in the database, or on disk as a
//     dead letter (DB.letters).
//   - A dead letter that is replayed leaves that file when its line is in the stream again.
//   - Lines of a request are in the pipeline when it is answered 202. A stop loses none of them: what it has no time
//     for is a dead letter. SIGKILL does, so a client that must know sends an Idempotency-Key, and sends again.
//
// The stream holds 100,000 lines. If the database is behind, publishing waits, then whoever reads, and clients are
// answered 429.
package main
