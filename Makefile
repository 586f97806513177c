# make reproduce: the default study, from nothing.  make test: what CI runs.
PYTHON ?= python3.11
VENV   := .venv
CORES  ?= 2
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export HF_HUB_OFFLINE ?= 1

.PHONY: install reproduce test test-all lint format clean

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	touch $@

reproduce: install
	snakemake --cores $(CORES)

lint: install
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	snakemake --lint

format: install
	ruff check --fix .
	ruff format .
	snakefmt Snakefile rules

test: lint
	pytest -m "not slow"

test-all: lint
	pytest

clean:
	rm -rf $(VENV) .snakemake .pytest_cache .ruff_cache .hypothesis
