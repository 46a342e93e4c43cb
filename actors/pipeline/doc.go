// Package pipeline builds pipelines of bounded stages: a source, operators, sinks, with back-pressure from end to end,
// and an acknowledgement for every item.
package pipeline
