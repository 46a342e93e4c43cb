package console

import "time"

func Count(n int64) string            { return count(n) }
func Bytes(n uint64) string           { return bytes(n) }
func Rate(perSecond float64) string   { return rate(perSecond) }
func Duration(d time.Duration) string { return duration(d) }

func HighWater(status string) (uint64, bool) { return highWater(status) }
