// Package plugin runs extensions that other people have written, in the host's process or in one of their own, so that
// none of them can take the host down. They are negotiated with, supervised, limited, upgraded and, if need be,
// quarantined, while the host stays ready.
//
//	geo, err := plugin.New("geo", plugin.Process(program), plugin.Spec{})
//	tree := supervision.Tree{Children: supervision.On(geo.Tree(), ingest), …}
//	ingest := supervision.Actor("ingest", func(in supervision.Deps) (*Ingest, error) {
//		return NewIngest(geo.From(in)), nil
//	}, supervision.Spec{DependsOn: geo.On()})
//
//	answer, err := handle.Call(ctx, plugin.Message{Type: "line", Payload: line})
//
// A plugin implements [Plugin], with at most five optional interfaces of one method each. The same source is served in
// the process by [InProcess], or as a program by [Serve], which the host starts with [Process]. A [Slot] is a place in
// the tree for a plugin that is known when the tree is declared, a [Host] has places for those that are loaded later;
// [Discover] finds programs in a directory.
//
//	             ┌ desk: loads, upgrades, quarantines, releases
//	Slot ────────┤
//	             └ run: the supervisor with the plugin's budget
//	                 └ instance: mailbox ─▶ slots ─▶ breaker ─▶ Plugin.Handle, here or in a process
//	Handle.Call ──────────────▶ ┘               guard: late? hangs? gone?
//
// docs/plugins.md says how to write one, what the protocol promises, and what isolation gives and what it does not.
// Start reading at contract.go and slot.go; instance.go and guard.go are how calls are contained, remote.go and
// process.go what is behind a plugin in a process of its own.
package plugin
