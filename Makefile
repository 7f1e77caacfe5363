# `make` alone prints this file's commands. The logic is in tools/, which is tested.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV = .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help setup demo test bench storm test-image test-aws up down lint format lock schema docs docs-reference docs-screenshots clean
.PHONY: plan deploy deploy-service apply smoke destroy version

help: ## Print this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: ## Make .venv from the hashed locks and find or get a headless browser (again: a second)
	@test -n "$(PYTHON)" || { echo "setup: Python 3.11 or newer is needed; found none on PATH (or say PYTHON=...)" >&2; exit 1; }
	@$(PYTHON) -m tools.workspace.setup

demo: setup ## Crawl the demo site, change it, crawl it again; shows alerts, runs and screenshots
	@$(VENV) -m tests.site.demo

test: setup ## Every check and every test: ruff, mypy, import-linter, pytest (a few: ARGS="tests/unit -k words")
	@$(VENV) -m tools.workspace.checks -- $(ARGS)

test-aws: setup ## The whole system on a local AWS: terraform apply, ticks, alerts, destroy
	@$(VENV) -m pytest tests/e2e_aws

up: setup ## Deploy everything to a local AWS by Terraform; schedules fire by themselves (CRAWLS=my.yaml)
	@$(VENV) -m tools.local_aws.up $(CRAWLS)

down: ## End the local AWS and everything that `make up` started
	@$(VENV) -m tools.local_aws.down

plan: setup ## What an apply to your AWS account would change (ENV=dev)
	@$(VENV) -m tools.deploy plan --env '$(ENV)'

deploy: setup ## Everything to your AWS account; the first time it asks and makes all it needs (ENV=dev EMAIL=you@example.org)
	@$(VENV) -m tools.deploy deploy --env '$(ENV)' --confirm '$(CONFIRM)' --email "$$EMAIL" --yes '$(YES)' --wait '$(or $(WAIT),1800)'

deploy-service: setup ## The same for one service alone, by its own version (SERVICE=crawler ENV=dev)
	@$(VENV) -m tools.deploy service --service '$(SERVICE)' --env '$(ENV)' --confirm '$(CONFIRM)'

apply: setup ## Apply what is recorded, build nothing: changed crawls or settings, or a rollback (ENV=dev)
	@$(VENV) -m tools.deploy apply --env '$(ENV)' --confirm '$(CONFIRM)'

smoke: setup ## What a deployment does, as a table for a report: browser, log-ins, a crawl, an alert (ENV=dev CRAWL=smoke)
	@$(VENV) -m tools.deploy smoke --env '$(ENV)' --crawl '$(CRAWL)'

destroy: setup ## Take an environment down; says what protects it and what stays (ENV=dev)
	@$(VENV) -m tools.deploy destroy --env '$(ENV)' --confirm '$(CONFIRM)'

version: setup ## A service's next version, in pyproject.toml and CHANGELOG (SERVICE=crawler BUMP=patch)
	@$(VENV) -m tools.deploy version --service '$(SERVICE)' --bump '$(BUMP)'

bench: setup ## Side-by-side benchmarks, printed as ratios (ARGS="--only crawl --json out.json")
	@$(VENV) -m tests.benchmarks $(ARGS)

storm: setup ## The guarantees under fire: 20 seeded storms of faults, then breaks of the product that must be caught (ARGS="--seed 7 --tasks 500")
	@$(VENV) -m tests.storm $(ARGS)

test-image: setup ## Build the crawler's image and invoke it in a container (needs a container engine, or root on Debian)
	@$(VENV) -m pytest tests/image --junitxml=build/image.xml

lint: setup ## The checks without the tests
	@$(VENV) -m tools.workspace.checks --no-tests

format: setup ## Format the code and mend what ruff can mend
	@$(VENV) -m ruff check --fix --quiet . ; $(VENV) -m ruff format .

docs: setup ## Build the documentation's site into build/site; a warning or a broken link fails it
	@$(VENV) -m docs.site.build

docs-reference: setup ## Write the generated pages of docs/reference anew: commands, crawls.yaml, the layers
	@$(VENV) -m docs.site.reference

docs-screenshots: demo ## Photograph the web view of the demo's ledger, for the README
	@$(VENV) -m docs.site.screenshots

lock: setup ## Make requirements/*.txt anew from the pyproject files
	@$(VENV) -m tools.workspace.lock

schema: setup ## Make schema.sql anew from the ledger's migrations and comments.sql
	@$(VENV) -m docs.site.ledger_schema

clean: ## Remove caches, builds, virtual environments and the image engine's layers; keeps .trapline (your data)
	@$(PYTHON) -m tools.ci.docker_daemon
	rm -rf .venv .venv-bench .venv-aws build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find docs libs services tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
