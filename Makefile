# Everything from a clean clone: `make mnist` trains and shows the result, `make test` passes the tests.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
BENCH := .venv-bench
DOCS := .venv-docs

.PHONY: setup mnist faces chairs dsprites smoke study paper test test-extras test-all fuzz lint bench docs wheel docker-check lock clean

setup: $(READY)

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null || \
		{ echo "make: $$($(PYTHON) --version 2>/dev/null || echo no $(PYTHON)) was found, but Python 3.10 to 3.13 is needed. Say which: make PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

mnist: setup
	$(RUN) launchers/run_mnist_exp.py $(ARGS)

faces: setup
	$(RUN) launchers/run_faces_exp.py $(ARGS)

chairs: setup
	$(RUN) launchers/run_chairs_exp.py $(ARGS)

dsprites: setup
	$(RUN) launchers/run_dsprites_exp.py $(ARGS)

smoke: setup
	$(RUN) launchers/run_mnist_exp.py --smoke $(ARGS)

# The studies of MNIST in docs/studies, but for float32, made anew into logs/mnist. Each finished seed is kept; the same
# command goes on where it stopped.
study: setup
	$(RUN) launchers/run_study.py mnist --recipe default --seeds 0-9
	$(RUN) launchers/run_study.py mnist --recipe robust --seeds 0-9
	$(RUN) launchers/run_study.py mnist --recipe reference --seeds 0-4
	$(RUN) launchers/run_figure1_exp.py

# Every experiment of the paper, and logs/reproduction.html, which sets what it states beside what was measured. It goes on
# where it stopped. To make the page of finished studies: make paper ARGS="--studies docs/studies --output FILE"
paper: setup
	$(RUN) launchers/run_paper.py $(ARGS)

# A process a core, and at most four, for each may need 2 GB. The tests of a file stay together, for the fixtures they share.
# One that dies ends the run: put in its place, pytest-xdist waits for ever (its issue 1378). Each has a core: threads of
# scikit-learn would only wait for one another.
test: lint
	OMP_NUM_THREADS=1 $(RUN) -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --max-worker-restart 0

# What needs packages that `make setup` leaves out: the page, ONNX, films as MP4, a cluster. Some of Ray's own processes die or
# hang now and then on a busy machine, so what fails there is tried once more.
test-extras: setup
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r docker/requirements.txt
	$(RUN) -m pytest tests/test_explore.py tests/test_export.py tests/test_generate.py
	$(RUN) -m pytest tests/test_ray.py || $(RUN) -m pytest --last-failed tests/test_ray.py

# Each file with slow tests is noted once it has passed, so the same command goes on where it stopped, until code changes.
SLOW := $(shell grep -rl --include='test_*.py' 'pytest.mark.slow' tests)
CODE := $(shell find benchmarks docs examples infogan launchers tests -name '*.py') pyproject.toml requirements.txt

.NOTPARALLEL: test-all  # a slow test beside all others would take their cores
test-all: test $(SLOW:%=build/slow/%)

build/slow/%: % $(CODE) | $(READY)
	$(RUN) -m pytest -m slow -s $<
	@mkdir -p $(@D) && touch $@

# Damaged files of every format; INPUTS of each. It goes on where it stopped.
INPUTS ?= 10000
fuzz: setup
	$(RUN) tests/faults/fuzz.py --inputs $(INPUTS) --progress build/fuzz.json

lint: setup
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

# What `pip install` takes. An earlier build's files would come along.
wheel: setup
	rm -rf build/lib build/bdist.*
	$(RUN) -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .

# PyTorch, which is only measured against, gets an environment of its own.
bench: setup $(BENCH)/.ready
	$(RUN) -m benchmarks.run $(ARGS)

$(BENCH)/.ready: benchmarks/requirements.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

# The docs and the reference as a site, which opens from the disk: build/site/index.html. It needs no TensorFlow.
# --quiet would take the warnings away that --strict counts.
docs: $(DOCS)/.ready
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/python -m mkdocs build --strict --config-file docs/site/mkdocs.yml
	$(DOCS)/bin/python docs/site/check.py build/site

$(DOCS)/.ready: docs/site/requirements.txt
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r docs/site/requirements.txt
	@touch $@

# Builds the image of the Dockerfile and runs it, without a container engine: see docs/docker.md.
docker-check:
	docker/check.sh

# Pins every dependency for Python 3.10 to 3.13, with hashes and without any index address. Needs uv. The extras narrow the
# versions, so they are first: what both files name has one version.
LOCK := uv pip compile --quiet --universal --generate-hashes --python-version 3.10 --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links
lock:
	$(LOCK) pyproject.toml --extra cluster --extra explore --extra onnx --extra video --upgrade \
		--output-file docker/requirements.txt
	cp docker/requirements.txt requirements.txt  # uv keeps the versions it finds there
	$(LOCK) pyproject.toml --extra test --output-file requirements.txt
	$(LOCK) --group docs --upgrade --output-file docs/site/requirements.txt

clean:
	rm -rf $(VENV) $(BENCH) $(DOCS) build dist *.egg-info
