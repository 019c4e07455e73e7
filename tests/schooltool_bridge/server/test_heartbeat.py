"""Whether the store takes what is written: looked at all the time, told at once."""

from __future__ import annotations

import http.client
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from mnet.database import Database
from schooltool_bridge.server.heartbeat import OLDEST_S, Health, Heartbeat
from schooltool_bridge.store.model_notices import site_memory
from tests.helpers.migrated import fill
from tests.helpers.rig import Clock
from tests.helpers.site import HASTY, HASTY_PATIENCE_S, Site


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    fill(made)
    yield made
    made.close()


def test_the_newest_result_is_told_and_an_old_one_is_none(database: Database) -> None:
    clock = Clock()
    heartbeat = Heartbeat(database, lambda: "ok", clock)
    assert heartbeat.health() == Health(is_well=False, text="starting")
    heartbeat.beat()
    assert heartbeat.health() == Health(is_well=True, text="ok")
    clock.now += OLDEST_S
    assert heartbeat.health().is_well
    clock.now += 1
    assert heartbeat.health() == Health(is_well=False, text="no write came back for 61 s")
    heartbeat.beat()
    assert heartbeat.health().is_well


def test_what_else_is_not_well_is_told_without_its_words(database: Database) -> None:
    def look() -> str:
        raise KeyError("somebody's name")

    heartbeat = Heartbeat(database, look)
    heartbeat.beat()
    assert heartbeat.health() == Health(is_well=False, text="the server cannot work: KeyError")


def test_it_does_not_make_the_store_grow(database: Database) -> None:
    heartbeat = Heartbeat(database, lambda: "ok")

    def size() -> tuple[int, int]:
        with database.read() as connection:
            rows = connection.execute(sa.select(sa.func.count()).select_from(site_memory))
            pages = "PRAGMA page_count" if database.is_sqlite else "SELECT 0"
            return rows.scalar_one(), connection.execute(sa.text(pages)).scalar_one()

    for _beat in range(3):
        heartbeat.beat()
    before = size()
    for _beat in range(50):
        heartbeat.beat()
    assert heartbeat.health().is_well
    assert size() == before


@pytest.mark.requirement("1.1", "R14")
def test_a_full_disk_is_not_well_until_there_is_room(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'school.sqlite'}")
    fill(database)
    with database.read() as connection:
        pages = connection.execute(sa.text("PRAGMA page_count")).scalar_one()
    database.close()
    most = [pages]

    @event.listens_for(database.engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
        for limit in most:
            connection.execute(f"PRAGMA max_page_count={limit}")

    for chars in (100_000, 3_000, 10):  # whatever is still free
        with suppress(OperationalError):
            for number in range(5_000):
                filling = {"name": f"{chars} {number}", "value": "0" * chars}
                with database.write() as connection:
                    connection.execute(sa.insert(site_memory).values(filling))
    heartbeat = Heartbeat(database, lambda: "ok")
    heartbeat.beat()
    assert heartbeat.health().text == "the store cannot work: OperationalError SQLITE_FULL"
    most.clear()
    database.close()
    heartbeat.beat()
    assert heartbeat.health().is_well


def health(site: Site) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


@pytest.mark.requirement("1.1", "R14")
def test_a_server_tells_it_without_waiting_for_the_store(tmp_path: Path) -> None:
    with Site(tmp_path / "home", first=HASTY) as site:
        holder = sqlite3.connect(site.home / "mnet-peer.sqlite", isolation_level=None, timeout=30)
        holder.execute("BEGIN IMMEDIATE")
        # The server waits for the lock; the page does not.
        started_s = time.monotonic()
        assert health(site)[0] == 200
        assert time.monotonic() - started_s < HASTY_PATIENCE_S
        until_s = started_s + 60
        while health(site)[0] == 200 and time.monotonic() < until_s:
            time.sleep(0.1)
        assert health(site) == (503, "the store cannot work: OperationalError SQLITE_BUSY\n")
        holder.execute("ROLLBACK")
        holder.close()
        while health(site)[0] != 200 and time.monotonic() < until_s:
            time.sleep(0.1)
        assert health(site)[0] == 200
        log = site.log()
        assert log.count('"event":"store"') == 1, log
        assert "Traceback" not in log, log
