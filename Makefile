# Everything a developer runs. Each target makes the virtual environment when it is missing or stale.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made-from-pyproject

.PHONY: demo demo-s3 test soak check bench clean

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[doris,duckdb,s3]" --group test --group check
	touch $@

demo: $(STAMP)   ## the main job on two real DuckDB warehouses, in under a minute
	$(BIN)/python demo/run.py

demo-s3: $(STAMP) ## the same, with the backup sets in a real S3 server on loopback
	$(BIN)/python demo/run.py --s3

test: $(STAMP)   ## every test
	$(BIN)/python -m pytest -n 2

check: $(STAMP)  ## formatters' rules, types, the walls between rooms, the schemas
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/check-jsonschema --check-metaschema schemas/*.schema.json
	$(BIN)/check-jsonschema --schemafile schemas/plans.schema.json examples/*.yaml

soak: $(STAMP)   ## lives of kills, stops and lost ledgers, with counts: SEEDS=50
	$(BIN)/python tests/processes/lives.py $(or $(SEEDS),50)
	$(BIN)/python tests/processes/lives.py $(or $(SEEDS),50) --s3

bench: $(STAMP)  ## ratios against named peers, in one run
	$(BIN)/python bench/run.py

clean:           ## what the other targets made
	rm -rf $(VENV) demo/work bench/results dist
