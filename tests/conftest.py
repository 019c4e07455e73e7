"""Fixtures that many tests share."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.postgres import Cluster

_numbers = itertools.count()


# Files are dealt out to the cores one by one (make test keeps this order): the long ones first, so
# that none is left alone at the end.
_LONG = ("test_any_day", "test_server", "browser/", "test_php_", "test_names_and_order",
         "test_verify", "test_order", "test_issued_pages", "test_events",
         "test_erasing", "test_roaming", "test_sign_in", "test_landing_forged")  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        found = [n for n, name in enumerate(_LONG) if name in str(item.path)]
        return found[0] if found else len(_LONG)

    items.sort(key=rank)


@pytest.fixture(scope="session", autouse=True)
def quiet_log() -> None:
    """Lines of log go nowhere in the test process; servers write theirs to files."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


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


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind that a school may use."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'school.sqlite'}"
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.url(f"school{next(_numbers)}")
