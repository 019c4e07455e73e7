"""The assessments of a section from a spreadsheet: name and points, and what the school adds.

An assessment is known by exactly its name. An empty cell leaves what is there. Of a peer's
assessment only the school's own fields change. Writes nothing but through upload.write.
Source: RULES R63, A.5, E63, E64.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from decimal import Decimal

from sqlalchemy.engine import Connection

from mnet.language import N_, _
from mnet.letters import nfc
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.gradebook import grid, marks
from schooltool_bridge.gradebook.grid import NO_SHEET
from schooltool_bridge.gradebook.spreadsheet import Row, Table
from schooltool_bridge.gradebook.upload import (
    ASSESSMENTS,
    CHANGED,
    NEW,
    DecimalMarks,
    Headings,
    Plan,
    headings,
    missing,
    without_rows,
)
from schooltool_bridge.hand import assessments, worksheets
from schooltool_bridge.hand.assessments import Detail
from schooltool_bridge.history import averages
from schooltool_bridge.history.author import Author, note, text
from schooltool_bridge.history.snapshot import Item
from schooltool_bridge.store.model import ID_CHARS, NAME_CHARS

COLUMNS: Mapping[str, Sequence[str]] = {
    "name": ("title", "assessment", "activity", "assignment", "item", "grade item"),
    "points": ("max", "max points", "maximum", "points possible", "pointval", "out of", "worth"),
    "worksheet": ("sheet", "tab"),
    "label": ("short name", "abbreviation"),
    "category": ("type",),
    "due_date": ("due", "due day", "deadline", "date"),
    "description": ("notes", "details"),
}
_SHEET = N_("worksheet")
_REQUIRED = ("name", "points")
_KNOWN = ", ".join(COLUMNS)
_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]\d{2}:\d{2}(?::\d{2})?)?")
_DOTTED_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")


@dataclass(frozen=True, slots=True)
class AssessmentChange:
    """One assessment to add or change; a worksheet of that title is made when it is not there."""

    section_id: int
    item: Item | None
    name: str
    points: Decimal
    detail: Detail
    sheet_title: str
    facts: Sequence[str]

    @property
    def kind(self) -> str:
        """NEW or CHANGED."""
        return NEW if self.item is None else CHANGED

    @property
    def what(self) -> str:
        """Its name."""
        return self.name

    def write(self, connection: Connection, author: Author) -> None:
        """Write it; raises Refused."""
        detail = self.detail
        if self.sheet_title:
            sheet_id = worksheets.find(connection, self.section_id, self.sheet_title)
            if sheet_id is None:
                sheet_id = worksheets.add(connection, author, self.section_id, self.sheet_title)
            detail = replace(detail, worksheet_id=sheet_id)
        item = self.item
        if item is None:
            assessments.add(
                connection, author, self.section_id, self.name, self.points, detail=detail
            )
            return
        if item.points != self.points:
            assessments.change(
                connection,
                author,
                item.id,
                name=item.name,
                points=self.points,
                extra_credit=item.extra_credit,
            )
        if detail != detail_of(item):
            assessments.describe(connection, author, item.id, detail)


def bare_title(title: str) -> str:
    """A title as it is compared: no two of a kind differ in capitals only."""
    return nfc(title).casefold()


def detail_of(item: Item) -> Detail:
    """What the school says of an assessment now."""
    return Detail(
        item.label,
        item.description,
        item.category_id,
        item.worksheet_id,
        item.score_system_id,
        item.due_day,
    )


def plan(connection: Connection, section_id: int, tables: Sequence[Table]) -> Plan:
    """Plan what a spreadsheet would do to a section's assessments; raises NotThere."""
    found = Plan(section_id, ASSESSMENTS)
    here = _Here.read(connection, section_id)
    for table in tables:
        columns = headings(found, table, COLUMNS)
        found.ignored += columns.others.values()
        if missing(found, table, columns, _REQUIRED, _KNOWN) or without_rows(found, table):
            continue
        here.marks = DecimalMarks.of_table(table, [columns.columns["points"]])
        for row in table.rows[1:]:
            _plan_row(found, here, table, columns, row)
    return found


@dataclass(slots=True)
class _Here:
    """What the section has now, and which names the spreadsheet had so far."""

    items: Mapping[str, Sequence[Item]]
    categories: Mapping[str, int]
    category_titles: Mapping[int, str]
    sheets: dict[str, tuple[int | None, str]]
    sheet_titles: Mapping[int, str]
    seen: dict[str, tuple[str, int]] = field(default_factory=dict)
    # What parts numbers in the sheet that is read.
    marks: DecimalMarks = field(default_factory=DecimalMarks)

    @classmethod
    def read(cls, connection: Connection, section_id: int) -> _Here:
        snapshot = grid.section_of(connection, section_id)
        items: dict[str, list[Item]] = {}
        for item in snapshot.items:
            items.setdefault(item.name, []).append(item)
        titles = grid.categories_of(connection)
        sheets = [s for s in grid.sheets_of(connection, snapshot) if s.id != NO_SHEET]
        return cls(
            items,
            {bare_title(title): i for i, title in titles.items()},
            titles,
            {bare_title(s.title): (s.id, s.title) for s in sheets},
            {s.id: s.title for s in sheets},
        )


class _Wrong(Exception):
    """A cell cannot be taken."""

    def __init__(self, column: str, sentence: str) -> None:
        super().__init__(sentence)
        self.column = column


