// Package files connects pipelines with files: lines of a file or of any reader as a source, the files of a tree as a
// source, and a file that is only ever appended to as a sink.
//
//	source  Lines(path)      a line an item; the offset is kept in a file of its own, and a restart goes on there
//	source  Stream(open)     the same of any reader, such as the standard input or a decompressor
//	source  Walk(fsys)       a file of an [io/fs.FS] an item, such as that of an [os.Root]
//	sink    Append(path)     an item a line; all of a Write or nothing, on disk before the items are acknowledged
//
// All of them are at least once: the offset that is kept never passes an item that is not done, so what was under way
// in a crash is handed out again. Nothing is checked or opened before Open. Start reading at [Lines].
package files
