"""How other systems write OneRoster: what they leave out or write otherwise, as an import reads it.

What an import does not keep is not looked at. A cell in other words (capitals, another way to write
a day) is read with a note; a row that says nothing without a cell that cannot be read is left out
with one. Pure. Source: field-notes D.2, D.3, E62-E64.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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


class Reader:
    """Reads the rows of one file as they are meant."""

    def __init__(self, table: Table, report: Report) -> None:
        """Begin a file; what is found is told to the report."""
        self._table = table
        self._report = report
        self._kept = KEPT.get(table.name, frozenset())
        self._needed = NEEDED.get(table.name, frozenset())
        self._columns = [c for c in table.all_columns if c.name in self._kept]
        self._others = [c for c in table.columns if self._kept and c.name not in self._kept]
        # What stands under each id, to tell a row that comes twice from two that disagree.
        self._seen: dict[str, tuple[str, ...]] = {}

    def read(self, record: Record) -> Record | None:
        """Return a row as it is meant; None: it is left out, which was told."""
        values = dict(record.values)
        for column in self._others:
            self._look_beside(record, column)
        for column in self._columns:
            value = values.get(column.name, "")
            if not value:
                if column.name in self._needed:
                    self._report.leave_out(self._table.name, record.row, column.name, "is empty")
                    return None
                continue
            why = self._cell(record.row, column, values)
            if why and (column.name in self._needed or column.name in _MUST_BE_READ):
                said = f"{shortened(value)} {why}"
                self._report.leave_out(self._table.name, record.row, column.name, said)
                return None
            if why:
                self._odd(record.row, column.name, f"{shortened(value)} {why}; not read")
                values[column.name] = ""
        return self._once(Record(record.row, values))

    def _cell(self, row: int, column: Column, values: dict[str, str]) -> str:
        """Put a cell into the standard's words where it is meant so; return why it is not read."""
        value = values[column.name]
        meant = _meant(column, value)
        if meant != value:
            self._odd(row, column.name, f"{shortened(value)} was read as {shortened(meant)}")
            values[column.name] = meant
        if column.kind is Kind.CHOICE:
            if meant not in column.choices and meant not in ENDED:
                self._odd(row, column.name, f"{shortened(meant)} is none of the standard's words")
            return ""
        return why_wrong(column, meant, self._report.version, strict=False)

    def _look_beside(self, record: Record, column: Column) -> None:
        """Tell of what is not as the standard wants it, though it is not kept."""
        value = record[column.name]
        if not value:
            return
        meant = _meant(column, value)
        why = why_wrong(column, meant, self._report.version, strict=False)
        if why:
            self._odd(record.row, column.name, f"{shortened(value)} {why}; it is not kept here")
        elif meant != value:
            self._odd(record.row, column.name, f"{shortened(value)} was read as {shortened(meant)}")

    def _once(self, record: Record) -> Record | None:
        if self._table.name not in _ONE_EACH:
            return record
        said = tuple(record[c.name] for c in self._columns)
        before = self._seen.setdefault(record["sourcedId"], said)
        if before is said:
            return record
        shown = shortened(record["sourcedId"])
        if before == said:
            self._odd(record.row, "sourcedId", f"{shown} stands there twice, alike")
        else:
            told = f"{shown} stands there twice, and not alike"
            self._report.wrong(self._table.file, record.row, "sourcedId", told)
        return None

    def _odd(self, row: int, column: str, message: str) -> None:
        self._report.odd(self._table.file, row, column, message)


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
