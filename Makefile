# One target for each habit; `make` lists them. Needs Python 3.10 or newer and make, nothing else.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SEEDS ?= 500
DURATION ?= 120
CASES ?= 2000
PROVIDER ?= standin
#: processes that tests run in; many wait more than they compute
WORKERS ?= 3
#: what `make test-fast` runs, what `make test-wheel` does, and what `make coverage` does
FAST := tests/unit/sdk tests/unit/app tests/unit/service tests/in_process tests/signals tests/contract/test_client.py $(filter-out %_demo.py,$(wildcard tests/packaging/test_*.py))
INSTALLED := tests/unit/sdk tests/unit/service tests/unit/local tests/signals tests/contract tests/e2e/test_seed_program.py
COVERED := tests/unit tests/in_process tests/contract tests/stores tests/signals tests/auth tests/e2e
PEERS := PYDISPATCHER_SDIST="$(abspath $(VENV))/peers/PyDispatcher-2.0.7.tar.gz" DJANGO_SDIST="$(abspath $(VENV))/peers/django-6.0.10.tar.gz"
#: more arguments for `make test`, `make lock`, `make emulator`, `make torture`, `make demo` and `make release-check`
ARGS ?=

.PHONY: help venv test test-fast coverage lint lock terraform tables docs docs-serve demo emulator simulate torture waits worker-drain bench bench-aio bench-signals bench-workers fuzz wheel dist test-wheel release-check version image browser screenshots postgres clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 15

venv: $(VENV)/.dev ## make .venv with all that the other targets need

test: $(VENV)/.release $(if $(shell command -v terraform),$(VENV)/.terraform) ## run all tests; with Google's Firestore emulator and Terraform too, if installed
	@$(PEERS) $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

# Of the client, signals and the service: what starts no emulator, virtual environment or Terraform, and takes few seconds.
test-fast: $(VENV)/.dev ## run the tests that need nothing else and end soon
	@$(PEERS) $(BIN)/python -m pytest -n $(WORKERS) -m "not google and not slow" $(FAST) $(ARGS)

coverage: $(VENV)/.dev ## measure which branches the tests take, in every process that they start; fails below the floor in pyproject.toml
	@rm -f .coverage .coverage.*
	@export $(PEERS) COVERAGE_FILE="$(CURDIR)/.coverage"; \
		$(BIN)/python -m coverage run -m pytest -n $(WORKERS) --dist loadfile $(COVERED) $(ARGS); passed=$$?; \
		$(BIN)/python -m coverage combine --quiet && $(BIN)/python -m coverage report && exit $$passed

lint: $(VENV)/.dev ## check style, format, types, who imports whom, and the files for GitHub, Docker and pre-commit
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m mypy
	$(BIN)/lint-imports
	@# docstrings: arguments that a function does not have, sections that no tool understands
	@! $(BIN)/griffe dump --log-level WARNING --docstyle google --full --output /dev/null \
		--search client --search functions --search emulator pubsubclient pubsubservice pubsub_emulator 2>&1 | grep .
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker/compose.yaml
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/zizmor --offline --quiet --no-progress .github
	$(BIN)/pre-commit validate-config .pre-commit-config.yaml

# For every Python from the oldest on, which is named here, and every platform: a package has one line for each version that
# some of them need. What is pinned stays as it is unless it must change. Development has the versions that are deployed.
# uv needs a Python only to read pyproject.toml's build; it takes the one at hand, and fetches none.
COMPILE = "$(abspath $(BIN))/uv" pip compile --quiet --universal --python-version 3.10 --generate-hashes \
	--python "$(abspath $(BIN))/python" --no-python-downloads --custom-compile-command 'make lock' $(ARGS) --output-file

RUNTIME = --extra emulator --extra auth --extra firestore

