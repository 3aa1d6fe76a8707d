# Everything a person or a pipeline does with this checkout. Works from any folder: make -C path/to/checkout demo
ROOT := $(shell cd "$$(dirname "$(strip $(MAKEFILE_LIST))")" && pwd)
IN := cd "$(ROOT)" && .ci/within
ARGS ?=
WORKERS ?= 3
unexport MAKEFLAGS MFLAGS MAKELEVEL

.DEFAULT_GOAL := help
.PHONY: help setup demo up down test soak check format fix lint types imports template machines security audit bench docs lock build clean

help: ## list what can be made
	@sed -n 's/^\([a-z]*\):.* ## /\1|/p' "$(ROOT)/Makefile" | while IFS='|' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

setup: ## create .venv with everything pinned; instant when nothing changed
	@"$(ROOT)/.ci/setup"

demo: setup ## run the main job: a git push becomes an approved, measured release
	@$(IN) buildgate demo $(ARGS)

up: setup ## start the local cloud and keep it running (ARGS="--detach" to get the prompt back)
	@$(IN) buildgate local up $(ARGS)

down: setup ## stop the local cloud of this checkout
	@$(IN) buildgate local down $(ARGS)

test: setup ## run every test (ARGS="-k word" for some, WORKERS=1 for one process)
	@$(IN) env -u PYTHONDONTWRITEBYTECODE pytest -n $(WORKERS) --dist loadgroup $(ARGS)

soak: setup ## play a million bad days of builds, and 20,000 of the sample's runs (ARGS="--first 230001 --runs 770000" goes on)
	@$(IN) buildgate simulate --runs 1000000 --builds-only $(ARGS)
	@[ -n "$(ARGS)" ] || $(IN) buildgate simulate --runs 20000

check: format lint types imports template machines security ## all that needs no running: format, lint, types, imports, template, machines, security

format: setup
	@$(IN) ruff format --check --quiet . || { echo "format: run make fix" >&2; exit 1; }

lint: setup
	@$(IN) ruff check --quiet .

types: setup
	@$(IN) .ci/types

imports: setup
	@$(IN) .ci/quietly lint-imports --no-cache

template: setup
	@$(IN) .ci/quietly sam validate --lint --template-file template.yaml

machines: setup
	@$(IN) pytest -q -p no:randomly -p no:cacheprovider tests/unit/test_machines.py tests/unit/test_house.py

security: setup
	@$(IN) .ci/quietly bandit --quiet --recursive --configfile pyproject.toml layers cli functions
	@$(IN) .ci/quietly .ci/tool checkov --config-file .ci/checkov.yaml --file template.yaml

audit: setup ## ask for known vulnerabilities of the pinned packages; says so when it could not look
	@$(IN) .ci/audit

fix: setup ## format, and repair what lint can repair by itself
	@$(IN) ruff format . && $(IN) ruff check --fix .

bench: setup ## measure, and print what the documentation quotes
	@$(IN) env PYTHONPATH=layers:tests python -m tests.bench $(ARGS)

docs: setup ## write the generated reference pages again
	@$(IN) python -m buildgate_cli.reference
	@$(IN) env PYTHONPATH=tests:layers python -m guards_page

lock: setup ## resolve the packages again: uv.lock, and layers/deps/requirements.txt from it
	@$(IN) uv lock && $(IN) layers/layer_build/lock && PYTHONPATH=layers .ci/within python -m layer_build services

build: setup ## build the deployable artefact into .aws-sam/build
	@$(IN) sam build --template-file template.yaml

clean: ## remove what setup and build made; repositories and state in .buildgate stay
	@cd "$(ROOT)" && rm -rf .venv .aws-sam .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	@cd "$(ROOT)" && find . -name __pycache__ -type d -prune -exec rm -rf {} +
