"""Judging a OneRoster package: headers, values, ids, references; every problem with its place.

Strict is how a consumer that follows the standard to the letter reads; lenient is how our import
does, which takes other systems' habits and only warns. Changes nothing. What rows say of each
other beyond references is in agreeing.py. Source: field-notes D.2, D.3, E62-E64.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from schooltool_bridge.oneroster.agreeing import Agreement
from schooltool_bridge.oneroster.reading import BadRows, Package, Style
from schooltool_bridge.oneroster.tables import (
    ABSENT,
    BULK,
    DELTA,
    ENDED,
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

# Enough to see what is wrong with an exporter; a file may have a million bad rows.
MAX_LISTED = 200


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where; row 1 is the header, 0 the file as a whole."""

    file: str
    row: int
    column: str
    message: str

    def __str__(self) -> str:
        """One line for people."""
        place = self.file
        place += f", row {self.row}" if self.row else ""
        place += f", {self.column}" if self.column else ""
        return f"{place}: {self.message}"


@dataclass(slots=True)
class Report:
    """What was found; nothing may be applied while there is a problem."""

    version: str = V1_1
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    # Problems beyond those that are listed.
    more: int = 0
    # Rows of each file, and how it was sent (absent, bulk, delta).
    rows: dict[str, int] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)
    # What the manifest says of whom it comes from: the program, and which one of its sites.
    system: str = ""
    system_code: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether there is no problem."""
        return not self.problems

    def wrong(self, file: str, row: int, column: str, message: str) -> None:
        """Note a problem."""
        if len(self.problems) < MAX_LISTED:
            self.problems.append(Problem(file, row, column, message))
        else:
            self.more += 1

    def odd(self, file: str, row: int, column: str, message: str) -> None:
        """Note what is unusual but was understood."""
        if len(self.warnings) < MAX_LISTED:
            self.warnings.append(Problem(file, row, column, message))


@dataclass(frozen=True, slots=True)
class Record:
    """A row: its number, and its cells by their columns' names."""

    row: int
    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """A cell; empty when the file has no such column."""
        return self.values.get(name, "")

    @property
    def is_ended(self) -> bool:
        """Tell whether the sender takes this row back."""
        return self["status"] in ENDED


# Whether an id that is not in the package is known from an earlier one: (report, file, id).
Known = Callable[[Report, str, str], bool]
# What an import does not keep may name what is not there.
_NOT_KEPT = {
    "agentSourcedIds", "gradingPeriodSourcedId", "academicSessionSourcedId", "schoolYearSourcedId",
}  # fmt: skip


def check(package: Package, *, strict: bool = True, known: Known | None = None) -> Report:
    """Read all of a package and say what is wrong with it; raises OneRosterError."""
    report = Report()
    for file, message in package.oddities:
        (report.wrong if strict else report.odd)(file, 0, "", message)
    _read_manifest(package, report, strict=strict)
    ids: dict[str, set[str]] = defaultdict(set)
    agreement = Agreement(report.wrong, report.odd, report.version, strict=strict)
    for name, table in TABLES[report.version].items():
        if report.modes[name] == ABSENT:
            continue
        report.rows[name] = 0
        rows = _Rows(report, table, ids, known, strict=strict)
        for record in records(package, table, report, strict=strict):
            report.rows[name] += 1
            rows.look_at(record)
            if not record.is_ended:
                agreement.look_at(name, record.row, record)
        rows.end()
    return report


def records(package: Package, table: Table, report: Report, *, strict: bool) -> Iterator[Record]:
    """Give a file's rows by their columns; what cannot be read becomes a problem of the report."""
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
            if len(cells) > len(header) or (strict and len(cells) < len(header)):
                said = f"has {len(cells)} cells where the header has {len(header)}"
                report.wrong(table.file, number, "", said)
                continue
            values = (c if strict else c.strip() for c in cells)
            yield Record(
                number, {c.name: v for c, v in zip(columns, values, strict=False) if c is not None}
            )
    except BadRows as problem:
        report.wrong(table.file, problem.row, "", str(problem))


def _note_style(report: Report, table: Table, style: Style, *, strict: bool) -> None:
    note = report.wrong if strict else report.odd
    said = f"is {style.encoding} with {style.delimiter!r}; the standard is UTF-8 without a mark"
    note(table.file, 0, "", f"{said}, and commas")


def _columns(
    table: Table, header: Sequence[str], report: Report, *, strict: bool
) -> list[Column | None]:
    """Which column stands where in this file; None: one that we do not know."""
    if strict:
        if list(header) != table.header:
            said = "the header is not " + ",".join(table.header)
            report.wrong(table.file, 1, "", said)
        by_name = {c.name: c for c in table.columns}
        return [by_name.get(name) for name in header]
    named = {c.name: c for c in table.columns}
    named |= {a: c for c in table.columns for a in c.aliases if a not in named}
    folded = {name.casefold(): c for name, c in named.items()}
    found: list[Column | None] = []
    for name in header:
        column = folded.get(name.strip().casefold())
        if column is not None and column in found:
            report.wrong(table.file, 1, name, f"{column.name} stands there twice")
            column = None
        elif column is None and name.strip() and not name.startswith("metadata."):
            report.odd(table.file, 1, name[:100], "is no column of this file; left out")
        elif column is not None and column.name != name:
            report.odd(table.file, 1, name, f"was read as {column.name}")
        found.append(column)
    for column in table.columns:
        if column.is_required and column not in found:
            report.wrong(table.file, 1, column.name, "this column is missing")
    return found


