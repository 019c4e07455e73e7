"""The catalogue of courses: read, added, changed, removed while no section was ever filed there.

A course is never a section: many sections teach one course. Every change works in the caller's
transaction with its entry in the audit trail; what is refused raises NotPossible.
Source: RULES R7, R41, R43, A.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import insert_one, one_at_a_time
from mnet.language import N_, _, ngettext
from peers.changes import NotPossible
from schooltool_bridge.common.ids import key
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.history.author import Author
from schooltool_bridge.school.written import free, line, number, plain, several_lines
from schooltool_bridge.school.years import OWN_ORDER
from schooltool_bridge.store.model import NAME_CHARS, section
from schooltool_bridge.store.model_school import course, section_filing

# A page of text; a catalogue says no more.
MAX_DESCRIPTION_CHARS = 5000


@dataclass(frozen=True, slots=True)
class Course:
    """A course of the catalogue; `credits` is a decimal number as text, empty for none."""

    id: int
    code: str
    title: str
    description: str
    credits: str


def all_courses(connection: Connection) -> list[Course]:
    """Return the catalogue, by code."""
    found = [Course(*row) for row in connection.execute(sa.select(course))]
    return sorted(found, key=lambda c: (key(c.code), c.id))


def one(connection: Connection, course_id: int) -> Course:
    """Return a course; raises NotThere."""
    row = connection.execute(sa.select(course).where(course.c.id == course_id)).first()
    if row is None:
        raise NotThere(_("There is no such course (any more)."))
    return Course(*row)


def find(connection: Connection, code: str) -> Course:
    """Return the course of a code, whatever its capitals; raises NotThere."""
    wanted = key(code.strip())
    found = next((c for c in all_courses(connection) if key(c.code) == wanted), None)
    if found is None:
        raise NotThere(f"There is no course {code!r}; see: mnet-peer course list.")
    return found


def add(
    connection: Connection,
    author: Author,
    *,
    code: str,
    title: str,
    description: str = "",
    credits_text: str = "",
) -> int:
    """Add a course and return its id; raises NotPossible."""
    one_at_a_time(connection, OWN_ORDER)
    values = _checked(connection, None, code, title, description, credits_text)
    new_id = insert_one(connection, sa.insert(course).values(values))
    author.note(connection, N_("course added"), values["code"], _trail_detail(values))
    return new_id


def change(
    connection: Connection,
    author: Author,
    course_id: int,
    *,
    code: str,
    title: str,
    description: str = "",
    credits_text: str = "",
) -> None:
    """Change a course; its sections stay filed under it. Raises NotPossible and NotThere."""
    one_at_a_time(connection, OWN_ORDER)
    before = one(connection, course_id)
    values = _checked(connection, course_id, code, title, description, credits_text)
    if all(getattr(before, name) == value for name, value in values.items()):
        return
    connection.execute(sa.update(course).where(course.c.id == course_id).values(values))
    detail = {**values, "before": f"{before.code} {before.title} {before.credits}".strip()}
    author.note(connection, N_("course changed"), detail["code"], _trail_detail(detail))


def remove(connection: Connection, author: Author, course_id: int) -> None:
    """Remove a course where nothing was ever filed; raises NotPossible and NotThere."""
    one_at_a_time(connection, OWN_ORDER)
    known = one(connection, course_id)
    filed = connection.execute(
        sa.select(sa.func.count()).select_from(section).where(section.c.course_id == course_id)
    ).scalar_one()
    if filed:
        raise NotPossible(
            ngettext(
                "%(num)s section(s) teach %(course)s; file them elsewhere first.",
                "%(num)s section(s) teach %(course)s; file them elsewhere first.",
                filed,
                course=known.code,
            )
        )
    ever = sa.select(section_filing.c.id).where(section_filing.c.course_id == course_id).limit(1)
    if connection.execute(ever).first():
        raise NotPossible(
            _(
                "Sections taught %(course)s once, and their history names it; "
                "change it in place of removing it.",
                course=known.code,
            )
        )
    connection.execute(sa.delete(course).where(course.c.id == course_id))
    author.note(connection, N_("course removed"), known.code, {"title": known.title})


def _checked(
    connection: Connection,
    course_id: int | None,
    code: str,
    title: str,
    description: str,
    credits_text: str,
) -> dict[str, str]:
    code = line(code, _("The code"))
    free(code, [c.code for c in all_courses(connection) if c.id != course_id], _("a course"))
    return {
        "code": code,
        "title": line(title, _("The title"), limit=NAME_CHARS),
        "description": several_lines(
            description, _("The description"), limit=MAX_DESCRIPTION_CHARS
        ),
        "credits": plain(number(credits_text, _("Credits"))) if credits_text.strip() else "",
    }


def _trail_detail(values: Mapping[str, str]) -> dict[str, str]:
    """What the audit trail says of a course."""
    return {name: value for name, value in values.items() if name not in ("code", "description")}
