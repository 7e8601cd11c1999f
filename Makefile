# Storefront from a bare machine: Python 3.11 with venv, and make. `make help` lists what there is.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
CONFIG ?= config.example.yaml
WORKERS ?= 7
# The builder warns of folders beside an editable package; there is nothing in it for whoever installs.
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
SDK := $(wildcard sdk/python/pyproject.toml)

# The first of these that is Python 3.11 or newer; PYTHON=/path/to/python chooses another.
PYTHON ?= $(shell for python in python3.11 python3 python3.14 python3.13 python3.12; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; break; }; done)

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "  make run reads CONFIG (now $(CONFIG)), HOST, PORT and DATA, for example:"
	@echo "    make run PORT=9000 CONFIG=my-shop.yaml DATA=./my-data"

.PHONY: install
install: $(VENV)/installed ## Install into .venv, and start nothing

.PHONY: run
run: $(VENV)/installed ## Install if need be, and serve the shop of CONFIG
	@exec $(BIN)/storefront serve --config "$(CONFIG)"

.PHONY: demo
demo: $(VENV)/installed ## Play a whole purchase, told step by step
	@exec $(BIN)/storefront demo --config "$(CONFIG)"

# A run starts hundreds of processes: they compile what they import once, also where the environment says otherwise.
test test-heavy test-planted: export PYTHONDONTWRITEBYTECODE :=

.PHONY: test
test: $(VENV)/installed-dev ## Install if need be, and run the tests
	@# In a fresh copy every worker would compile all that it imports; done before, it is done once.
	@find tests -mindepth 1 -maxdepth 1 -type d | sort | xargs -P 2 -n 20 \
		$(BIN)/python -m pytest --collect-only -qq > /dev/null 2>&1 || true
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations=20 -m "not heavy"

.PHONY: test-heavy
test-heavy: $(VENV)/installed-dev ## Run the tests that take minutes
	$(BIN)/python -m pytest -m heavy || test $$? -eq 5  # 5: none is marked so
	$(BIN)/python -m pytest -n 2 --database postgres tests/commit tests/shop tests/sdk tests/webhooks tests/kinds tests/deliveries tests/deploy/test_figures.py \
		tests/experiments tests/fanfunding tests/fraud tests/metering tests/plugins/test_bundles.py tests/races tests/receipts \
		tests/reviews tests/subscriptions

.PHONY: test-planted
test-planted: $(VENV)/installed-dev ## Plant known bugs in a copy and see the tests go red
	$(BIN)/python -m tests.planted

.PHONY: lint
lint: $(VENV)/installed-dev ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: bench
bench: $(VENV)/installed-dev ## Measure speed beside raw floors; FULL=1 grows further, REPORT=1 writes docs/performance.md
	$(BIN)/python -m benchmarks $(if $(FULL),--full) $(if $(REPORT),--report)

.PHONY: clean
clean: ## Remove what was installed and built; the shop's data stays
	rm -rf $(VENV) build dist *.egg-info sdk/python/*.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { \
		echo "Storefront needs Python 3.11 or newer, and found none (looked for python3.11 and python3)." >&2; \
		echo "Install it, or say where it is: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version) …"
	@$(PYTHON) -m venv --clear $(VENV) || { \
		rm -rf $(VENV); echo "python -m venv failed; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# A stamp is as new as the last installation: a second run is instant, a changed pyproject.toml installs again.
$(VENV)/installed: pyproject.toml | $(BIN)/python
	@echo "Installing Storefront …"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml $(SDK) | $(BIN)/python
	@echo "Installing Storefront and its tools …"
	@$(PIP) install --upgrade "pip>=25.1"
	@$(PIP) install --editable . --group dev $(if $(SDK),--editable sdk/python)
	@touch $(VENV)/installed $@
