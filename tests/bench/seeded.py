"""A school as large as asked for, written straight into the tables: for benchmarks alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import Database
from peers import store
from schooltool_bridge.store import storage
from schooltool_bridge.store.model import (
    assessment,
    assessment_history,
    enrolment,
    enrolment_history,
    grade,
    grade_history,
    person,
    person_link,
    section,
    section_history,
)

NOW = 1_795_000_000
DAY_S = 86_400
# The section whose gradebook is looked at; of the same size in every school.
LOOKED_AT = 1
ITS_STUDENTS, ITS_ITEMS = 30, 60
ROWS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Size:
    """How many students and sections; every student has some sections of some items each."""

    students: int
    sections: int
    items: int = 50
    sections_of_a_student: int = 10

    @property
    def grades(self) -> int:
        return self.students * self.sections_of_a_student * self.items


def seed(file: Path, size: Size) -> Database:
    """Make a store with a school of this size."""
    database = Database(f"sqlite:///{file}")
    storage.upgrade(database)
    with database.write() as connection:
        peer_id = store.add(
            connection,
            wwwroot="http://moodle.example.org",
            name="M",
            application="moodle",
            state=store.ENABLED,
            now_unix_s=NOW,
        )  # fmt: skip - a peer
        _people(connection, peer_id, size)
        _sections(connection, peer_id, size)
        _enrolments(connection, size)
        _grades(connection, size)
    return database


def students_of(section_id: int, size: Size) -> list[int]:
    """Ids of a section's students."""
    if section_id == LOOKED_AT:
        return list(range(1, ITS_STUDENTS + 1))
    each = size.students * size.sections_of_a_student // size.sections
    first = (section_id * each) % size.students
    return [(first + n) % size.students + 1 for n in range(each)]


def _items_of(section_id: int, size: Size) -> range:
    if section_id == LOOKED_AT:
        return range(1, ITS_ITEMS + 1)
    first = ITS_ITEMS + (section_id - 2) * size.items + 1
    return range(first, first + size.items)


def _people(connection: Connection, peer_id: int, size: Size) -> None:
    _insert(
        connection,
        person,
        (
            {
                "id": n,
                "idnumber": str(n),
                "idnumber_key": str(n),
                "username": f"s{n}",
                "username_key": f"s{n}",
                "firstname": "Sam",
                "lastname": f"Student {n}",
                "email": "",
                "can_login": False,
                "follows_peer_id": peer_id,
                "created_unix_s": NOW,
            }
            for n in range(1, size.students + 1)
        ),
    )  # fmt: skip - a row
    _insert(
        connection,
        person_link,
        (
            {
                "peer_id": peer_id,
                "person_id": n,
                "idnumber_key": str(n),
                "username": f"s{n}",
                "username_key": f"s{n}",
                "effective_unix_s": NOW,
                "seq": -1,
            }
            for n in range(1, size.students + 1)
        ),
    )  # fmt: skip - a row


def _sections(connection: Connection, peer_id: int, size: Size) -> None:
    numbers = range(1, size.sections + 2)
    told = {"effective_unix_s": NOW, "seq": -1}
    _insert(
        connection,
        section,
        (
            {
                "id": n,
                "peer_id": peer_id,
                "idnumber": str(n),
                "segment": "1",
                "name": f"Section {n}",
                "status": "active",
                **told,
            }
            for n in numbers
        ),
    )  # fmt: skip - a row
    _insert(
        connection,
        section_history,
        (
            {
                "section_id": n,
                "name": f"Section {n}",
                "teacheridnumber": "",
                "deleted": False,
                "recorded_unix_s": NOW,
                **told,
            }
            for n in numbers
        ),
    )  # fmt: skip - a row
    items = [(item, n) for n in numbers for item in _items_of(n, size)]
    _insert(
        connection,
        assessment,
        (
            {
                "id": item,
                "peer_id": peer_id,
                "idnumber": str(item),
                "section_id": n,
                "name": f"Item {item}",
                "points": "10",
                "status": "active",
                **told,
            }
            for item, n in items
        ),
    )  # fmt: skip - a row
    _insert(
        connection,
        assessment_history,
        (
            {
                "assessment_id": item,
                "section_id": n,
                "name": f"Item {item}",
                "points": "10",
                "chapternum": "",
                "honors_required": False,
                "nonhonors_required": False,
                "extra_credit": False,
                "deleted": False,
                "recorded_unix_s": NOW,
                **told,
            }
            for item, n in items
        ),
    )  # fmt: skip - a row


def _enrolments(connection: Connection, size: Size) -> None:
    places = [(n, who) for n in range(1, size.sections + 2) for who in students_of(n, size)]
    _insert(
        connection,
        enrolment,
        (
            {
                "section_id": n,
                "person_id": who,
                "role": "student",
                "code": "a",
                "since_unix_s": NOW,
                "note": "",
            }
            for n, who in places
        ),
    )  # fmt: skip - a row
    _insert(
        connection,
        enrolment_history,
        (
            {
                "section_id": n,
                "person_id": who,
                "role": "student",
                "code": "a",
                "note": "",
                "effective_unix_s": NOW,
                "seq": -1,
                "recorded_unix_s": NOW,
            }
            for n, who in places
        ),
    )  # fmt: skip - a row


def _grades(connection: Connection, size: Size) -> None:
    cells = [
        (item, who)
        for n in range(1, size.sections + 2)
        for who in students_of(n, size)
        for item in _items_of(n, size)
    ]
    _insert(
        connection,
        grade,
        (
            {
                "id": n,
                "assessment_id": item,
                "person_id": who,
                "points": str(n % 11),
                "excepted": False,
                "attempt": 1,
                "exists": True,
                "authority": "peer",
                "effective_unix_s": NOW + n % 100 * DAY_S,
                "seq": -1,
                "recorded_unix_s": NOW,
            }
            for n, (item, who) in enumerate(cells, 1)
        ),
    )  # fmt: skip - a row
    _insert(
        connection,
        grade_history,
        (
            {
                "grade_id": n,
                "raw_points": str(n % 11),
                "excepted": False,
                "attempt": 1,
                "deleted": False,
                "effective_unix_s": NOW + n % 100 * DAY_S,
                "seq": -1,
                "recorded_unix_s": NOW,
            }
            for n in range(1, len(cells) + 1)
        ),
    )  # fmt: skip - a row


def _insert(connection: Connection, table: sa.Table, rows: Iterator[dict[str, object]]) -> None:
    part: list[dict[str, object]] = []
    for row in rows:
        part.append(row)
        if len(part) == ROWS_AT_ONCE:
            connection.execute(sa.insert(table), part)
            part = []
    if part:
        connection.execute(sa.insert(table), part)
