package system

import (
	"bytes"
	"encoding/json"
	"runtime/pprof"
	"strconv"
	"strings"

	"github.com/troupe-go/troupe/internal/node"
)

// stackKey names the goroutines of one runner of an actor: only its last incarnation can hang.
type stackKey struct {
	path  string
	since uint64 // its first incarnation
}

// goroutineStacks returns the stacks of all goroutines that bear an actor's labels. It looks at every goroutine of
// the process once, which costs milliseconds with thousands of them.
func goroutineStacks() map[stackKey]string {
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		return nil
	}

	return parseStacks(b.String())
}

// parseStacks reads a goroutine profile in its text form: blocks of a count with addresses, a line of labels as JSON,
// and one line per call.
func parseStacks(profile string) map[stackKey]string {
	stacks := make(map[stackKey]string)

	for block := range strings.SplitSeq(profile, "\n\n") {
		_, rest, found := strings.Cut(block, "# labels: ")
		if !found {
			continue
		}

		line, calls, _ := strings.Cut(rest, "\n")

		var labels map[string]string
		if json.Unmarshal([]byte(line), &labels) != nil {
			continue
		}

		since, err := strconv.ParseUint(labels[node.LabelSince], 10, 64)
		if err != nil {
			continue
		}

		key := stackKey{labels[node.LabelActor], since}
		if stacks[key] != "" {
			stacks[key] += "\n"
		}

		stacks[key] += calls
	}

	return stacks
}
