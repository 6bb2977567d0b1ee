# Three commands to remember: make demo, make test, make check. Each sets up what it needs.
PYTHON ?= python3
SEEDS ?= 10000
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test installed simulate bench check format generate clean

demo: $(STAMP)
	PATH="$(CURDIR)/$(BIN):$$PATH" bash manifests/demo.sh

test: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist loadfile

# What needs a package index: the wheel in an empty environment, the hooks and the action as others install them.
installed: $(STAMP)
	$(BIN)/python -m pytest --installs -m installs

# The laws of apply over many seeds, then real processes killed at 50 moments. SEEDS=100000 is a night's worth.
simulate: $(STAMP)
	$(BIN)/python -m tests.simulation.run --seeds $(SEEDS)
	$(BIN)/python -m tests.simulation.kill --moments 50

# Rates of the emulator beside a bare server, and wall times of the commands over many manifests.
bench: $(STAMP)
	$(BIN)/python -m bench.emulator
	$(BIN)/python -m bench.plan

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What is generated from the API descriptions and from the code: schemas, and parts of docs/.
generate: $(STAMP)
	$(BIN)/python tools/generate_schemas.py
	$(BIN)/python tools/generate_docs.py

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	touch $(STAMP)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache dist
