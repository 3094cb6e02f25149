# Moment: `make demo` and `make test` set everything up on a fresh machine.
PYTHON ?= python3
ENVIRONMENT := .venv
BIN := $(ENVIRONMENT)/bin
STAMP := $(ENVIRONMENT)/.installed
# Containers often set it; each process would then compile our modules anew, half a second of it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test unit hunt check format docs bench soak plan flink flink-down clean

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
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --ignore tests/e2e
	$(BIN)/python -m pytest --numprocesses 2 tests/e2e

unit: setup ## schemas and transforms alone: a minute
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile tests/schemas tests/transforms

hunt: setup ## try the laws alone, on fifteen times as many examples, other ones each time (make hunt TIMES=50)
	MOMENT_HUNT=$(or $(TIMES),15) $(BIN)/python -m pytest -m hypothesis --timeout 3600 --numprocesses auto --dist load --ignore tests/e2e

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
	$(BIN)/python -m pipelines.terraform_schemas

bench: setup ## measure speed and memory against the yardsticks, into build/bench.jsonl
	$(BIN)/python -m benchmarks.run

soak: setup ## a live on Flink under twenty kills: 20 minutes (make soak FAST=1: of March; OUTAGE=10: broker away)
	$(BIN)/python -m tests.e2e.soak $(if $(OUTAGE),--outage $(OUTAGE)) $(if $(KILLS),--kills $(KILLS)) $(if $(FAST),--fast)

plan: ## show what Terraform would make in your project (make plan VARIABLES=my.tfvars)
	@test -f "$(VARIABLES)" || { echo "make plan VARIABLES=FILE: expected your copy of terraform/example/example.tfvars"; exit 2; }
	terraform -chdir=terraform/example init -input=false
	terraform -chdir=terraform/example plan -input=false -var-file="$(abspath $(VARIABLES))"

flink: setup ## start Flink, its workers, Kafka, Pub/Sub on this machine (make flink SLOTS=4 BIGQUERY=1 STORAGE=1)
	$(BIN)/python -m deploy.local up --slots $(or $(SLOTS),2) $(if $(BIGQUERY),--bigquery) $(if $(STORAGE),--storage)

flink-down: ## stop what make flink started
	$(BIN)/python -m deploy.local down

clean: ## remove what was built, not the environment
	@test ! -x $(BIN)/python || $(BIN)/python -m deploy.local down
	rm -rf build demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