class _Rows:
    """Looks at the rows of one file, one by one."""

    def __init__(
        self,
        report: Report,
        table: Table,
        ids: dict[str, set[str]],
        known: Known | None,
        *,
        strict: bool,
    ) -> None:
        self.report = report
        self.table = table
        self.ids = ids
        self.known = known
        self.strict = strict
        self.is_delta = report.modes[table.name] == DELTA
        # References into this very file, which may name a later row.
        self.later: list[tuple[int, str, str]] = []

    def look_at(self, record: Record) -> None:
        """Judge a row."""
        sourced_id = record["sourcedId"]
        if sourced_id and sourced_id in self.ids[self.table.name]:
            self.wrong(record, "sourcedId", f"{shortened(sourced_id)} stands there twice")
        self.ids[self.table.name].add(sourced_id)
        self._status(record)
        for column in self.table.columns:
            value = record[column.name]
            if not value:
                if column.is_required and not (record.is_ended and not self.strict):
                    self.wrong(record, column.name, "is empty")
                continue
            why = why_wrong(column, value, self.report.version, strict=self.strict)
            if why:
                self.wrong(record, column.name, f"{shortened(value)} {why}")
            elif column.target and not record.is_ended and self._is_kept(column):
                self._references(record, column, value)

    def end(self) -> None:
        """Look up what named rows of this file."""
        for row, name, wanted in self.later:
            self._must_be_there(row, name, self.table.name, wanted)

    def wrong(self, record: Record, column: str, message: str) -> None:
        self.report.wrong(self.table.file, record.row, column, message)

    def _status(self, record: Record) -> None:
        if not self.strict:
            return
        for name in ("status", "dateLastModified"):
            if self.is_delta and not record[name]:
                self.wrong(record, name, "is empty; a delta row says it")
            if not self.is_delta and record[name]:
                self.wrong(record, name, "must be empty in a bulk file")

    def _is_kept(self, column: Column) -> bool:
        return self.strict or column.name not in _NOT_KEPT

    def _references(self, record: Record, column: Column, value: str) -> None:
        wanted = value.split(",") if column.kind is Kind.REFERENCES else [value]
        for one in (w.strip() for w in wanted):
            if column.target == self.table.name:
                self.later.append((record.row, column.name, one))
            else:
                self._must_be_there(record.row, column.name, column.target, one)

    def _must_be_there(self, row: int, column: str, target: str, wanted: str) -> None:
        if wanted in self.ids[target] or (
            self.known is not None and self.known(self.report, target, wanted)
        ):
            return
        # A delta holds changes only; what it refers to came in an earlier package.
        if self.strict and self.report.modes[target] == DELTA:
            return
        said = f"names {shortened(wanted)}, which is not in {target}.csv"
        self.report.wrong(self.table.file, row, column, said)


def _read_manifest(package: Package, report: Report, *, strict: bool) -> None:
    """Fill in version and modes; a lenient reader does without a manifest."""
    file = MANIFEST_TABLE.file
    said: dict[str, str] = {}
    if MANIFEST in package.names:
        for record in records(package, MANIFEST_TABLE, report, strict=strict):
            name = record["propertyName"]
            if name in said:
                report.wrong(
                    file, record.row, "propertyName", f"{shortened(name)} stands there twice"
                )
            said[name] = record["value"]
    else:
        note = report.wrong if strict else report.odd
        note(file, 0, "", "is missing; it says the version and which files there are")
    report.version = said.get("oneroster.version", "") or _guess_version(package)
    report.system = said.get("source.systemName", "")
    report.system_code = said.get("source.systemCode", "")
    if report.version not in TABLES:
        report.wrong(
            file, 0, "oneroster.version", f"{shortened(report.version)} is none of 1.1, 1.2"
        )
        report.version = V1_1
    if strict and said.get("manifest.version") != MANIFEST_VERSION:
        report.wrong(file, 0, "manifest.version", f"is not {MANIFEST_VERSION}")
    for name in files_of(report.version):
        report.modes[name] = _mode(package, report, name, said, strict=strict)
    if strict:
        expected = {"manifest.version", "oneroster.version"}
        expected |= {"source.systemName", "source.systemCode"}
        expected |= {f"file.{name}" for name in report.modes}
        for name in said.keys() - expected:
            report.wrong(file, 0, "propertyName", f"{shortened(name)} is no property of a manifest")


def _mode(
    package: Package, report: Report, name: str, said: Mapping[str, str], *, strict: bool
) -> str:
    file, is_there = MANIFEST_TABLE.file, name in package.names
    mode = said.get(f"file.{name}", "")
    if not mode:
        if strict:
            report.wrong(file, 0, f"file.{name}", "this property is missing")
        return BULK if is_there else ABSENT
    if mode not in MODES:
        report.wrong(file, 0, f"file.{name}", f"{shortened(mode)} is none of {', '.join(MODES)}")
    elif mode == ABSENT and is_there:
        note = report.wrong if strict else report.odd
        note(f"{name}.csv", 0, "", "is there, though the manifest says absent; left out")
    elif mode != ABSENT and not is_there:
        report.wrong(f"{name}.csv", 0, "", f"is missing, though the manifest says {mode}")
    return mode if mode in MODES and is_there else ABSENT


def _guess_version(package: Package) -> str:
    """1.2 has a file for roles."""
    return V1_2 if "roles" in package.names else V1_1