lock: $(VENV)/.lock ## pin all that the functions, development, benchmarks and checks need, with hashes; ARGS=--upgrade takes the newest
	@cd functions && $(COMPILE) requirements.txt requirements.in
	@$(COMPILE) requirements/runtime.txt --constraint functions/requirements.txt $(RUNTIME) --group build pyproject.toml
	@$(COMPILE) requirements/dev.txt --constraint requirements/runtime.txt --extra all --group build --group dev --group docs pyproject.toml
	@$(COMPILE) requirements/image.txt --constraint requirements/runtime.txt --extra emulator --extra auth pyproject.toml
	@$(COMPILE) requirements/build.txt --constraint requirements/runtime.txt --group build
	@$(COMPILE) requirements/release.txt --constraint requirements/dev.txt --group release
	@$(COMPILE) requirements/benchmarks.txt --constraint requirements/dev.txt --group benchmarks
	@for group in lock standin checkov; do $(COMPILE) requirements/$$group.txt --group $$group || exit 1; done
	@for group in tf peers; do $(COMPILE) requirements/$$group.txt --no-deps --group $$group || exit 1; done
	@# of Python 3.12, without which there is no such Django; only its source is used
	@$(subst 3.10,3.12,$(COMPILE)) requirements/django-suite.txt --no-deps --group django-suite

terraform: $(VENV)/.terraform ## check the Terraform module, offline; PROVIDER=real with Google's provider, from its registry
	@PROVIDER=$(PROVIDER) $(BIN)/python -m tests.terraform

tables: $(VENV)/.dev ## write the tables of terraform/README.md, the map of docs/architecture.md, the index of decisions and the reference of commands
	@$(BIN)/python -m tests.terraform.tables
	@$(BIN)/python -m tests.documents.map
	@PYTHONPATH=tests $(BIN)/python -m tests.documents.commands

docs: $(VENV)/.dev ## build the documentation's site in build/docs; a warning, or a link that leads nowhere, is an error
	@$(BIN)/python -m docs.site build/docs
	@echo "build/docs/index.html"

docs-serve: docs ## build the documentation's site and serve it on http://127.0.0.1:8080/
	@exec $(BIN)/python -m http.server --bind 127.0.0.1 --directory build/docs 8080

demo: $(VENV)/.runtime ## publish and consume thousands of real events on an emulator, and check every one
	@$(BIN)/python -m demo $(ARGS)

emulator: $(VENV)/.runtime ## serve the functions on this machine: make emulator ARGS='--port 9000'
	@exec $(BIN)/pubsub emulator $(ARGS)

simulate: $(VENV)/.dev ## look for broken promises under faults: SEEDS=20000 for many, SEED=17 for one again
	@PYTHONPATH=tests $(BIN)/python -m simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))

torture: $(VENV)/.dev ## kill, freeze and cut real processes, check every promise: DURATION=20 STORE=sqlite SEED=17
	@PYTHONPATH=tests $(BIN)/python -m torture --duration $(DURATION) $(if $(STORE),--store $(STORE)) $(if $(SEED),--seed $(SEED)) $(ARGS)

waits: $(VENV)/.dev ## measure what waits over Firestore promise: reads, threads, races, killed streams, forks: ARGS='--quick --only races'
	@PYTHONPATH=tests $(BIN)/python -m unit.google.listen $(ARGS)

fuzz: $(VENV)/.dev ## send each function 2,000 requests made from its description: CASES=10000 for more
	@FUZZ_CASES=$(CASES) $(BIN)/python -m pytest tests/e2e/test_openapi.py $(ARGS)

worker-drain: $(VENV)/.dev ## stop and kill workers at work, 20 rounds of each: ARGS='--rounds 5'
	@PYTHONPATH=tests $(BIN)/python -m worker.rounds $(ARGS)

bench: $(VENV)/.bench ## compare with Google's Pub/Sub emulator, NATS and Redis: ARGS='--quick --only lone,fan-out --json FILE --plot FILE'
	@$(BIN)/python -m benchmarks.service $(ARGS)

bench-aio: $(VENV)/.dev ## compare asyncio with threads: ARGS='--events 2000 --rounds 1'
	@$(BIN)/python -m benchmarks.aio $(ARGS)

bench-signals: $(VENV)/.bench ## compare signals with PyDispatcher, blinker, Django and psygnal: ARGS=--json for all figures
	@$(BIN)/python benchmarks/signals.py $(ARGS)

bench-workers: $(VENV)/.bench ## compare workers with the bare loop, dramatiq and FastStream: ARGS='--events 2000 --rounds 1'
	@$(BIN)/python -m benchmarks.workers $(ARGS)

wheel: $(VENV)/.runtime ## build dist/pubsubclient-*.whl
	rm -rf dist
	$(PIP) wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

dist: $(VENV)/.release ## build the sdist and the wheel twice, compare them, and check what a release publishes
	@$(BIN)/python -m release dist

