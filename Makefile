# Each target does all of its own set-up on a machine that has Python 3.11+ and make.
PYTHON ?= python3
BIN := .venv/bin
# tests side by side, a file at a time; each process takes a gigabyte of memory
WORKERS ?= 2

.DELETE_ON_ERROR:
.PHONY: demo test test-slow check clean

demo: .venv/installed
	$(BIN)/pictor demo $(ARGS)

test: .venv/installed-dev
	$(BIN)/pytest -m "not slow" -n $(WORKERS) --dist loadfile --durations 20 $(ARGS)

test-slow: .venv/installed-dev
	$(BIN)/pytest -m slow $(ARGS)

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv demo

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Pictor needs Python 3.11 or later; name one with: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | $(BIN)/python
	@echo "installing Python packages into .venv; minutes the first time, nothing after"
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

.venv/installed-dev: pyproject.toml | $(BIN)/python
	@echo "installing Python packages into .venv; minutes the first time, nothing after"
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch .venv/installed $@
