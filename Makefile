# Everything that is done with this code often. 'make' alone lists it.
PYTHON ?= python3
PORT ?= 5000
IDP_PORT ?= 5001
WORKERS ?= 2
ARGS ?=
export PORT IDP_PORT

PIP = PYTHONWARNINGS=ignore .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input -c constraints.txt -e

.DEFAULT_GOAL := help
.PHONY: help run test check pages docs languages pictures bench constraints clean

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: .venv/demo ## start the blog and a demo provider beside it (PORT=5000 IDP_PORT=5001)
	@.venv/bin/python -m demo

test: .venv/test .venv/node ## run the tests, two files at a time (WORKERS=2); pass more with ARGS="-k slug"
	@.venv/bin/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder $(ARGS)

check: .venv/test ## check formatting, lint, types and the house rules
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/python -m pytest -q tests/test_house.py

pages: .venv/test .venv/node ## judge every kind of page, with all posts of ../shared/corpus if they are there (needs Chromium, Node, Java)
	@BYLINE_PAGES=all .venv/bin/python -m pytest -q -rP tests/pages $(ARGS)

docs: .venv/test ## write the generated parts of the documents
	@.venv/bin/python -m docs.generate

CATALOGUES = blog/translations
languages: .venv/test ## bring the catalogues of other languages up to date with what the pages say
	@.venv/bin/pybabel -q extract -F babel.cfg -k Words --no-location --sort-output --no-wrap -o .venv/messages.pot blog
	@.venv/bin/pybabel -q update -i .venv/messages.pot -d $(CATALOGUES) --no-fuzzy-matching --ignore-obsolete --no-wrap
	@.venv/bin/pybabel -q compile -d $(CATALOGUES) --statistics

pictures: .venv/test ## take the pictures of the documents from a running demo (needs Chromium)
	@.venv/bin/python -m docs.pictures

bench: .venv/test ## measure reading and writing beside a bare Flask (needs wrk; bench.names and bench.servers measure more)
	@.venv/bin/python -m bench.reading $(ARGS)

constraints: ## take the newest versions that setup.cfg allows, and write them down
	@rm -rf .venv/newest && $(PYTHON) -m venv .venv/newest
	@.venv/newest/bin/python -m pip install --quiet --disable-pip-version-check '.[cognito,demo,postgres,redis,test]'
	@{ head -n 1 constraints.txt; .venv/newest/bin/python -m pip freeze --exclude byline --exclude-editable; } > .venv/constraints
	@mv .venv/constraints constraints.txt && rm -rf .venv/newest && git --no-pager diff --stat constraints.txt

clean: ## remove what was made here, but not what the demo keeps (instance/)
	@rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
	@rm -rf $(addsuffix /node_modules,$(NODE_TESTS))
	@find . -name __pycache__ -type d -not -path './instance/*' -prune -exec rm -rf {} +

.venv/made:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Byline needs Python 3.11 or newer; this is %s. Name another one with PYTHON=…" % sys.version.split()[0])'
	@$(PYTHON) -m venv .venv
	@touch $@

# The certified provider, and what judges pages. Without Node, or away from its registry, their tests are skipped by name.
NODE_TESTS = tests/interop/oidc_provider tests/pages
NPM_CI = npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
.venv/node: $(addsuffix /package-lock.json,$(NODE_TESTS)) | .venv/made
	@if command -v npm >/dev/null; then $(foreach at,$(NODE_TESTS),$(NPM_CI) --prefix $(at) >/dev/null &&) touch $@ || echo "What the tests need of Node could not be installed."; fi

# A stamp is newer than what it was made from, or it is made again.
.venv/demo: setup.cfg constraints.txt | .venv/made
	@echo "Installing (about a minute the first time) …"
	@$(PIP) '.[demo]'
	@touch $@

.venv/test: setup.cfg constraints.txt | .venv/made
	@echo "Installing what the tests need (about a minute the first time) …"
	@$(PIP) '.[cognito,demo,postgres,redis,test]'
	@touch $@ .venv/demo
