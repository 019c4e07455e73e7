"""Import of years and terms: days that can stand beside each other; others are left out.

A school here has one year at a time, and in it terms that do not overlap. Of semesters and the
quarters in them, or of two schools' terms, those that come first stay; what would be filed under
another is ongoing, which is told. One by one, as a school has few. Source: RULES R41-R47, A.2, D.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from mnet.database import insert_one, one_at_a_time
from mnet.language import N_
from schooltool_bridge.common.days import ONE_DAY
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.history.author import text
from schooltool_bridge.oneroster.import_work import (
    NEW,
    TERM,
    UNCHANGED,
    UPDATED,
    YEAR,
    Work,
    is_stand_in,
)
from schooltool_bridge.oneroster.report import Record
from schooltool_bridge.oneroster.tables import DELTA
from schooltool_bridge.school import spans, years
from schooltool_bridge.store.model import ID_CHARS
from schooltool_bridge.store.model_school import school_year, term

SESSIONS, CLASSES = "academicSessions", "classes"
SCHOOL_YEAR = "schoolYear"
_TERMS = ("term", "semester")


@dataclass(frozen=True, slots=True)
class _Span:
    """A session as we keep it: both days belong to it."""

    title: str
    first_day: date
    last_day: date
    # Of a term.
    year_id: int = 0

    def values(self) -> dict[str, object]:
        found = {"title": self.title, "first_day": self.first_day, "last_day": self.last_day}
        return {**found, "school_year_id": self.year_id} if self.year_id else found

    def beside(self, other: _Span) -> str:
        """Why the two cannot both be there; empty when they can."""
        if self.year_id == other.year_id and self.title == other.title:
            return f"there is another {other.title!r} already ({other.days})"
        if self.first_day <= other.last_day and other.first_day <= self.last_day:
            return f"it overlaps {other.title} ({other.days})"
        return ""

    @property
    def days(self) -> str:
        """First and last day as a message names them."""
        return f"{self.first_day} to {self.last_day}"


class _Left(Exception):
    """A session cannot be kept; the text says why."""

    def __init__(self, column: str, sentence: str) -> None:
        super().__init__(sentence)
        self.column = column


def sessions(work: Work) -> None:
    """Take in years, then the terms that classes are in."""
    one_at_a_time(work.connection, years.OWN_ORDER)
    found = {
        r["sourcedId"]: r
        for r in work.lasting(SESSIONS)
        if not is_stand_in(work.report, r["sourcedId"])
    }
    wanted = _sessions_of_classes(work)
    parents = {r["parentSourcedId"] for r in found.values() if r["type"] in _TERMS}
    found_years = [r for r in found.values() if r["type"] == SCHOOL_YEAR]
    terms = [
        r
        for r in found.values()
        if r["type"] != SCHOOL_YEAR
        and (r["sourcedId"] in wanted or (r["type"] in _TERMS and r["sourcedId"] not in parents))
    ]
    _Spans.of_years(work).take(found_years)
    # Terms before the periods in them, the longer first.
    terms.sort(key=lambda r: (r["type"] not in _TERMS, r["startDate"], _backwards(r["endDate"])))
    _Spans.of_terms(work, found).take(terms)


def _backwards(day: str) -> int:
    return -date.fromisoformat(day).toordinal()


def _sessions_of_classes(work: Work) -> set[str]:
    return {
        one.strip() for r in work.rows(CLASSES) for one in r["termSourcedIds"].split(",") if one
    }


class _Spans:
    """The years, or the terms, that are there, and what a package makes of them."""

    def __init__(self, work: Work, table: sa.Table, kind: str, found: Mapping[str, Record]) -> None:
        self.work, self.table, self.kind = work, table, kind
        self.found = found
        rows = work.connection.execute(sa.select(table).order_by(table.c.id))
        self.rows: dict[int, sa.Row[Any]] = {row.id: row for row in rows}
        self.years = {} if kind == YEAR else _years(work)
        self.spans = {own_id: _span_of(row, kind) for own_id, row in self.rows.items()}
        # For which another id stands: one of this package, or where that has changes only, any.
        known = work.ids.own[kind]
        is_delta = work.report.modes.get(SESSIONS) == DELTA
        named = known if is_delta else {r["sourcedId"] for r in work.rows(SESSIONS)}
        self.meant = {own_id for sourced_id, own_id in known.items() if sourced_id in named}

    @classmethod
    def of_years(cls, work: Work) -> _Spans:
        return cls(work, school_year, YEAR, {})

    @classmethod
    def of_terms(cls, work: Work, found: Mapping[str, Record]) -> _Spans:
        return cls(work, term, TERM, found)

    def take(self, records: Sequence[Record]) -> None:
        """Take in what fits; what an earlier package brought goes before what is new."""
        known: dict[int, tuple[Record, _Span]] = {}
        new: list[tuple[Record, _Span]] = []
        for record in records:
            try:
                span = self._read(record)
                own_id = self._own(record, span)
                if own_id is None:
                    new.append((record, span))
                elif own_id in known:
                    self._same(record, own_id, known[own_id][1], span)
                elif not self._is_closed(record, own_id, span):
                    known[own_id] = record, span
            except _Left as problem:
                self._leave(record, problem)
        self._move(known)
        for record, span in new:
            try:
                self._add(record, span)
            except _Left as problem:
                self._leave(record, problem)

    def _read(self, record: Record) -> _Span:
        first_day = date.fromisoformat(record["startDate"])
        last_day = date.fromisoformat(record["endDate"]) - ONE_DAY
        try:
            title = text("title", record["title"], limit=ID_CHARS)
        except Refused as problem:
            raise _Left("title", str(problem)) from None
        if last_day < first_day:
            message = "is the first day that is out, so that no day is in"
            raise _Left("endDate", f"{record['endDate']} {message}")
        if self.kind == YEAR:
            return _Span(title, first_day, last_day)
        return _Span(title, first_day, last_day, self._year_of(record, first_day, last_day))

    def _year_of(self, record: Record, first_day: date, last_day: date) -> int:
        """The year above a term: named by it, else the one that holds its days."""
        above, steps = record["parentSourcedId"], 0
        while above in self.found and self.found[above]["type"] != SCHOOL_YEAR:
            if steps == len(self.found):
                break
            above, steps = self.found[above]["parentSourcedId"], steps + 1
        named = self.years.get(self.work.ids.get(YEAR, above) or 0)
        holding = (
            own_id
            for own_id, year in self.years.items()
            if (named is None or year is named)
            and year.first_day <= first_day
            and last_day <= year.last_day
        )
        year_id = next(holding, None)
        if year_id is not None:
            return year_id
        if named is not None:
            raise _Left("startDate", f"it is not within its year, {named.title} ({named.days})")
        raise _Left("parentSourcedId", "there is no school year that holds it")

    def _own(self, record: Record, span: _Span) -> int | None:
        """The one that is meant: known by its id, or of just this title and no other's yet."""
        own_id = self.work.ids.get(self.kind, record["sourcedId"])
        if own_id is not None:
            return own_id
        for known, there in self.spans.items():
            same = (there.title, there.year_id) == (span.title, span.year_id)
            if same and (known not in self.meant or there == span):
                self.meant.add(known)
                return known
        return None

    def _same(self, record: Record, own_id: int, span: _Span, other: _Span) -> None:
        """Two ids of the file for one: two schools' own words for the same days."""
        if span != other:
            raise _Left("startDate", f"there is another {span.title!r} already ({span.days})")
        self._remember(record, own_id, UNCHANGED)

    def _is_closed(self, record: Record, own_id: int, span: _Span) -> bool:
        """Tell whether it stays as it is because its marks are stored."""
        row, here = self.rows[own_id], self.spans[own_id]
        if self.kind == YEAR or row.closed_unix_s is None or span == here:
            return False
        message = (
            f"the term {here.title} is closed and stays as it is: here {here.title!r} from "
            f"{here.days}, in the file {span.title!r} from {span.days}, both days included"
        )
        ends_otherwise = span.first_day == here.first_day
        self.work.odd(SESSIONS, record, "endDate" if ends_otherwise else "startDate", message)
        self._remember(record, own_id, UNCHANGED)
        return True

    def _move(self, known: Mapping[int, tuple[Record, _Span]]) -> None:
        """Give those that are there their new days, all of them or, when two collide, none."""
        after = self.spans | {own_id: span for own_id, (_r, span) in known.items()}
        for own_id, (record, span) in known.items():
            others = [s for i, s in after.items() if i != own_id]
            why = next((w for s in others if (w := span.beside(s))), "")
            if why and span != self.spans[own_id]:
                after = self.spans
                self.work.odd(SESSIONS, record, "startDate", f"{why}; no days were changed")
                break
        for own_id, (record, _span) in known.items():
            is_same = after[own_id] == self.spans[own_id]
            if not is_same:
                self._change(own_id, after[own_id])
            self._remember(record, own_id, UNCHANGED if is_same else UPDATED)
        self.spans = after

    def _change(self, own_id: int, span: _Span) -> None:
        table, before = self.table, self.spans[own_id]
        update = sa.update(table).where(table.c.id == own_id)
        self.work.connection.execute(update.values(span.values()))
        message = f"{before.title}, {spans.days(before.first_day, before.last_day)}"
        detail = {"before": message, **_trail_detail(span)}
        self.work.note(CHANGED[self.kind], span.title, detail)

    def _add(self, record: Record, span: _Span) -> None:
        for own_id, there in self.spans.items():
            if there == span:
                self._remember(record, own_id, UNCHANGED)
                return
            why = span.beside(there)
            if why:
                raise _Left("startDate", why)
        own_id = insert_one(self.work.connection, sa.insert(self.table).values(span.values()))
        self.spans[own_id] = span
        self.work.note(ADDED[self.kind], span.title, _trail_detail(span))
        self._remember(record, own_id, NEW)

    def _remember(self, record: Record, own_id: int, what: str) -> None:
        self.work.ids.remember(self.kind, record["sourcedId"], own_id)
        self.work.count(SESSIONS, what)

    def _leave(self, record: Record, problem: _Left) -> None:
        message = f"{record['title']!r} is not kept: {problem}"
        self.work.odd(SESSIONS, record, problem.column, message)
        self.work.count(SESSIONS, UNCHANGED)


def _years(work: Work) -> dict[int, _Span]:
    rows = work.connection.execute(sa.select(school_year).order_by(school_year.c.id))
    return {row.id: _span_of(row, YEAR) for row in rows}


def _span_of(row: sa.Row[Any], kind: str) -> _Span:
    year_id = row.school_year_id if kind == TERM else 0
    return _Span(row.title, row.first_day, row.last_day, year_id)


ADDED = {YEAR: N_("year added"), TERM: N_("term added")}
CHANGED = {YEAR: N_("year changed"), TERM: N_("term changed")}


def _trail_detail(span: _Span) -> dict[str, object]:
    """What the audit trail says of a year or a term, as when people write them (school/)."""
    return {"days": spans.days(span.first_day, span.last_day)}
