"""Import of classes as sections made by hand.

A class in one term and of one course is filed there; what people here filed or renamed since
stays as they left it. Source: RULES R41-R47, A.2, D.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import N_
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.common.segments import FIRST_SEGMENT
from schooltool_bridge.hand import sections
from schooltool_bridge.history.author import identifier, text
from schooltool_bridge.oneroster.import_work import (
    ACTOR,
    COURSE,
    NEW,
    SECTION,
    TERM,
    UNCHANGED,
    UPDATED,
    Work,
    is_stand_in,
)
from schooltool_bridge.oneroster.report import Record
from schooltool_bridge.school import courses as catalogue
from schooltool_bridge.school import filing, years
from schooltool_bridge.store.model import section, section_history
from schooltool_bridge.store.model_school import section_filing

CLASSES = "classes"
_Home = tuple[int | None, int | None]  # course, term


@dataclass(slots=True)
class _Sections:
    """The sections that are there, what imports wrote of them last, and those to be made."""

    rows: dict[int, sa.Row[Any]]
    imported_names: dict[int, str]
    imported_homes: dict[int, _Home]
    # Of sections made by hand.
    numbers: set[str]
    # By their numbers below zero: name and idnumber.
    new: dict[int, tuple[str, str | None]] = field(default_factory=dict)

    @classmethod
    def read(cls, connection: Connection) -> _Sections:
        rows = {row.id: row for row in connection.execute(sa.select(section))}
        history, filed = section_history, section_filing
        names = connection.execute(
            sa.select(history.c.section_id, history.c.name)
            .where(history.c.by_actor == ACTOR)
            .order_by(history.c.id)
        )
        homes = connection.execute(
            sa.select(filed.c.section_id, filed.c.course_id, filed.c.term_id)
            .where(filed.c.by_actor == ACTOR)
            .order_by(filed.c.id)
        )
        # Those of first segments, as imported ones are.
        own = [r for r in rows.values() if (r.peer_id, r.segment) == (None, FIRST_SEGMENT)]
        return cls(
            rows,
            {row.section_id: row.name for row in names},  # the last one counts
            {row.section_id: (row.course_id, row.term_id) for row in homes},
            {r.idnumber for r in own if r.idnumber is not None},
        )


def classes(work: Work) -> None:
    """Take in the classes as sections of ours."""
    there = _Sections.read(work.connection)
    taken: list[tuple[Record, int, str]] = []
    for record in work.lasting(CLASSES):
        try:
            taken.append((record, *_section(work, there, record)))
        except Refused as problem:
            work.leave_out(CLASSES, record, problem)
    ids = sections.add_all(work.connection, work.author, list(there.new.values()))
    made = dict(zip(there.new, ids, strict=True))
    work.ids.fulfil(SECTION, made)
    filed_text = _filed_texts(work.connection)
    filings = []
    for record, number, what in taken:
        filing_of_it = _filing(work, there, record, made.get(number, number), filed_text)
        filings += [filing_of_it] if filing_of_it else []
        is_moved = filing_of_it is not None and what == UNCHANGED
        work.count(CLASSES, UPDATED if is_moved else what)
    if filings:
        work.connection.execute(sa.insert(section_filing), filings)
        moved = [
            {"own": f["section_id"], "course": f["course_id"], "in_term": f["term_id"]}
            for f in filings
        ]
        work.connection.execute(_MOVE, moved)


def _section(work: Work, there: _Sections, record: Record) -> tuple[int, str]:
    """Find a section, or promise a new one; return its number and what became of it."""
    title = text("name", _title(record))
    section_id = work.ids.get(SECTION, record["sourcedId"])
    if section_id is None:
        section_id = _own_section(work, there, record)
    if section_id is None:
        number = work.ids.promise(SECTION, record["sourcedId"])
        there.new[number] = title, _number(work, there, record)
        return number, NEW
    work.ids.remember(SECTION, record["sourcedId"], section_id)
    if there.imported_names.get(section_id, title) == title:
        return section_id, UNCHANGED
    sections.rename(work.connection, work.author, section_id, title)
    return section_id, UPDATED


def _title(record: Record) -> str:
    return record["title"] or record["classCode"] or record["sourcedId"]


def _own_section(work: Work, there: _Sections, record: Record) -> int | None:
    own = work.own_id(record["sourcedId"], "class-")
    row = there.rows.get(own) if own is not None else None
    return own if row is not None and row.name == record["title"] else None


def _number(work: Work, there: _Sections, record: Record) -> str | None:
    """The number of a new section; none when that is another's or cannot be."""
    try:
        number = identifier("idnumber", record["classCode"])
    except Refused as problem:
        work.odd(CLASSES, record, "classCode", f"{problem} The section has no number of its own.")
        return None
    if number in there.numbers:
        message = f"is the number of another section, {number!r}; this one has none of its own"
        work.odd(CLASSES, record, "classCode", message)
        return None
    if number is not None:
        there.numbers.add(number)
    return number


