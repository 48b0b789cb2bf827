# Everything is set up by the first command that needs it: `make run` on a fresh machine is enough.
#
#   make run [ARGS="…"]   start the program         make check   format, lint, types, layers, README
#   make test [ARGS="…"]  all tests                 make setup   only set up, for running and testing
#   make test-fast        those without tshark      make proto   generated code from proto/
#   make coverage         which lines tests run     make clean   remove what was made
#   make snapshots        the screens in tests/     make picture the picture in docs/
#   make bench [ARGS="…"] how fast it is
#   make fuzz [ARGS="…"]  thousands of damaged captures
#   make docs             the table of keys in README.md
#   make structure [ARGS="…"]  size and shape of the code, beside other packages
#   make reach [ARGS="…"]      how many modules take part in a filter, a command, a call

# The environment is made here, or in the user's cache where this folder belongs to somebody else.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/grpc-inspector
MINE := $(shell test -w . && { test -w .venv || test ! -e .venv; } && echo yes)
VENV ?= $(if $(MINE),.venv,$(CACHE)/venv$(subst /,-,$(CURDIR)))
PYTHON := $(VENV)/bin/python
SETUP := sh .ci/setup
INPUTS := pyproject.toml constraints.txt .ci/setup .ci/has_requirements.py

# Nothing but the environment is written into a folder that belongs to somebody else.
ifndef MINE
export PYTHONDONTWRITEBYTECODE := 1
export RUFF_CACHE_DIR := $(CACHE)/ruff
export MYPY_CACHE_DIR := $(CACHE)/mypy
export COVERAGE_FILE := $(CACHE)/coverage
export HYPOTHESIS_STORAGE_DIRECTORY := $(CACHE)/hypothesis
PYTEST_CACHE := -p no:cacheprovider
IMPORTS_CACHE := --no-cache
endif

.NOTPARALLEL:
.PHONY: help run setup check test test-fast coverage snapshots bench fuzz proto picture docs structure reach clean

help:
	@sed -n '3,13s/^# *//p' Makefile

run: $(VENV)/.tools-run $(VENV)/.run
	@$(PYTHON) -m inspector $(ARGS)

setup: $(VENV)/.tools-test $(VENV)/.dev

check: $(VENV)/.dev
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(VENV)/bin/lint-imports $(IMPORTS_CACHE)
	$(PYTHON) -m tests.readme_keys --check

# Files go to several processes, each file to one: those that need the greet service's own port are all in one file.
# More processes than a small machine has processors: a test waits much of its time.
test: $(VENV)/.tools-test $(VENV)/.dev
	$(PYTHON) -m pytest -n 4 --dist loadfile $(PYTEST_CACHE) $(ARGS)

# What starts neither tshark, nor an engine, nor a terminal.
test-fast: $(VENV)/.dev
	$(PYTHON) -m pytest -m "not system" -n 2 --dist worksteal $(PYTEST_CACHE) $(ARGS)

# The report comes from a run with failures too.
coverage: $(VENV)/.tools-test $(VENV)/.dev
	$(PYTHON) -m coverage erase
	$(PYTHON) -m coverage run -m pytest -n 4 --dist loadfile $(PYTEST_CACHE) $(ARGS); status=$$?; \
		$(PYTHON) -m coverage combine --quiet && $(PYTHON) -m coverage report && exit $$status

snapshots: $(VENV)/.tools-test $(VENV)/.dev
	rm -rf tests/ui/__snapshots__
	$(PYTHON) -m pytest -n 4 $(PYTEST_CACHE) --update-snapshots tests/ui/test_snapshots.py -k screens_look
	@git --no-pager diff --stat -- tests/ui/__snapshots__

bench: $(VENV)/.dev $(VENV)/.tools-run
	@$(PYTHON) -m tests.bench $(ARGS)

fuzz: $(VENV)/.dev $(VENV)/.tools-run
	@$(PYTHON) -m tests.fuzz $(ARGS)

picture: $(VENV)/.dev $(VENV)/.tools-test
	$(PYTHON) -m tests.picture $(ARGS)

docs: $(VENV)/.dev
	$(PYTHON) -m tests.readme_keys

structure: $(VENV)/.dev
	@$(PYTHON) -m tests.structure $(ARGS)

reach: $(VENV)/.dev $(VENV)/.tools-run
	@$(PYTHON) -m tests.reach $(ARGS)

# The names in the descriptors stay helloworld.proto and sample.proto, as in every other copy; only the imports are put
# right.
proto: $(VENV)/.dev
	$(PYTHON) -m grpc_tools.protoc -Iproto --python_out=sample_service --pyi_out=sample_service \
		--grpc_python_out=sample_service helloworld.proto sample.proto
	sed -i.old -E 's/^import (helloworld|sample)_pb2/from sample_service import \1_pb2/' sample_service/*_pb2_grpc.py
	rm sample_service/*_pb2_grpc.py.old

clean:
	rm -rf $(VENV) .coverage .coverage.* .venv-distribution build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find inspector sample_service tests -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.tools-run: .ci/setup
	@$(SETUP) tools python tshark tcpdump
	@mkdir -p $(VENV) && touch $@

$(VENV)/.tools-test: .ci/setup
	@$(SETUP) tools python tshark tcpdump tmux openssl
	@mkdir -p $(VENV) && touch $@ $(VENV)/.tools-run

# Status 75: pip failed, and what is there will do. The stamp stays as it is, so that the next run tries again.
define SET_UP_PYTHON
@$(SETUP) python $(VENV) '$(1)'; status=$$?; \
	if [ $$status = 0 ]; then touch $(2); else test $$status = 75; fi
endef

$(VENV)/.run: $(INPUTS) | $(VENV)/.tools-run
	$(call SET_UP_PYTHON,.,$@)

$(VENV)/.dev: $(INPUTS) | $(VENV)/.tools-test
	$(call SET_UP_PYTHON,.[dev],$@ $(VENV)/.run)
