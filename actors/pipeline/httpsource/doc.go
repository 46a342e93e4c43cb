// Package httpsource is a source of a pipeline that is fed by HTTP requests. It is an [net/http.Handler]: the program
// mounts it where it likes, and uses it as the source of a pipeline.
//
//	request ──► decode ──► waits for the pipeline ──► Pull: the pipeline has it ──► 202
//	              │ 400, 413        │ 429, 503
//
// A request is answered only when it is known what has become of it, and 202 says that the pipeline has the item: it
// will be acknowledged or dead-lettered like any other, also if the pipeline is stopped now. It does not say that it is
// sunk: a crash of the process loses what is under way. A client that got no answer may send again, so items should
// have a key by which a sink knows them.
//
// Start reading at [New].
package httpsource
