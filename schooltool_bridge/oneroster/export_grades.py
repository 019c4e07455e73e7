"""The rows of an export that say what was to be done and what was reached.

Only reads, as streams. What the format asks for and we have not (a category, a due day) gets a
plain stand-in; a grade of somebody who never was in the section has no place there.
Source: RULES D.2, D.3 (mapping), 1.5, R75.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.common.times import took_effect_sql
from schooltool_bridge.history import fold, identity, present
from schooltool_bridge.oneroster.export_roster import (
    SCHOOL,
    SHOWN,
    Reading,
    Row,
    is_there,
    period_of,
    term_of,
)
from schooltool_bridge.oneroster.tables import EXEMPT, EXTRA_CREDIT, GRADED, NO_CATEGORY, V1_1, YES
from schooltool_bridge.store.model import ACTIVE, assessment, assessment_history, grade, section
from schooltool_bridge.store.model_school import category, category_weight


def _items() -> sa.FromClause:
    return assessment.join(section, section.c.id == assessment.c.section_id)


_THERE = sa.and_(assessment.c.status == ACTIVE, SHOWN)


def categories(reading: Reading) -> Iterator[Row]:
    """The school's categories, and one for what has none."""
    for row in reading.stream(sa.select(category).order_by(category.c.id)):
        yield {"sourcedId": f"category-{row.id}", "title": row.title}
    without = sa.select(assessment.c.id).select_from(_items())
    without = without.where(_THERE, assessment.c.category_id.is_(None)).limit(1)
    if reading.connection.execute(without).first() is not None:
        yield {"sourcedId": NO_CATEGORY, "title": "Without a category"}


def items(reading: Reading) -> Iterator[Row]:
    """The assessments that are there now; due when they appeared where no day is set."""
    extra_credit = _extra_credit(reading)
    appeared = (
        sa.select(
            assessment_history.c.assessment_id,
            sa.func.min(took_effect_sql(assessment_history)).label("at_unix_s"),
        )
        .group_by(assessment_history.c.assessment_id)
        .subquery()
    )
    for row in reading.stream(
        sa.select(assessment, section.c.term_id, appeared.c.at_unix_s)
        .select_from(_items().join(appeared, appeared.c.assessment_id == assessment.c.id))
        .where(_THERE)
        .order_by(assessment.c.id)
    ):
        assigned = reading.day(row.at_unix_s)
        due = row.due_day or assigned
        yield {
            "sourcedId": f"item-{row.id}",
            "title": row.name,
            "description": row.description,
            "assignDate": min(assigned, due).isoformat(),
            "dueDate": due.isoformat(),
            "classSourcedId": f"class-{row.section_id}",
            "categorySourcedId": f"category-{row.category_id}" if row.category_id else NO_CATEGORY,
            "resultValueMin": "0",
            "resultValueMax": row.points,
            **({EXTRA_CREDIT: YES} if row.id in extra_credit else {}),
            **_session_of(reading, row),
        }


def extensions(reading: Reading, name: str) -> list[str]:
    """The columns of a file beyond the standard's own: only where they say something."""
    return [EXTRA_CREDIT] if name == "lineItems" and _extra_credit(reading) else []


def _extra_credit(reading: Reading) -> set[int]:
    """The assessments that are extra credit now."""
    history = assessment_history
    ever = sa.select(history.c.assessment_id).where(history.c.extra_credit)
    there = sa.select(assessment.c.id).select_from(_items()).where(_THERE)
    rows: dict[int, list[sa.Row[Any]]] = defaultdict(list)
    for row in reading.stream(
        sa.select(history).where(
            history.c.assessment_id.in_(ever), history.c.assessment_id.in_(there)
        )
    ):
        rows[row.assessment_id].append(row)
    return {item for item, some in rows.items() if fold.item_state(some).row.extra_credit}


def _session_of(reading: Reading, row: sa.Row[Any]) -> Row:
    if reading.version == V1_1:
        return {"gradingPeriodSourcedId": period_of(term_of(row.term_id))}
    return {"academicSessionSourcedId": term_of(row.term_id), "schoolSourcedId": SCHOOL}


def results(reading: Reading) -> Iterator[Row]:
    """The grades; an excepted one is exempt, whatever number stands there."""
    for row in reading.stream(
        sa.select(
            grade.c.id, grade.c.assessment_id, grade.c.person_id, grade.c.points,
            grade.c.excepted, took_effect_sql(grade).label("at_unix_s"), assessment.c.section_id,
        )
        .select_from(_graded())
        .where(_is_result(), _is_enrolled(reading.connection))
        .order_by(grade.c.id)
    ):  # fmt: skip
        result = {
            "sourcedId": f"result-{row.id}",
            "lineItemSourcedId": f"item-{row.assessment_id}",
            "studentSourcedId": f"user-{row.person_id}",
            "scoreStatus": EXEMPT if row.excepted else GRADED,
            "score": row.points or "",
            "scoreDate": reading.day(row.at_unix_s).isoformat(),
        }
        if reading.version == V1_1:
            yield result | {"score": row.points or "0"}
        else:
            yield result | {"classSourcedId": f"class-{row.section_id}"}


def left_out(reading: Reading) -> int:
    """How many grades have no place in the export, as their student never was in the section."""
    wanted = sa.select(sa.func.count()).select_from(_graded())
    here = _is_enrolled(reading.connection)
    return reading.connection.execute(wanted.where(_is_result(), ~here)).scalar_one()


def beyond_worth(reading: Reading) -> int:
    """How many grades are more than their assessment is worth, which some readers refuse."""
    points, worth = (sa.cast(c, sa.Numeric) for c in (grade.c.points, assessment.c.points))
    wanted = sa.select(sa.func.count()).select_from(_graded())
    return reading.connection.execute(
        wanted.where(_is_result(), _is_enrolled(reading.connection), points > worth)
    ).scalar_one()


def weighted_sections(reading: Reading) -> int:
    """How many sections weigh categories; the format has one weight for the whole school."""
    rows = reading.connection.execute(
        sa.select(
            category_weight.c.section_id, category_weight.c.category_id, category_weight.c.weight
        )
        .join(section, section.c.id == category_weight.c.section_id)
        .where(SHOWN)
        .order_by(category_weight.c.effective_unix_s, category_weight.c.id)
    )
    latest = {(of, kind): held for of, kind, held in rows}
    return len({of for (of, _kind), held in latest.items() if held})


def _graded() -> sa.FromClause:
    return grade.join(assessment, assessment.c.id == grade.c.assessment_id).join(
        section, section.c.id == assessment.c.section_id
    )


def _is_result() -> sa.ColumnElement[bool]:
    says_something = sa.or_(grade.c.points.is_not(None), grade.c.excepted)
    return sa.and_(
        _THERE, grade.c.exists, says_something, grade.c.person_id.not_in(identity.MERGED)
    )


def _is_enrolled(connection: Connection) -> sa.ColumnElement[bool]:
    now = present.enrolments(connection)
    return sa.exists(
        sa.select(now.c.id).where(
            now.c.section_id == assessment.c.section_id,
            now.c.person_id == grade.c.person_id,
            is_there(now),
        )
    )
