# bulkdemerge: everything that a person or CI does with the tree. Go and make
# are enough for build, test, demo and fuzz; the other targets say what they
# need. `make help` lists them.

GO ?= go
BIN := bin
# The race detector needs a C compiler; without one the tests still run.
RACE := $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)
FUZZTIME ?= 20s
SOAKTIME ?= 10m

# The linters and the release tool, pinned. They are built into bin/ by `make
# tools`, once; after that they run without a network.
GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
GORELEASER_VERSION := v2.16.0
CYCLONEDX_VERSION := v1.10.0
GOLANGCI_LINT := $(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION)/golangci-lint
GOVULNCHECK := $(BIN)/govulncheck-$(GOVULNCHECK_VERSION)/govulncheck
GORELEASER := $(BIN)/goreleaser-$(GORELEASER_VERSION)/goreleaser
CYCLONEDX := $(BIN)/cyclonedx-gomod-$(CYCLONEDX_VERSION)/cyclonedx-gomod

.DEFAULT_GOAL := build
.PHONY: build test check cross demo bench soak fuzz lint vuln tools snapshot test-browser picture clean help

build: ## build bin/bulkdemerge
	$(GO) build -trimpath -o $(BIN)/bulkdemerge ./cmd/bulkdemerge

test: check ## formatting, vet, all tests with -race; lint if `make tools` was run
	@[ -n "$(RACE)" ] || echo "race detector: no C compiler, tests run without it"
	$(GO) test $(RACE) ./...
	@if [ -x $(GOLANGCI_LINT) ]; then $(MAKE) --no-print-directory lint; \
	else echo "lint: not installed, skipped (make tools installs it)"; fi

check:
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...

cross: ## vet for the systems that releases are built for, and one more Unix
	GOOS=windows $(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	GOOS=freebsd $(GO) vet ./...

demo: ## 200,000 identities, a kill -9 half-way, a rerun, both sides' books
	$(GO) build -o demo/bulkdemerge$(shell $(GO) env GOEXE) ./cmd/bulkdemerge
	$(GO) run ./scripts/demo -bin demo/bulkdemerge$(shell $(GO) env GOEXE) -dir demo

bench: ## everything measured beside its peers, into BENCHMARKS.md
	sh bench/run.sh

soak: ## kill and resume for SOAKTIME (10m), then check the books
	BULKDEMERGE_SOAK=$(SOAKTIME) $(GO) test -count=1 -timeout 0 -run Soak -v ./test/...

fuzz: ## each fuzz target for FUZZTIME (20s)
	@sh scripts/fuzz.sh $(FUZZTIME)

tools: $(GOLANGCI_LINT) $(GOVULNCHECK) ## build the pinned linters into bin/ (network, once)

lint: $(GOLANGCI_LINT) ## golangci-lint with .golangci.yml
	$(GOLANGCI_LINT) run ./...

vuln: $(GOVULNCHECK) ## known vulnerabilities (asks the Go vulnerability database)
	@$(GOVULNCHECK) ./...; code=$$?; \
	case $$code in 0) ;; 3) exit 3;; \
	*) echo "vuln: not checked, the database could not be asked (exit $$code)"; exit $$code;; esac

snapshot: $(GORELEASER) $(CYCLONEDX) ## all release files into dist/, nothing published
	PATH="$(abspath $(dir $(CYCLONEDX))):$$PATH" $(GORELEASER) release --snapshot --clean

test-browser: ## the report page in headless Chromium (installs it where it can)
	sh test/browser/install.sh
	$(GO) test -count=1 -tags browser ./test/browser/

picture: ## record docs/terminal.svg from a real run
	$(GO) build -o demo/bulkdemerge ./cmd/bulkdemerge
	$(GO) run ./scripts/picture -bin demo/bulkdemerge -dir demo -o docs/terminal.svg

clean: ## remove what these targets made, the tools in bin/ aside
	rm -rf demo dist $(BIN)/bulkdemerge

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' Makefile

# each tool has a folder of its own that holds its version in its name
define install
	GOBIN=$(abspath $(@D)) $(GO) install $(1)
endef

$(GOLANGCI_LINT):
	$(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION))

$(GOVULNCHECK):
	$(call install,golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION))

$(GORELEASER):
	$(call install,github.com/goreleaser/goreleaser/v2@$(GORELEASER_VERSION))

$(CYCLONEDX):
	$(call install,github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@$(CYCLONEDX_VERSION))
