.DEFAULT_GOAL := help
.PHONY: help run test check lint contracts lock

PYTHON := .venv/bin/python
SHELL_SCRIPTS := scripts/e2e scripts/lock scripts/run scripts/setup scripts/test .ci/run
PYTHON_SCRIPTS := scripts/contracts

help: ## List these tasks
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Set up, play the canonical call once, then keep serving (Ctrl-C ends it)
	@scripts/run

test: ## Set up and run the tests (scripts/test passes arguments to pytest)
	@scripts/test

# What CI runs on every change; it adds the Compose tests (scripts/e2e) where there is Docker.
check: lint ## Lint, contract drift and tests
	$(PYTHON) scripts/contracts --check
	@scripts/test

lint: ## Ruff, mypy and shellcheck
	@scripts/setup dev
	$(PYTHON) -m ruff check . $(PYTHON_SCRIPTS)
	$(PYTHON) -m ruff format --check . $(PYTHON_SCRIPTS)
	$(PYTHON) -m mypy
	.venv/bin/shellcheck $(SHELL_SCRIPTS)

contracts: ## Write contracts/ anew from the code
	@scripts/setup dev
	$(PYTHON) scripts/contracts

lock: ## Write the lock files anew from pyproject.toml
	@scripts/lock
