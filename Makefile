# make run    set everything up and serve at http://localhost:8900
# make test   set everything up, system parts included, and pass all tests
# make quick  the tests that need no PHP, PostgreSQL or browser
# make lint   ruff and mypy --strict
# make soak   a real server under every flood that once stopped one: SECONDS=600 in all, FLOOD=name alone
# make bench  calls a second against the floor of two RSA operations; reports and imports of a large school; pushes and full syncs

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check
# One more than there are cores: tests wait for servers, databases and a browser.
WORKERS ?= $(shell expr `nproc` + 1)
export MNET_PEER_HOME ?= $(CURDIR)/.mnet-peer

.PHONY: install install-tests run test quick lint bench soak

install: .venv/installed

install-tests: .venv/installed-tests

.venv/bin/python:
	@$(PYTHON) -m venv .venv || { .ci/system-packages python3-venv && $(PYTHON) -m venv --clear .venv; }

.venv/installed: .venv/bin/python pyproject.toml .ci/constraints.txt
	@.ci/progress "Installing what the server needs" .ci/constraints.txt \
		$(PIP) --require-hashes --only-binary :all: -r .ci/constraints.txt
	@.ci/progress "Installing the server" - $(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/installed-tests: .venv/installed .ci/constraints-tests.txt
	@.ci/progress "Installing what tests need" .ci/constraints-tests.txt \
		$(PIP) --require-hashes --only-binary :all: -r .ci/constraints-tests.txt
	@touch $@

run: install
	@test -f "$$MNET_PEER_HOME/settings.toml" || \
		$(BIN)/mnet-peer init --wwwroot http://localhost:8900 --name "Our school"
	@$(BIN)/mnet-peer database upgrade >/dev/null
	@$(BIN)/mnet-peer serve --listen tcp:8900:interface=127.0.0.1

test: install-tests
	.ci/system-packages php8.2-cli php8.2-xml php8.2-sqlite3 php-xmlrpc php-parser postgresql chromium-headless-shell fonts-dejavu-core poppler-utils
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

quick: install-tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not system"

lint: install-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install-tests
	$(BIN)/python -m tests.bench.new_grade
	$(BIN)/python -m tests.bench.reports
	$(BIN)/python -m tests.bench.importing
	$(BIN)/python -m tests.bench.pushes
	$(BIN)/python -m tests.bench.syncs

soak: install-tests
	$(BIN)/python -m tests.soak $(if $(SECONDS),--seconds $(SECONDS)) $(if $(FLOOD),--flood "$(FLOOD)")
