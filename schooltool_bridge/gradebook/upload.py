"""What an uploaded spreadsheet would change: planned first, shown, then carried out as shown.

A plan is made of rows of text (spreadsheet.py) and of what stands here now; nothing is written
while any of it is wrong. A digest says whether what is carried out is what was shown. What the
columns mean: upload_assessments.py, upload_grades.py. Source: RULES R63, R77, E62-E64.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.engine import Connection

from mnet import language
from mnet.language import N_, _
from peers import audit
from schooltool_bridge.gradebook import marks
from schooltool_bridge.gradebook.spreadsheet import Row, Table, column_name, location_text
from schooltool_bridge.hand import grades
from schooltool_bridge.hand.grades import Entry
from schooltool_bridge.history.author import Author

ASSESSMENTS, GRADES = "assessments", "grades"
NEW, CHANGED = N_("new"), N_("changed")
UNCHANGED, FAILED = N_("unchanged"), N_("failed")
# More than these are not read; they are counted all the same.
MAX_PROBLEMS = 500


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where: sheet, row as shown, column's letter; each may lack."""

    sheet: str
    row: int | None
    column: str
    text: str

    @property
    def location(self) -> str:
        """Where it is in the file, in words."""
        return location_text(self.sheet, self.row, self.column)


class Change(Protocol):
    """One thing that would be written."""

    @property
    def kind(self) -> str:
        """NEW or CHANGED."""
        ...

    @property
    def what(self) -> str:
        """What it is about, for people."""
        ...

    @property
    def facts(self) -> Sequence[str]:
        """What becomes of it, each as "points 20 → 25"."""
        ...


@dataclass(slots=True)
class Plan:
    """All that a spreadsheet would change in a section."""

    section_id: int
    what: str
    changes: list[Change] = field(default_factory=list)
    # Grades to be written, all at once.
    entries: list[Entry] = field(default_factory=list)
    # Other things to be done, one after the other; each raises Refused.
    steps: list[Callable[[Connection, Author], None]] = field(default_factory=list)
    unchanged: int = 0
    # Grades above what their assessments are worth that are no extra credit.
    above: int = 0
    problems: list[Problem] = field(default_factory=list)
    failed: int = 0
    # Worksheets that would be made.
    new_sheets: list[str] = field(default_factory=list)
    # Columns that mean nothing here and were not read.
    ignored: list[str] = field(default_factory=list)

    def add_problem(self, table: Table, row: int | None, column: int | None, text: str) -> None:
        """Keep what is wrong; `column` counts from 0 on."""
        self.failed += 1
        if len(self.problems) < MAX_PROBLEMS:
            letter = "" if column is None else column_name(column + 1)
            self.problems.append(Problem(table.title, row, letter, text))

    def count(self, kind: str) -> int:
        """How many changes are NEW or CHANGED."""
        return sum(c.kind == kind for c in self.changes)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many are new, changed, unchanged and failed."""
        return {
            NEW: self.count(NEW),
            CHANGED: self.count(CHANGED),
            UNCHANGED: self.unchanged,
            FAILED: self.failed,
        }

    @property
    def digest(self) -> str:
        """Changes when anything would be written differently, or over something else."""
        changes = [(c.kind, c.what, *c.facts) for c in self.changes]
        facts = (self.section_id, self.what, changes, self.new_sheets, self.failed)
        return hashlib.sha256(repr(facts).encode()).hexdigest()


class HasProblems(Exception):
    """Something in the spreadsheet is wrong, so nothing of it was written."""

    def __init__(self, plan: Plan) -> None:
        """Keep what is wrong."""
        super().__init__(
            _("%(count)s of it cannot be taken; nothing was changed.", count=plan.failed)
        )
        self.plan = plan


class NotAsShown(Exception):
    """What would be written now is not what was shown; nothing was written."""

    def __init__(self, plan: Plan) -> None:
        """Keep what would be written now."""
        super().__init__(_("Meanwhile something changed here; look again. Nothing was changed."))
        self.plan = plan


@dataclass(frozen=True, slots=True)
class Headings:
    """The first row of a sheet: which column means what."""

    row: int
    # Our name of a column to its number from 0 on.
    columns: Mapping[str, int]
    # What stands over the others.
    others: Mapping[int, str]

    def cell(self, row: Row, name: str) -> str:
        """Return a row's cell by our name of its column; empty when there is no such column."""
        column = self.columns.get(name)
        return "" if column is None else row.cell(column)


