# Three commands to remember: make demo, make test, make check. Each sets up what it needs.
PYTHON ?= python3
SEEDS ?= 10000
VENV := .venv
BIN := $(VENV)/bin
# What running needs is there, and what developing needs on top of it: each as its lock has it.
RUNS := $(VENV)/.runs
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
# A package that the lock does not name with its hash is refused. Byte code is made when it is needed.
LOCKED := $(PIP) install --no-compile --require-hashes --requirement
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --upgrade --custom-compile-command "make lock" \
	pyproject.toml --group build

.PHONY: demo test installed oldest newest simulate bench check format generate lock clean

demo: $(RUNS)
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/demo.sh

test: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

# What needs a package index: the wheel in an empty environment, the hooks and the action as others install them.
installed: $(STAMP)
	$(BIN)/python -m pytest --installs -m installs

# The tests again, with the oldest libraries that pyproject.toml allows, and with the newest.
oldest newest: $(STAMP)
	$(BIN)/python -m tools.lanes $@

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

# What is generated from the API descriptions and from the code: schemas, parts of docs/, the sample's workflow.
generate: $(STAMP)
	cp reconciler/cli/commands/new_stack/github.yaml examples/gitops/.github/workflows/jobs.yaml
	$(BIN)/python -m tools.schemas.generate
	$(BIN)/python -m tools.pages.generate

# Moves every library to the newest version that pyproject.toml allows. Nothing else ever does.
lock: $(STAMP)
	$(LOCK) --output-file requirements/run.txt > /dev/null
	$(LOCK) --group dev --constraint requirements/run.txt --output-file requirements/dev.txt > /dev/null

$(RUNS): requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed. If you have one beside $(PYTHON): make PYTHON=python3.12" >&2; exit 1; }
	@echo "Step 1 of 3: a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@echo "Step 2 of 3: the libraries that running needs, as requirements/run.txt locks them (about 20 MB to download)"
	@$(LOCKED) requirements/run.txt
	@echo "Step 3 of 3: reconciler itself, from this folder"
	@$(PIP) install --no-index --no-deps --no-build-isolation --editable .
	@touch $(RUNS)

$(STAMP): $(RUNS) requirements/dev.txt
	@echo "Development tools, as requirements/dev.txt locks them (about 170 MB to download; a minute or two)"
	@$(LOCKED) requirements/dev.txt
	@touch $(STAMP)

clean:
	rm -rf $(VENV) .lanes .mypy_cache .ruff_cache .pytest_cache dist
