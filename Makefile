# The usual errands, each a thin call of the tool that does the work: meson and ninja build, tools/ checks.
# On a fresh Debian 12 with nothing but make and git, every target installs what it needs (tools/deps.sh);
# `make DEPS=no TARGET` installs nothing. Compilers other than Debian 12's may warn anew: `make WERROR=false`.

# Debian's Python packages (pytest, boto3) belong to this one, which need not be the first in PATH.
PYTHON := /usr/bin/python3
BUILD ?= build
WERROR ?= true
DEPS ?= yes
# Figures to measure with `bench`: all without.
FIGURE ?=
# Arguments for the program behind `run`, `demo`, `test`, `bench` or `soak`.
ARGS ?=

ifeq ($(DEPS),yes)
need = tools/deps.sh
else
need = :
endif
sources = find $(wildcard src sim tests bench) -name node_modules -prune -o \( -name '*.[ch]' -o -name '*.cpp' \) -print

.PHONY: all build test demo run bench differential soak deps tidy format check-format asan tsan clang clean help
.DEFAULT_GOAL := all

all: build ## build everything into build/ (the default)

build: ## build everything into build/
	@$(need) build
	@test -e $(BUILD)/build.ninja || meson setup $(BUILD) -Dwerror=$(WERROR)
	@ninja -C $(BUILD)

test: ## every test lane, sanitizers and clang included; ends with "N passed, N failed"
	@$(need) build test check
	@$(PYTHON) tools/run_tests.py $(ARGS)

demo: build ## three regions on this machine and the flights application on them
	@$(need) test
	@$(PYTHON) demo/demo.py $(ARGS)

run: build ## a development cluster until Ctrl-C
	@$(BUILD)/godwit dev $(ARGS)

bench: build ## the figures of merit beside their bars; FIGURE=F3 for one, ARGS=--quick for a look
	@$(need) test bench
	@test -e bench/node_modules || (cd bench && npm ci --no-fund --no-audit)
	@$(PYTHON) bench/figures.py $(ARGS) $(FIGURE)

differential: build ## random requests to godwit and to dynalite, and what they answer otherwise; not part of `test`
	@$(need) test bench
	@test -e bench/node_modules || (cd bench && npm ci --no-fund --no-audit)
	@$(PYTHON) tests/differential/differential.py $(ARGS)

soak: build ## fresh simulator seeds and real crashes for an hour; ARGS='--minutes 5' for less
	@$(need) test
	@$(PYTHON) tools/soak.py $(ARGS)

deps: ## install the missing Debian packages for building, testing and checking
	@$(need) build test check

tidy: ## the tree's own laws, and the proof that they can fail
	@$(PYTHON) tools/tidy.py
	@$(PYTHON) tools/tidy.py --canary

format: ## lay out the C sources
	@$(need) check
	@$(sources) | xargs clang-format -i

check-format: ## fail if a C source is not laid out
	@$(sources) | xargs clang-format --dry-run -Werror

asan: ## build and test under address and undefined sanitizers
	@$(need) build test check
	@$(PYTHON) tools/run_tests.py --lane asan $(ARGS)

tsan: ## build and test under the thread sanitizer
	@$(need) build test check
	@$(PYTHON) tools/run_tests.py --lane tsan $(ARGS)

clang: ## compile with clang, warnings as errors
	@$(need) build check
	@$(PYTHON) tools/run_tests.py --lane clang $(ARGS)

clean: ## remove everything that was built
	rm -rf build build-*

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16
