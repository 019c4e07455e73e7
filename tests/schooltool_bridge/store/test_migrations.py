"""The migrations make exactly the tables that the packages define; what was stored before is read
as it is now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Connection

import schooltool_bridge
from mnet.database import Database, metadata
from schooltool_bridge.store import storage

NOW = 1_795_000_000
MS = NOW * 1000
DAY_S = 86_400


def test_the_migrations_make_what_the_definitions_say(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    storage.upgrade(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == storage.HEAD
    assert storage.schema(database) == storage.HEAD
    database.close()


class Old:
    """A store of an earlier version, written as that one wrote."""

    def __init__(self, url: str, revision: str) -> None:
        self.database = Database(url)
        folder = Path(schooltool_bridge.__path__[0]) / "migrations"
        with self.database.rebuild() as connection:
            config = Config()
            config.set_main_option("script_location", str(folder))
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
        self.tables = sa.MetaData()
        with self.database.read() as connection:
            self.tables.reflect(connection)

    def add(self, connection: Connection, table: str, **values: Any) -> int:
        """Write a row; what is not said is nothing."""
        columns = self.tables.tables[table].columns
        for column in columns:
            if column.nullable or column.server_default is not None or column.name == "id":
                continue
            nothing = {} if isinstance(column.type, sa.JSON) else column.type.python_type()
            values.setdefault(column.name, nothing)
        made = connection.execute(sa.insert(self.tables.tables[table]).values(values))
        assert made.inserted_primary_key is not None
        return int(made.inserted_primary_key[0])

    def one(self, table: str, *names: str, **where: Any) -> tuple[Any, ...]:
        """Read a row of today's."""
        of = metadata.tables[table]
        query = sa.select(*(of.c[n] for n in names)).filter_by(**where)
        with self.database.read() as connection:
            return tuple(connection.execute(query).one())


def row_at(at: int, arrived: int, **more: Any) -> dict[str, Any]:
    return {"effective_unix_s": at, "seq": -1, "recorded_unix_s": arrived, **more}


def begun(old: Old, connection: Connection, **policy: str) -> tuple[int, int, int]:
    """A peer with a section, in which a pupil is; their ids."""
    peer = old.add(connection, "peer", wwwroot=f"http://m{len(policy)}.example.org", policy=policy)
    who = old.add(connection, "person", username=f"ada{peer}", username_key=f"ada{peer}")
    section = old.add(
        connection, "section", peer_id=peer, idnumber="5", segment="1", name="Algebra",
        status="active", effective_unix_s=NOW, seq=-1,
    )  # fmt: skip
    return peer, who, section


@pytest.fixture
def before_dates(empty_database_url: str) -> Iterator[Old]:
    old = Old(empty_database_url, "0010")
    yield old
    old.database.close()


@pytest.fixture
def before_times(empty_database_url: str) -> Iterator[Old]:
    old = Old(empty_database_url, "0013")
    yield old
    old.database.close()


def test_grades_keep_the_policy_that_their_peer_had_when_that_was_not_written(
    before_dates: Old,
) -> None:
    old = before_dates
    rows: dict[str, list[int]] = {"clamp": [], "accept": []}
    with old.database.write() as connection:
        for policy, made in rows.items():
            peer, who, section = begun(
                old, connection, **({"out_of_range": policy} if policy == "clamp" else {})
            )
            item = old.add(
                connection, "assessment", peer_id=peer, idnumber="7", section_id=section,
                name="Quiz", points="10", status="active", effective_unix_s=NOW, seq=-1,
            )  # fmt: skip
            cell = old.add(
                connection, "grade", assessment_id=item, person_id=who, points="10", exists=True,
                authority="peer", **row_at(NOW, NOW),
            )  # fmt: skip
            for by_actor in (None, "head"):
                made.append(old.add(
                    connection, "grade_history", grade_id=cell, raw_points="12", by_actor=by_actor,
                    **row_at(NOW, NOW),
                ))  # fmt: skip
    storage.upgrade(old.database)
    marked = [
        old.one("grade_history", "is_clamped", id=row_id)[0]
        for row_id in (*rows["clamp"], *rows["accept"])
    ]
    assert marked == [True, False, False, False]
    with old.database.write() as connection:
        change = "UPDATE grade_history SET raw_points = '1'"
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), connection.begin_nested():
            connection.execute(sa.text(change))


