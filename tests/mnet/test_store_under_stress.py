"""A store in trouble, for real: what fails is kept out whole, told once, and tried once more."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from mnet import database as database_module
from mnet import engines
from mnet.database import Database
from mnet.faults import TryAgainLater
from mnet.logs import MAX_KINDS, QUIET_S, TIMES, Seldom
from mnet.xmlrpc import FaultResponse, Value
from tests.helpers.postgres import Cluster
from tests.helpers.rig import SIS, Clock, make_rig

_MADE = sa.MetaData()
_KEPT = sa.Table("kept", _MADE, sa.Column("id", sa.Integer, primary_key=True))
_REFERS = sa.Table(
    "refers",
    _MADE,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column(
        "kept_id", sa.ForeignKey("kept.id", deferrable=True, initially="DEFERRED"), nullable=False
    ),
)

# Holds the file's lock until it is told to let go, or for some milliseconds.
HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read(1)
"""


def person(number: int, **more: str) -> Value:
    return {
        "idnumber": f"p{number}", "username": f"p{number}", "firstname": "A", "lastname": "B", **more,
    }  # fmt: skip


@pytest.fixture
def made(empty_database_url: str) -> Iterator[Database]:
    database = Database(empty_database_url)
    with database.write() as connection:
        _MADE.create_all(connection)
    yield database
    database.close()


def stored_ids(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.execute(sa.select(_KEPT.c.id).order_by(_KEPT.c.id)).scalars())


def by_write(database: Database, work: Callable[[sa.Connection], object]) -> None:
    with database.write() as connection:
        work(connection)


WAYS: dict[str, Callable[[Database, Callable[[sa.Connection], object]], object]] = {
    "write": by_write,
    "apply": lambda database, work: database.apply(work),
}


@pytest.mark.requirement("1.1", "R14")
@pytest.mark.parametrize("way", WAYS)
def test_a_commit_that_fails_rolls_back(made: Database, way: str) -> None:
    def work(connection: sa.Connection) -> None:
        connection.execute(sa.insert(_KEPT).values(id=1))
        connection.execute(sa.insert(_REFERS).values(id=1, kept_id=99))  # seen at the commit only

    with pytest.raises(IntegrityError):
        WAYS[way](made, work)
    assert stored_ids(made) == []
    WAYS[way](made, lambda connection: connection.execute(sa.insert(_KEPT).values(id=2)))
    assert stored_ids(made) == [2]


def test_a_commit_that_fails_for_several_keeps_none_and_says_so_to_each(made: Database) -> None:
    def bad(connection: sa.Connection) -> None:
        connection.execute(sa.insert(_REFERS).values(id=1, kept_id=99))

    outcomes = made.apply_all([lambda c: c.execute(sa.insert(_KEPT).values(id=1)), bad])
    assert isinstance(outcomes[1].problem, IntegrityError)
    # On PostgreSQL each has a transaction of its own.
    assert stored_ids(made) == ([] if outcomes[0].problem else [1])
    assert made.apply(lambda c: c.execute(sa.select(sa.literal(5))).scalar()) == 5


@pytest.mark.parametrize("way", WAYS)
def test_what_failed_and_was_passed_over_is_not_acknowledged(made: Database, way: str) -> None:
    """A full disk may end SQLite's transaction by itself; a failure ends PostgreSQL's."""

    def work(connection: sa.Connection) -> None:
        connection.execute(sa.insert(_KEPT).values(id=1))
        ending = "OR ROLLBACK" if made.is_sqlite else ""
        with suppress(DBAPIError):
            connection.execute(sa.text(f"INSERT {ending} INTO kept VALUES (1)"))

    with pytest.raises(OperationalError):
        WAYS[way](made, work)
    assert stored_ids(made) == []
    WAYS[way](made, lambda connection: connection.execute(sa.insert(_KEPT).values(id=3)))
    assert stored_ids(made) == [3]


def test_a_work_that_ends_the_transaction_of_all_leaves_no_half(made: Database) -> None:
    def ends(connection: sa.Connection) -> None:
        ending = "OR ROLLBACK" if made.is_sqlite else ""
        connection.execute(sa.text("INSERT INTO kept VALUES (1)"))
        connection.execute(sa.text(f"INSERT {ending} INTO kept VALUES (1)"))

    def insert(number: int) -> Callable[[sa.Connection], object]:
        return lambda c: c.execute(sa.insert(_KEPT).values(id=number))

    outcomes = made.apply_all([insert(5), ends, insert(6)])
    assert isinstance(outcomes[1].problem, IntegrityError)
    acknowledged = [n for n, o in ((5, outcomes[0]), (6, outcomes[2])) if o.problem is None]
    assert stored_ids(made) == acknowledged


@contextmanager
def locked(file: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the store's lock."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        if holder.stdin and not holder.stdin.closed:
            holder.stdin.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_MS", 60)
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_MS", 60)


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """Log lines as they would be written."""
    written: list[dict[str, Any]] = []

    def keep(_logger: object, name: str, line: Any) -> Any:
        written.append({"level": name, **line})
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[Seldom(), keep])
    yield written
    structlog.configure(**before)


