// Package totals keeps in an SQL database what the lines of access logs add up to: each line once, however often it
// comes.
//
// A line is known by its source and its number there. The transaction that adds a batch of visits to the sums also adds
// their numbers to those that are counted, as runs of numbers, so that what comes again is recognised, whoever was
// killed meanwhile.
//
// Start reading at [Add].
package totals
