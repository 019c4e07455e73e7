"""Import of years, terms, courses and classes: the school's order, and sections made by hand.

Years and terms that would overlap are refused. A class in one term and of one course is filed
there; what people here filed or renamed since stays as they left it. Source: requirements R41-R47;
field-notes A.2, D.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from mnet.database import one_at_a_time
from mnet.language import N_
from schooltool_bridge.hand import sections
from schooltool_bridge.hand.author import Refused, text
from schooltool_bridge.model import ID_CHARS, section, section_history
from schooltool_bridge.model_school import course, school_year, section_filing, term
from schooltool_bridge.oneroster.checking import Record
from schooltool_bridge.oneroster.days import ONE_DAY
from schooltool_bridge.oneroster.import_work import (
    ACTOR,
    COURSE,
    NEW,
    SECTION,
    TERM,
    UNCHANGED,
    UPDATED,
    YEAR,
    Work,
    is_stand_in,
    latest,
)
from schooltool_bridge.school import courses as catalogue
from schooltool_bridge.school import filing, spans, years

SESSIONS, COURSES, CLASSES = "academicSessions", "courses", "classes"


@dataclass(frozen=True, slots=True)
class _Span:
    """A session as we keep it: both days belong to it."""

    title: str
    first_day: date
    last_day: date

    @classmethod
    def of(cls, record: Record) -> _Span:
        return cls(
            text("title", record["title"], limit=ID_CHARS),
            date.fromisoformat(record["startDate"]),
            date.fromisoformat(record["endDate"]) - ONE_DAY,
        )

    def values(self) -> dict[str, object]:
        return {"title": self.title, "first_day": self.first_day, "last_day": self.last_day}

    def overlaps(self, row: sa.Row[Any]) -> bool:
        return bool(self.first_day <= row.last_day and row.first_day <= self.last_day)


def sessions(work: Work) -> None:
    """Take in years, then the terms that classes are in."""
    one_at_a_time(work.connection, years.OWN_ORDER)
    found = {
        r["sourcedId"]: r
        for r in work.lasting(SESSIONS)
        if not is_stand_in(work.report, r["sourcedId"])
    }
    wanted = _sessions_of_classes(work)
    parents = {r["parentSourcedId"] for r in found.values() if r["type"] in ("term", "semester")}
    found_years = [r for r in found.values() if r["type"] == "schoolYear"]
    terms = [
        r
        for r in found.values()
        if r["type"] != "schoolYear"
        and (
            r["sourcedId"] in wanted
            or (r["type"] in ("term", "semester") and r["sourcedId"] not in parents)
        )
    ]
    for record in found_years:
        _take(work, record, _year)
    for record in sorted(terms, key=lambda r: r["startDate"]):
        _take(work, record, lambda w, r: _term(w, r, found))


def _sessions_of_classes(work: Work) -> set[str]:
    return {
        one.strip() for r in work.rows(CLASSES) for one in r["termSourcedIds"].split(",") if one
    }


def _take(work: Work, record: Record, how: Any) -> None:
    try:
        work.count(SESSIONS, how(work, record))
    except Refused as problem:
        work.refused(SESSIONS, record, problem)


def _year(work: Work, record: Record) -> str:
    span = _Span.of(record)
    rows = work.connection.execute(sa.select(school_year)).all()
    own_id = work.ids.get(YEAR, record["sourcedId"])
    if own_id is None:
        own_id = next((r.id for r in rows if r.title == span.title), None)
    others = [r for r in rows if r.id != own_id]
    _must_be_apart(span, others)
    return _write(work, record, school_year, YEAR, own_id, span.values())


def _term(work: Work, record: Record, found: dict[str, Record]) -> str:
    span = _Span.of(record)
    year = _year_of(work, record, found, span)
    if span.first_day < year.first_day or span.last_day > year.last_day:
        raise Refused("startDate", f"The term is not within its year, {year.title}.")
    rows = work.connection.execute(sa.select(term).where(term.c.school_year_id == year.id)).all()
    own_id = work.ids.get(TERM, record["sourcedId"])
    if own_id is None:
        own_id = next((r.id for r in rows if r.title == span.title), None)
    _must_be_apart(span, [r for r in rows if r.id != own_id])
    values = span.values() | {"school_year_id": year.id}
    return _write(work, record, term, TERM, own_id, values)


def _must_be_apart(span: _Span, others: list[sa.Row[Any]]) -> None:
    for row in others:
        if span.overlaps(row):
            raise Refused("startDate", f"It overlaps {row.title} ({row.first_day}-{row.last_day}).")
        if row.title == span.title:
            raise Refused("title", f"There is one called {row.title!r} already.")


def _year_of(work: Work, record: Record, found: dict[str, Record], span: _Span) -> sa.Row[Any]:
    """The year above a term: named by it, else the one that holds its days."""
    above, steps = record["parentSourcedId"], 0
    while above in found and found[above]["type"] != "schoolYear" and steps < len(found):
        above, steps = found[above]["parentSourcedId"], steps + 1
    year_id = work.ids.get(YEAR, above)
    wanted = (
        school_year.c.id == year_id
        if year_id is not None
        else sa.and_(
            school_year.c.first_day <= span.first_day, school_year.c.last_day >= span.last_day
        )
    )
    row = work.connection.execute(sa.select(school_year).where(wanted)).first()
    if row is None:
        raise Refused("parentSourcedId", "There is no school year that holds this term.")
    return row


def _write(
    work: Work,
    record: Record,
    table: sa.Table,
    kind: str,
    own_id: int | None,
    values: dict[str, object],
) -> str:
    """Make or change a row of a table without history."""
    if own_id is None:
        added = work.connection.execute(sa.insert(table).values(values))
        assert added.inserted_primary_key is not None
        work.ids.keep(kind, record["sourcedId"], int(added.inserted_primary_key[0]))
        work.note(ADDED[kind], str(values[_SUBJECT[kind]]), _said(values))
        return NEW
    wanted = sa.select(table).where(table.c.id == own_id)
    row = work.connection.execute(wanted).mappings().one()
    work.ids.keep(kind, record["sourcedId"], own_id)
    if all(row[name] == value for name, value in values.items()):
        return UNCHANGED
    if kind == TERM and row["closed_unix_s"] is not None:
        raise Refused("title", f"The term {row['title']} is closed; its days stay as they are.")
    work.connection.execute(sa.update(table).where(table.c.id == own_id).values(values))
    before = row["title"]
    if kind != COURSE:
        before = f"{row['title']}, {spans.days(row['first_day'], row['last_day'])}"
    after = {**row, **values}
    work.note(CHANGED[kind], after[_SUBJECT[kind]], {"before": before, **_said(after)})
    return UPDATED


# What the audit trail calls them by, as when people write them (school/).
_SUBJECT = {YEAR: "title", TERM: "title", COURSE: "code"}
ADDED = {YEAR: N_("year added"), TERM: N_("term added"), COURSE: N_("course added")}
CHANGED = {YEAR: N_("year changed"), TERM: N_("term changed"), COURSE: N_("course changed")}


def _said(values: Mapping[str, Any]) -> dict[str, object]:
    """What the audit trail says of a year, a term or a course."""
    if "first_day" in values:
        return {"days": spans.days(values["first_day"], values["last_day"])}
    return {"title": values["title"]}


def courses(work: Work) -> None:
    """Take in the catalogue."""
    for record in work.lasting(COURSES):
        if is_stand_in(work.report, record["sourcedId"]):
            continue
        try:
            work.count(COURSES, _course(work, record))
        except Refused as problem:
            work.refused(COURSES, record, problem)


def _course(work: Work, record: Record) -> str:
    sourced_id = record["sourcedId"]
    title = text("title", record["title"])
    own_id = work.ids.get(COURSE, sourced_id)
    if own_id is not None:
        return _write(work, record, course, COURSE, own_id, {"title": title})
    code = text("code", record["courseCode"] or sourced_id, limit=ID_CHARS)
    own_id = _course_of(work, code)
    if own_id is not None and work.ids.is_meant(COURSE, own_id):
        # Two courses of the file under one code: the second keeps apart by its id.
        code = text("code", f"{code} ({sourced_id})", limit=ID_CHARS)
        own_id = _course_of(work, code)
    if own_id is not None:
        return _write(work, record, course, COURSE, own_id, {"title": title})
    values: dict[str, object] = {"code": code, "title": title, "description": "", "credits": ""}
    return _write(work, record, course, COURSE, None, values)


def _course_of(work: Work, code: str) -> int | None:
    found: int | None = work.connection.execute(
        sa.select(course.c.id).where(course.c.code == code)
    ).scalar()
    return found


def classes(work: Work) -> None:
    """Take in the classes as sections of ours."""
    for record in work.lasting(CLASSES):
        try:
            section_id, what = _section(work, record)
            if _file(work, record, section_id) and what == UNCHANGED:
                what = UPDATED
        except Refused as problem:
            work.refused(CLASSES, record, problem)
        else:
            work.count(CLASSES, what)


def _section(work: Work, record: Record) -> tuple[int, str]:
    section_id = work.ids.get(SECTION, record["sourcedId"])
    if section_id is None:
        section_id = _own_section(work, record)
    if section_id is None:
        section_id = _add(work, record)
        work.ids.keep(SECTION, record["sourcedId"], section_id)
        return section_id, NEW
    work.ids.keep(SECTION, record["sourcedId"], section_id)
    title = text("name", record["title"])
    said = latest(
        work.connection.execute(
            sa.select(section_history).where(
                section_history.c.section_id == section_id, section_history.c.by_actor == ACTOR
            )
        )
    )
    if said is None or said.name == title:
        return section_id, UNCHANGED
    sections.rename(work.connection, work.author, section_id, title)
    return section_id, UPDATED


def _own_section(work: Work, record: Record) -> int | None:
    own = work.own_id(record["sourcedId"], "class-")
    name = work.connection.execute(sa.select(section.c.name).where(section.c.id == own)).scalar()
    return own if name is not None and name == record["title"] else None


def _add(work: Work, record: Record) -> int:
    code = record["classCode"]
    try:
        return sections.add(work.connection, work.author, record["title"], idnumber=code)
    except Refused as problem:
        if problem.field != "idnumber":
            raise
        work.odd(CLASSES, record, "classCode", f"{problem} The section has no number of its own.")
        return sections.add(work.connection, work.author, record["title"])


def _file(work: Work, record: Record, section_id: int) -> bool:
    """File a section under its course and term; tell whether that is new."""
    course_id = work.ids.get(COURSE, record["courseSourcedId"])
    term_id = _only_term(work, record)
    filings = work.connection.execute(
        sa.select(section_filing).where(
            section_filing.c.section_id == section_id, section_filing.c.by_actor == ACTOR
        )
    )
    said = latest(filings)
    row = work.connection.execute(sa.select(section).where(section.c.id == section_id)).one()
    if said is not None:
        before = (said.course_id, said.term_id)
    elif row.peer_id is None:
        before = (row.course_id, row.term_id)
    else:
        return False  # a peer's: people here file it
    if before == (course_id, term_id):
        return False
    author = work.author
    work.connection.execute(
        sa.insert(section_filing).values(
            section_id=section_id,
            course_id=course_id,
            term_id=term_id,
            previous_id=row.previous_id,
            **author.noted(),
        )
    )
    work.connection.execute(
        sa.update(section)
        .where(section.c.id == section_id)
        .values(course_id=course_id, term_id=term_id)
    )
    places = {"before": (row.course_id, row.term_id), "after": (course_id, term_id)}
    said_places = {when: _place_text(work, *place) for when, place in places.items()}
    work.note(N_("section filed"), f"section {section_id}", said_places)
    return True


def _place_text(work: Work, course_id: int | None, term_id: int | None) -> str:
    in_course = None if course_id is None else catalogue.one(work.connection, course_id)
    in_term = None if term_id is None else years.one_term(work.connection, term_id)
    return filing.place_text(in_course, in_term)


def _only_term(work: Work, record: Record) -> int | None:
    """The term of a class; none when it is in several, which somebody has to decide."""
    named = [one.strip() for one in record["termSourcedIds"].split(",") if one.strip()]
    found = {work.ids.get(TERM, one) for one in named} - {None}
    if len(found) > 1:
        said = "names several terms; the section is in none until somebody files it"
        work.odd(CLASSES, record, "termSourcedIds", said)
        return None
    return next(iter(found), None)