def _plan_row(found: Plan, here: _Here, table: Table, columns: Headings, row: Row) -> None:
    try:
        change = _change(found, here, columns, row, table)
    except _Wrong as problem:
        column = columns.columns.get(problem.column)
        found.add_problem(table, row.number, column, str(problem))
        return
    if change.item is not None and not change.facts:
        found.unchanged += 1
        return
    found.changes.append(change)
    found.steps.append(change.write)
    title = change.sheet_title
    if title and bare_title(title) not in here.sheets:
        here.sheets[bare_title(title)] = (None, title)
        found.new_sheets.append(title)


def _change(
    found: Plan, here: _Here, columns: Headings, row: Row, table: Table
) -> AssessmentChange:
    """Read a row; raises _Wrong."""
    name = _text("name", columns.cell(row, "name"), required=True)
    if name in here.seen:
        raise _Wrong("name", _again(name, *here.seen[name]))
    here.seen[name] = (table.title, row.number)
    same = here.items.get(name, ())
    if len(same) > 1:
        sentence = _(
            "%(count)s assessments are called “%(name)s”; rename one first.",
            count=len(same),
            name=name,
        )
        raise _Wrong("name", sentence)
    item = same[0] if same else None
    column = columns.columns.get("points", 0)
    points = _points(columns.cell(row, "points"), here.marks.of(row, column))
    if item is not None and item.peer is not None and item.points != points:
        raise _Wrong(
            "points",
            _(
                "“%(name)s” comes from a Moodle, where it is worth %(points)s; "
                "change its points there.",
                name=name,
                points=averages.number(item.points),
            ),
        )
    detail = _detail(here, columns, row, detail_of(item) if item else Detail())
    sheet_title = _text("worksheet", columns.cell(row, "worksheet"), limit=ID_CHARS)
    known = here.sheets.get(bare_title(sheet_title), (None, sheet_title))
    if known[0] is not None:
        detail, sheet_title = replace(detail, worksheet_id=known[0]), ""
    else:
        sheet_title = known[1]
    facts = _facts(here, item, points, detail, sheet_title)
    return AssessmentChange(found.section_id, item, name, points, detail, sheet_title, facts)


def _again(name: str, sheet: str, row: int) -> str:
    if not sheet:
        return _("“%(name)s” stands in row %(row)s already.", name=name, row=row)
    return _(
        "“%(name)s” stands in sheet “%(sheet)s”, row %(row)s, already.",
        name=name,
        sheet=sheet,
        row=row,
    )


def _detail(here: _Here, columns: Headings, row: Row, now: Detail) -> Detail:
    label = _text("label", columns.cell(row, "label"), limit=ID_CHARS) or now.label
    try:
        description = note(columns.cell(row, "description")) or now.description
    except Refused as problem:
        raise _Wrong("description", str(problem)) from None
    category = columns.cell(row, "category")
    category_id = here.categories.get(bare_title(category)) if category else now.category_id
    if category and category_id is None:
        known = ", ".join(here.category_titles.values()) or _("none yet")
        sentence = _(
            "There is no category “%(category)s”; there are: %(known)s.",
            category=category[:60],
            known=known,
        )
        raise _Wrong("category", sentence)
    day = columns.cell(row, "due_date")
    return replace(
        now,
        label=label,
        description=description,
        category_id=category_id,
        due_day=_day(day) if day else now.due_day,
    )


def _facts(
    here: _Here, item: Item | None, points: Decimal, detail: Detail, sheet_title: str
) -> Sequence[str]:
    """What becomes of it, in words."""
    after = _shown(here, points, detail) | ({_SHEET: sheet_title} if sheet_title else {})
    if item is None:
        return [f"{_(name)} {value}" for name, value in after.items() if value]
    before = _shown(here, item.points, detail_of(item))
    return [
        f"{_(name)} {before[name] or _('none')} → {value or _('none')}"
        for name, value in after.items()
        if value != before[name]
    ]


def _shown(here: _Here, points: Decimal, detail: Detail) -> dict[str, str]:
    values = asdict(detail)
    return {
        N_("points"): averages.number(points),
        _SHEET: here.sheet_titles.get(detail.worksheet_id or NO_SHEET, ""),
        N_("label"): detail.label,
        N_("category"): here.category_titles.get(detail.category_id or 0, ""),
        N_("due"): values["due_day"].isoformat() if values["due_day"] else "",
        N_("description"): detail.description,
    }


def _text(column: str, value: str, *, required: bool = False, limit: int = NAME_CHARS) -> str:
    try:
        return text(column, value, required=required, limit=limit)
    except Refused as problem:
        raise _Wrong(column, str(problem)) from None


def _points(value: str, mark: str) -> Decimal:
    if not value:
        raise _Wrong("points", _("points must not be empty."))
    try:
        return assessments.worth(marks.points(value, mark))
    except (marks.BadMark, Refused) as problem:
        raise _Wrong("points", str(problem)) from None


def _day(value: str) -> date:
    """Read a day that cannot be mistaken: 2026-11-30 or 30.11.2026."""
    try:
        if match := _DAY.fullmatch(value):
            year, month, day = match.groups()
            return date(int(year), int(month), int(day))
        if match := _DOTTED_DAY.fullmatch(value):
            day, month, year = match.groups()
            return date(int(year), int(month), int(day))
    except ValueError:
        pass
    sentence = _("“%(text)s” is no day; write it as 2026-11-30.", text=value[:20])
    raise _Wrong("due_date", sentence)
