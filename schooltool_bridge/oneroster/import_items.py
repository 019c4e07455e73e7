"""Import of categories and line items, as categories and assessments made by hand.

As with enrolments, what an import said before is compared with what the file says now; what a
teacher changed since stays. Source: RULES 1.5, R63, D.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts, insert_all
from schooltool_bridge.common.days import first_moment
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import assessments
from schooltool_bridge.hand.assessments import Detail, New
from schooltool_bridge.history.author import EARLIEST_UNIX_S, text
from schooltool_bridge.oneroster.import_work import (
    ACTOR,
    ASSESSMENT,
    CATEGORY,
    NEW,
    SECTION,
    UNCHANGED,
    UPDATED,
    Work,
    is_stand_in,
)
from schooltool_bridge.oneroster.report import Record
from schooltool_bridge.oneroster.tables import EXTRA_CREDIT, YES
from schooltool_bridge.store.model import ID_CHARS, assessment, assessment_history
from schooltool_bridge.store.model_school import assessment_detail, category

CATEGORIES, ITEMS = "categories", "lineItems"


def categories(work: Work) -> None:
    """Take in the categories; one of the same title is the same."""
    by_title = {r.title.casefold(): r.id for r in work.connection.execute(sa.select(category))}
    new: dict[int, dict[str, object]] = {}
    for record in work.lasting(CATEGORIES):
        if is_stand_in(work.report, record["sourcedId"]):
            continue
        try:
            title = text("title", record["title"], limit=ID_CHARS)
        except Refused as problem:
            work.leave_out(CATEGORIES, record, problem)
            continue
        own_id = work.ids.get(CATEGORY, record["sourcedId"]) or by_title.get(title.casefold())
        work.count(CATEGORIES, UNCHANGED if own_id else NEW)
        if own_id is None:
            own_id = work.ids.promise(CATEGORY, record["sourcedId"])
            new[own_id] = {"title": title}
            by_title[title.casefold()] = own_id
        work.ids.remember(CATEGORY, record["sourcedId"], own_id)
    made = insert_all(work.connection, category, list(new.values()))
    work.ids.fulfil(CATEGORY, dict(zip(new, made, strict=True)))


@dataclass(slots=True)
class _Items:
    """The assessments that the file may mean, with what imports wrote; and those to be made."""

    rows: dict[int, sa.Row[Any]] = field(default_factory=dict)
    # By imports, the last of each; and who wrote of it first.
    imported: dict[int, sa.Row[Any]] = field(default_factory=dict)
    imported_details: dict[int, sa.Row[Any]] = field(default_factory=dict)
    first_authors: dict[int, str | None] = field(default_factory=dict)
    # By their numbers below zero.
    new: dict[int, tuple[Record, New]] = field(default_factory=dict)

    @classmethod
    def read(cls, connection: Connection, ids: Sequence[int]) -> _Items:
        found = cls()
        history, detail = assessment_history, assessment_detail
        for part in in_parts(ids):
            rows = connection.execute(sa.select(assessment).where(assessment.c.id.in_(part)))
            found.rows.update({row.id: row for row in rows})
            rows_of_items = sa.select(history).where(history.c.assessment_id.in_(part))
            for row in connection.execute(rows_of_items.order_by(history.c.id)):
                found.first_authors.setdefault(row.assessment_id, row.by_actor)
                if row.by_actor == ACTOR:
                    found.imported[row.assessment_id] = row
            described = sa.select(detail).where(
                detail.c.assessment_id.in_(part), detail.c.by_actor == ACTOR
            )
            rows = connection.execute(described.order_by(detail.c.id))
            found.imported_details.update({row.assessment_id: row for row in rows})
        return found


def items(work: Work) -> None:
    """Take in the line items as assessments of their sections."""
    meant = (_meant(work, record) for record in work.rows(ITEMS))
    there = _Items.read(work.connection, sorted({own for own in meant if own is not None}))
    for record in work.lasting(ITEMS):
        section_id = work.ids.get(SECTION, record["classSourcedId"])
        if section_id is None:
            work.count(ITEMS, UNCHANGED)  # its class was refused, which is in the report
            continue
        if not record["resultValueMax"]:
            message = (
                "is empty, and an assessment says what it is worth; "
                f"{record['title']!r} is left out"
            )
            work.odd(ITEMS, record, "resultValueMax", message)
            work.count(ITEMS, UNCHANGED)
            continue
        if Decimal(record["resultValueMin"] or 0) != 0:
            work.odd(
                ITEMS, record, "resultValueMin", "is not 0, where every assessment begins here"
            )
        try:
            _item(work, there, record, section_id)
        except Refused as problem:
            work.leave_out(ITEMS, record, problem)
    _make(work, there)


def _make(work: Work, there: _Items) -> None:
    new = [item for _record, item in there.new.values()]
    made: dict[int, int] = {}
    outcomes = assessments.add_all(work.connection, work.author, new)
    for number, outcome in zip(there.new, outcomes, strict=True):
        if isinstance(outcome, Refused):
            work.leave_out(ITEMS, there.new[number][0], outcome)
        else:
            made[number] = outcome
            work.new_items[outcome] = there.new[number][1].section_id
            work.count(ITEMS, NEW)
    work.ids.fulfil(ASSESSMENT, made)


def _meant(work: Work, record: Record) -> int | None:
    known = work.ids.get(ASSESSMENT, record["sourcedId"])
    return work.own_id(record["sourcedId"], "item-") if known is None else known


def _item(work: Work, there: _Items, record: Record, section_id: int) -> None:
    """Change an assessment as the file has it, or promise a new one."""
    name, points = text("name", record["title"]), Decimal(record["resultValueMax"])
    detail = Detail(
        description=record["description"],
        category_id=work.ids.get(CATEGORY, record["categorySourcedId"]),
        due_day=_due_day(record),
    )
    item_id = work.ids.get(ASSESSMENT, record["sourcedId"])
    if item_id is None:
        item_id = _own_item(work, there, record, section_id)
    if item_id is not None:
        work.ids.remember(ASSESSMENT, record["sourcedId"], item_id)
        changed = _change(work, there, item_id, record, name, points)
        described = _describe(work, there, item_id, detail)
        work.count(ITEMS, UPDATED if changed or described else UNCHANGED)
        return
    since_unix_s = work.author.now_unix_s
    if begun := record["assignDate"] or record["dueDate"]:
        begun_unix_s = first_moment(date.fromisoformat(begun), work.zone)
        since_unix_s = max(min(begun_unix_s, since_unix_s), EARLIEST_UNIX_S)
    number = work.ids.promise(ASSESSMENT, record["sourcedId"])
    new = New(
        section_id, name, points, detail, _is_extra_credit(record), effective_unix_s=since_unix_s
    )
    there.new[number] = record, new


def _due_day(record: Record) -> date | None:
    """The day on which an item is due; our own export writes the first day where there is none."""
    due = record["dueDate"]
    return None if due in ("", record["assignDate"]) else date.fromisoformat(due)


def _is_extra_credit(record: Record) -> bool:
    return record[EXTRA_CREDIT].casefold() == YES


def _own_item(work: Work, there: _Items, record: Record, section_id: int) -> int | None:
    own = work.own_id(record["sourcedId"], "item-")
    row = there.rows.get(own) if own is not None else None
    if row is None or (row.name, row.section_id) != (record["title"], section_id):
        return None
    return own


def _change(
    work: Work, there: _Items, item_id: int, record: Record, name: str, points: Decimal
) -> bool:
    imported = there.imported.get(item_id)
    if imported is None:
        return False
    # Only our own package says whether it is extra credit.
    extra = _is_extra_credit(record) if record[EXTRA_CREDIT] else imported.extra_credit
    if (imported.name, Decimal(imported.points), imported.extra_credit) == (name, points, extra):
        return False
    assessments.change(
        work.connection, work.author, item_id, name=name, points=points, extra_credit=extra
    )
    return True


def _describe(work: Work, there: _Items, item_id: int, detail: Detail) -> bool:
    """Write description, category and due day when the file says others than an import before."""
    imported = there.imported_details.get(item_id)
    if imported is None and there.first_authors.get(item_id) != ACTOR:
        return False
    before = (
        Detail()
        if imported is None
        else Detail(
            description=imported.description,
            category_id=imported.category_id,
            due_day=imported.due_day,
        )
    )
    if before == detail:
        return False
    row = there.rows[item_id]
    assessments.describe(
        work.connection, work.author, item_id,
        Detail(
            row.label, detail.description, detail.category_id, row.worksheet_id,
            row.score_system_id, detail.due_day,
        ),
    )  # fmt: skip
    return True
