"""What reports call things: people, courses, years and terms, states, score systems.

Each question is one statement. Names are those of today; what was so on a day is in as_of.py.
Source: RULES 1.6, 1.8, R41-R43, R54.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from mnet.folding import folded
from mnet.language import N_, _
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.history import meaning
from schooltool_bridge.history.averages import Score, ScoreSystem
from schooltool_bridge.history.meaning import Meaning
from schooltool_bridge.store import shipped_titles
from schooltool_bridge.store.model import enrolment_state, person, section
from schooltool_bridge.store.model_school import course, school_year, score_system, term

# Every database takes as many in one statement's list; no section comes near.
PEOPLE_AT_ONCE = 20_000
# In this language; reports show it by `translated`, as they do titles that a school may change.
ONGOING = N_("Ongoing")
# Older than the school's first year, by the days of its course at its peer.
BEFORE_US = N_("Before our first year")
# What people are in a section, by what is stored.
ROLES = {STUDENT: N_("student"), TEACHER: N_("teacher")}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as reports name them."""

    id: int
    idnumber: str | None
    username: str
    firstname: str
    lastname: str

    @property
    def name_for_scripts(self) -> str:
        """The shared idnumber, ours where there is none."""
        return self.idnumber or str(self.id)

    @property
    def sorted_name(self) -> str:
        """Last name, first name; the user name where there is neither."""
        both = [n for n in (self.lastname.strip(), self.firstname.strip()) if n]
        return ", ".join(both) or self.username

    @property
    def full_name(self) -> str:
        """First name, last name; the user name where there is neither."""
        return f"{self.firstname.strip()} {self.lastname.strip()}".strip() or self.username

    @property
    def list_order(self) -> tuple[str, str, int]:
        """Where they stand in a list of people."""
        return folded(self.lastname), folded(self.firstname), self.id


def people(connection: Connection, ids: Iterable[int]) -> dict[int, Person]:
    """Return the people of these ids."""
    columns = (
        person.c.id, person.c.idnumber, person.c.username, person.c.firstname, person.c.lastname,
    )  # fmt: skip
    return {
        r.id: Person(*r)
        for some in in_parts(sorted(set(ids)), PEOPLE_AT_ONCE)
        for r in connection.execute(sa.select(*columns).where(person.c.id.in_(some)))
    }


def section_names(connection: Connection, section_id: int) -> tuple[str, str]:
    """Return a section's shared idnumber (ours where there is none) and its name.

    Raises NotThere.
    """
    columns = (section.c.idnumber, section.c.name)
    row = connection.execute(sa.select(*columns).where(section.c.id == section_id)).one_or_none()
    if row is None:
        raise NotThere(_("There is no section %(id)s.", id=section_id))
    return row.idnumber or str(section_id), row.name


@dataclass(frozen=True, slots=True)
class Course:
    """A course of the catalogue; `credits` is empty when the school counts none."""

    id: int
    code: str
    title: str
    credits: str


@dataclass(frozen=True, slots=True)
class Term:
    """A term within its year."""

    id: int
    title: str
    year: str
    first_day: date
    last_day: date


class School:
    """The school's own lists, each read when first asked for; they are small."""

    def __init__(self, connection: Connection) -> None:
        """Read by `connection`, within its transaction."""
        self._connection = connection

    @cached_property
    def courses(self) -> dict[int, Course]:
        """The catalogue."""
        columns = (course.c.id, course.c.code, course.c.title, course.c.credits)
        return {r.id: Course(*r) for r in self._connection.execute(sa.select(*columns))}

    @cached_property
    def terms(self) -> dict[int, Term]:
        """Every term with its year."""
        rows = self._connection.execute(
            sa.select(
                term.c.id,
                term.c.title,
                school_year.c.title.label("year"),
                term.c.first_day,
                term.c.last_day,
            ).join_from(term, school_year, school_year.c.id == term.c.school_year_id)
        )
        return {r.id: Term(*r) for r in rows}

    @cached_property
    def states(self) -> dict[str, str]:
        """The title of every state that an enrolment may have, by its code."""
        return {r.code: shipped_titles.local_title(r.title) for r in self._states}

    @cached_property
    def meanings(self) -> Mapping[str, Meaning]:
        """What each of these states means, by its code."""
        return {r.code: meaning.of(r.code, r.meaning) for r in self._states}

    @cached_property
    def _states(self) -> Sequence[sa.Row[Any]]:
        return self._connection.execute(sa.select(enrolment_state)).all()

    @cached_property
    def systems(self) -> dict[int, ScoreSystem]:
        """Every score system, hidden ones too."""
        rows = self._connection.execute(sa.select(score_system))
        return {r.id: ScoreSystem(r.id, r.title, r.kind, _scores(r.scores)) for r in rows}

    def filed(self, term_id: int | None, *, is_past: bool = False) -> str:
        """Where a section stands: year and term, or the ongoing container (RULES R41).

        `is_past`: it is older than the school's first year.
        """
        found = self.terms.get(term_id) if term_id is not None else None
        return f"{found.year}, {found.title}" if found else BEFORE_US if is_past else ONGOING


def _scores(stored: Iterable[dict[str, object]]) -> tuple[Score, ...]:
    return tuple(
        Score(
            str(s["score"]),
            Decimal(str(s["percent"])),
            Decimal(str(s["from"])),
            bool(s["passes"]),
            Decimal(str(s["points"])) if s.get("points") is not None else None,
        )
        for s in stored or ()
    )
