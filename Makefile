# `make help` says what there is. Every target does the set-up that it needs by itself.
.DEFAULT_GOAL := help
.PHONY: help install run test check format lint bench lock vendor
PY ?= $(shell command -v python3.11 >/dev/null && echo python3.11 || echo python3)
BIN := .venv/bin
CSS := $(BIN)/css-beautify --indent-size=2 --end-with-newline
SHEET := static/look/app.css

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.dev-ok ## set up only: runtime and development packages into .venv

run: .venv/.ok ## set up and start everything (PORT, DEMO=0, HITL_DATA_DIR, DATABASE_URL)
	@exec $(BIN)/python manage.py up

test: .venv/.dev-ok ## set up and run every test, browser and PostgreSQL included
	@scripts/setup chromium
	@exec $(BIN)/python -m tests.suites

check: lint ## the quick half: style, types, layers, fast tests on SQLite
	$(BIN)/python -m pytest -n auto -p no:playwright --ignore=tests/process --ignore=tests/e2e

format: .venv/.dev-ok ## give Python, templates and CSS the form that lint asks for
	$(BIN)/ruff format --quiet .
	$(BIN)/djangofmt --quiet templates
	$(CSS) --replace $(SHEET)

lint: .venv/.dev-ok # style, types, layers, settings, migrations
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/djangofmt --quiet --check templates
	$(CSS) $(SHEET) | cmp - $(SHEET)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python manage.py check --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run

bench: .venv/.dev-ok ## measure latency, idle cost and memory on both databases
	@exec $(BIN)/python -m tests.bench

lock: .venv/.ok ## after a change in pyproject.toml: pin every package again
	@scripts/setup lock

vendor: ## fetch the files of static/vendor/vendor.json again (needs npm)
	@$(PY) scripts/vendor.py

# Both stamps live in .venv, so that removing it is all it takes to start over.
.venv/.ok: requirements.txt scripts/setup
	@PY="$(PY)" scripts/setup packages requirements.txt
	@touch $@

.venv/.dev-ok: requirements-dev.txt scripts/setup
	@PY="$(PY)" scripts/setup packages requirements-dev.txt
	@touch .venv/.ok $@
