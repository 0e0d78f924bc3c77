# On a fresh Linux machine with Python 3.11 (no GPU needed):
#
#   make demo              train a tiny model with AWPO through the real verl on the CPU, and show what it has learned
#   make demo ALGO=grpo    the same with GRPO; one key differs
#   make demo TASK=desk    several tool turns in a stateful environment
#   make test              run all tests except those marked gpu
#
# Also: make lint, make bench, make docs, make compat, make warm-start, make clean. requirements/ pins the versions.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ALGO ?= awpo
TASK ?= shop
SEED ?= 0
STEPS ?=
READY := $(VENV)/.ready

.PHONY: demo warm-start test lint bench docs compat install clean
.DEFAULT_GOAL := help

# For each package, pip warns about every folder of its configuration that does not exist. So its output goes to a file.
# Where pip fails, the file is shown and make stops.
pip = $(1)/bin/python -m pip install --quiet $(2) > $(1)/pip.log 2>&1 || { cat $(1)/pip.log >&2; exit 1; }

help:
	@sed -n '2,8s/^# *//p' Makefile

install: $(READY)

# torch comes first, and the rest without dependencies: verl and vLLM would also install torchvision and torchaudio,
# which fail on import beside a CPU torch, and transformers imports torchvision wherever it is installed.
$(READY): requirements/cpu.txt requirements/dev.txt setup.py awpo_verl/versions.py
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if v == (3, 11) else \
	  f"The pinned packages are for Python 3.11; this is {v[0]}.{v[1]}. Use: make PYTHON=/path/to/python3.11 ...")'
	@echo "Installing the pinned packages (about 5 GB) into $(VENV): a few minutes, once."
	$(PYTHON) -m venv $(VENV)
	$(call pip,$(VENV),$$(grep '^torch==' requirements/cpu.txt))
	$(call pip,$(VENV),--no-deps -r requirements/cpu.txt -r requirements/dev.txt)
	$(call pip,$(VENV),--no-deps --no-build-isolation -e .)
	touch $@

demo: $(READY)
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m examples.demo --task $(TASK) --algo $(ALGO) --seed $(SEED) \
	  $(if $(STEPS),--steps $(STEPS))

# The models that the demo starts from, trained anew: examples/demo/models/.
warm-start: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m examples.demo.build_models

# A test of the real loop keeps about one core busy. So these run one after another in one process, beside the others,
# and the others report at the end. TESTS=tests/config/test_config.py runs only these tests.
PYTEST = PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest

test: $(READY)
ifdef TESTS
	$(PYTEST) -m "not gpu" $(TESTS)
else
	@echo "The tests that are not marked loop write to $(VENV)/tests.log, which is shown at the end."
	@$(PYTEST) -m "not gpu and not loop" > $(VENV)/tests.log 2>&1 & others=$$!; \
	  trap "kill $$others" INT TERM; \
	  $(PYTEST) -m "loop and not gpu"; loops=$$?; \
	  wait $$others; others=$$?; cat $(VENV)/tests.log; exit $$((loops || others))
endif

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: $(READY)
	$(BIN)/python -m benchmarks.cost

docs: $(VENV)-docs/.ready
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/python -m mkdocs build

$(VENV)-docs/.ready: requirements/docs.txt
	$(PYTHON) -m venv $(VENV)-docs
	$(call pip,$(VENV)-docs,-r requirements/docs.txt)
	touch $@

# Check the seams in another verl: make compat VERL=0.9.0, or without VERL in the newest on PyPI.
compat: $(READY)
	rm -rf .cache/verl
	$(call pip,$(VENV),--no-deps --target .cache/verl verl$(if $(VERL),==$(VERL)))
	PYTHONPATH=.cache/verl $(BIN)/python -m awpo_verl.integration.check_seams

clean:
	rm -rf $(VENV) $(VENV)-docs .cache outputs site