def _filing(
    work: Work,
    there: _Sections,
    record: Record,
    section_id: int,
    filed_text: Callable[[int | None, int | None], str],
) -> dict[str, Any] | None:
    """File a section under its course and term; None when it is there, or people filed it."""
    row = there.rows.get(section_id)
    stands: _Home = (row.course_id, row.term_id) if row is not None else (None, None)
    home: _Home = _course(work, record, stands[0]), _only_term(work, record, stands[1])
    if section_id not in there.imported_homes and row is not None and row.peer_id is not None:
        return None  # a peer's: people here file it
    if there.imported_homes.get(section_id, stands) == home:
        return None
    change = {"before": filed_text(*stands), "after": filed_text(*home)}
    work.note(N_("section filed"), f"section {section_id}", change)
    course_id, term_id = home
    return {
        "section_id": section_id,
        "course_id": course_id,
        "term_id": term_id,
        "previous_id": row.previous_id if row is not None else None,
        **work.author.noted(),
    }


def _filed_texts(connection: Connection) -> Callable[[int | None, int | None], str]:
    """Return what says where a section is filed."""
    courses = {one.id: one for one in catalogue.all_courses(connection)}
    terms = {one.id: one for one in years.all_terms(connection)}

    @cache
    def filed_text(course_id: int | None, term_id: int | None) -> str:
        return filing.filed_text(
            courses[course_id] if course_id is not None else None,
            terms[term_id] if term_id is not None else None,
        )

    return filed_text


def _course(work: Work, record: Record, stands: int | None) -> int | None:
    """The course of a class; when that is not there, what it stands under stays."""
    named = record["courseSourcedId"]
    course_id = work.ids.get(COURSE, named)
    if course_id is None and is_stand_in(work.report, named):
        return None
    if course_id is None:
        message = f"names no course that is there; {_under(stands, 'course')}"
        work.odd(CLASSES, record, "courseSourcedId", message)
        return stands
    return course_id


def _only_term(work: Work, record: Record, stands: int | None) -> int | None:
    """The term of a class; none when it is in several, which somebody has to decide."""
    named = [one.strip() for one in record["termSourcedIds"].split(",") if one.strip()]
    found = {work.ids.get(TERM, one) for one in named} - {None}
    if len(found) > 1:
        message = "names several terms; the section is in none until somebody files it"
        work.odd(CLASSES, record, "termSourcedIds", message)
        return None
    if not found and not all(is_stand_in(work.report, one) for one in named or [""]):
        message = f"names no term that is kept here; {_under(stands, 'term')}"
        work.odd(CLASSES, record, "termSourcedIds", message)
        return stands
    return next(iter(found), None)


def _under(stands: int | None, what: str) -> str:
    if stands is not None:
        return f"the section stays under the {what} that it is filed under"
    return "the section is ongoing" if what == "term" else "the section is under none"


_MOVE = (
    sa.update(section)
    .where(section.c.id == sa.bindparam("own"))
    .values(course_id=sa.bindparam("course"), term_id=sa.bindparam("in_term"))
)
