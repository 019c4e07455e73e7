"""Judging a OneRoster package: headers, values, ids, references; every problem with its row.

Strict is how a consumer that follows the standard to the letter reads; lenient is how our import
does, which takes other systems' habits (habits.py), and refuses contradictions alone. Changes
nothing. What rows say of each other beyond references is in agreeing.py. Source: RULES D.2, D.3,
E62-E64.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from schooltool_bridge.oneroster import habits
from schooltool_bridge.oneroster.agreeing import Agreement
from schooltool_bridge.oneroster.reading import BadRows, Package, Style
from schooltool_bridge.oneroster.report import Record, Report
from schooltool_bridge.oneroster.tables import (
    ABSENT,
    BULK,
    DELTA,
    EXTENSION,
    MANIFEST,
    MANIFEST_TABLE,
    MANIFEST_VERSION,
    MODES,
    TABLES,
    V1_1,
    V1_2,
    Column,
    Kind,
    Table,
    files_of,
)
from schooltool_bridge.oneroster.values import shortened, why_wrong

# Whether an id that is not in the package is known from an earlier one: (report, file, id).
Known = Callable[[Report, str, str], bool]


def check(package: Package, *, strict: bool = True, known: Known | None = None) -> Report:
    """Read all of a package and say what is wrong with it; raises OneRosterError."""
    report = Report()
    for file, message in package.oddities:
        (report.wrong if strict else report.odd)(file, 0, "", message)
    if not package.names - {MANIFEST}:
        report.wrong(package.path.name, 0, "", "there is no file of OneRoster in it")
    _read_manifest(package, report, strict=strict)
    ids: dict[str, set[str]] = defaultdict(set)
    agreement = Agreement(report.wrong, report.odd, report.version, strict=strict)
    for name, table in TABLES[report.version].items():
        if report.modes[name] == ABSENT:
            continue
        report.rows[name] = 0
        rows = (_Rows if strict else _MeantRows)(report, table, ids, known)
        for record in records(package, table, report, strict=strict):
            report.rows[name] += 1
            rows.look_at(record)
            if not record.is_ended and (strict or name in habits.KEPT):
                agreement.look_at(name, record.row, record)
        rows.end()
        if not strict:
            _must_say_something(report, name)
    if not strict and report.ok and not any(report.rows.get(n) for n in habits.KEPT):
        sentence = "there is no row in it that an import keeps"
        report.wrong(package.path.name, 0, "", sentence)
    return report


# So many rows that cannot be read are slips; when more cannot, and no other can, it is the file.
_SLIPS = 2


def _must_say_something(report: Report, name: str) -> None:
    """Refuse a file of which not one row can be read: all of it is written otherwise."""
    unreadable = report.left_out[name] - report.left_out_after_reading[name]
    report.rows[name] += unreadable
    if unreadable > _SLIPS and unreadable == report.rows[name]:
        message = "not one row of it can be read; the notes say why"
        report.wrong(f"{name}.csv", 0, "", message)


def records(package: Package, table: Table, report: Report, *, strict: bool) -> Iterator[Record]:
    """Give a file's rows by their columns; what cannot be read becomes a problem of the report.

    Lenient, they come as they are meant, and those that cannot be taken in do not come.
    """
    is_stored = strict or table.name in habits.KEPT or table.name == MANIFEST
    reader = None if strict else habits.Reader(table, report)
    try:
        style = package.style(table.name)
        if not style.is_plain:
            _note_style(report, table, style, strict=strict)
        rows = package.rows(table.name, style)
        _number, header = next(rows, (1, []))
        columns = _columns(table, header, report, strict=strict)
        for number, cells in rows:
            # A row of commas alone is a row to the letter, and none to whoever exported it.
            if not cells or (not strict and not any(c.strip() for c in cells)):
                continue
            if any(cells[len(header) :]) or (strict and len(cells) != len(header)):
                message = f"has {len(cells)} cells where the header has {len(header)}"
                if strict:
                    report.wrong(table.file, number, "", message)
                else:
                    report.leave_out(table.name, number, "", message)
                continue
            values = (c if strict else c.strip() for c in cells)
            record: Record | None = Record(
                number, {c.name: v for c, v in zip(columns, values, strict=False) if c is not None}
            )
            if reader is not None and record is not None:
                record = reader.read(record)
            if record is not None:
                yield record
    except BadRows as problem:
        (report.wrong if is_stored else report.odd)(table.file, problem.row, "", str(problem))


def _note_style(report: Report, table: Table, style: Style, *, strict: bool) -> None:
    note = report.wrong if strict else report.odd
    message = f"is {style.encoding} with {style.delimiter!r}; the standard is UTF-8 without a mark"
    note(table.file, 0, "", f"{message}, and commas")


def _columns(
    table: Table, header: Sequence[str], report: Report, *, strict: bool
) -> list[Column | None]:
    """Which column stands where in this file; None: one that we do not know."""
    if strict:
        own, more = list(header[: len(table.columns)]), header[len(table.columns) :]
        if own != table.header or not all(name.startswith(EXTENSION) for name in more):
            message = "the header is not " + ",".join(table.header)
            report.wrong(table.file, 1, "", message)
        by_name = {c.name: c for c in table.all_columns}
        return [by_name.get(name) for name in header]
    found = _meant_columns(table, header, report)
    if table.name == MANIFEST:
        needed = stored = frozenset(table.header)
    else:
        needed = habits.NEEDED.get(table.name, frozenset())
        stored = habits.KEPT.get(table.name, frozenset())
    for column in table.columns:
        if column in found or column.name not in needed | stored:
            continue
        if column.name in needed:
            report.wrong(table.file, 1, column.name, "this column is missing")
        elif column.is_required:
            report.odd(table.file, 1, column.name, "this column is missing")
    return found


def _meant_columns(table: Table, header: Sequence[str], report: Report) -> list[Column | None]:
    """The columns of a file whose names may be older, or in other capitals."""
    is_stored = table.name in habits.KEPT or table.name == MANIFEST
    named = {c.name: c for c in table.all_columns}
    named |= {a: c for c in table.columns for a in c.aliases if a not in named}
    folded = {name.casefold(): c for name, c in named.items()}
    found: list[Column | None] = []
    for name in header:
        column = folded.get(name.strip().casefold())
        if column is not None and column in found:
            if is_stored:
                report.wrong(table.file, 1, name, f"{column.name} stands there twice")
            column = None
        elif is_stored and column is None and name.strip() and not name.startswith(EXTENSION):
            report.odd(table.file, 1, name[:100], "is no column of this file; left out")
        elif is_stored and column is not None and column.name != name:
            report.odd(table.file, 1, name, f"was read as {column.name}")
        found.append(column)
    return found


class _Rows:
    """Looks at the rows of one file, one by one, by the standard's letter."""

    def __init__(
        self, report: Report, table: Table, ids: dict[str, set[str]], known: Known | None
    ) -> None:
        self.report = report
        self.table = table
        self.ids = ids
        self.known = known
        self.is_delta = report.modes[table.name] == DELTA
        # References into this very file, which may name a later row.
        self.later: list[tuple[int, str, str]] = []

    def look_at(self, record: Record) -> None:
        """Judge a row."""
        sourced_id = record["sourcedId"]
        if sourced_id and sourced_id in self.ids[self.table.name]:
            self.wrong(record, "sourcedId", f"{shortened(sourced_id)} stands there twice")
        self.ids[self.table.name].add(sourced_id)
        for name in ("status", "dateLastModified"):
            if self.is_delta and not record[name]:
                self.wrong(record, name, "is empty; a delta row says it")
            if not self.is_delta and record[name]:
                self.wrong(record, name, "must be empty in a bulk file")
        for column in self.table.columns:
            value = record[column.name]
            if not value:
                if column.is_required:
                    self.wrong(record, column.name, "is empty")
                continue
            why = why_wrong(column, value, self.report.version, strict=True)
            if why:
                self.wrong(record, column.name, f"{shortened(value)} {why}")
            elif column.target and not record.is_ended:
                self._references(record, column, value)

    def end(self) -> None:
        """Look up what named rows of this file."""
        for row, name, wanted in self.later:
            self._must_be_there(row, name, self.table.name, wanted)

    def wrong(self, record: Record, column: str, message: str) -> None:
        self.report.wrong(self.table.file, record.row, column, message)

    def _references(self, record: Record, column: Column, value: str) -> None:
        for one in named_in(column, value):
            if column.target == self.table.name:
                self.later.append((record.row, column.name, one))
            else:
                self._must_be_there(record.row, column.name, column.target, one)

    def _must_be_there(self, row: int, column: str, target: str, wanted: str) -> None:
        # A delta holds changes only; what it refers to came in an earlier package.
        if not self._is_there(target, wanted) and self.report.modes[target] != DELTA:
            self.report.wrong(self.table.file, row, column, not_there(wanted, target))

    def _is_there(self, target: str, wanted: str) -> bool:
        return wanted in self.ids[target] or (
            self.known is not None and self.known(self.report, target, wanted)
        )


