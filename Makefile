# Every chore of the project. `make` alone lists them. Needs only make, and Python 3.11 or newer with venv.
# A Python of your own choice: make test PYTHON=/path/to/python3

VENV := .venv
PY   := $(VENV)/bin/python
PIP  := $(PY) -m pip --disable-pip-version-check --no-input
ARGS :=
ROUNDS := 51
BACKEND := database

# The environment is made again when its Python no longer runs, when another one is asked for, when the locked
# requirements change, and when an installation was broken off: the first stamp is away while pip works.
SETS     := package demo test postgresql valkey browser docs dev mutants lock
OPTIONAL := postgresql valkey browser
STAMPS   := $(SETS:%=$(VENV)/.%)
CREATED  := $(VENV)/.created-$(shell cat requirements/*.txt 2>/dev/null | cksum | cut -d ' ' -f 1)
PYTHONS  := $(if $(PYTHON),"$(PYTHON)",python3.14 python3.13 python3.12 python3.11 python3)
STALE    := $(shell test -e $(CREATED) && $(PY) -c '' 2>/dev/null \
	&& { test -z "$(PYTHON)" || test "$(PYTHON)" = "`cat $(VENV)/.python`"; } || echo stale)

# The tests start hundreds of processes: none of them should compile again what another one has compiled.
unexport PYTHONDONTWRITEBYTECODE
# Other packages, in environments of their own: they need other versions, and ours shall not have them.
PEERS_NAMES := activity-stream friendship stream-framework
PEERS_READY := $(PEERS_NAMES:%=$(VENV)/peers/%/.ready)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test extended mutants lint format lua types layers migrations package docs bench faults soak serve shell lock clean
ifneq ($(STALE),)
.PHONY: $(CREATED) $(STAMPS)
endif

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '  make %-11s %s\n' "$$name" "$$text"; \
	done

# In Redis, the example project has the server of SEQUERE_REDIS_URL, or one that lives as long as what is run and begins empty.
EXAMPLE := $(VENV)/.demo
READY   := $(PY) manage.py migrate -v0
ifeq ($(BACKEND),redis)
EXAMPLE += $(VENV)/.valkey
READY   += && $(PY) manage.py rebuild_projections
WITH    := SEQUERE_EXAMPLE_BACKEND=redis $(PY) -m example_project.servers
WORKER  := --worker
else ifneq ($(BACKEND),database)
$(error BACKEND is database or redis)
endif

demo: $(EXAMPLE) ## a tour of Sequere in the terminal (BACKEND=redis: with follows and timelines in Redis)
	@$(WITH) $(PY) manage.py demo

test: $(VENV)/.test $(OPTIONAL:%=$(VENV)/.%) ## the tests, on SQLite, on PostgreSQL, in Redis and with Celery (ARGS: pytest's, or --only sqlite)
	@$(PY) -m tests $(ARGS)

extended: $(VENV)/.test $(OPTIONAL:%=$(VENV)/.%) ## what takes longer: the guides, every damage, loads, other modes, the contracts with Celery's workers, RabbitMQ, Redis 7, a browser
	@$(PY) -m tests --extended $(ARGS)

lint: $(VENV)/.dev ## look for mistakes and unformatted code
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

format: $(VENV)/.dev ## format the code, and repair what can be repaired
	@$(PY) -m ruff check --fix-only .
	@$(PY) -m ruff format .

lua: $(VENV)/.test ## check the syntax of the Lua scripts
	@$(PY) -m tests.redis.lua

types: $(VENV)/.test $(VENV)/.dev ## check the types
	@$(PY) -m mypy -p sequere -p sequere_timeline

layers: $(VENV)/.dev ## check which module imports which
	@$(PY) $(VENV)/bin/lint-imports --no-logo --cache-dir .cache/import-linter

migrations: $(VENV)/.test ## check that the models have all their migrations
	@DJANGO_SETTINGS_MODULE=tests.settings $(PY) -m django makemigrations --check --dry-run

package: $(VENV)/.dev ## build the wheel and the sdist into dist/, and try the wheel where there is no checkout
	@rm -rf dist
	@$(PY) -m build --quiet --no-isolation --outdir dist
	@$(PY) -m twine check --strict dist/*
	@$(PY) .ci/check_package.py dist

docs: $(VENV)/.test $(VENV)/.docs ## build the documentation into docs/_build/
	@$(PY) -m sphinx -q -W --keep-going -b html -d .cache/sphinx docs docs/_build
	@echo "The documentation is in docs/_build/index.html."

bench: $(VENV)/.test $(VENV)/.postgresql $(VENV)/.valkey $(if $(PEERS),$(PEERS_READY)) ## run the benchmarks (ARGS: theirs; PEERS=1: beside other packages)
	@$(PY) -m tests.benchmarks database $(ARGS)
	@$(PY) -m tests.benchmarks redis $(ARGS)
	@$(PY) -m tests.benchmarks relations $(ARGS)
	@$(PY) -m tests.benchmarks relations-redis $(ARGS)
	@$(PY) -m tests.benchmarks workers $(ARGS)
	@$(PY) -m tests.benchmarks workers-redis $(ARGS)
	@$(PY) -m tests.benchmarks $(if $(PEERS),peers,operations) $(ARGS)

faults: $(VENV)/.test $(VENV)/.postgresql $(VENV)/.valkey ## races, kills and outages, many times over (ROUNDS, 51 by default)
	@TESTS_ROUNDS=$(ROUNDS) $(PY) -m tests tests/races $(ARGS)

mutants: $(VENV)/.test $(VENV)/.postgresql $(VENV)/.valkey $(VENV)/.mutants ## mistakes in the log, the outbox and the relations, and which of them no test notices (ARGS: --sample 200)
	@$(PY) -m tests.mutants $(ARGS)

soak: $(VENV)/.test $(VENV)/.postgresql $(VENV)/.valkey ## a minute of writers and workers that die while servers restart (ARGS: --seconds 600)
	@$(PY) -m tests.soak $(ARGS)

serve: $(EXAMPLE) ## run the example project's site, with sample data (BACKEND=redis, with a worker of Celery)
	@$(WITH) $(WORKER) sh -c '$(READY) && $(PY) manage.py sample && exec $(PY) manage.py runserver "$$@"' serve $(ARGS)

shell: $(EXAMPLE) ## a Python shell in the example project (BACKEND=redis)
	@$(WITH) sh -c '$(READY) && exec $(PY) manage.py shell "$$@"' shell $(ARGS)

# Each set may only have versions that agree with the sets before it: they are installed into one environment. A peer
# has the Django that we have. Cosmic Ray writes HTML with yattag, which has no wheel; nobody asks it to.
lock: $(VENV)/.lock ## lock the requirements again (ARGS: --upgrade, or --upgrade-package NAME)
	@set -e; lock() { \
		set=$$1; shift; \
		echo "Locking requirements/$$set.txt"; \
		$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-emit-find-links --no-emit-package yattag --no-annotate --custom-compile-command 'make lock' \
			$(ARGS) "$$@" requirements/$$set.in -o requirements/$$set.txt; \
	}; \
	others=; for name in $(SETS); do \
		lock $$name $$others; \
		others="$$others -c requirements/$$name.txt"; \
	done; \
	for name in build $(PEERS_NAMES); do lock peers/$$name -c requirements/package.txt; done

clean: ## remove everything that make has made
	@rm -rf $(VENV) .cache dist docs/_build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(CREATED):
	@bare=; for python in $(PYTHONS); do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
		if "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then \
			rm -rf $(VENV); \
			echo "Creating $(VENV) with `"$$python" --version`"; \
			"$$python" -m venv $(VENV) || exit 1; \
			echo "$$python" > $(VENV)/.python; \
			touch $@; \
			exit 0; \
		fi; \
		bare="$${bare:-$$python}"; \
	done; \
	if test -n "$$bare"; then \
		echo "Please install venv for $$bare (on Debian and Ubuntu: the package python3-venv)." >&2; \
	else \
		echo "Please install Python 3.11 or newer, or name one with PYTHON=/path/to/python3 (tried:" \
			$(PYTHONS)")." >&2; \
	fi; \
	exit 1

# The lists are whole: what they leave out is not needed.
INSTALL = $(PIP) install -qq --no-deps --require-hashes --only-binary :all: -r requirements/$(@:$(VENV)/.%=%).txt

$(filter-out $(OPTIONAL:%=$(VENV)/.%),$(STAMPS)): | $(CREATED)
	@echo "Installing requirements/$(@:$(VENV)/.%=%).txt"
	@rm -f $(CREATED)
	@$(INSTALL)
	@touch $(CREATED) $@

# Not every platform has these; who needs them says what is left out.
$(OPTIONAL:%=$(VENV)/.%): | $(CREATED)
	@echo "Installing requirements/$(@:$(VENV)/.%=%).txt"
	@rm -f $(CREATED)
	@if $(INSTALL) > $(VENV)/$(@:$(VENV)/.%=%).log 2>&1; then \
		touch $@; \
	else \
		echo "What requirements/$(@:$(VENV)/.%=%).txt names could not be installed ($(VENV)/$(@:$(VENV)/.%=%).log says why)."; \
	fi
	@touch $(CREATED)

$(VENV)/peers/%/.ready: requirements/peers/build.txt requirements/peers/%.txt | $(CREATED)
	@echo "Installing $(filter-out $<,$^)"
	@$(PY) -m venv --clear $(@D)
	@for set in $^; do \
		$(@D)/bin/python -m pip --disable-pip-version-check --no-input install -qq --require-hashes --only-binary :all: \
			--no-binary stream-framework --no-build-isolation -r $$set || exit 1; \
	done
	@touch $@
