// Package pipelinetest puts the connectors of pipelines to the test in pipelines that a system runs: [Start] and [Stop]
// run one, and a [Ledger] between the pipeline and a source keeps the accounts of what the source was told.
package pipelinetest
