# `make run` serves, `make check test` is what a change must pass, `.ci/run` is all of it.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
SERVED := $(VENV)/served

# A stamp is named after the sum of what it installed: nothing is installed twice, and a changed lock is noticed.
sum = $(shell cat $(1) | cksum | tr ' ' '-')
RUNTIME := $(VENV)/.runtime-$(call sum,requirements.lock setup.cfg)
FUZZ := $(VENV)/.fuzz-$(call sum,requirements-fuzz.lock)
DEV := $(VENV)/.dev-$(call sum,requirements.lock requirements-dev.lock setup.cfg)
PEERS := $(patsubst %/package-lock.json,%/node_modules/.installed,$(wildcard tests/e2e/*/package-lock.json))

# Some environments ask Python to keep nothing of what it compiled. Each process of the tests would then compile all of it.
export PYTHONDONTWRITEBYTECODE :=

E2E := $(BIN)/pytest -m "e2e or slow" -n 0 --timeout 600

.DEFAULT_GOAL := run
.PHONY: run runtime install migrate test check fmt bench e2e e2e-hostile e2e-facades e2e-faults e2e-tasks e2e-others faults fuzz lock clean system-packages

run: $(RUNTIME)
	@$(BIN)/shoal serve

runtime: $(RUNTIME)

install: $(DEV)

migrate: $(RUNTIME)
	@$(BIN)/shoal migrate

test: $(DEV) system-packages
	$(BIN)/pytest

# Two at a time, each of which has its addresses for itself, the longest first. Then, on a machine that has little else to do,
# what has a deadline and mostly waits; and alone, what measures time.
e2e: $(DEV) $(PEERS) system-packages
	$(MAKE) --no-print-directory --keep-going --jobs 2 e2e-facades e2e-hostile e2e-others
	$(MAKE) --no-print-directory --keep-going --jobs 2 e2e-faults e2e-tasks
	$(E2E) tests/bench

e2e-hostile e2e-facades e2e-faults e2e-tasks: e2e-%: $(DEV)
	$(E2E) tests/$*

e2e-others: $(DEV)
	$(E2E) $(addprefix --ignore tests/,hostile facades tasks faults bench)

check: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Of what `make run` installs: libraries load what they find, and tests bring more of it.
bench: $(DEV)
	@$(MAKE) --no-print-directory VENV=$(SERVED) runtime
	$(BIN)/python -m tests.bench --shoal $(SERVED)/bin/shoal

# N seeds, each printed with its verdict; `make faults SEED=…` runs one of them again, KILLS=… kills so often instead.
# Without any of them: those directed faults that take too long for `make e2e`, and one seed.
faults: $(DEV) system-packages
	$(if $(N)$(SEED)$(KILLS),,$(BIN)/pytest tests/faults -m faults -n 0)
	$(BIN)/python -m tests.faults --runs $(or $(N),1) $(if $(SEED),--seed $(SEED)) $(if $(KILLS),--kills $(KILLS))

# TIME is seconds of the processor for each target, TARGET one of them (all, if left out).
fuzz: $(FUZZ)
	$(BIN)/python -m tests.fuzz $(if $(TIME),--seconds $(TIME)) $(TARGET)

# Takes the newest versions that setup.cfg allows and writes them down.
lock:
	.ci/lock $(PYTHON)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

system-packages:
	@.ci/system-packages

$(RUNTIME):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Shoal needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11")'
	@echo "Installing into $(VENV), once ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --config-settings editable_mode=compat -e .
	@PYTHONNODEBUGRANGES=1 $(BIN)/python -OO -m compileall -qq -j 0 $(VENV)/lib app activitypub tasks migrations wsgi.py || true
	@rm -f $(VENV)/.runtime-*
	@touch $@

$(DEV): $(RUNTIME)
	@echo "Installing what tests and checks need, once ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-dev.lock
	@rm -f $(VENV)/.dev-*
	@touch $@

# It has no build for every machine, so that only this waits for it.
$(FUZZ): $(DEV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-fuzz.lock
	@rm -f $(VENV)/.fuzz-*
	@touch $@

%/node_modules/.installed: %/package-lock.json | system-packages
	@if ! command -v npm > /dev/null; then echo "Without npm, tests with the peer in $* are skipped." >&2; exit 0; fi; \
	npm ci --no-audit --no-fund --prefix $* && touch $@
