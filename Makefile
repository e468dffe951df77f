# make demo   train on handwritten digits and watch it in the browser
# make test   everything the tests need, then the whole suite (PARITY=1 compares with torch too)
# make lint   ruff and mypy           make bench  the paired benchmark
# make figures  the lecture figures, as one page in out/gallery (ARGS='--only rnn' for some)
# make gpu    the tests that need an NVIDIA GPU, with CuPy installed in .venv
# A second call is fast: files under .venv say what has been done already.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && { echo $$p; break; }; done)
VENV ?= .venv
BIN = $(VENV)/bin
PIP = PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check
ARGS ?=
PYTEST_ARGS ?=

.PHONY: demo test lint format bench figures gpu clean
.DEFAULT_GOAL = demo

demo: $(VENV)/.installed
	@$(BIN)/graphscope demo $(ARGS)

test: $(VENV)/.tests $(VENV)/.browser $(if $(PARITY),$(VENV)/.parity)
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(PYTEST_ARGS) || { test $$? = 1 && \
		echo "What failed beside other tests runs once more, alone: a browser may have got too little of the processors." && \
		$(BIN)/python -m pytest --last-failed --last-failed-no-failures none $(PYTEST_ARGS); }

lint: $(VENV)/.tests
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

format: $(VENV)/.tests
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: $(VENV)/.installed
	@$(BIN)/python -m tests.bench.first_light $(ARGS)

figures: $(VENV)/.installed
	@$(BIN)/graphscope gallery out/gallery $(ARGS)

gpu: $(VENV)/.tests
	@$(BIN)/python -m pytest -m gpu -rs tests/gpu $(PYTEST_ARGS) || test $$? = 5 # 5: skipped, and said why

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "GraphScope needs Python 3.10 or newer, and none was found. Install one (python.org, or your system's python3 package) and call make again, or name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "GraphScope needs Python 3.10 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another one: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Creating $(VENV) with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot create a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

$(VENV)/.installed: pyproject.toml setup.py $(wildcard graphscope/*/*.[ch]) | $(VENV)/bin/python
	@echo "Installing GraphScope into $(VENV) (about a minute) ..."
	@$(PIP) -e .
	@touch $@

$(VENV)/.tests: $(VENV)/.installed
	@echo "Installing what the tests need ..."
	@$(PIP) -e '.[test]'
	@touch $@

$(VENV)/.parity: $(VENV)/.tests
	@echo "Installing torch to compare with ..."
	@$(PIP) torch==2.13.0
	@touch $@

# A browser for tests/browser: one that is there, else Debian's when root, else playwright's own.
$(VENV)/.browser: $(VENV)/.tests
	@sh tools/browser.sh $(BIN)/python
	@touch $@
