# make run: the whole studio on this machine.  make test: every test.  make help: the rest.
PYTHON ?= python3
BIN := .venv/bin
# Quick, and the same on every machine; uv itself comes from requirements.txt.
UV_VERSION := $(shell sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements.txt)
CLUSTER ?= cpu-cluster
# Images for containers often set it. Each process of the studio would compile all that it imports, at every start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check bench bench-clean bench-storage bench-load bench-pages prove pictures node format help

run: .venv/installed ## start everything, until Ctrl-C
	@exec $(BIN)/python manage.py up

test: .venv/installed-dev browser azurite oidc-provider sshd ## run every test, on real services that the run starts itself
	@$(BIN)/python -m pytest -n 2

check: .venv/installed-dev ## format, lint, dangers, licences, secrets in the history, types, import rules, migrations, deployment settings, state diagram
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml studio scoring bench manage.py
	$(BIN)/python -m tests.dependencies
	$(BIN)/python -m tests.secrets_scan
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.services -- sh -c '$(BIN)/python manage.py makemigrations --check --dry-run && $(BIN)/python manage.py states --check && STUDIO_PUBLIC_URL=https://studio.example.com $(BIN)/python manage.py check --deploy --fail-level WARNING'

bench: .venv/installed-dev ## how fast the engine is, against its peers; takes long
	@$(BIN)/python -m bench.engine $(BENCH)

bench-clean: .venv/installed-dev ## delete what bench has made: its data, models and environments
	@$(BIN)/python -m bench.engine --clean

bench-storage: .venv/installed-dev ## how long a job over a bucket takes beside one over a folder
	@$(BIN)/python -m bench.storage $(STORAGE)

bench-load: .venv/installed-dev ## 50 people and 10 programs at once for five minutes
	@$(BIN)/python -m bench.load $(LOAD)

bench-pages: .venv/installed-dev ## how long each page takes with 10,000 jobs
	@$(BIN)/python -m bench.pages

prove: .venv/installed-dev ## real models of every flavor, and jobs under kills, written to docs/ (an hour)
	@$(BIN)/python -m tests.proving flavors
	@$(BIN)/python -m tests.proving kills

pictures: .venv/installed-dev browser ## take the pictures of README and Help anew
	@STUDIO_PICTURES=1 $(BIN)/python -m pytest -q tests/journeys/looks/test_pictures.py

node: .venv/installed ## join this machine to a cluster: make node CLUSTER=cpu-cluster
	@exec $(BIN)/python manage.py node --cluster "$(CLUSTER)"

format: .venv/installed-dev ## let ruff write the code's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 16

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Scoring Studio needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make run PYTHON=python3.11")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	@touch $@

.venv/installed: .venv/python requirements.txt
	@echo "Installing what the studio needs into .venv"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	@echo "Installing what the tests need into .venv"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements-dev.txt
	@touch $@

.PHONY: azurite
azurite: .venv/installed-dev
	@sh tests/azurite.sh $(BIN)/python

.PHONY: oidc-provider
oidc-provider: .venv/installed-dev
	@sh tests/oidc_provider.sh $(BIN)/python

.PHONY: browser
browser: .venv/installed-dev
	@sh tests/browser.sh $(BIN)/python

.PHONY: sshd
sshd:
	@sh tests/sshd.sh .venv/openssh
