"""Import of years and terms; those that would overlap are refused.

One by one, as a school has few. Source: requirements R41-R47; field-notes A.2, D.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from mnet.database import one_at_a_time
from mnet.language import N_
from schooltool_bridge.hand.author import Refused, text
from schooltool_bridge.model import ID_CHARS
from schooltool_bridge.model_school import school_year, term
from schooltool_bridge.oneroster.checking import Record
from schooltool_bridge.oneroster.days import ONE_DAY
from schooltool_bridge.oneroster.import_work import (
    NEW,
    TERM,
    UNCHANGED,
    UPDATED,
    YEAR,
    Work,
    is_stand_in,
)
from schooltool_bridge.school import spans, years

SESSIONS, CLASSES = "academicSessions", "classes"


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
    """Make or change a year or a term."""
    if own_id is None:
        added = work.connection.execute(sa.insert(table).values(values))
        assert added.inserted_primary_key is not None
        work.ids.keep(kind, record["sourcedId"], int(added.inserted_primary_key[0]))
        work.note(ADDED[kind], str(values["title"]), _said(values))
        return NEW
    wanted = sa.select(table).where(table.c.id == own_id)
    row = work.connection.execute(wanted).mappings().one()
    work.ids.keep(kind, record["sourcedId"], own_id)
    if all(row[name] == value for name, value in values.items()):
        return UNCHANGED
    if kind == TERM and row["closed_unix_s"] is not None:
        raise Refused("title", f"The term {row['title']} is closed; its days stay as they are.")
    work.connection.execute(sa.update(table).where(table.c.id == own_id).values(values))
    before = f"{row['title']}, {spans.days(row['first_day'], row['last_day'])}"
    after = {**row, **values}
    work.note(CHANGED[kind], after["title"], {"before": before, **_said(after)})
    return UPDATED


ADDED = {YEAR: N_("year added"), TERM: N_("term added")}
CHANGED = {YEAR: N_("year changed"), TERM: N_("term changed")}


def _said(values: Mapping[str, Any]) -> dict[str, object]:
    """What the audit trail says of a year or a term, as when people write them (school/)."""
    return {"days": spans.days(values["first_day"], values["last_day"])}
