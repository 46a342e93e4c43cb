// Package telemetry turns the figures of a shutdown report into OpenTelemetry metrics. They are emitted once, when the
// report is made; nothing is measured on the message path.
//
//	options := system.Options{OnReport: telemetry.Emit(provider)}
//
// The metrics, all with the attribute system:
//
//	troupe.shutdown.phase.duration   s          by phase
//	troupe.shutdown.messages         {message}  by outcome: accepted, processed, failed, dropped, drained, …
//	troupe.shutdown.dead_letters     {message}  by reason
//	troupe.shutdown.tasks            {task}     by state: done, failed, abandoned, skipped
//	troupe.shutdown.unpublished      {message}
//	troupe.shutdown.restarts         {restart}
//	troupe.shutdown.abandoned        {actor}
//	troupe.shutdown.unaccounted      {message}  0, or there is a bug
package telemetry
