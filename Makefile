# Each target does its own set-up: Python 3.11+, make and git are all that a machine needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
ENV ?= local
DEPLOY = $(BIN)/python -m scripts.deploy
REQUIREMENTS = scripts/setup_cfg.py requirements
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Every target that says what it is for is a command, never a file.
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' $(firstword $(MAKEFILE_LIST)))

help: ## what can be typed
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deploy: templates ## create or update an environment, ENV=local (an AWS on this machine) unless said
	@$(DEPLOY) apply $(ENV) $(ARGS)

plan: templates ## show everything that a deployment would do, nested stacks too, and do nothing
	@$(DEPLOY) plan $(ENV) $(ARGS)

access: templates ## create or update the roles that deploy an environment, once, as an administrator: ENV=production
	@$(DEPLOY) access $(ENV) $(ARGS)

outputs: .venv/ready ## show an environment's outputs
	@$(DEPLOY) outputs $(ENV) $(ARGS)

import: .venv/ready ## take over a CodeCommit repository that exists into the shared stack
	@$(DEPLOY) import $(ENV) $(ARGS)

explain: .venv/ready ## tell why the last deployment of an environment failed
	@$(DEPLOY) explain $(ENV) $(ARGS)

events: .venv/ready ## show what happened in an environment's stacks
	@$(DEPLOY) events $(ENV) $(ARGS)

drift: .venv/ready ## show what was changed outside the stacks
	@$(DEPLOY) drift $(ENV) $(ARGS)

status: .venv/ready ## show an environment's stacks as they stand
	@$(DEPLOY) status $(ENV) $(ARGS)

follow: .venv/ready ## watch what is running in an environment to its end
	@$(DEPLOY) follow $(ENV) $(ARGS)

continue: .venv/ready ## bring back an environment that could be neither updated nor restored
	@$(DEPLOY) continue $(ENV) $(ARGS)

destroy: .venv/ready ## delete an environment; what holds data stays, unless it is named
	@$(DEPLOY) destroy $(ENV) $(ARGS)

preflight: .venv/ready ## look at everything that a deployment needs, and change nothing: ENV=staging
	@$(DEPLOY) preflight $(ENV) $(ARGS)

config: .venv/ready ## list, set or compare the application's configuration: ENV=staging SET=LOG_LEVEL=DEBUG
	@$(DEPLOY) config $(ENV) $(if $(SET),--set $(SET)) $(ARGS)

rollback: .venv/ready ## list good releases, or go back to one: ENV=staging TO=commit
	@$(DEPLOY) rollback $(ENV) $(if $(TO),--to $(TO)) $(ARGS)

migrate: templates ## bring an application into its repository: APP=folder
	@$(DEPLOY) migrate shared --app $(APP) $(ARGS)

review: .venv/ready ## what a branch changes about the templates, as Markdown: BASE=main
	@$(BIN)/python -m scripts.review $(or $(BASE),main) $(ARGS)

cost: .venv/ready ## what an environment costs in a month: ENV=staging
	@$(BIN)/python -m scripts.cost $(ENV) $(ARGS)

rehearse: .venv/test ## play one release through the local environment: APP=folder FAIL_AT=stage
	@$(BIN)/python -m scripts.rehearse $(if $(APP),--app $(APP)) $(if $(FAIL_AT),--fail-at $(FAIL_AT)) $(ARGS)

local-stop: .venv/ready ## end the AWS on this machine
	@$(BIN)/python -m scripts.local_aws stop

templates: .venv/ready ## render, lint and check the templates
	@$(BIN)/python -m generator --gate

check: .venv/ready ## say whether templates/ is stale, and write nothing
	@$(BIN)/python -m generator --check

test: .venv/test .venv-checkov/ready .venv-awscli/ready ## the whole suite; STRICT=1 fails on what this machine cannot run
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST)

lint: .venv/test ## ruff and mypy
	@mapfile -t settings < <($(BIN)/python scripts/setup_cfg.py ruff) && \
	$(BIN)/ruff check "$${settings[@]}" . && $(BIN)/ruff format --check "$${settings[@]}" . && $(BIN)/mypy

format: .venv/test ## let ruff mend what it can
	@mapfile -t settings < <($(BIN)/python scripts/setup_cfg.py ruff) && \
	$(BIN)/ruff check --fix "$${settings[@]}" . && $(BIN)/ruff format "$${settings[@]}" .

bench: .venv/test .venv-awscli/ready .venv-sam/ready .venv-sceptre/ready ## ratios, side by side
	@$(BIN)/python -m tests.bench

clean: ## remove environments and caches
	rm -rf .venv .venv-* .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/ready: setup.cfg
	@echo "setting up .venv ..."
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	@$(PYTHON) -m venv .venv
	@set -o pipefail; $(PYTHON) $(REQUIREMENTS) | $(BIN)/pip install --quiet -r /dev/stdin
	@touch $@

.venv/test: setup.cfg | .venv/ready
	@echo "adding what the tests need ..."
	@set -o pipefail; $(PYTHON) $(REQUIREMENTS) test | $(BIN)/pip install --quiet -r /dev/stdin
	@touch $@

# Tools whose pins do not go with ours, each in an environment of its own.
.venv-%/ready: setup.cfg
	@echo "setting up .venv-$* ..."
	@$(PYTHON) -m venv .venv-$*
	@set -o pipefail; $(PYTHON) $(REQUIREMENTS) $* | .venv-$*/bin/pip install --quiet -r /dev/stdin
	@touch $@
