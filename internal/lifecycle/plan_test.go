package lifecycle_test

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/troupe-go/troupe/actors"
	"github.com/troupe-go/troupe/supervision"
)

// planOf compiles a tree written as one line per node, supervisors (they have a budget) before their children:
//
//	/shop budget=3/10s strategy=rest-for-one
//	/shop/sessions group=3 budget=3/10s
//	/shop/workers pool=2/4 budget=3/10s
//	/shop/db restart=permanent start=10s
//	/shop/api on=/shop/db,/shop/log backoff=100ms/30s/1m
//
// and tasks as
//
//	task:pool phase=close after=/shop/api tasks=listener deadline=1s failure=abort
func planOf(lines []string) (plan *supervision.Plan, err error) {
	defer func() { // a mistake in a test's tree, say a number that does not parse
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()

	var (
		root  *supervision.Tree
		made  = make(map[string]supervision.Child)
		trees = make(map[string]*supervision.Tree)
		later []func()
		tasks taskLines
	)

	for _, line := range lines {
		where, fields := fieldsOf(line)

		if name, is := strings.CutPrefix(where, "task:"); is {
			tasks.add(name, fields)

			continue
		}

		on := namesOf(fields["on"])
		dependsOn := make([]supervision.Child, len(on))

		later = append(later, func() { // they may stand further down
			for i, name := range on {
				dependsOn[i] = made[name]
			}
		})

		var child supervision.Child

		if _, group := fields["group"]; group {
			child = groupOf(path.Base(where), fields, dependsOn)
		} else if _, pool := fields["pool"]; pool {
			child = poolOf(path.Base(where), fields, dependsOn)
		} else if _, supervisor := fields["budget"]; supervisor {
			t := treeOf(path.Base(where), fields, dependsOn)
			child, trees[where] = t, t
		} else {
			child = actorOf(path.Base(where), fields, dependsOn)
		}

		made[where] = child

		if root == nil {
			root = trees[where]
		} else {
			parent := trees[path.Dir(where)]
			parent.Children = append(parent.Children, child)
		}
	}

	for _, fill := range later {
		fill()
	}

	return supervision.Compile(*root, tasks.link(made)...)
}

// fieldsOf splits "name key=value key=value".
func fieldsOf(line string) (name string, fields map[string]string) {
	words := strings.Fields(line)
	fields = make(map[string]string)

	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		fields[key] = value
	}

	return words[0], fields
}

func treeOf(name string, fields map[string]string, on []supervision.Child) *supervision.Tree {
	return &supervision.Tree{
		Name: name, Restart: restartOf(fields["restart"]), Backoff: backoffOf(fields["backoff"]),
		DependsOn: on, Strategy: strategyOf(fields["strategy"]),
		Budget: budgetOf(fields["budget"]),
	}
}

func actorOf(name string, fields map[string]string, on []supervision.Child) supervision.Child {
	return supervision.Actor(name, noActor, specOf(fields, on))
}

func noActor(supervision.Deps) (actors.Actor[int], error) { return nil, errFake }

func specOf(fields map[string]string, on []supervision.Child) supervision.Spec {
	return supervision.Spec{
		Restart: restartOf(fields["restart"]), Backoff: backoffOf(fields["backoff"]),
		DependsOn: on,
		Deadlines: supervision.Deadlines{
			Start: durationOf(fields["start"]), Drain: durationOf(fields["drain"]),
			Flush: durationOf(fields["flush"]), Close: durationOf(fields["close"]),
		},
	}
}

// groupOf makes a group of "group=MAX"; restart types and back-off are those of its children.
func groupOf(name string, fields map[string]string, on []supervision.Child) supervision.Child {
	return supervision.DynamicGroup(name, func(supervision.Deps, int) (actors.Actor[int], error) { return nil, errFake },
		supervision.GroupSpec{
			MaxChildren: must(strconv.Atoi(fields["group"])), Child: specOf(fields, on), Budget: budgetOf(fields["budget"]),
		})
}

// poolOf makes a pool of "pool=SIZE/MAX".
func poolOf(name string, fields map[string]string, on []supervision.Child) supervision.Child {
	size, most, _ := strings.Cut(fields["pool"], "/")

	return supervision.Pool(name, noActor, supervision.PoolSpec[int]{
		Size: must(strconv.Atoi(size)), Max: must(strconv.Atoi(most)),
		Member: specOf(fields, on), Budget: budgetOf(fields["budget"]),
	})
}

func budgetOf(s string) supervision.Budget {
	restarts, within, _ := strings.Cut(s, "/")

	return supervision.Budget{Restarts: must(strconv.Atoi(restarts)), Within: must(time.ParseDuration(within))}
}

func namesOf(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func restartOf(s string) supervision.Restart {
	return map[string]supervision.Restart{
		"permanent": supervision.Permanent, "transient": supervision.Transient, "temporary": supervision.Temporary,
	}[s]
}

func strategyOf(s string) supervision.Strategy {
	return map[string]supervision.Strategy{
		"all-for-one": supervision.AllForOne, "rest-for-one": supervision.RestForOne,
		"dependents-for-one": supervision.DependentsForOne,
	}[s]
}

func backoffOf(s string) supervision.Backoff {
	if s == "none" {
		return supervision.Backoff{Initial: supervision.Immediately}
	}

	part := strings.Split(s+"//", "/")

	return supervision.Backoff{Initial: durationOf(part[0]), Max: durationOf(part[1]), Stable: durationOf(part[2])}
}

func durationOf(s string) time.Duration {
	if s == "" {
		return 0
	}

	return must(time.ParseDuration(s))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}

	return v
}