def test_enrolments_that_came_with_dates_are_what_they_are_by_them(before_dates: Old) -> None:
    old = before_dates
    places: dict[str, dict[str, Any]] = {
        "over": {"timestart_unix_s": NOW - 9 * DAY_S, "timeend_unix_s": NOW - DAY_S},
        "to come": {"timestart_unix_s": NOW + 10**8},
        "plain": {},
    }
    with old.database.write() as connection:
        _peer, _who, section = begun(old, connection)
        people = {}
        for name, dates in places.items():
            who = people[name] = old.add(connection, "person", username=name, username_key=name)
            place = {"section_id": section, "person_id": who, "role": "student", "code": "a"}
            old.add(
                connection, "enrolment_history", **place, **dates, **row_at(NOW - 5 * DAY_S, NOW)
            )
            old.add(connection, "enrolment", **place, since_unix_s=NOW - 5 * DAY_S)
    storage.upgrade(old.database)
    columns = ("code", "since_unix_s", "next_code", "next_unix_s")
    now = {n: old.one("enrolment", *columns, person_id=who) for n, who in people.items()}
    assert now == {
        "over": ("a", NOW - 9 * DAY_S, "en", NOW - DAY_S),
        "to come": ("p", NOW - 5 * DAY_S, "a", NOW + 10**8),
        "plain": ("a", NOW - 5 * DAY_S, None, None),
    }


def test_what_was_frozen_by_a_time_in_milliseconds_is_folded_anew(before_times: Old) -> None:
    """Each was told, then told in milliseconds, which froze it; then what counts was told."""
    old = before_times
    times = (row_at(NOW, NOW), row_at(MS, NOW + 10), row_at(NOW + 20, NOW + 20))
    frozen = {"effective_unix_s": MS, "seq": -1}
    with old.database.write() as connection:
        peer, who, section = begun(old, connection)
        named = sa.update(old.tables.tables["section"]).where(
            old.tables.tables["section"].c.id == section
        )
        connection.execute(named.values(name="Two", **frozen))
        item = old.add(
            connection, "assessment", peer_id=peer, idnumber="7", section_id=section, name="Two",
            points="20", status="active", **frozen,
        )  # fmt: skip
        cell = old.add(
            connection, "grade", assessment_id=item, person_id=who, points="2", exists=True,
            authority="peer", attempt=1, recorded_unix_s=NOW + 10, **frozen,
        )  # fmt: skip
        link = old.add(
            connection, "person_link", peer_id=peer, person_id=who, idnumber_key="1", **frozen
        )
        place = {"section_id": section, "person_id": who, "role": "student"}
        old.add(connection, "enrolment", **place, code="w", since_unix_s=NOW + 10)
        for n, at in enumerate(times):
            name = ("One", "Two", "Three")[n]
            old.add(connection, "section_history", section_id=section, name=name, **at)
            old.add(
                connection, "assessment_history", assessment_id=item, section_id=section, name=name,
                points=str(10 * (n + 1)), **at,
            )  # fmt: skip
            old.add(
                connection, "grade_history", grade_id=cell, raw_points=str(n + 1), attempt=1, **at
            )
            old.add(connection, "person_history", link_id=link, fields={"username": "ada"}, **at)
            code = ("a", None, "a")[n]
            old.add(connection, "enrolment_history", **place, code=code, **at)
    storage.upgrade(old.database)
    latest = (NOW + 20, -1)
    last = ("effective_unix_s", "seq")
    assert old.one("section", "name", "status", *last) == ("Three", "active", *latest)
    assert old.one("assessment", "name", "points", *last) == ("Three", "30", *latest)
    assert old.one("grade", "points", "recorded_unix_s", *last) == ("3", NOW + 20, *latest)
    assert old.one("person_link", *last) == latest
    assert old.one("enrolment", "code", "since_unix_s") == ("a", NOW + 20)
    assert storage.schema(old.database) == storage.HEAD


def test_whom_sections_name_is_kept_from_then_on(empty_database_url: str) -> None:
    old = Old(empty_database_url, "0025")
    with old.database.write() as connection:
        peer, who, section = begun(old, connection)
        old.add(connection, "person_link", peer_id=peer, person_id=who, idnumber_key="1")
        row = old.add(
            connection, "section_history", section_id=section, name="Algebra",
            teacheridnumber="1", **row_at(NOW, NOW),
        )  # fmt: skip
        old.add(
            connection, "enrolment", section_id=section, person_id=who, role="teacher", code="a",
            since_unix_s=NOW,
        )  # fmt: skip
    storage.upgrade(old.database)
    assert old.one("named_teacher", "row_id", "person_id") == (row, who)
    old.database.close()
