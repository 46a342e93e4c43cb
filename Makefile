# Everything needs Go only: the linter is built from the version pinned in .tools/go.mod the first time it is used.
# `make help` lists the targets.

# Arguments for the program that `make run` or `make bench` starts, as in: make run ARGS='-query NewReader'
ARGS ?=
# More flags for go test, as in: make test TESTFLAGS='-count=10'
TESTFLAGS ?=
# How long `make fuzz` spends on each target.
FUZZTIME ?= 10s

GO ?= go
TOOL = $(GO) tool -modfile=.tools/go.mod

# The race detector needs a C compiler on Linux, and Go sets CGO_ENABLED to 0 where it finds none. There the tests run
# without it, and say so; .ci/run passes RACE=-race, so that it cannot go missing in CI.
RACE ?= $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)

# What the make targets build and write; ignored by git.
CACHE = .cache

# What `make examples` passes to a program beside -report. An example without a line here runs with its defaults.
ARGS_indexer = -root "$$($(GO) env GOROOT)/src/net" -db "$$tmp/index.db" -query Listen
ARGS_shop = -orders 200
ARGS_deadletters = -dir "$$($(GO) env GOROOT)/src" -db "$$tmp/letters.db"
ARGS_plugins = -lines 2000
ARGS_ingest = -db "$$tmp/totals.db" -lines 20000
ARGS_chaos = -seed 1 -duration 3s

.DEFAULT_GOAL := help

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: ## run the main example: index GOROOT into .cache/index.db, or query that index (ARGS='-query NAME')
	@mkdir -p $(CACHE)
	$(GO) build -o $(CACHE)/indexer ./examples/indexer
	@exec $(CACHE)/indexer -db $(CACHE)/index.db $(ARGS)

.PHONY: test
test: vet ## run all tests in random order under the race detector (TESTFLAGS='-run Name -count=10')
	@test -n "$(RACE)" || echo "make test: no C compiler, so the race detector is off" >&2
	@test -n "$$TROUPE_POSTGRES_URL" || ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 || \
		echo "make test: no PostgreSQL, so sqlsink is NOT tested with it (apt-get install postgresql)" >&2
	$(GO) test $(RACE) -shuffle=on $(TESTFLAGS) ./...

.PHONY: vet
vet: ## run go vet
	$(GO) vet ./...

.PHONY: lint
lint: lint-format lint-modules lint-code ## check formatting, modules and code (the first run builds the linter: 2 minutes)

.PHONY: lint-format
lint-format: ## check that gofmt would change nothing
	@changed=$$(find . -name '*.go' -not -path './.*' -not -path '*/testdata/*' -exec gofmt -l {} +) || exit 1; \
	if [ -n "$$changed" ]; then echo "not formatted, run make fmt:" >&2; echo "$$changed" >&2; exit 1; fi

.PHONY: lint-modules
lint-modules: ## check that go.mod and go.sum are tidy and the downloaded modules are what they say
	$(GO) mod tidy -diff
	$(GO) mod verify

.PHONY: lint-code
lint-code: ## run golangci-lint as .golangci.yml says
	$(TOOL) golangci-lint run ./...

.PHONY: generated
generated: ## check that the generated code is what its generators make of its sources (the first run builds buf: 2 minutes)
	@set -e; for dir in $(GENERATED); do \
		tmp=$$(mktemp -d); cp $$dir/* "$$tmp"; $(GO) generate ./$$dir; \
		for file in $$dir/*.pb.go; do \
			cmp "$$tmp/$$(basename $$file)" $$file || { echo "$$file is not current: commit what go generate made" >&2; exit 1; }; \
		done; rm -rf "$$tmp"; \
	done

# Every folder with a .proto file.
GENERATED = $(patsubst %/,%,$(sort $(dir $(wildcard system/*/internal/*/*.proto))))

.PHONY: fmt
fmt: ## format all Go code and tidy go.mod
	$(TOOL) golangci-lint fmt ./...
	$(GO) mod tidy

.PHONY: bench
bench: ## compare with protoactor-go and a Go channel, as ratios; every run into .cache/bench.txt (ARGS=-smoke: a quick check)
	$(GO) run ./internal/bench $(ARGS)

.PHONY: fuzz
fuzz: ## run every fuzz target for 10 seconds each (FUZZTIME=1m)
	@list=$$($(GO) test -list '^Fuzz' ./...) || { echo "$$list" >&2; exit 1; }; \
	echo "$$list" | awk '/^Fuzz/ {name[n++] = $$1} /^ok/ {for (i = 0; i < n; i++) print $$2, name[i]; n = 0}' | { \
		while read -r package name; do \
			echo "$$package $$name"; \
			$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$package" < /dev/null || exit 1; \
		done; }

.PHONY: examples
examples: ## build and run every example briefly and check that its report accounts for every message
	@mkdir -p $(CACHE)/bin
	$(GO) build -o $(CACHE)/bin/ ./examples/...
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && set -eu; \
	$(foreach name,$(EXAMPLES), \
		echo "== $(name)"; \
		$(CACHE)/bin/$(name) -report "$$tmp/$(name).json" $(ARGS_$(name)) < /dev/null; \
		grep -Eq '"unaccounted": *0\b' "$$tmp/$(name).json" && ! grep -E '"unaccounted": *-?[1-9]' "$$tmp/$(name).json" || \
			{ echo "$(name): its report does not say that 0 messages are unaccounted for" >&2; exit 1; };) \
	echo "examples: $(words $(EXAMPLES)) ran, every message accounted for: $(EXAMPLES)"

# Every folder in examples/ that holds a program.
EXAMPLES = $(patsubst examples/%/main.go,%,$(wildcard examples/*/main.go))

.PHONY: docs
docs: vet ## check the documentation: examples compile and print what they say, every public package has godoc
	$(GO) test -run '^Example' ./...
	@missing=$$($(GO) list -f '{{if not .Doc}}{{.ImportPath}}{{end}}' ./...) || exit 1; \
	if [ -n "$$missing" ]; then echo "no package comment:" >&2; echo "$$missing" >&2; exit 1; fi
	@for package in $$($(GO) list ./... | grep -v -e /internal/ -e /examples/); do \
		$(GO) doc -all "$$package" > /dev/null || exit 1; \
	done

.PHONY: ci
ci: ## run all that CI runs, as it does
	.ci/run

.PHONY: clean
clean: ## remove what the other targets have built and written
	rm -rf $(CACHE)
