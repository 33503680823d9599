# Everything a developer runs. Each target makes the virtual environment when it is missing or stale.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made-from-pyproject
OPS := .venv-ops
OPS_STAMP := $(OPS)/.made-from-lock
COMPILE := $(OPS)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
  --custom-compile-command "make lock"
# What was checked into requirements/ci.txt, by hash: `make LOCKED=yes test`. Else whatever pyproject.toml allows.
LOCKED ?=

.PHONY: demo demo-s3 demo-doris demo-velodb test soak race simulate simulate-losses planted verify-calendar verify-retention \
  verify-configurations verify-documents verify-names kill-sweep fault-sweep term-sweep load long-life corruptions \
  fuzz check bench bench-daemon bench-removal bench-duckdb bench-export lock audit \
  ops-check image image-test clean

$(STAMP): pyproject.toml $(if $(LOCKED),requirements/ci.txt)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(if $(LOCKED),$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/ci.txt)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[doris,duckdb,mysql,postgresql,s3]" --group test --group check
	touch $@

demo: $(STAMP)   ## the main job on two real DuckDB warehouses, in under a minute
	$(BIN)/python demo/run.py

demo-s3: $(STAMP) ## the same, with the backup sets in a real S3 server on loopback
	$(BIN)/python demo/run.py --s3

demo-doris: $(STAMP) ## native snapshots of servers that speak Doris and StarRocks (stand-ins)
	$(BIN)/python demo/doris.py

demo-velodb: $(STAMP) ## exports of a warehouse that keeps compute and storage apart (a stand-in)
	$(BIN)/python demo/doris.py --velodb

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
	$(BIN)/python tests/processes/lives.py $(or $(SEEDS),50) --s3 --mariadb

kill-sweep: $(STAMP) ## kills at each call that changes a file, in each thing that is done; needs strace: N=500
	$(BIN)/python tests/long/kill_sweep.py $(or $(N),500)

fault-sweep: $(STAMP) ## a fault at every request to the object store and every statement of a life: EVERY=1
	$(BIN)/python tests/long/fault_sweep.py $(or $(EVERY),1)

term-sweep: $(STAMP) ## SIGTERM at random moments of a daemon's life: N=100
	$(BIN)/python tests/long/term_sweep.py $(or $(N),100)

load: $(STAMP)   ## a fleet that is due at one instant: PLANS=1000 JOBS=100
	$(BIN)/python tests/long/many_plans.py $(or $(PLANS),1000) $(or $(JOBS),100)

long-life: $(STAMP) ## one daemon for many days, and what it holds of memory and files: DAYS=30
	$(BIN)/python tests/long/long_life.py $(or $(DAYS),30)

corruptions: $(STAMP) ## damaged ledgers, none of which may remove or restore anything: N=10000
	$(BIN)/python tests/long/corruptions.py $(or $(N),10000)

race: $(STAMP)   ## eight processes race for slots on one ledger, in each kind of database: CLAIMS=10000
	$(BIN)/python tests/ledger/race.py $(or $(CLAIMS),10000)

simulate: $(STAMP) ## lives of the daemon on a virtual clock, with faults of every kind: SEEDS=5000 WEEKS=2
	$(BIN)/python tests/simulation $(or $(SEEDS),1000) --weeks $(or $(WEEKS),2)

simulate-losses: $(STAMP) ## the ledger lost after each of its writes: SEEDS=3
	$(BIN)/python tests/simulation $(or $(SEEDS),3) --weeks 1 --losing

planted: $(STAMP) ## bugs put back on purpose: each must show in one of the first lives: SEEDS=1000
	$(BIN)/python tests/simulation/planted.py --seeds $(or $(SEEDS),1000)

verify-calendar: $(STAMP) ## every zone and transition to 2037 against a second reader of zone files: MINUTES=1
	$(BIN)/python tests/oracles/calendar_oracle.py $(or $(MINUTES),1)

verify-retention: $(STAMP) ## random histories against a second account of what may go: N=100000
	$(BIN)/python tests/oracles/retention_oracle.py $(or $(N),100000)

verify-configurations verify-documents verify-names: verify-%: $(STAMP) ## hostile files, documents and names: N=100000
	$(BIN)/python tests/hostile/$*.py $(or $(N),100000)

fuzz: $(STAMP)   ## both readers under Atheris, guided by coverage: SECONDS=60
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group fuzz
	$(BIN)/python tests/hostile/fuzz.py configurations -max_total_time=$(or $(SECONDS),60)
	$(BIN)/python tests/hostile/fuzz.py documents -max_total_time=$(or $(SECONDS),60)

bench: $(STAMP)  ## ratios against named peers, in one run
	$(BIN)/python bench/run.py
	$(BIN)/python bench/export.py

bench-daemon bench-removal bench-duckdb bench-export: bench-%: $(STAMP) ## the daemon; removal (OBJECTS=, ROUNDS=); DuckDB, export (MIB=)
	$(BIN)/python bench/$(patsubst duckdb,duckdb_copy,$*).py

$(OPS_STAMP): requirements/ops.txt
	test -x $(OPS)/bin/python || $(PYTHON) -m venv $(OPS)
	$(OPS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@

lock: $(OPS_STAMP) ## renews requirements/*.txt from pyproject.toml; UPGRADE=yes takes the newest releases
	$(COMPILE) $(if $(UPGRADE),--upgrade) --output-file requirements/image.txt --extra doris --extra duckdb --extra mysql --extra postgresql --extra s3 pyproject.toml
	$(COMPILE) $(if $(UPGRADE),--upgrade) --output-file requirements/build.txt --group build
	$(COMPILE) $(if $(UPGRADE),--upgrade) --output-file requirements/ops.txt --group ops
	$(COMPILE) $(if $(UPGRADE),--upgrade) --output-file requirements/ci.txt --extra doris --extra duckdb --extra mysql --extra postgresql --extra s3 --group build \
	  --group check --group test pyproject.toml

audit: $(OPS_STAMP) ## asks PyPI for known holes in what the image and the tools are made of; needs the network
	$(OPS)/bin/python ops/audit.py requirements/*.txt

ops-check: $(OPS_STAMP) ## the Dockerfile, the Compose file and the Kubernetes files, offline
	$(OPS)/bin/hadolint --failure-threshold info Dockerfile
	$(OPS)/bin/check-jsonschema --builtin-schema vendor.compose-spec ops/compose.yaml
	$(OPS)/bin/kubernetes-validate --strict --quiet --kubernetes-version 1.31 ops/kubernetes/[!k]*.yaml
	$(OPS)/bin/python ops/check.py

image:           ## builds the image with buildah; BASE=... names another base, IMAGE=... the image
	BASE="$(BASE)" IMAGE="$(IMAGE)" ops/build-image.sh

image-test: $(STAMP) ## runs what `make image` built: read-only root, own user, probes, signals; as root
	$(if $(IMAGE),IMAGE="$(IMAGE)") $(BIN)/python -m pytest -p no:cacheprovider ops/test_image.py

clean:           ## what the other targets made
	rm -rf $(VENV) $(OPS) demo/work bench/results dist
