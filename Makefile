# Each target does its own set-up: Python 3.11+, make and git are all that a machine needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin

# What the command line gives, and it alone: a variable of the same name that the shell exports decides nothing. The
# text arrives as it was typed, whatever the shell or make would read in it.
SETTINGS := ENV ARGS FORMAT OUT SET TO APP FAIL_AT KEEP ASK BASE RESOURCE ON SEED SEEDS COUNT PYTEST
given = $(if $(filter command,$(firstword $(origin $(1)))),$(value $(1)))
quoted = '$(subst ','\'',$(call given,$(1)))'
option = $(if $(call given,$(1)),$(2)=$(call quoted,$(1)))
define newline


endef
typed := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
unknown := $(filter-out $(SETTINGS) PYTHON STRICT SLOW BIN SHELL MAKEFLAGS,$(typed))
$(if $(unknown),$(error $(unknown): no such setting; there are $(SETTINGS)))
# A variable of a script that is not set would choose another environment, or no application.
$(foreach name,$(filter-out ARGS PYTEST,$(filter $(SETTINGS),$(typed))),$(if $(value $(name)),,$(error $(name) is empty: give a value, or leave it out)))
$(foreach name,$(typed),$(if $(findstring $(newline),$(value $(name))),$(error $(name) has a line break in it)))
# Whoever writes KEEP=0 or ASK=no means the opposite of KEEP=1.
$(foreach name,$(filter KEEP ASK,$(typed)),$(if $(filter-out 0 1,$(value $(name))),$(error $(name) is 1 or 0)))
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
# Modules are those of this folder and of its environment, and Python is as it comes.
unexport PYTHONSAFEPATH PYTHONPATH PYTHONHOME PYTHONINSPECT PYTHONOPTIMIZE PYTHONWARNINGS
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# What is too long for the terminal goes on below itself.
define LISTED
function row(line, text,  words, count, at) {
  count = split(text, words, " ")
  for (at = 1; at <= count; at++) {
    if (columns && at > 1 && length(line) + 1 + length(words[at]) > columns) {
      print line
      line = sprintf("%19s", "")
    }
    line = line " " words[at]
  }
  print line
}
/^##@ / { printf "\n%s\n", substr($$0, 5) }
/^[a-z-]+:.*## / { row(sprintf("  make %-12s", $$1), $$2) }
endef
help: export LISTED := $(LISTED)
help: ## list the commands
	@awk -v columns="$${COLUMNS:-$$(test -t 1 && tput cols 2>/dev/null)}" -F ':.*## ' "$$LISTED" $(MAKEFILE_LIST)

##@ Try it on your computer

deploy: templates $(tools) ## create or update an environment; without ENV it is local, a simulated AWS on your computer
	@$(DELIVERY) apply $(environment) $(arguments)

plan: templates $(tools) ## preview a deployment, including nested stacks
	@$(DELIVERY) plan $(environment) $(arguments) $(shown)

onboard: .venv/ready ## read your application's folder and write its facts: APP=folder
	@$(DELIVERY) onboard $(call option,APP,--app) $(arguments)

bootstrap: $(tools) ## take your application from its folder to its first release: APP=folder; ENV=staging for a real account
	@$(DELIVERY) bootstrap $(environment) $(call option,APP,--app) $(arguments)

rehearse: .venv/local ## simulate a release of your application: APP=folder FAIL_AT=stage KEEP=1 ASK=1
	@$(DELIVERY) rehearse $(call option,APP,--app) $(call option,FAIL_AT,--fail-at) $(if $(filter 1,$(call given,KEEP)),--keep) $(if $(filter 1,$(call given,ASK)),--ask) $(arguments)

fault: .venv/local ## make a resource of the local AWS fail, to practise: RESOURCE=Backend/Service ON=update
	@$(DELIVERY) local fault $(call option,RESOURCE,--resource) $(call option,ON,--on) $(arguments)

fault-clear: .venv/local ## remove all faults that were planned with make fault
	@$(DELIVERY) local fault-clear

local-stop: .venv/ready ## stop the local AWS and forget everything in it
	@$(DELIVERY) local stop

##@ Deploy to a real account

preflight: .venv/ready ## check the account for everything that a deployment needs (read-only): ENV=staging
	@$(DELIVERY) preflight $(environment) $(arguments)

