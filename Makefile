# Two commands are enough: `make run` and `make test`. Neither asks a question; running either twice is fast.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help run test test-postgres test-deep check bench bench-full format clean install

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet
PYTEST := $(BIN)/python -m pytest
say = @printf '\n→ %s\n' $(1)

export PYTHONUNBUFFERED := 1

help: ## Show this list.
	@printf 'Sandan 三单\n\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | column -t -s '|' 2>/dev/null \
	  || sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1  \2/p' $(firstword $(MAKEFILE_LIST))
	@printf '\nSettings: PORT=8001 make run · ARGS="-k light" make test\n'

run: $(VENV)/.runs ## Start the product with a demo district on http://127.0.0.1:8000.
	$(call say,'Starting (the first time it makes the demo district). Ctrl+C stops it.')
	@SANDAN_ENV=demo exec $(BIN)/flask --app wsgi serve

test: $(VENV)/.builds ## Run every test on SQLite (the deep ones stay for test-deep).
	$(call say,'Tests on SQLite')
	@$(PYTEST) -m "not deep" --database sqlite --durations=5 $(ARGS)

test-postgres: $(VENV)/.builds ## Run the same tests on PostgreSQL (local server, or one from a wheel).
	$(call say,'Tests on PostgreSQL')
	@$(PYTEST) -m "not deep" --database postgresql --durations=5 $(ARGS)

test-deep: $(VENV)/.builds ## Run everything with full counts of kills and races, on both databases.
	$(call say,'All tests with full counts on SQLite')
	@$(PYTEST) -m "deep or not deep" --database sqlite --durations=10 $(ARGS)
	$(call say,'All tests with full counts on PostgreSQL')
	@$(PYTEST) -m "deep or not deep" --database postgresql --durations=10 $(ARGS)

check: $(VENV)/.builds ## Lint, formatting, types, floor rule, access rule.
	$(call say,'ruff check')
	@$(BIN)/ruff check
	$(call say,'ruff format --check')
	@$(BIN)/ruff format --check
	$(call say,'mypy')
	@$(BIN)/mypy
	$(call say,'Floor rule and access rule')
	@$(PYTEST) $(wildcard tests/test_floors.py tests/test_access.py)

bench: $(VENV)/.builds ## Measure, in minutes, and print a table.
	$(call say,'Measuring (short form)')
	@$(BIN)/python -m bench $(ARGS)

bench-full: $(VENV)/.builds ## Measure with five million tickets.
	$(call say,'Measuring (full form: this takes a while)')
	@$(BIN)/python -m bench --full $(ARGS)

format: $(VENV)/.builds ## Put every file into the common form.
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

install: $(VENV)/.builds ## Install what running and developing need.
	$(call say,'Ready. Next: make run or make test.')

clean: ## Remove the virtual environment and every cache; data in var/ stays.
	@rm -rf $(VENV) $(VENV)-wechat2 .pytest_cache .mypy_cache .ruff_cache .hypothesis htmlcov dist .coverage .coverage.*
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
	@printf '→ Clean. Demo data, if any, is still in var/.\n'

# The three stamps: the environment exists, it can run the product, it can build and test it.

$(VENV)/.made:
	$(call say,'Making the virtual environment')
	@python=; \
	for name in python3 python3.13 python3.12 python3.11; do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo 'Python 3.11 or newer is needed and was not found as python3, python3.13, python3.12 or python3.11.' >&2; exit 1; \
	fi; \
	echo "  with $$("$$python" --version) ($$python)"; \
	if ! "$$python" -m venv $(VENV); then \
	  echo 'The virtual environment could not be made. On Debian and Ubuntu: apt install python3-venv' >&2; exit 1; \
	fi
	@touch $@

$(VENV)/.runs: requirements.txt $(VENV)/.made
	$(call say,'Installing what the product runs on (first time, or when the list changed)')
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.builds: requirements-dev.txt $(VENV)/.runs
	$(call say,'Installing what testing needs (first time, or when the list changed)')
	@$(PIP) -r requirements-dev.txt
	@touch $@
