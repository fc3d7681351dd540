# What can be done here; `make` alone explains it.
# tox.ini runs the same rules in an environment of its own: it empties STAMP and sets BIN.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
PYTHON3 := $(or $(shell command -v python3.11),python3)
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/raymesh
ACTIONLINT := $(CACHE)/lint-tools/actionlint
ARGS :=

.PHONY: help
help:
	@echo 'raymesh proves that Ray runs inside an Istio mesh: mTLS, gRPC traces, declared ports.'
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo 'What is missing (virtual environment, tools, engine, images) is set up on the way; what is there is kept.'
	@echo 'More words for pytest:  make e2e ARGS="--keep-cluster yes -k mtls"   all options: make options'

.PHONY: venv
venv: $(STAMP)  ## the virtual environment, from hashed pins

$(VENV)/installed: requirements/dev.txt pyproject.toml
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2> /dev/null || { \
	  echo "make: Python 3.11 is needed (Ray of lane seed has wheels for no newer one); $(PYTHON3) is" \
	    "$$($(PYTHON3) --version 2> /dev/null || echo missing)" >&2; \
	  echo '  cure: apt-get install python3 python3-venv on Debian 12, or put a python3.11 on PATH' >&2; \
	  exit 1; }
	$(PYTHON3) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --timeout=30 --retries=2 \
	  --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: test lint types unit docs
test: lint types unit docs  ## the fast suite: lint, types, unit tests, docs; no cluster, no Docker

lint: $(STAMP) $(ACTIONLINT)  ## ruff over the code, actionlint and zizmor over workflows and action
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(ACTIONLINT) -shellcheck= -pyflakes= .github/workflows/*.yaml
	$(BIN)/zizmor --offline --quiet .github/workflows action.yml

types: $(STAMP)  ## mypy, strict
	$(BIN)/mypy

unit: $(STAMP)  ## unit tests, on every core
	$(BIN)/python -m pytest -n auto $(ARGS)

docs: .venv-docs/installed  ## the documentation site in site/; a link that leads nowhere fails
	.venv-docs/bin/mkdocs build --strict --site-dir site

.venv-docs/installed: requirements/docs.txt
	$(PYTHON3) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check --timeout=30 --retries=2 \
	  --require-hashes -r requirements/docs.txt
	@touch $@

.PHONY: fuzz
fuzz: $(STAMP)  ## coverage-guided fuzzing of readers, fixers and mergers, a minute long; ARGS="-max_total_time=600"
	PYTHONPATH=. $(BIN)/python tests/fuzz/manifests.py $(ARGS)

.PHONY: ports registry e2e faults report-test options
ports: $(STAMP)  ## real Ray on this machine against the port contract; no cluster
	$(BIN)/python -m pytest -m ports $(ARGS)

registry: $(STAMP)  ## a real container registry on loopback, with TLS and a login, and pulling from it; no cluster
	$(BIN)/python -m pytest -m registry $(ARGS)

e2e: $(STAMP)  ## the guide on a real cluster, and the proof; sets up engine and images where they are missing
	$(BIN)/python -m pytest -m e2e $(ARGS)

faults: $(STAMP)  ## every fault that is known, on one cluster: which verdicts each turns red; an hour or more
	$(BIN)/python -m pytest -m faults $(ARGS)

report-test: $(VENV)/report  ## report.html in a real browser, Chromium, with an accessibility checker; no cluster
	$(BIN)/python -m pytest -m report $(ARGS)

$(VENV)/report: requirements/report.txt $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --timeout=30 --retries=2 \
	  --require-hashes -r requirements/report.txt
	@touch $@

options: $(STAMP)  ## the options of `make e2e` and what they take
	@$(BIN)/python -m pytest --help | awk '/^raymesh:/ {show = 1} show && /^$$/ {exit} show'

.PHONY: crash-test crash-test-cluster
crash-test: $(STAMP)  ## kill raymesh's work at many points, in boxes; does the next run mend it? takes root, no cluster
	$(BIN)/python -B -m tests.crash.matrix $(ARGS)

crash-test-cluster: $(STAMP)  ## the same with real runs on a real cluster: some minutes a point
	$(BIN)/python -B -m tests.crash.cluster $(ARGS)

.PHONY: clean-lab clean-caches
clean-lab: $(STAMP)  ## remove clusters, private engine, network namespaces: all that a run can leave running
	$(BIN)/python -m raymesh.commands.main clean

clean-caches: $(STAMP)  ## the same, and all that was downloaded or built: the next run is a cold one
	$(BIN)/python -m raymesh.commands.main clean --caches

# What needs neither cluster nor Linux, for any Python from 3.11 on: an environment of its own, from no pins.
PORTABLE := lint manifests generate ports commands/test_lint.py commands/test_live.py commands/test_main.py \
  test_pytest_plugin.py test_pre_commit.py test_package.py
OF_A_CLUSTER := manifests/test_patching.py ports/test_one_truth.py
.PHONY: portable package
portable:  ## unit tests of linter and generator with another Python: make portable PYTHON3=python3.14
	$(PYTHON3) -m venv --clear .venv-portable
	.venv-portable/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	.venv-portable/bin/python -m pip install --quiet --disable-pip-version-check --group portable --editable .
	.venv-portable/bin/python -m pytest --confcutdir=tests/unit $(addprefix --ignore=tests/unit/,$(OF_A_CLUSTER)) \
	  $(wildcard $(addprefix tests/unit/,$(PORTABLE))) $(ARGS)

package: $(STAMP)  ## sdist and wheel in dist/: the same bytes from the same commit, checked
	$(BIN)/python .ci/package.py dist
	$(BIN)/twine check --strict dist/*

.PHONY: requirements
requirements:  ## pin anew what requirements/*.in ask for
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	$(PYTHON3) -m venv "$$tools" && \
	"$$tools"/bin/pip install --quiet --disable-pip-version-check pip-tools && \
	for name in dev docs report; do \
	"$$tools"/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url \
	  --no-emit-trusted-host --no-emit-find-links --no-emit-options --no-header \
	  --output-file requirements/$$name.txt requirements/$$name.in || exit; done

$(ACTIONLINT): images/lint-tools/go.mod images/lint-tools/go.sum
	@command -v go > /dev/null || { echo 'make: linting workflows takes Go 1.26 or newer: put `go` on PATH' >&2; exit 1; }
	@mkdir -p $(@D)
	cd images/lint-tools && CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=readonly GOCACHE=$(CACHE)/go-build \
	  timeout 900 go build -trimpath -buildvcs=false -o $(@D)/ tool || { \
	  echo 'make: no actionlint; does the Go module proxy answer? see `go env GOPROXY`' >&2; exit 1; }
	@touch $@
