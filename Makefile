# Each target does everything from a bare machine with Python >= 3.11: it makes .venv on first use.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test test-slow parity hostile crash coverage lint format bench bench-snapshots clean

help:
	@echo "make demo             train a net on the images that the package carries, and write its page"
	@echo "make test             run every test but the slow ones"
	@echo "make coverage         the same, and say how much of the code they run"
	@echo "make test-slow        run the slow tests: whole Fashion-MNIST, three seeds, twenty layers"
	@echo "make parity           compare every part with Keras's, and write benchmarks/PARITY.md"
	@echo "make hostile          try every file that attacks its reader, and count what came of it"
	@echo "make crash            kill 200 training runs, resume them, and compare their ends to the bit"
	@echo "make lint             ruff, pyright, import-linter"
	@echo "make bench            measure, and write benchmarks/RESULTS.md"
	@echo "make bench-snapshots  measure what snapshots cost, and write benchmarks/SNAPSHOTS.md"

# The stamp is newer than what decides what is installed, or the installation runs again.
.venv/installed: pyproject.toml constraints.txt hatch_build.py $(wildcard src/latih/engine/capture/native/*.[ch])
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[report,dev]'
	touch $@

# A second release of Keras for the tests of files, beside the one that is installed.
.venv/keras-3.10/installed: .venv/installed
	rm -rf $(@D)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(@D) keras==3.10.0
	touch $@

demo: .venv/installed
	$(BIN)/latih train --epochs 10

test: .venv/installed .venv/keras-3.10/installed
	$(BIN)/python -m pytest

test-slow: .venv/installed
	$(BIN)/python -m pytest -m slow --durations=10

hostile: .venv/installed
	$(BIN)/python tests/hostile/run.py

crash: .venv/installed
	$(BIN)/python tests/crash/run.py --kills 200

coverage: .venv/installed .venv/keras-3.10/installed
	$(BIN)/python -m pytest --cov --cov-report=term

parity: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/parity --parity-table benchmarks/PARITY.md

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --warnings
	$(BIN)/lint-imports

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/installed
	$(BIN)/python benchmarks/run.py

bench-snapshots: .venv/installed
	$(BIN)/python benchmarks/snapshots.py

clean:
	rm -rf .venv dist runs
