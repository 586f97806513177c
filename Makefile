# make reproduce: the default study, from nothing, then paper_figures/ and the numbers in the pages.
# make test: what CI runs.
PYTHON ?= python3.11
VENV   := .venv
LOCK   ?= requirements.lock
CORES  ?= 2
WORKERS ?= 2
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export HF_HUB_OFFLINE ?= 1

.PHONY: install reproduce test test-all mutants audit lint format site clean

install: $(VENV)/.installed

$(VENV)/.installed: $(LOCK)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement $(LOCK)
	touch $@

reproduce: install
	snakemake --cores $(CORES)
	snakemake --cores $(CORES) publish

lint: install
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	snakemake --lint
	codespell
	hadolint containers/Dockerfile

format: install
	ruff check --fix .
	ruff format .
	snakefmt Snakefile rules

# tests side by side take one thread each; WORKERS=0 runs them one after another
test: lint
	OMP_NUM_THREADS=1 pytest -n $(WORKERS) -m "not slow"

test-all: lint
	OMP_NUM_THREADS=1 pytest -n $(WORKERS)
	$(MAKE) mutants

# faults put into the science, one at a time, which tests must notice; goes on where it was stopped
mutants: install
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement tests/mutants/requirements.txt
	OMP_NUM_THREADS=1 $(VENV)/bin/python tests/mutants/run_mutants.py

# every bench's table, and its numbers added to a history; RESULTS: a finished mini study, if there is one
RESULTS ?= $(wildcard results/mini)
HISTORY ?= results/benches.csv
bench: install
	python tests/bench/run_benches.py --history $(HISTORY) $(if $(RESULTS),--results $(RESULTS))

# known vulnerabilities of the locked packages, as published (needs api.osv.dev; no answer is a failure)
audit:
	$(PYTHON) -m venv .audit
	.audit/bin/pip install --quiet --disable-pip-version-check --requirement tests/audit/requirements.txt
	set -e; for lock in requirements.lock requirements-gpu.lock; do \
	  .audit/bin/pip-audit --vulnerability-service osv --no-deps --disable-pip --strict --requirement $$lock; \
	done

# README.md and docs/ as static pages: .site/html/docs/site/index.html, no network needed to read them;
# a link that leads nowhere is an error
site: install .site/venv/.installed
	python scripts/write_reference.py --out docs/site/reference
	.site/venv/bin/sphinx-build --quiet --fail-on-warning --keep-going -c docs/site -d .site/trees . .site/html

.site/venv/.installed: docs/site/requirements.txt
	$(PYTHON) -m venv .site/venv
	.site/venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

clean:
	rm -rf $(VENV) .audit .site .snakemake .pytest_cache .ruff_cache .hypothesis
