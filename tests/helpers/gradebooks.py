"""A section with students and items for tests of the gradebook."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.hand import assessments, enrolments, people, sections
from schooltool_bridge.hand.assessments import Detail
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history.author import Author
from schooltool_bridge.store.model_school import score_system

HEAD = "head"


@dataclass
class Book:
    """A section made by hand."""

    section_id: int
    items: dict[str, int]
    students: dict[str, int]


def make_book(
    connection: Connection,
    now_unix_s: int,
    items: dict[str, Any],
    students: tuple[str, ...] = ("Ada", "Bo"),
) -> Book:
    """Items: name to points, or to (points, Detail)."""
    author = Author(HEAD, now_unix_s)
    section_id = sections.add(connection, author, "Algebra")
    book = Book(section_id, {}, {})
    for first in students:
        names = Names(first.lower(), first, f"L{first}", f"n-{first}")
        who = people.add(connection, author, names)
        enrolments.set_state(connection, author, section_id, who, "student", "a")
        book.students[first] = who
    for name, worth in items.items():
        points, detail = worth if isinstance(worth, tuple) else (worth, Detail())
        book.items[name] = assessments.add(
            connection, author, section_id, name, Decimal(points), detail=detail
        )
    return book


def system_id(connection: Connection, title: str) -> int:
    found = connection.execute(sa.select(score_system.c.id).where(score_system.c.title == title))
    return int(found.scalar_one())
