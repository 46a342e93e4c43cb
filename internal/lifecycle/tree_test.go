package lifecycle_test

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// drawTree draws a tree in the language of planOf: at most three levels and a dozen nodes.
func drawTree(t *rapid.T) []string {
	var lines, earlier []string

	// Who stands further up may be depended on, so that there is no cycle.
	dependencies := func(path string) string {
		var on []string

		for _, e := range earlier {
			if !strings.HasPrefix(path, e+"/") && rapid.IntRange(0, 3).Draw(t, "depends") == 3 {
				on = append(on, e)
			}
		}

		if len(on) == 0 {
			return ""
		}

		return " on=" + strings.Join(on, ",")
	}

	var grow func(path string, depth int)

	grow = func(path string, depth int) {
		on := dependencies(path)
		earlier = append(earlier, path)

		if depth > 0 && (depth == 3 || rapid.IntRange(0, 2).Draw(t, "supervisor") != 2) {
			lines = append(lines, path+on+drawCrowd(t)+drawActor(t))

			return
		}

		lines = append(lines, path+on+drawSupervisor(t))

		for i := range rapid.IntRange(1-depth/2, 3).Draw(t, "children") {
			grow(fmt.Sprintf("%s/%c", path, 'a'+i), depth+1)
		}
	}

	grow("/r", 0)

	return append(lines, drawTasks(t, earlier[1:])...)
}

func drawSupervisor(t *rapid.T) string {
	strategy := rapid.SampledFrom([]string{
		"", " strategy=all-for-one", " strategy=rest-for-one", " strategy=dependents-for-one",
	}).Draw(t, "strategy")

	return fmt.Sprintf(" budget=%d/%dms%s%s%s", rapid.IntRange(0, 5).Draw(t, "budget"),
		rapid.SampledFrom([]int{100, 20, 500}).Draw(t, "within"), strategy, drawRestart(t), drawBackoff(t))
}

// drawCrowd makes a group or a pool of what would be one actor, now and then.
func drawCrowd(t *rapid.T) string {
	crowd := rapid.SampledFrom([]string{"", "", "", " group=3", " pool=2/3"}).Draw(t, "crowd")
	if crowd == "" {
		return ""
	}

	return fmt.Sprintf("%s budget=%d/100ms", crowd, rapid.IntRange(0, 3).Draw(t, "budget"))
}

func drawActor(t *rapid.T) string {
	fields := []string{drawRestart(t) + drawBackoff(t)}

	for _, deadline := range []string{"start", "drain", "flush", "close"} {
		if ms := rapid.SampledFrom([]int{0, 20, 100}).Draw(t, deadline); ms > 0 {
			fields = append(fields, fmt.Sprintf("%s=%dms", deadline, ms))
		}
	}

	return strings.Join(fields, " ")
}

func drawRestart(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", " restart=permanent", " restart=temporary"}).Draw(t, "restart")
}

func drawBackoff(t *rapid.T) string {
	return rapid.SampledFrom([]string{" backoff=none", " backoff=10ms/40ms/100ms"}).Draw(t, "backoff")
}
