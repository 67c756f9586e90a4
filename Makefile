# Each target sets up what it needs: a machine needs only Python 3.11 or newer (with venv and pip) and make.
# `make PYTHON=python3.12 test` chooses the interpreter that .venv is made with.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help mnist examples test lint format bench bench-all bench-quick docs clean
.NOTPARALLEL: # two pips in one environment would meet

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

mnist: $(VENV)/.installed-examples ## Train an MLP on MNIST (options: ARGS="--epochs 3"; list them: ARGS=--help)
	$(BIN)/python examples/mnist_mlp.py $(ARGS)

examples: $(VENV)/.installed-examples ## Run all examples at full size and print the table of their figures
	$(BIN)/python examples/run_all.py $(ARGS)

# The workers of pytest-xdist fill the cores, so each keeps its matrix products to one thread.
test: $(VENV)/.installed-dev ## Run the tests and the docstrings' examples (choose: ARGS="-k matmul")
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto $(ARGS)

lint: $(VENV)/.installed-dev ## Check the format, the lint rules and the types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: $(VENV)/.installed-dev ## Format the code and apply the lint rules' safe fixes
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(VENV)/.installed-benchmarks ## Time training steps beside NumPy, PyTorch, JAX and MyGrad
	$(BIN)/python -m benchmarks.training_step $(ARGS)

bench-all: $(VENV)/.installed-benchmarks ## Run all benchmarks and write what they print into docs/performance.md
	$(BIN)/python -m benchmarks.report $(ARGS)

bench-quick: $(VENV)/.installed-examples ## Fail if a training step lost a quarter of its speed (new baseline: ARGS=--save)
	$(BIN)/python -m benchmarks.quick $(ARGS)

docs: $(VENV)/.installed-docs ## Build the documentation into site/
	$(BIN)/mkdocs build --strict

clean: ## Remove the environment, the builds and the caches
	rm -rf $(VENV) build dist site .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp is touched only after its step succeeded, so a step that failed or was interrupted runs again.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "tinygrad_np needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed-%: pyproject.toml $(VENV)/.created
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@
