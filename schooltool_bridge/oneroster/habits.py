"""How other systems write OneRoster: what they leave out or write otherwise, as an import reads it.

What an import does not keep is not looked at. A cell in other words (capitals, another way to write
a day) is read with a note; a row that says nothing without a cell that cannot be read is left out
with one. Pure. Source: RULES D.2, D.3, E62-E64.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from schooltool_bridge.oneroster.report import Record, Report
from schooltool_bridge.oneroster.tables import ENDED, Column, Kind, Table
from schooltool_bridge.oneroster.values import is_date, shortened, why_wrong

# The columns that an import keeps; files that are not named here are for other systems.
KEPT: Mapping[str, frozenset[str]] = {
    name: frozenset(columns.split())
    for name, columns in {
        "academicSessions": "sourcedId status title type startDate endDate parentSourcedId",
        "courses": "sourcedId status title courseCode",
        "classes": "sourcedId status title courseSourcedId classCode termSourcedIds",
        "users": "sourcedId status role username givenName familyName identifier email",
        "roles": "status userSourcedId role",
        "enrollments": (
            "status dateLastModified classSourcedId userSourcedId role beginDate endDate"
        ),
        "categories": "sourcedId status title",
        "lineItems": (
            "sourcedId status title description assignDate dueDate classSourcedId "
            "categorySourcedId resultValueMin resultValueMax metadata.extraCredit"
        ),
        "results": "status lineItemSourcedId studentSourcedId scoreStatus score scoreDate",
    }.items()
}
# Without these a row says nothing.
NEEDED: Mapping[str, frozenset[str]] = {
    name: frozenset(columns.split())
    for name, columns in {
        "academicSessions": "sourcedId title startDate endDate",
        "courses": "sourcedId",
        "classes": "sourcedId",
        "users": "sourcedId",
        "roles": "userSourcedId role",
        "enrollments": "classSourcedId userSourcedId role",
        "categories": "sourcedId title",
        "lineItems": "sourcedId title classSourcedId",
        "results": "lineItemSourcedId studentSourcedId",
    }.items()
}
# May be empty, but what stands there must be understood: to guess would be to say something else.
_MUST_BE_READ = frozenset({"beginDate", "endDate", "score", "scoreDate", "resultValueMax"})
# Rows of these stand for one thing each by their id.
_ONE_EACH = frozenset(
    {"academicSessions", "courses", "classes", "users", "categories", "lineItems"}
)
# In these a sign that cannot be shown makes another name; elsewhere it is a slip.
_IDENTIFYING = frozenset({"username", "identifier", "courseCode", "classCode"})
_CONTROLS = re.compile("[\x00-\x1f\x7f]+")
_BESIDE_LETTERS = re.compile(r"[\s_-]+")
_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})", re.ASCII)
_COMPACT_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)
_TIME_OF_DAY = re.compile(r"[T ]\d\d?:\d\d.*", re.ASCII)
# Three digits behind a comma may be thousands.
_COMMA = re.compile(r"(-?\d+),(\d{1,2}|\d{4,})", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Cell:
    """What a cell means: in the standard's words, why it cannot be read, and what to say of it."""

    meant: str
    why: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class _ReadColumn:
    """A column of the file, and what becomes of a row whose cell there cannot be read."""

    column: Column
    is_stored: bool
    is_needed: bool
    must_be_read: bool
    # What is special of values that were looked at; None: nothing.
    known: dict[str, _Cell | None] = field(default_factory=dict)

    def look_at(self, value: str, version: str) -> _Cell | None:
        """Look at a value; most stand in many rows."""
        if self.column.kind not in _OF_FEW_VALUES:
            return _look_at(self.column, value, version)
        if value not in self.known:
            if len(self.known) == _MAX_KNOWN:
                self.known.clear()
            self.known[value] = _look_at(self.column, value, version)
        return self.known[value]


_OF_FEW_VALUES = frozenset({Kind.CHOICE, Kind.DATE, Kind.NUMBER, Kind.YES_NO, Kind.YEAR})
_MAX_KNOWN = 5_000


