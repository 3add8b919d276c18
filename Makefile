# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# `make demo` shows the collection at work, `make test` checks everything. Run them as root on Debian 12.

PYTHON ?= /usr/bin/python3
SCENARIO ?= bridge
TOOLS := .venv/bin
PACKAGES := ca-certificates git iproute2 openssh-client python3-venv
TEST_PACKAGES := bird2 iputils-arping iputils-ping nftables openvswitch-switch shellcheck
STAGES := lint unit sanity engine package lab kernel molecule

.NOTPARALLEL:
.PHONY: help deps packages test-packages collections test $(STAGES) demo demo-down bench clean

help:
	@echo "make demo       build SCENARIO (now: $(SCENARIO)) on the embedded lab and check it with real packets"
	@echo "make demo-down  take it down again"
	@echo "make test       every check (LONG=1 adds those that take many minutes more); make $(subst $() ,|,$(STAGES)) runs one stage"
	@echo "make bench      measure the engine and write docs/benchmarks.md"
	@echo "make clean      remove what these commands left in the checkout"

deps: .venv/installed

packages:
	@scripts/debian_packages $(PACKAGES)

test-packages:
	@scripts/debian_packages $(TEST_PACKAGES)

.venv/installed: requirements-dev.txt | packages
	@echo "Installing the pinned tools into .venv"
	@$(PYTHON) -m venv .venv
	@$(TOOLS)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

collections: deps
	@$(TOOLS)/python scripts/install_collections.py

test: test-packages collections
	@$(TOOLS)/python tests/run.py

$(STAGES): test-packages collections
	@$(TOOLS)/python tests/run.py $@

demo: collections
	@scripts/demo $(SCENARIO)

demo-down:
	@molecule/lab down $(SCENARIO)

bench: test-packages collections
	@echo "Measuring; this loads the machine for several minutes"
	@PATH="$(CURDIR)/$(TOOLS):$$PATH" $(TOOLS)/python tests/bench.py

clean:
	@echo "Removing .venv, .collections, caches and build output"
	@rm -rf .venv .collections .cache .ansible build tests/output
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
