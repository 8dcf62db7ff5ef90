# One way to do each chore; the same commands run in .ci/run.
#   make site    the bilingual documentation site, into build/site
#   make links   every link and fragment of the built site
#   make engines the site's Markdown built by other engines, where they can be installed; never fails
#   make test    the tests (PYTEST="-k gelu" narrows them)
#   make alone   tests that measure time, one after the other
#   make lint    formatting and lint rules
#   make types   the type checker
#   make newest  the verdicts under the newest release of SymPy, where that is not the installed one
#   make wheel   the wheel, into dist
#   make clean   removes everything that was made here
SHELL := /bin/bash
unexport PYTHONDONTWRITEBYTECODE # dozens of interpreters are started; each would compile all of SymPy anew
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PYTEST ?=
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

# how many steps SymPy takes depends on how Python hashes
export PYTHONHASHSEED := 0

.PHONY: all site links engines test alone lint types newest wheel clean
all: lint types test site

$(STAMP): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[site,dev]' # what is imported is compiled then
	touch $@

site: $(STAMP)
	$(BIN)/kassei site build --out build/site --docs build/docs

links: $(STAMP)
	$(BIN)/lychee --root-dir $(CURDIR)/build/site 'build/site/**/*.html'

engines: $(STAMP)
	PYTHON=$(PYTHON) .ci/engines || echo "no other engine was tried to the end"

test: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS) $(PYTEST)

alone: $(STAMP)
	$(BIN)/python -m pytest -n0 -m alone $(PYTEST) $(wildcard tests/test_site_*.py)

lint: $(STAMP)
	$(BIN)/ruff format --check symbolic tests benchmarks examples
	$(BIN)/ruff check symbolic tests benchmarks examples

types: $(STAMP)
	$(BIN)/mypy

newest: $(STAMP)
	rm -rf build/newest
	$(BIN)/python -m pip install --quiet --no-deps --target build/newest sympy
	@here=$$($(BIN)/python -c 'import sympy; print(sympy.__version__)'); \
	there=$$(PYTHONPATH=build/newest $(BIN)/python -c 'import sympy; print(sympy.__version__)'); \
	if [[ $$here == "$$there" ]]; then echo "SymPy $$here is the newest release"; \
	else PYTHONPATH=build/newest $(BIN)/python -m pytest -n $(JOBS) tests/test_verdicts.py tests/test_traps.py; fi

wheel: $(STAMP)
	rm -rf dist
	$(BIN)/hatchling build -t wheel -d dist

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find symbolic tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
