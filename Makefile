# Moment: `make demo` and `make test` set everything up on a fresh machine.
PYTHON ?= python3
ENVIRONMENT := .venv
BIN := $(ENVIRONMENT)/bin
STAMP := $(ENVIRONMENT)/.installed

.PHONY: help setup demo test check format docs bench flink flink-down clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(STAMP): setup.py constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Moment needs Python 3.10 or newer: make PYTHON=python3.11 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(ENVIRONMENT)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

setup: $(STAMP) ## make the Python environment in .venv

demo: setup ## simulate a two-hour live on nine channels, measure it, write the report
	$(BIN)/moment demo --output demo

test: check ## run the whole test suite
	$(BIN)/python -m pytest

check: setup ## format, lint and types: what CI runs first
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy

format: setup ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup ## write the generated pages of docs/
	$(BIN)/python -m pipelines.channel_docs
	$(BIN)/python -m pipelines.metric_docs

bench: setup ## measure speed and memory against the yardsticks, into build/bench.jsonl
	$(BIN)/python -m benchmarks.run

flink: setup ## start Flink, its workers, Kafka, Pub/Sub on this machine (make flink SLOTS=4 BIGQUERY=1)
	$(BIN)/python -m deploy.local up --slots $(or $(SLOTS),2) $(if $(BIGQUERY),--bigquery)

flink-down: ## stop what make flink started
	$(BIN)/python -m deploy.local down

clean: ## remove what was built, not the environment
	@test ! -x $(BIN)/python || $(BIN)/python -m deploy.local down
	rm -rf build demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
