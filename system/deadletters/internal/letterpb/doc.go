// Package letterpb is the format of the file that package deadletters keeps, as protobuf.
//
// After a change of letter.proto run `go generate` here. It needs Go only: buf, which is built for it, compiles the
// file, and the generator is that of the protobuf module in go.mod.
package letterpb

//go:generate go run github.com/bufbuild/buf/cmd/buf@v1.57.2 generate