class _MeantRows(_Rows):
    """Looks at the rows of one file as an import reads them: what it names may lack."""

    def look_at(self, record: Record) -> None:
        """Judge a row; one that needs what is not there is left out, with a note."""
        name = self.table.name
        self.ids[name].add(record["sourcedId"])
        if record.is_ended:
            return
        for column in self.table.columns:
            value = record[column.name]
            if not value or not column.target or column.name not in habits.KEPT.get(name, ()):
                continue
            missing = [
                one
                for one in named_in(column, value)
                if column.target != name and not self._is_there(column.target, one)
            ]
            if missing and column.name in habits.NEEDED[name]:
                properties = not_there(missing[0], column.target)
                self.report.left_out_after_reading[name] += 1
                self.report.leave_out(name, record.row, column.name, properties)
                return
            # Of what a class is filed under the import says what becomes of it.
            for one in missing if name != "classes" else ():
                properties = not_there(one, column.target)
                self.report.odd(self.table.file, record.row, column.name, properties)


def named_in(column: Column, value: str) -> list[str]:
    """The ids in a cell that names other rows."""
    wanted = value.split(",") if column.kind is Kind.REFERENCES else [value]
    return [one.strip() for one in wanted if one.strip()]


def not_there(wanted: str, target: str) -> str:
    """Say that a row names what is not there."""
    return f"names {shortened(wanted)}, which is not in {target}.csv"


