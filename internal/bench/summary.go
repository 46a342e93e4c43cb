package main

import "slices"

// summary is what is printed of a series.
type summary struct {
	contender string
	// throughput in operations per second.
	median, lowest, highest float64
	// nanoseconds per operation, of the median run.
	nanoseconds float64
	// allocations per operation, of the median run.
	allocations float64
	// bytes held per operation, of the median run.
	bytes float64
}

// summaries returns one of every contender, ours first.
func (r result) summaries() []summary {
	all := make([]summary, len(r.series))
	for i, s := range r.series {
		all[i] = summarize(s)
	}

	return all
}

// summarize makes figures of at least one sample.
func summarize(s series) summary {
	rates := make([]float64, len(s.samples))
	allocations := make([]float64, len(s.samples))
	bytes := make([]float64, len(s.samples))

	for i, one := range s.samples {
		rates[i] = one.rate()
		allocations[i] = one.allocations()
		bytes[i] = one.bytes()
	}

	m := median(rates)

	return summary{
		contender: s.contender,
		median:    m, lowest: slices.Min(rates), highest: slices.Max(rates),
		nanoseconds: 1e9 / m,
		allocations: median(allocations),
		bytes:       median(bytes),
	}
}

// rate returns operations per second.
func (s sample) rate() float64 { return float64(s.ops) / s.elapsed.Seconds() }

// nanoseconds returns the time of one operation.
func (s sample) nanoseconds() float64 { return float64(s.elapsed.Nanoseconds()) / float64(s.ops) }

// allocations returns how many there were per operation.
func (s sample) allocations() float64 { return float64(s.mallocs) / float64(s.ops) }

// bytes returns how many are held per operation.
func (s sample) bytes() float64 { return float64(s.held) / float64(s.ops) }

// median returns the middle of at least one value, or the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2

	if len(sorted)%2 == 1 {
		return sorted[middle]
	}

	return (sorted[middle-1] + sorted[middle]) / 2
}

// ratio returns our throughput over theirs, of the medians.
func ratio(ours, theirs summary) float64 { return ours.median / theirs.median }
