"""Fixtures that many tests share."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from mnet.database import Database
from schooltool_bridge.store import storage
from tests.helpers.made_once import Keys, made_once
from tests.helpers.postgres import Cluster

_numbers = itertools.count()

# What tests write goes into memory where there is room: it need not outlive the machine, and on a
# disk a new database alone costs a third of a second of a core.
MEMORY, ROOM_BYTES = Path("/dev/shm"), 4 << 30
if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES and "TMPDIR" not in os.environ:
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


# Loading all tests makes no garbage; looking for it took a third of that time.
gc.disable()

# How fast something is shows a benchmark; a busy machine fails no test.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# Files are dealt out to the cores one by one (make test keeps this order): the long ones first, so
# that none is left alone at the end.
_LONG = ("test_any_", "test_order", "test_own_pages", "test_roaming", "test_events",
         "browser/", "test_stopping", "test_days",
         "test_soak", "test_erasing", "test_server", "test_command_files", "test_issued_pages",
         "test_names_and_order", "test_sign_in", "test_php_", "test_landing_forged",
         "test_school_order", "test_background", "test_verify", "test_adoption",
         "test_reports_pages")  # fmt: skip


# Whatever takes one of these needs a program of the system; as does a test with the mark itself.
_SYSTEM_FIXTURES = {"postgres", "migrated", "chromium", "php"}
_SYSTEM_FILES = ("test_php_", "_php.py")


def _needs_system(item: pytest.Item) -> bool:
    """Tell whether a test needs PHP, PostgreSQL or a browser; `make quick` leaves these out."""
    if not isinstance(item, pytest.Function):
        return False
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return bool(
        _SYSTEM_FIXTURES & {*item.fixturenames}
        or "postgresql" in params.values()
        or any(part in item.path.name for part in _SYSTEM_FILES)
    )


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what -m leaves out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _needs_system(item):
            item.add_marker("system")

    def rank(item: pytest.Item) -> int:
        found = [n for n, name in enumerate(_LONG) if name in str(item.path)]
        return found[0] if found else len(_LONG)

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    gc.freeze()  # what is loaded by now stays: nobody has to look at it again
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def quiet_log() -> None:
    """Lines of log go nowhere in the test process; servers write theirs to files."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


@pytest.fixture(scope="session", autouse=True)
def keys_made_once() -> Iterator[Keys]:
    with made_once() as keys:
        yield keys


@pytest.fixture(scope="module", autouse=True)
def keys_of_a_file(keys_made_once: Keys) -> None:
    """No key is dealt out twice in one file."""
    keys_made_once.begin()


@pytest.fixture(scope="session")
def running_reactor() -> Iterator[Any]:
    """Twisted's reactor in a thread of its own; once a process, since it cannot start again."""
    from twisted.internet import reactor

    running: Any = reactor
    thread = threading.Thread(target=running.run, kwargs={"installSignalHandlers": False})
    thread.start()
    yield running
    running.callFromThread(running.stop)
    thread.join()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def migrated(postgres: Cluster) -> str:
    """A PostgreSQL database with today's schema, to copy: the migrations take far longer."""
    database = Database(postgres.url("migrated"))
    storage.upgrade(database)
    database.close()
    return "migrated"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind that a school may use."""
    if request.param == "sqlite":
        yield _sqlite_url(tmp_path)
    else:
        yield from _database_in(request.getfixturevalue("postgres"), "template0")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of each kind that a school may use, for tests.helpers.migrated.fill."""
    if request.param == "sqlite":
        yield _sqlite_url(tmp_path)
    else:
        template = request.getfixturevalue("migrated")
        yield from _database_in(request.getfixturevalue("postgres"), template)


def _sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'school.sqlite'}"


def _database_in(cluster: Cluster, template: str) -> Iterator[str]:
    name = f"school{next(_numbers)}"
    yield cluster.url(name, template)
    cluster.drop(name)
