# `make demo` and `make test` need Python 3.11 or later and make; what is done is skipped the next time.
VENV ?= .venv
PYTHON ?= python3
PIP_ARGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt $(PIP_ARGS)

.PHONY: demo test test-all test-slow test-wheel perf lint clean
.DELETE_ON_ERROR:

# A verdict, whatever it is, is no failure of the demo (1); a broken run is (2 and above). Of the 1,125
# cases it takes 300, for the sake of time.
demo: $(VENV)/.train-installed
	$(BIN)/pytest suites/ --model pocket --adapter trainers/recipes/lora.toml --limit 300 --report runs/report.html || [ $$? -eq 1 ]
	@echo "The report: runs/report.html"

# The files in order of their names: those of few and long tests come early, and no process is left with one at the end.
# A process a processor, so a thread a process.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest --durations=20 -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test: $(VENV)/.dev-installed lint
	$(PYTEST) -m "not slow"

test-all: $(VENV)/.dev-installed lint
	$(PYTEST)

# What `make test` leaves out.
test-slow: $(VENV)/.dev-installed
	$(PYTEST) --dist load -m slow

# The wheel in a fresh environment, used from a folder with packages of our names.
test-wheel: | $(VENV)/bin/python
	PIP_ARGS='$(PIP_ARGS)' $(BIN)/python tests/wheel/walk.py

# About an hour and a half on two idle cores; the engine's peers are installed once, outside $(VENV).
perf: $(VENV)/.dev-installed
	$(BIN)/python -m studies.statistics
	$(BIN)/python -m studies.conformance
	$(BIN)/python -m studies.tutorial
	$(BIN)/python -m studies.parsing
	$(BIN)/python -m studies.streaming
	$(BIN)/python -m studies.reports
	$(BIN)/python -m studies.training
	$(BIN)/python -m studies.engine --pip-args='$(PIP_ARGS)'

lint: $(VENV)/.dev-installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	rm -rf build/installed && mkdir -p build/installed/toolmark
	cp -rl toolmark/. benchmark suites generators trainers reports build/installed/toolmark
	cp pyproject.toml build/installed
	cd build/installed && $(abspath $(BIN))/mypy --cache-dir ../../.mypy_cache && $(abspath $(BIN))/lint-imports --no-cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.train-installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing into $(VENV): about 1.5 GB with a CPU-only torch; on Linux pip's default torch adds about 4 GB of CUDA."
	@echo "For a CPU-only torch: make $(MAKECMDGOALS) PIP_ARGS='--extra-index-url URL', URL from https://pytorch.org/get-started/locally"
	$(PIP) -e '.[train]'
	@touch $@

$(VENV)/.dev-installed: pyproject.toml constraints.txt | $(VENV)/.train-installed
	$(PIP) -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) runs build *.egg-info
