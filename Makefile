# Two commands do everything on a fresh Linux machine with Python 3.11 (no GPU needed):
#
#   make demo          train the tiny model with AWPO through the real verl on the CPU, and show what it learned
#   make demo ALGO=grpo    the same with GRPO: one key differs
#   make demo TASK=desk    several tool turns in a stateful environment
#   make test          all tests but those marked gpu
#
# Also: make lint, make bench, make clean. The pinned versions are in requirements/.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ALGO ?= awpo
TASK ?= shop
SEED ?= 0
STEPS ?=
READY := $(VENV)/.ready

.PHONY: demo test lint bench install clean
.DEFAULT_GOAL := help

help:
	@sed -n '2,8s/^# *//p' Makefile

install: $(READY)

# torch goes first and the rest without resolving: what verl and vLLM would drag in beside a CPU torch (torchvision,
# torchaudio) fails on import, and transformers imports torchvision wherever it finds it.
$(READY): requirements/cpu.txt requirements/dev.txt setup.py awpo_verl/versions.py
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if v == (3, 11) else \
	  f"The pinned packages are for Python 3.11; this is {v[0]}.{v[1]}. Use: make PYTHON=/path/to/python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $$(grep '^torch==' requirements/cpu.txt)
	$(BIN)/python -m pip install --quiet --no-deps -r requirements/cpu.txt -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

demo: $(READY)
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m awpo_verl.tasks.demo --task $(TASK) --algo $(ALGO) --seed $(SEED) \
	  $(if $(STEPS),--steps $(STEPS))

test: $(READY)
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -m "not gpu" $(TESTS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(READY)
	$(BIN)/python -m benchmarks.cost

clean:
	rm -rf $(VENV) .cache outputs