@pytest.mark.requirement("1.1", "R14")
@pytest.mark.usefixtures("impatient")
def test_a_locked_store_gets_a_second_try_and_then_8503(
    tmp_path: Path, lines: list[dict[str, Any]]
) -> None:
    rig = make_rig(tmp_path)
    peer = rig.add("http://a.example.org")
    file = rig.app.database.file
    assert file is not None
    tries = 0

    with locked(file) as holder:
        for number in range(4):
            failed = rig.call(peer, SIS + "fetch_user", person(number))
            assert isinstance(failed, FaultResponse)
            assert failed.code == TryAgainLater.code

        @event.listens_for(rig.app.database.engine, "invalidate")
        def _on_failure(*_about: object) -> None:
            # The first try failed: the other one lets go, and the second try finds it free.
            nonlocal tries
            tries += 1
            assert holder.stdin is not None
            holder.stdin.close()
            holder.wait(20)

        done = rig.call(peer, SIS + "fetch_user", person(7))
    assert isinstance(done, dict)
    assert done["status"] == "created"
    assert tries == 1
    logged = [line for line in lines if line["level"] != "info"]
    # Four calls failed, each at three tries; the journal could not be written either.
    assert [(line["event"], line["problem"]) for line in logged] == [
        ("store", "OperationalError SQLITE_BUSY"),
        ("not recorded", "OperationalError SQLITE_BUSY"),
    ]
    assert "exception" not in json.dumps(logged, default=str)


@pytest.mark.requirement("1.1", "R14")
def test_a_full_disk_refuses_and_keeps_nothing_half(
    tmp_path: Path, lines: list[dict[str, Any]]
) -> None:
    rig = make_rig(tmp_path)
    peer = rig.add("http://a.example.org")
    database = rig.app.database
    with database.read() as connection:
        pages = connection.execute(sa.text("PRAGMA page_count")).scalar_one()
    most = [pages + 12]
    database.close()

    @event.listens_for(database.engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
        for limit in most:
            connection.execute(f"PRAGMA max_page_count={limit}")

    done: list[int] = []
    refused = 0
    for number in range(400):
        answer = rig.call(peer, SIS + "fetch_user", person(number, email="x" * 80 + "@example.org"))
        if isinstance(answer, FaultResponse):
            assert answer.code == TryAgainLater.code
            refused = number
            break
        done.append(number)
    assert done
    assert refused, "the disk never became full"
    with database.read() as connection:
        ids = connection.execute(sa.text("SELECT idnumber FROM person")).scalars().all()
    assert sorted(ids) == sorted(f"p{n}" for n in done)
    # Somebody made room.
    most.clear()
    database.close()
    again = rig.call(peer, SIS + "fetch_user", person(refused))
    assert isinstance(again, dict)
    assert again["status"] == "created"
    assert [x["problem"] for x in lines if x["event"] == "store"] == [
        "OperationalError SQLITE_FULL"
    ]


@pytest.mark.requirement("1.1", "R14")
@pytest.mark.system
def test_postgresql_that_stops_and_starts_again(tmp_path: Path) -> None:
    with Cluster() as cluster:
        rig = make_rig(tmp_path, cluster.url("school"))
        peer = rig.add("http://a.example.org")
        assert isinstance(rig.call(peer, SIS + "fetch_user", person(1)), dict)
        bodies = [peer.request(rig.pem, SIS + "fetch_user", [person(n)]) for n in range(3)]
        cluster.stop()
        for body in bodies:
            assert rig.fault(body)[0] == TryAgainLater.code
        cluster.start()
        assert isinstance(rig.call(peer, SIS + "fetch_user", person(2)), dict)
        rig.app.database.close()


def test_one_line_a_minute_of_each_kind_and_how_many_it_is_for() -> None:
    clock = Clock()
    seldom = Seldom(clock)

    def logged(**line: object) -> dict[str, Any] | None:
        try:
            return dict(seldom(None, "error", {"event": "store", **line}))
        except structlog.DropEvent:
            return None

    assert logged(problem="a") == {"event": "store", "problem": "a"}
    assert [logged(problem="a") for _ in range(4)] == [None] * 4
    assert logged(problem="b") is not None, "another kind"
    assert logged() == {"event": "store"}, "no failure is left out"
    clock.now += QUIET_S
    assert logged(problem="a") == {"event": "store", "problem": "a", TIMES: 5}
    clock.now += QUIET_S
    assert logged(problem="a") == {"event": "store", "problem": "a"}
    for number in range(2 * MAX_KINDS):
        logged(problem=str(number))
    assert len(seldom._logged) <= MAX_KINDS


def test_tracebacks_of_one_place_are_one_kind() -> None:
    seldom = Seldom(Clock())
    passed = []
    for name in ("a", "b", "a"):
        for fail in (_fails_here, _fails_there):
            try:
                fail(name)
            except KeyError as problem:
                with suppress(structlog.DropEvent):
                    seldom(None, "error", {"event": "bug", "exc_info": problem})
                    passed.append((name, fail.__name__))
    assert passed == [("a", "_fails_here"), ("a", "_fails_there")]


def _fails_here(name: str) -> None:
    raise KeyError(name)


def _fails_there(name: str) -> None:
    raise KeyError(name)


def test_closing_amid_a_write_keeps_all_of_it_or_nothing(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'store.sqlite'}")
    with database.write() as connection:
        _MADE.create_all(connection)
    begun, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def work(connection: sa.Connection) -> None:
        connection.execute(sa.insert(_KEPT).values(id=1))
        begun.set()
        assert go_on.wait(60)
        connection.execute(sa.insert(_KEPT).values(id=2))

    def write() -> None:
        database.apply_all([work])
        over.set()

    @event.listens_for(database.engine, "checkin")
    def _rolled_back(*_connection: object) -> None:
        go_on.set()  # the worker is quicker than who closes: a moment, met in one end of three
        over.wait(60)

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(60)
    database.close()  # as a server does that ends while a worker is at it
    go_on.set()
    writer.join(60)
    with closing(sqlite3.connect(tmp_path / "store.sqlite")) as file:
        assert file.execute("SELECT id FROM kept ORDER BY id").fetchall() in ([], [(1,), (2,)])
    database.close()
