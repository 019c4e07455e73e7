"""Import of categories, line items and results, as assessments and entries by hand.

As with enrolments, what an import said before is compared with what the file says now; an entry
that a teacher made since stays. Source: requirements 1.5, R63-R66; field-notes D.2.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from schooltool_bridge import identity
from schooltool_bridge.fields import decimal_text
from schooltool_bridge.hand import assessments, grades
from schooltool_bridge.hand.assessments import Detail
from schooltool_bridge.hand.author import EARLIEST_UNIX_S, Refused, text
from schooltool_bridge.model import (
    ID_CHARS,
    assessment,
    assessment_history,
    grade,
    grade_history,
)
from schooltool_bridge.model_school import assessment_detail, category
from schooltool_bridge.oneroster.checking import Record
from schooltool_bridge.oneroster.days import first_moment
from schooltool_bridge.oneroster.import_new_grades import NewGrades
from schooltool_bridge.oneroster.import_work import (
    ACTOR,
    ASSESSMENT,
    CATEGORY,
    NEW,
    SECTION,
    UNCHANGED,
    UPDATED,
    USER,
    Work,
    is_stand_in,
    latest,
)
from schooltool_bridge.oneroster.tables import EXEMPT

CATEGORIES, ITEMS, RESULTS = "categories", "lineItems", "results"
_GRADED = ("fully graded", "partially graded")
_Says = tuple[str | None, bool]  # points as they are stored, excepted


def categories(work: Work) -> None:
    """Take in the categories; one of the same title is the same."""
    by_title = {r.title.casefold(): r.id for r in work.connection.execute(sa.select(category))}
    for record in work.lasting(CATEGORIES):
        if is_stand_in(work.report, record["sourcedId"]):
            continue
        try:
            title = text("title", record["title"], limit=ID_CHARS)
        except Refused as problem:
            work.refused(CATEGORIES, record, problem)
            continue
        own_id = work.ids.get(CATEGORY, record["sourcedId"]) or by_title.get(title.casefold())
        work.count(CATEGORIES, UNCHANGED if own_id else NEW)
        if own_id is None:
            added = work.connection.execute(sa.insert(category).values(title=title))
            assert added.inserted_primary_key is not None
            own_id = int(added.inserted_primary_key[0])
            by_title[title.casefold()] = own_id
        work.ids.keep(CATEGORY, record["sourcedId"], own_id)


def items(work: Work) -> None:
    """Take in the line items as assessments of their sections."""
    for record in work.lasting(ITEMS):
        section_id = work.ids.get(SECTION, record["classSourcedId"])
        if section_id is None:
            work.count(ITEMS, UNCHANGED)  # its class was refused, which is told there
            continue
        if not record["resultValueMax"]:
            said = "is empty; an assessment here says what it is worth"
            work.wrong(ITEMS, record, "resultValueMax", said)
            continue
        if Decimal(record["resultValueMin"] or 0) != 0:
            work.odd(
                ITEMS, record, "resultValueMin", "is not 0, where every assessment begins here"
            )
        try:
            work.count(ITEMS, _item(work, record, section_id))
        except Refused as problem:
            work.refused(ITEMS, record, problem)


def _item(work: Work, record: Record, section_id: int) -> str:
    name, points = text("name", record["title"]), Decimal(record["resultValueMax"])
    detail = Detail(
        description=record["description"],
        category_id=work.ids.get(CATEGORY, record["categorySourcedId"]),
        due_day=_due_day(record),
    )
    item_id = work.ids.get(ASSESSMENT, record["sourcedId"])
    if item_id is None:
        item_id = _own_item(work, record, section_id)
    if item_id is not None:
        work.ids.keep(ASSESSMENT, record["sourcedId"], item_id)
        changed = _change(work, item_id, name, points)
        return UPDATED if _describe(work, item_id, detail) or changed else UNCHANGED
    assigned = first_moment(date.fromisoformat(record["assignDate"]), work.zone)
    item_id = assessments.add(
        work.connection, work.author, section_id, name, points, detail=detail,
        effective_unix_s=max(min(assigned, work.author.now_unix_s), EARLIEST_UNIX_S),
    )  # fmt: skip
    work.ids.keep(ASSESSMENT, record["sourcedId"], item_id)
    work.new_items.add(item_id)
    return NEW


def _due_day(record: Record) -> date | None:
    """The day on which an item is due; our own export writes the first day where there is none."""
    due = date.fromisoformat(record["dueDate"])
    return None if record["dueDate"] == record["assignDate"] else due


def _own_item(work: Work, record: Record, section_id: int) -> int | None:
    own = work.own_id(record["sourcedId"], "item-")
    row = work.connection.execute(
        sa.select(assessment.c.name, assessment.c.section_id).where(assessment.c.id == own)
    ).first()
    if own is None or row is None or (row.name, row.section_id) != (record["title"], section_id):
        return None
    return own


def _change(work: Work, item_id: int, name: str, points: Decimal) -> bool:
    history = assessment_history
    said = latest(
        work.connection.execute(
            sa.select(history).where(
                history.c.assessment_id == item_id, history.c.by_actor == ACTOR
            )
        )
    )
    if said is None or (said.name, Decimal(said.points)) == (name, points):
        return False
    assessments.change(
        work.connection, work.author, item_id, name=name, points=points,
        extra_credit=said.extra_credit,
    )  # fmt: skip
    return True


def _describe(work: Work, item_id: int, detail: Detail) -> bool:
    """Write description, category and due day when the file says others than an import before."""
    table = assessment_detail
    said = latest(
        work.connection.execute(
            sa.select(table).where(table.c.assessment_id == item_id, table.c.by_actor == ACTOR)
        )
    )
    row = work.connection.execute(sa.select(assessment).where(assessment.c.id == item_id)).one()
    if said is None and not _was_made_by_import(work, item_id):
        return False
    before = (
        Detail()
        if said is None
        else Detail(
            description=said.description, category_id=said.category_id, due_day=said.due_day
        )
    )
    if before == detail:
        return False
    assessments.describe(
        work.connection, work.author, item_id,
        Detail(
            row.label, detail.description, detail.category_id, row.worksheet_id,
            row.score_system_id, detail.due_day,
        ),
    )  # fmt: skip
    return True


def _was_made_by_import(work: Work, item_id: int) -> bool:
    history = assessment_history
    first = sa.select(history.c.by_actor).where(history.c.assessment_id == item_id)
    return work.connection.execute(first.order_by(history.c.id).limit(1)).scalar() == ACTOR


def results(work: Work) -> None:
    """Take in the results as entries by hand."""
    told = _told(work)
    new_grades = NewGrades.begin(work)
    for record in work.lasting(RESULTS):
        item_id = work.ids.get(ASSESSMENT, record["lineItemSourcedId"])
        known = work.ids.get(USER, record["studentSourcedId"])
        if item_id is None or known is None:
            work.count(RESULTS, UNCHANGED)  # the item or student was refused, which is told there
            continue
        person_id = identity.root(work.connection, known)
        says = _says(work, record)
        before = told.get((item_id, person_id))
        if says == before or (before is None and says == (None, False)):
            work.count(RESULTS, UNCHANGED)
            continue
        if before is None and _stands_there(work, item_id, person_id, says):
            work.count(RESULTS, UNCHANGED)
            continue
        graded = first_moment(date.fromisoformat(record["scoreDate"]), work.zone)
        points = None if says[0] is None else Decimal(says[0])
        effective_unix_s = max(graded, EARLIEST_UNIX_S)
        try:
            if item_id in work.new_items and before is None:
                new_grades.enter(
                    item_id, person_id, points, excepted=says[1], effective_unix_s=effective_unix_s
                )
            else:
                new_grades.write()  # a second row of one cell finds the first
                grades.enter(
                    work.connection, work.author, item_id, person_id, points, excepted=says[1],
                    effective_unix_s=effective_unix_s,
                )  # fmt: skip
        except Refused as problem:
            work.refused(RESULTS, record, problem)
            continue
        told[item_id, person_id] = says
        work.count(RESULTS, NEW if before is None else UPDATED)
    new_grades.write()


def _stands_there(work: Work, item_id: int, person_id: int, says: _Says) -> bool:
    """Tell whether a cell holds just this, whoever wrote it; then nobody need write it again."""
    if item_id in work.new_items:
        return False
    row = work.connection.execute(
        sa.select(grade.c.points, grade.c.excepted).where(
            grade.c.assessment_id == item_id, grade.c.person_id == person_id, grade.c.exists
        )
    ).first()
    return row is not None and (row.points, row.excepted) == says


def _says(work: Work, record: Record) -> _Says:
    score, status = record["score"], record["scoreStatus"]
    points = Decimal(score) if score else None
    if status == EXEMPT:
        # Older packages must have a number; a nought stands for none there.
        return decimal_text(points or None), True
    if status not in _GRADED:
        return None, False
    if points is None:
        work.odd(RESULTS, record, "score", "is empty; only numbers are kept here")
    return decimal_text(points), False


def _told(work: Work) -> dict[tuple[int, int], _Says]:
    """What imports said of each cell last."""
    roots = identity.roots(work.connection)
    found: dict[tuple[int, int], _Says] = {}
    for row in work.connection.execution_options(yield_per=1000).execute(
        sa.select(
            grade.c.assessment_id, grade.c.person_id, grade_history.c.raw_points,
            grade_history.c.excepted,
        )
        .join_from(grade_history, grade, grade.c.id == grade_history.c.grade_id)
        .where(grade_history.c.by_actor == ACTOR)
        .order_by(grade_history.c.id)
    ):  # fmt: skip
        who = roots.get(row.person_id, row.person_id)
        found[row.assessment_id, who] = (row.raw_points, row.excepted)
    return found