class Reader:
    """Reads the rows of one file as they are meant."""

    def __init__(self, table: Table, report: Report) -> None:
        """Begin a file; what is found goes into the report."""
        self._table = table
        self._report = report
        stored_columns = KEPT.get(table.name, frozenset())
        needed = NEEDED.get(table.name, frozenset())
        self._columns = [
            _ReadColumn(
                c,
                c.name in stored_columns,
                c.name in needed,
                c.name in needed or c.name in _MUST_BE_READ,
            )
            for c in (table.all_columns if stored_columns else ())
        ]
        # What stands under each id, to tell a row that comes twice from two that disagree.
        self._seen: dict[str, tuple[str, ...]] = {}

    def read(self, record: Record) -> Record | None:
        """Return a row as it is meant; None: it is left out, which is in the report."""
        given = record.values
        values: dict[str, str] | None = None
        for known_column in self._columns:
            name = known_column.column.name
            value = given.get(name)
            if not value:
                if known_column.is_needed:
                    self._report.leave_out(self._table.name, record.row, name, "is empty")
                    return None
                continue
            cell = known_column.look_at(value, self._report.version)
            if cell is None:
                continue
            if cell.why and known_column.is_stored and known_column.must_be_read:
                message = f"{shortened(value)} {cell.why}"
                self._report.leave_out(self._table.name, record.row, name, message)
                return None
            self._note(record.row, known_column, value, cell)
            values = dict(given) if values is None else values
            values[name] = "" if cell.why else cell.meant
        return self._once(record if values is None else Record(record.row, values))

    def _note(self, row: int, known_column: _ReadColumn, value: str, cell: _Cell) -> None:
        """Say what a cell was read as, or why it was not."""
        if cell.why:
            what = "not read" if known_column.is_stored else "it is not kept here"
            self._odd(row, known_column.column.name, f"{shortened(value)} {cell.why}; {what}")
            return
        if cell.meant != value:
            message = f"{shortened(value)} was read as {shortened(cell.meant)}"
            self._odd(row, known_column.column.name, message)
        if cell.note:
            self._odd(row, known_column.column.name, f"{shortened(cell.meant)} {cell.note}")

    def _once(self, record: Record) -> Record | None:
        if self._table.name not in _ONE_EACH:
            return record
        values = tuple(record[k.column.name] for k in self._columns if k.is_stored)
        before = self._seen.setdefault(record["sourcedId"], values)
        if before is values:
            return record
        shown = shortened(record["sourcedId"])
        if before == values:
            self._odd(record.row, "sourcedId", f"{shown} stands there twice, alike")
        else:
            message = f"{shown} stands there twice, and not alike"
            self._report.wrong(self._table.file, record.row, "sourcedId", message)
        return None

    def _odd(self, row: int, column: str, message: str) -> None:
        self._report.odd(self._table.file, row, column, message)


def _look_at(column: Column, value: str, version: str) -> _Cell | None:
    """Look at a cell that is not empty; None: it is as the standard wants it."""
    meant = _meant(column, value)
    if column.kind is Kind.CHOICE:
        is_known = meant in column.choices or meant in ENDED
        note = "" if is_known else "is none of the standard's words"
        return None if is_known and meant == value else _Cell(meant, note=note)
    why = why_wrong(column, meant, version, strict=False)
    return _Cell(meant, why) if why or meant != value else None


def _meant(column: Column, value: str) -> str:
    """A value in the standard's own words, as far as it can only mean that."""
    if column.kind is Kind.CHOICE:
        return _word(column, value)
    if column.kind is Kind.DATE:
        return _day(value)
    if column.kind is Kind.NUMBER:
        match = _COMMA.fullmatch(value)
        return f"{match[1]}.{match[2]}" if match else value
    if column.kind is Kind.TEXT and column.name not in _IDENTIFYING:
        return _CONTROLS.sub(" ", value).strip() if _CONTROLS.search(value) else value
    return value


def _word(column: Column, value: str) -> str:
    if value in column.choices:
        return value
    bare = _bare(value)
    return next((c for c in (*column.choices, *ENDED) if _bare(c) == bare), value)


def _bare(word: str) -> str:
    return _BESIDE_LETTERS.sub("", word).casefold()


def _day(value: str) -> str:
    """A day as 2026-11-21, where the year comes first, or a time stands behind the day."""
    if is_date(value):
        return value
    day = _TIME_OF_DAY.sub("", value)
    match = _DAY.fullmatch(day) or _COMPACT_DAY.fullmatch(day)
    if match is None:
        return value
    try:
        return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        return value
