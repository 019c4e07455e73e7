"""A school with its own order, and how to change it: for tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import sqlalchemy as sa

from schooltool_bridge.history.author import Author
from schooltool_bridge.school import courses, years
from schooltool_bridge.store.model import section
from tests.helpers.school import NOW, School

A, B = "http://moodle.example.org", "http://other.example.org"
AUTUMN = (date(2026, 9, 1), date(2026, 12, 20))
WINTER = (date(2027, 1, 7), date(2027, 3, 31))
SPRING = (date(2027, 4, 12), date(2027, 7, 2))


def ordered_by(school: School) -> School:
    """A year of three terms, a course, and three sections."""
    year = add_year(school)
    for title, days in (("Autumn 2026", AUTUMN), ("Winter", WINTER), ("Spring", SPRING)):
        add_term(school, year, title, *days)
    add_course(school, "BIO-1", "Biology")
    for number in ("5", "6", "7"):
        school.push("new_section", idnumber=number, name=f"Section {number}")
    return school


def change(school: School, do: Callable[..., Any], *given: Any, **named: Any) -> Any:
    with school.database.write() as connection:
        author = Author("anna", NOW, named.pop("why", ""))
        return do(connection, author, *given, **named)


def add_year(
    school: School, title: str = "2026/27", first: date = AUTUMN[0], last: date = SPRING[1]
) -> int:
    found: int = change(school, years.add_year, title=title, first_day=first, last_day=last)
    return found


def add_term(school: School, year: int, title: str, first: date, last: date) -> int:
    found: int = change(
        school, years.add_term, year_id=year, title=title, first_day=first, last_day=last
    )
    return found


def add_course(school: School, code: str, title: str = "A course", **more: str) -> int:
    found: int = change(school, courses.add, code=code, title=title, **more)
    return found


def filed(school: School) -> list[tuple[Any, ...]]:
    with school.database.read() as connection:
        columns = (section.c.id, section.c.course_id, section.c.term_id, section.c.previous_id)
        return [tuple(r) for r in connection.execute(sa.select(*columns).order_by(section.c.id))]