def headings(plan: Plan, table: Table, aliases: Mapping[str, Sequence[str]]) -> Headings:
    """Read a sheet's first row; a column that stands there twice is a problem."""
    by_alias = {bare(alias): name for name, all_ in aliases.items() for alias in (name, *all_)}
    first = table.rows[0]
    columns: dict[str, int] = {}
    others: dict[int, str] = {}
    for number, text in enumerate(first.cells):
        name = by_alias.get(bare(text))
        if name is None:
            others |= {number: text} if text else {}
        elif name in columns:
            sentence = _("There is a second column “%(name)s”; keep one of them.", name=name)
            plan.add_problem(table, first.number, number, sentence)
        else:
            columns[name] = number
    return Headings(first.number, columns, others)


@dataclass(frozen=True, slots=True)
class DecimalMarks:
    """What parts whole numbers from their parts in a sheet, the same in whatever language."""

    # Of numbers that somebody wrote as text.
    in_text: str = marks.UNKNOWN

    @classmethod
    def of_table(cls, table: Table, columns: Iterable[int]) -> DecimalMarks:
        """See what the numbers in these columns say."""
        wanted = list(columns)
        return cls(
            marks.mark_of(
                row.cell(column)
                for row in table.rows[1:]
                for column in wanted
                if column not in row.numbers
            )
        )

    def of(self, row: Row, column: int) -> str:
        """What parts the number in a cell."""
        return language.decimal_mark() if column in row.numbers else self.in_text


def bare(text: str) -> str:
    """A heading without capitals, blanks, dashes and underscores: Due Date is due_date."""
    return "".join(c for c in text.casefold() if c.isalnum())


# What the audit trail says, by what was in a spreadsheet.
UPLOADED = {
    ASSESSMENTS: N_("assessments uploaded"),
    GRADES: N_("grades uploaded"),
}


def write(connection: Connection, author: Author, plan: Plan, *, shown: str | None) -> None:
    """Carry a plan out, all of it; in the audit trail stand its counts.

    `shown` is the digest of what somebody agreed to; None: whatever it is. Raises HasProblems,
    NotAsShown or Refused (hand.author); then nothing may be committed.
    """
    if plan.failed:
        raise HasProblems(plan)
    if shown is not None and shown != plan.digest:
        raise NotAsShown(plan)
    for step in plan.steps:
        step(connection, author)
    grades.enter_all(connection, author, plan.entries)
    if plan.changes:
        audit.record(
            connection,
            actor=author.actor,
            action=UPLOADED[plan.what],
            subject=f"section {plan.section_id}",
            detail=dict(plan.counts),
            now_unix_s=author.now_unix_s,
        )


def missing(plan: Plan, table: Table, found: Headings, names: Sequence[str], known: str) -> bool:
    """Tell whether one of these columns is missing, which is a problem each."""
    lacks = [name for name in names if name not in found.columns]
    for name in lacks:
        text = _(
            "The column “%(name)s” is missing; the columns that are read: %(known)s.",
            name=name,
            known=known,
        )
        plan.add_problem(table, found.row, None, text)
    return bool(lacks)


def without_rows(plan: Plan, table: Table) -> bool:
    """Tell whether a sheet has a heading only, which is a problem."""
    if len(table.rows) > 1:
        return False
    plan.add_problem(table, None, None, _("There are no rows below the headings."))
    return True
