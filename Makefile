# Homeostat. `make` alone prints this list.
# Prerequisites (Debian 12): git make python3-venv

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
PIP := $(PY) -m pip --disable-pip-version-check --require-virtualenv

# Real parts the tests are run against. Installed by `make test` itself where it may.
# libatomic1: what drives the browser (playwright brings a Node.js) is linked against it.
TEST_PACKAGES := git prometheus prometheus-alertmanager mosquitto chromium libatomic1
BENCH_PACKAGES := prometheus-alertmanager mosquitto wrk

CODE := agent plugins tests docs
# Tests misspell on purpose: they try what is said about it.
PROSE := agent plugins runbooks docs deploy Makefile README.md CHANGELOG.md CONTRIBUTING.md
RIGHT := unparseable,froms,iif,notin

.PHONY: help setup setup-run editor fmt fmt-check lint types runbooks laws house check test cluster-test bench rails-mutation learning-proof signals-proof demo docs docs-check lock sbom manifests clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

# --- environment: stamp files, so that a second call is quick -------------------------------

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Homeostat needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.12 ..." >&2; exit 2; }
	@echo "setup: $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo "Creating the virtual environment failed. On Debian: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 2; }

# What the daemon and the demo need; a first `make demo` waits for no more than this.
$(VENV)/.run: requirements-run.lock | $(PY)
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null
	@echo "setup: $$(grep -c == requirements-run.lock) packages from requirements-run.lock"
	@$(PIP) install --quiet --no-deps --no-compile --require-hashes -r requirements-run.lock
	@touch $@

# The project itself, where it stands: its command, and its version.
$(VENV)/.self: pyproject.toml $(VENV)/.run
	@$(PIP) install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements.lock $(VENV)/.run | $(VENV)/.self
	@echo "setup: $$(grep -c == requirements.lock) packages from requirements.lock"
	@$(PIP) install --quiet --no-deps --no-compile --require-hashes -r requirements.lock
	@touch $@

# The language server that editors run. npm itself is among the development requirements, so that no
# Node.js of this machine is needed; npm writes the stamp. Nothing of what it brings is run at install.
EDITOR := tests/editor/node_modules/.package-lock.json
$(EDITOR): tests/editor/package.json tests/editor/package-lock.json | $(VENV)/.dev
	@echo "setup: yaml-language-server from tests/editor/package-lock.json"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm --prefix tests/editor ci --ignore-scripts --no-audit --no-fund --fetch-retries 1 --loglevel error
	@touch $@

editor: $(EDITOR) ## the language server of editors, which the schemas are tried against
	@:

setup: $(VENV)/.dev ## virtual environment with everything, from the lock files

setup-run: $(VENV)/.self ## virtual environment with what the daemon needs, no more

# --- the laws -------------------------------------------------------------------------------

fmt: $(VENV)/.dev ## format, sort imports, safe fixes
	@$(BIN)/ruff check --fix --quiet $(CODE) || true
	@$(BIN)/ruff format $(CODE)

fmt-check: $(VENV)/.dev ## is everything formatted?
	@echo "== ruff format --check"; $(BIN)/ruff format --check $(CODE)

lint: $(VENV)/.dev ## ruff, floors (import-linter), spelling
	@echo "== ruff check"; $(BIN)/ruff check $(CODE)
	@echo "== ruff format --check"; $(BIN)/ruff format --check --quiet $(CODE)
	@echo "== lint-imports"; $(BIN)/lint-imports
	@echo "== codespell"; $(BIN)/codespell --ignore-words-list $(RIGHT) --skip '*.js,*.lock,*.svg,__pycache__' $(PROSE)

types: $(VENV)/.dev ## mypy --strict
	@echo "== mypy"; $(BIN)/mypy

runbooks: $(VENV)/.dev ## lint the shipped runbooks
	@echo "== homeostat check runbooks"; $(BIN)/homeostat check runbooks

laws: fmt-check lint types runbooks

house: $(VENV)/.dev
	@echo "== house tests"; $(BIN)/pytest -q tests/house

check: laws house ## before each commit: format, lint, types, runbooks, house tests

# --- what it proves -------------------------------------------------------------------------

test: $(VENV)/.dev laws ## everything that is tested, on real servers where they can be had
	@echo "== debian packages: $(TEST_PACKAGES)"
	@missing="$$(tests/support/debian_packages.sh $(TEST_PACKAGES))"; \
	$(MAKE) editor || missing="$$missing yaml-language-server"; \
	echo "== pytest"; \
	said=0; \
	TESTS_WITHOUT="$$missing" tests/support/two_parts.sh $(BIN)/pytest -m "not bench and not cluster" --durations=10 || said=$$?; \
	echo "== NOT RUN: the tests against a real Kubernetes control plane (tests/cluster). To run them: make cluster-test"; \
	exit $$said

# About 15 minutes where nothing is built yet, seconds of building afterwards (tests/cluster/README.md).
cluster-test: $(VENV)/.dev ## tests against a real Kubernetes control plane, which it builds first
	@echo "== programs of the control plane"; $(PY) -m tests.cluster.building
	@echo "== pytest -m cluster"; $(BIN)/pytest -m cluster tests/cluster --timeout=180 --durations=15

bench: $(VENV)/.dev ## measure, as ratios of medians against peers in one run
	@tests/support/debian_packages.sh $(BENCH_PACKAGES) >/dev/null
	@$(BIN)/pytest -m bench tests/bench -s --timeout=900

rails-mutation: $(VENV)/.dev ## take each rail away, and see which tests notice
	@$(BIN)/python tests/rails_mutation.py

learning-proof: $(VENV)/.dev ## half a year of a made-up company: is what is learned right? SEEDS="1 2 3"
	@$(PY) -m tests.proof.learning.run $(SEEDS)

signals-proof: $(VENV)/.dev ## two months of made-up series: are stalls and drifts found, and nothing else? SEEDS="1 2 3"
	@$(PY) -m tests.proof.signals.run $(SEEDS)

demo: $(VENV)/.self ## a small company breaks in seven chapters, and the agent keeps it running
	@if [ -t 1 ]; then $(BIN)/homeostat demo; else $(BIN)/homeostat demo --once; fi

# --- the rest -------------------------------------------------------------------------------

docs: $(VENV)/.dev ## write docs/reference anew from the code
	@$(PY) docs/generate.py

docs-check: $(VENV)/.dev ## is docs/reference what the code says?
	@$(PY) docs/generate.py --check

lock: | $(PY) ## write the lock files anew from pyproject.toml
	@tests/support/lock.sh

# What is in the image, for whoever has to know whether a hole concerns them.
sbom: $(VENV)/.dev ## list of parts of the image as CycloneDX: dist/homeostat-sbom.cdx.json
	@mkdir -p dist
	@PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --short-PURLs --of JSON -o dist/homeostat-sbom.cdx.json requirements-image.lock
	@echo "dist/homeostat-sbom.cdx.json: $$(grep -c == requirements-image.lock) packages of requirements-image.lock"

manifests: $(VENV)/.dev ## write deploy/kustomize/base anew from the Helm chart
	@$(PY) -m tests.support.manifests

clean: ## remove what the other targets made
	@rm -rf $(VENV) tests/editor/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	@find agent plugins tests docs -name __pycache__ -type d -prune -exec rm -rf {} +
