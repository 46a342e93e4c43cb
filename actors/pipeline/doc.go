// Package pipeline builds pipelines of bounded stages: a source, operators, sinks, with back-pressure from end to end,
// and an acknowledgement for every item.
//
//	p := pipeline.New("ingest", pipeline.Options{Budget: supervision.Budget{Restarts: 5, Within: time.Minute}})
//	lines := pipeline.From(p, "lines", source)
//	parsed := pipeline.Map(lines, "parse", parse, pipeline.Stage{Workers: 2, Timeout: time.Second})
//	pipeline.To(parsed, "db", sink, pipeline.Stage{})
//
//	shop := supervision.Tree{Name: "shop", Budget: budget, Children: []supervision.Child{ledger, p}}
//
// A pipeline is a subtree: each stage is a supervised actor that depends on those behind it, so that a stop runs it
// empty from the source to the sinks. Items go from one stage's queue to the next in handfuls, as many as there are and
// never waiting for more, and stay there when a stage restarts.
//
// Start reading at pipeline.go and map.go; worker.go is what a stage does, inflight.go what is acknowledged,
// opening.go how it starts.
package pipeline