# Nothing to go back to is kept of what repeats: that took seventy times the length of the text.
_VERSION = re.compile(r"v?(1\.[0-2])(?:\.\d+)*+")


def _read_manifest(package: Package, report: Report, *, strict: bool) -> None:
    """Fill in version and modes; a lenient reader does without a manifest."""
    file = MANIFEST_TABLE.file
    properties = _properties(package, report, strict=strict)
    if not properties and MANIFEST not in package.names:
        note = report.wrong if strict else report.odd
        note(file, 0, "", "is missing; it says the version and which files there are")
    named = properties.get("oneroster.version", "")
    match = None if strict else _VERSION.fullmatch(named.casefold())
    meant = {"1.0": V1_1}.get(match[1], match[1]) if match else named
    report.version = meant or _guess_version(package)
    report.system = properties.get("source.systemName" if strict else "source.systemname", "")
    report.system_code = properties.get("source.systemCode" if strict else "source.systemcode", "")
    if report.version not in TABLES:
        note = report.wrong if strict else report.odd
        note(file, 0, "oneroster.version", f"{shortened(report.version)} is none of 1.1, 1.2")
        report.version = V1_1 if strict else _guess_version(package)
    elif named not in ("", report.version):
        message = f"{shortened(named)} was read as {report.version}"
        report.odd(file, 0, "oneroster.version", message)
    if strict and properties.get("manifest.version") != MANIFEST_VERSION:
        report.wrong(file, 0, "manifest.version", f"is not {MANIFEST_VERSION}")
    for name in files_of(report.version):
        mode = properties.get(f"file.{name}" if strict else f"file.{name}".casefold(), "")
        report.modes[name] = (_mode if strict else _meant_mode)(package, report, name, mode)
    if strict:
        expected = {"manifest.version", "oneroster.version"}
        expected |= {"source.systemName", "source.systemCode"}
        expected |= {f"file.{name}" for name in report.modes}
        for name in properties.keys() - expected:
            report.wrong(file, 0, "propertyName", f"{shortened(name)} is no property of a manifest")


def _properties(package: Package, report: Report, *, strict: bool) -> dict[str, str]:
    """What the manifest says; lenient, by names without capitals."""
    properties: dict[str, str] = {}
    if MANIFEST not in package.names:
        return properties
    for record in records(package, MANIFEST_TABLE, report, strict=strict):
        name = record["propertyName"] if strict else record["propertyName"].casefold()
        if name in properties and (strict or properties[name] != record["value"]):
            message = f"{shortened(name)} stands there twice"
            report.wrong(MANIFEST_TABLE.file, record.row, "propertyName", message)
        properties[name] = record["value"]
    return properties


def _mode(package: Package, report: Report, name: str, mode: str) -> str:
    file, is_there = MANIFEST_TABLE.file, name in package.names
    if not mode:
        report.wrong(file, 0, f"file.{name}", "this property is missing")
        return BULK if is_there else ABSENT
    if mode not in MODES:
        report.wrong(file, 0, f"file.{name}", f"{shortened(mode)} is none of {', '.join(MODES)}")
    elif mode == ABSENT and is_there:
        report.wrong(f"{name}.csv", 0, "", "is there, though the manifest says absent")
    elif mode != ABSENT and not is_there:
        report.wrong(f"{name}.csv", 0, "", f"is missing, though the manifest says {mode}")
    return mode if mode in MODES and is_there else ABSENT


def _meant_mode(package: Package, report: Report, name: str, mode: str) -> str:
    """As the manifest says, as far as the file is there; what it does not say is bulk."""
    is_there, meant = name in package.names, mode.casefold()
    if is_there and meant == ABSENT:
        message = "is there, though the manifest says absent; left out"
        report.odd(f"{name}.csv", 0, "", message)
    elif not is_there and meant in (BULK, DELTA):
        message = f"is missing, though the manifest says {meant}"
        report.odd(f"{name}.csv", 0, "", message)
    elif mode and meant not in MODES:
        message = f"{shortened(mode)} is none of {', '.join(MODES)}"
        report.odd(MANIFEST_TABLE.file, 0, f"file.{name}", message)
        meant = BULK
    return (meant or BULK) if is_there else ABSENT


def _guess_version(package: Package) -> str:
    """1.2 has a file for roles."""
    return V1_2 if "roles" in package.names else V1_1
