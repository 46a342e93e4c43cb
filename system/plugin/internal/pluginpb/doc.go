// Package pluginpb is the protocol between a host and a plugin in a process of its own, as protobuf and gRPC.
//
// After a change of plugin.proto run `go generate` here. It needs Go only: buf, which is built for it, compiles the
// file, and the generators are that of the protobuf module in go.mod and that of gRPC. `make generated` checks that
// what is here is what they make.
package pluginpb

//go:generate go run github.com/bufbuild/buf/cmd/buf@v1.57.2 generate