test-wheel: dist ## run tests against the installed wheel, with the sources gone
	@$(PEERS) $(BIN)/python -m tests.installed dist/pubsubclient-*.whl -n $(WORKERS) --dist loadfile \
		-m "not google and not slow" $(INSTALLED) $(ARGS)

release-check: $(VENV)/.release lint ## check all that a release needs here, and show what a tag would publish: TAG=v0.1.0
	@$(BIN)/python -m release check --tag "$(TAG)" $(ARGS)

version: $(VENV)/.release ## write VERSION=0.2.0 to every file that names the version, and close the changelog's section
	@$(BIN)/python -m release version "$(VERSION)"

image: ## build the image without a container engine, as localhost/pubsub; on Debian or Ubuntu, as root: it installs what it needs
	@docker/without-engine.sh --install localhost/pubsub

# With Debian's fonts, so that texts have the widths that the tests know.
browser: ## install Chromium for the tests of the console, unless a browser is there; on Debian or Ubuntu, as root
	@for name in chromium chromium-browser google-chrome; do command -v $$name && exit; done; \
		$(if $(filter-out 0,$(shell id -u)),sudo) sh -c "apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes chromium" >/dev/null

screenshots: $(VENV)/.dev browser ## make the images of the console in docs/images
	@CONSOLE_SCREENSHOTS="$(CURDIR)/docs/images" $(BIN)/python -m pytest tests/console/test_screenshots.py

# Runlevel 1 keeps the package from starting a server; the tests start one of their own.
postgres: ## install PostgreSQL for the tests of the outbox, unless a server is there; on Debian or Ubuntu, as root
	@ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null || \
		$(if $(filter-out 0,$(shell id -u)),sudo) sh -c "apt-get update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install --yes postgresql" >/dev/null

clean: ## delete what was built: .venv, dist and caches
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
	find client functions emulator tests demo benchmarks -name __pycache__ -prune -exec rm -rf {} +

# What is installed is what requirements/ pins, checked by its hashes; the package itself is this checkout.
PIP = $(BIN)/python -m pip --disable-pip-version-check
LOCKED = install --quiet --require-hashes --requirement requirements

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed: make PYTHON=...") if sys.version_info < (3, 10) else None'
	@$(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@touch $@

# What the package needs with its emulator, and nothing for developers: the demo starts sooner.
$(VENV)/.runtime: pyproject.toml requirements/runtime.txt | $(VENV)/.python
	$(PIP) $(LOCKED)/runtime.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt requirements/peers.txt requirements/django-suite.txt
	$(PIP) $(LOCKED)/dev.txt
	@# PyDispatcher's own tests, and those of Django's Tasks, are run against ours; they are fetched, not copied
	$(PIP) download --quiet --no-deps --no-binary :all: --dest $(VENV)/peers --require-hashes --requirement requirements/peers.txt
	$(PIP) download --quiet --no-deps --no-binary :all: --python-version 3.12 --dest $(VENV)/peers --require-hashes --requirement requirements/django-suite.txt
	@touch $@

# Not with what it is to lock, which may not be complete.
$(VENV)/.lock: requirements/lock.txt | $(VENV)/.python
	@$(PIP) $(LOCKED)/lock.txt
	@touch $@

# Each in an environment of its own: they need other versions of what the functions need. `tf` has the stubs of Terraform's plugin
# protocol, which are all that is used of it.
$(VENV)/.terraform: $(VENV)/.dev requirements/standin.txt requirements/tf.txt requirements/checkov.txt
	@$(PYTHON) -m venv --without-pip $(VENV)/terraform
	$(PIP) --python $(VENV)/terraform $(LOCKED)/standin.txt
	$(PIP) --python $(VENV)/terraform install --quiet --no-deps --require-hashes --requirement requirements/tf.txt
	@$(PYTHON) -m venv --without-pip $(VENV)/checkov
	$(PIP) --python $(VENV)/checkov $(LOCKED)/checkov.txt
	@touch $@

$(VENV)/.release: $(VENV)/.dev requirements/release.txt
	$(PIP) $(LOCKED)/release.txt
	@touch $@

$(VENV)/.bench: $(VENV)/.dev requirements/benchmarks.txt
	$(PIP) $(LOCKED)/benchmarks.txt
	@touch $@