access: templates $(tools) ## create or update the roles that deploy an environment, as an administrator: ENV=staging
	@$(DELIVERY) access $(environment) $(arguments)

migrate: templates ## push an application with its branches and tags into the repository: APP=folder
	@$(DELIVERY) migrate shared $(call option,APP,--app) $(arguments)

import: .venv/ready ## import an existing CodeCommit repository into the shared stack
	@$(DELIVERY) import $(environment) $(arguments)

cost: .venv/ready ## estimate the monthly cost of an environment: ENV=staging
	@$(DELIVERY) cost $(environment) $(arguments)

destroy: .venv/ready ## delete an environment; resources with data are kept unless you name them
	@$(DELIVERY) destroy $(environment) $(arguments)

##@ Inspect

status: .venv/ready ## show the state of the stacks, and of a running operation
	@$(DELIVERY) status $(environment) $(arguments)

outputs: .venv/ready ## show addresses and names
	@$(DELIVERY) outputs $(environment) $(arguments)

events: .venv/ready ## list events of all nested stacks; ARGS=--failed lists failures only
	@$(DELIVERY) events $(environment) $(arguments)

drift: .venv/ready ## show changes made outside the stacks
	@$(DELIVERY) drift $(environment) $(arguments) $(shown)

config: .venv/ready ## list, set or compare the application configuration: SET=LOG_LEVEL=DEBUG
	@$(DELIVERY) config $(environment) $(call option,SET,--set) $(arguments) $(shown)

##@ Recover

explain: .venv/ready ## show why the last operation failed, and the next step
	@$(DELIVERY) explain $(environment) $(arguments)

follow: .venv/ready ## follow the running operation until it ends
	@$(DELIVERY) follow $(environment) $(arguments)

continue: .venv/ready ## resume a failed rollback (UPDATE_ROLLBACK_FAILED)
	@$(DELIVERY) continue $(environment) $(arguments)

rollback: .venv/ready ## list good releases, or go back to one: TO=commit
	@$(DELIVERY) rollback $(environment) $(call option,TO,--to) $(arguments)

##@ Develop

templates: .venv/ready ## render, lint and check the templates; for a program: FORMAT=sarif OUT=gate.sarif (or junit, json, github)
	@$(BIN)/python -m generator --gate $(call option,FORMAT,--format) $(call option,OUT,--out)

check: .venv/test ## what a pull request must pass, in a minute: BASE=main
	@$(BIN)/python -m tests.check $(if $(call given,BASE),$(call quoted,BASE))

review: .venv/ready ## show what a change does to every environment: BASE=main
	@$(DELIVERY) review $(if $(call given,BASE),$(call quoted,BASE),main) $(arguments)

test: .venv/test .venv-checkov/ready .venv-awscli/ready ## run all tests; STRICT=1 fails for tests that cannot run on this computer
	@$(BIN)/python -m pytest -n 3 --dist loadfile $(call given,PYTEST)

soak: .venv/test .venv-checkov/ready .venv-awscli/ready ## run what `make test` leaves out because it takes long: SEEDS=100
	@$(if $(call given,SEEDS),SEEDS=$(call quoted,SEEDS)) $(BIN)/python -m pytest -n 2 -m soak $(call given,PYTEST)

unit: .venv/test ## run the tests without a server, a browser or processes of their own
	@$(BIN)/python -m pytest -p tests.support.forks --forks 3 -m unit $(call given,PYTEST)

mutants: .venv/mutants .venv-checkov/ready .venv-awscli/ready ## measure which seeded faults the tests see: SEED=1 COUNT=150
	@$(BIN)/python -m tests.mutants $(call option,SEED,--seed) $(call option,COUNT,--count) $(arguments)

lint: .venv/test ## ruff and mypy
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: .venv/test ## fix formatting and lint automatically
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

bench: .venv/test .venv-awscli/ready .venv-sam/ready .venv-sceptre/ready ## compare deployment time with AWS CLI, SAM and Sceptre
	@$(BIN)/python -m tests.bench

clean: ## remove virtual environments and caches (never touches AWS)
	@test ! -e .cache/local_aws.json || "$(PYTHON)" -m scripts.local_aws stop
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
