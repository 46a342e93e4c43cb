package console

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// count returns n with a comma before every third digit: "-1,234,567".
func count[N int | int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// bytes returns n in the largest binary unit of which there is at least one: "61.4 MiB".
func bytes(n uint64) string {
	if n < 1<<10 {
		return strconv.FormatUint(n, 10) + " B"
	}
	units := []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	value, unit := float64(n)/(1<<10), 0
	// From 1023.95 on, one decimal would show 1024.0.
	for value >= 1023.95 && unit < len(units)-1 {
		value /= 1 << 10
		unit++
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}

// rate returns files a second, with a decimal below 100. A run that took no time has no rate: "-".
func rate(perSecond float64) string {
	switch {
	case math.IsNaN(perSecond) || math.IsInf(perSecond, 0) || perSecond < 0:
		return "-"
	case perSecond < 99.95:
		return fmt.Sprintf("%.1f files/s", perSecond)
	default:
		return count(int64(math.Round(perSecond))) + " files/s"
	}
}

// duration rounds d to what a person reads: three digits or so.
func duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	default:
		return d.Round(time.Second).String()
	}
}
