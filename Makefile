# Two commands need no other step: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
# Each of two workers has a Neo4j of its own; a server that NEO4J_URI names is tested by one alone.
# The order is that of tests/conftest.py: what takes longest begins first.
WORKERS := $(if $(NEO4J_URI),,-n 2 --dist loadscope --no-loadscope-reorder)

.PHONY: install demo test test-long test-nightly neo4j neo4j-if-possible docs lint format types check clean

install: .venv/installed

.venv/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("followsuit needs Python 3.11 or later; name one with PYTHON=")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev,gnn]'
	touch $@

demo: install
	$(BIN)/followsuit demo

# With LONG=true the long tests too: one start, collection and pair of servers less than on their own.
test: install neo4j-if-possible
	$(BIN)/python -m pytest $(WORKERS) $(if $(LONG),-m 'not nightly')

test-long: install neo4j-if-possible
	$(BIN)/python -m pytest $(WORKERS) -m long

test-nightly: install neo4j-if-possible
	$(BIN)/python -m pytest $(WORKERS) -m nightly

# The jars of Neo4j Community 5.26, from Maven Central.
.neo4j/lib: tools/neo4j/pom.xml
	@command -v mvn >/dev/null || { echo 'no `mvn` on the PATH: install Apache Maven' >&2; exit 1; }
	mvn --batch-mode --quiet -Dmaven.artifact.threads=16 --file tools/neo4j/pom.xml \
	    dependency:copy-dependencies -DoutputDirectory='$(CURDIR)/.neo4j/lib.part'
	rm -rf .neo4j/lib && mv .neo4j/lib.part .neo4j/lib && touch .neo4j/lib

# Without a JDK or Maven the tests that need Neo4j say so themselves (and fail under CI=true).
neo4j-if-possible:
	@if command -v mvn >/dev/null && command -v javac >/dev/null; \
	then $(MAKE) --no-print-directory .neo4j/lib; \
	else echo 'No Maven (mvn) or no JDK (javac) on the PATH: the tests against a Neo4j of our own are skipped.'; fi

neo4j: install .neo4j/lib
	$(BIN)/python tools/neo4j/neo4j_server.py

# The site, without the network; a warning is an error.
docs: install
	$(BIN)/python -m sphinx -W --keep-going --nitpicky --quiet --fresh-env --write-all docs build/docs
	@echo 'Open build/docs/index.html.'

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: install
	$(BIN)/mypy

check: lint types

clean:
	rm -rf .venv .neo4j build dist demo
