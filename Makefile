# Tiny Dancer. "make" lists what can be made.

PG_CONFIG ?= pg_config
GO ?= go

EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" pg/tinydancer.control)
GOLIB := libtinydancer-$(EXTVERSION).so
STAGE := $(CURDIR)/build/stage
TEST_STAGE := $(CURDIR)/build/stage-provoke

# Go's own preemption signal is left alone: its threads would swallow the
# SIGURG by which PostgreSQL wakes a backend. How many processors there are is
# not asked of the control group, which would keep its files open: the library
# says it itself. See docs/adr/0002.
GOLIB_LDFLAGS := -s -w -X runtime.godebugDefault=asyncpreemptoff=1,containermaxprocs=0,updatemaxprocs=0
TOOL := $(GO) tool -modfile=tools/go.mod

.DEFAULT_GOAL := help
.PHONY: help deps build install demo demo-stop test lint bench eval fuzz clean FORCE

help: ## list what can be made
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

deps: ## install what is missing: PostgreSQL, its headers, a C compiler (Debian)
	@PG_CONFIG='$(PG_CONFIG)' scripts/dependencies.sh

build: $(STAGE)/.done build/tinydancer ## build the extension and the command line, into build/

build/$(GOLIB): FORCE
	@mkdir -p build
	$(GO) build -buildmode=c-shared -trimpath -ldflags '$(GOLIB_LDFLAGS)' -o $@ ./cmd/libtinydancer

build/provoke/$(GOLIB): FORCE
	@mkdir -p build/provoke
	$(GO) build -tags provoke -buildmode=c-shared -trimpath -ldflags '$(GOLIB_LDFLAGS)' -o $@ ./cmd/libtinydancer

build/tinydancer: FORCE
	@if [ -d cmd/tinydancer ]; then $(GO) build -trimpath -o $@ ./cmd/tinydancer; fi

PGXS_MAKE = $(MAKE) -s -C pg PG_CONFIG='$(PG_CONFIG)' with_llvm=no

# What "make install" would put into the file system, under build/stage: the
# demo and the tests run PostgreSQL on it and leave the system alone.
$(STAGE)/.done: build/$(GOLIB) FORCE
	@$(PGXS_MAKE) all
	@rm -rf $(STAGE) && $(PGXS_MAKE) install DESTDIR=$(STAGE) >/dev/null
	@touch $@

# The same with a Go library that panics when it is told to.
$(TEST_STAGE)/.done: $(STAGE)/.done build/provoke/$(GOLIB)
	@rm -rf $(TEST_STAGE) && cp -a $(STAGE) $(TEST_STAGE)
	@cp build/provoke/$(GOLIB) '$(TEST_STAGE)'"$$($(PG_CONFIG) --pkglibdir)/$(GOLIB)"
	@touch $@

install: build/$(GOLIB) ## install the extension into the PostgreSQL of pg_config
	@$(PGXS_MAKE) all
	@$(PGXS_MAKE) install

demo: deps build ## start a private cluster in ./.pg and route recorded requests
	@PG_CONFIG='$(PG_CONFIG)' build/tinydancer demo --stage $(STAGE) --directory .pg $(if $(OUTCOMES),--outcomes '$(OUTCOMES)')

demo-stop: build/tinydancer ## stop the demo's cluster and remove it
	@build/tinydancer demo --stop --directory .pg

test: build $(TEST_STAGE)/.done ## run every test
	@PG_CONFIG='$(PG_CONFIG)' GO='$(GO)' scripts/test.sh

lint: ## go vet, staticcheck, gofumpt; the C with all warnings as errors
	@GO='$(GO)' PG_CONFIG='$(PG_CONFIG)' scripts/lint.sh

bench: build ## measure, and print the ratios that docs/performance.md shows
	@PG_CONFIG='$(PG_CONFIG)' GO='$(GO)' bench/run.sh

eval: build/tinydancer ## learn from recorded outcomes, and show what that brings
	@scripts/eval.sh

fuzz: ## fuzz every parser and format, a minute each
	@GO='$(GO)' scripts/fuzz.sh

clean: ## remove what was built
	@rm -rf build
	@if $(PG_CONFIG) --pgxs >/dev/null 2>&1; then $(PGXS_MAKE) clean >/dev/null; fi
