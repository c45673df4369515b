# Each target does its own set-up: Python 3.11+, make and git are all that a machine needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin

# What the command line gives, and it alone: a variable of the same name that the shell exports decides nothing. The
# text arrives as it was typed, whatever the shell or make would read in it.
SETTINGS := ENV ARGS SET TO APP FAIL_AT BASE RESOURCE ON PYTEST
given = $(if $(filter command,$(firstword $(origin $(1)))),$(value $(1)))
quoted = '$(subst ','\'',$(call given,$(1)))'
option = $(if $(call given,$(1)),$(2)=$(call quoted,$(1)))
define newline


endef
typed := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
unknown := $(filter-out $(SETTINGS) PYTHON STRICT SLOW BIN SHELL MAKEFLAGS,$(typed))
$(if $(unknown),$(error $(unknown): no such setting; there are $(SETTINGS)))
$(foreach name,$(typed),$(if $(findstring $(newline),$(value $(name))),$(error $(name) has a line break in it)))
environment := $(if $(call given,ENV),$(call quoted,ENV),local)
arguments = $(call option,ARGS,--arguments)
# This folder's own code, wherever `.venv` leads; make is said to be the door, so that hints name its targets.
DELIVERY = DELIVERY_DOOR=make $(BIN)/python -m scripts.cli
# Only the AWS on this machine takes what the extra `local` brings.
tools = $(if $(filter local 'local',$(environment)),.venv/local,.venv/ready)
# Says at once when Python is too old, in words that an old one understands.
SET_UP = "$(PYTHON)" -c "import sys; sys.exit(None if sys.version_info >= (3, 11) else 'Python 3.11 or newer is needed: make PYTHON=python3.11 ...')" && "$(PYTHON)" scripts/set_up.py
# Changes that were shown because somebody asked for them are no failure.
shown = || { status=$$?; [ $$status = 2 ] || exit $$status; }

# Every target that says what it is for is a command, never a file.
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' $(firstword $(MAKEFILE_LIST))) gone
# Modules are those of this folder.
unexport PYTHONSAFEPATH
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help: ## what can be typed
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deploy: templates $(tools) ## create or update an environment, ENV=local (the AWS on this machine) unless said
	@$(DELIVERY) apply $(environment) $(arguments)

plan: templates $(tools) ## show everything that a deployment would do, nested stacks too, and do nothing
	@$(DELIVERY) plan $(environment) $(arguments) $(shown)

access: templates $(tools) ## create or update the roles that deploy an environment, once, as an administrator: ENV=production
	@$(DELIVERY) access $(environment) $(arguments)

outputs: .venv/ready ## show an environment's outputs
	@$(DELIVERY) outputs $(environment) $(arguments)

import: .venv/ready ## take over a CodeCommit repository that exists into the shared stack
	@$(DELIVERY) import $(environment) $(arguments)

explain: .venv/ready ## tell why the last deployment of an environment failed
	@$(DELIVERY) explain $(environment) $(arguments)

events: .venv/ready ## show what happened in an environment's stacks
	@$(DELIVERY) events $(environment) $(arguments)

drift: .venv/ready ## show what was changed outside the stacks
	@$(DELIVERY) drift $(environment) $(arguments) $(shown)

status: .venv/ready ## show an environment's stacks as they stand
	@$(DELIVERY) status $(environment) $(arguments)

follow: .venv/ready ## watch what is running in an environment to its end
	@$(DELIVERY) follow $(environment) $(arguments)

continue: .venv/ready ## bring back an environment that could be neither updated nor restored
	@$(DELIVERY) continue $(environment) $(arguments)

destroy: .venv/ready ## delete an environment; what holds data stays, unless it is named
	@$(DELIVERY) destroy $(environment) $(arguments)

preflight: .venv/ready ## look at everything that a deployment needs, and change nothing: ENV=staging
	@$(DELIVERY) preflight $(environment) $(arguments)

config: .venv/ready ## list, set or compare the application's configuration: ENV=staging SET=LOG_LEVEL=DEBUG
	@$(DELIVERY) config $(environment) $(call option,SET,--set) $(arguments) $(shown)

rollback: .venv/ready ## list good releases, or go back to one: ENV=staging TO=commit
	@$(DELIVERY) rollback $(environment) $(call option,TO,--to) $(arguments)

migrate: templates ## bring an application into its repository: APP=folder
	@$(DELIVERY) migrate shared $(call option,APP,--app) $(arguments)

review: .venv/ready ## what a change does to every environment: BASE=main (ARGS="--format html" for a page)
	@$(DELIVERY) review $(if $(call given,BASE),$(call quoted,BASE),main) $(arguments)

cost: .venv/ready ## what an environment costs in a month: ENV=staging
	@$(DELIVERY) cost $(environment) $(arguments)

rehearse: .venv/local ## rehearse one release in the local environment: APP=folder FAIL_AT=stage KEEP=1 ASK=1
	@$(DELIVERY) rehearse $(call option,APP,--app) $(call option,FAIL_AT,--fail-at) $(if $(KEEP),--keep) $(if $(ASK),--ask) $(arguments)

fault: .venv/local ## make a resource of the local AWS fail, to practise: RESOURCE=Backend/Service ON=update
	@$(DELIVERY) local fault $(call option,RESOURCE,--resource) $(call option,ON,--on) $(arguments)

fault-clear: .venv/local ## remove every fault planned with make fault
	@$(DELIVERY) local fault-clear

local-stop: .venv/ready ## stop the local AWS, and forget everything in it
	@$(DELIVERY) local stop

templates: .venv/ready ## render, lint and check the templates
	@$(BIN)/python -m generator --gate

check: .venv/ready ## say whether templates/ is stale, and write nothing
	@$(BIN)/python -m generator --check

test: .venv/test .venv-checkov/ready .venv-awscli/ready ## the whole suite; STRICT=1 fails on what this machine cannot run
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(call given,PYTEST)

unit: .venv/test ## the tests without a server or a browser
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m unit $(call given,PYTEST)

lint: .venv/test ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: .venv/test ## let ruff mend what it can
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

bench: .venv/test .venv-awscli/ready .venv-sam/ready .venv-sceptre/ready ## ratios, side by side
	@$(BIN)/python -m tests.bench

mutants: .venv/mutants .venv-checkov/ready .venv-awscli/ready ## the faults that the tests see, of a sample: SEED=1 COUNT=150
	@$(BIN)/python -m tests.mutants $(call option,SEED,--seed) $(call option,COUNT,--count) $(arguments)

clean: ## remove environments and caches
	rm -rf .venv .venv-* .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

# An environment whose Python has gone is made anew, whatever its marks say.
.venv/ready: setup.cfg setup.py $(shell test -x $(BIN)/python || echo gone)
	@$(SET_UP) .venv

.venv/local: .venv/ready
	@$(SET_UP) .venv local

.venv/test: .venv/local
	@$(SET_UP) .venv local test

.venv/mutants: .venv/test
	@$(SET_UP) .venv local test mutants

# Tools whose pins do not go with ours, each in an environment of its own.
.venv-%/ready: setup.cfg
	@$(SET_UP) .venv-$* $*
