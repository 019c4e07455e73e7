"""Assessments by hand, and what the school adds to any: sheet, category, label, due day.

A peer's name and points stay the peer's. Source: requirements 1.5, R63-R65, R76.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge import cells
from schooltool_bridge.fields import MAX_DECIMALS, MAX_POINTS, decimal_text
from schooltool_bridge.fold import item_state, place
from schooltool_bridge.hand.author import Author, Refused, note, text
from schooltool_bridge.model import ID_CHARS, assessment, assessment_history, section
from schooltool_bridge.model_school import assessment_detail, category, score_system, worksheet
from schooltool_bridge.sections import ACTIVE, DELETED


@dataclass(frozen=True, slots=True)
class Detail:
    """What the school itself says of an assessment, whoever brought it."""

    label: str = ""
    description: str = ""
    category_id: int | None = None
    worksheet_id: int | None = None
    score_system_id: int | None = None
    due_day: date | None = None


def add(
    connection: Connection,
    author: Author,
    section_id: int,
    name: str,
    points: Decimal,
    *,
    detail: Detail = Detail(),
    extra_credit: bool = False,
    effective_unix_s: int | None = None,
) -> int:
    """Make an assessment in a section, there since a moment (now); return our id.

    Raises Refused.
    """
    there = connection.execute(
        sa.select(section.c.id).where(section.c.id == section_id, section.c.status == ACTIVE)
    ).scalar()
    if there is None:
        raise Refused("section", f"There is no section with id {section_id}.")
    name, points = text("name", name), worth(points)
    added = connection.execute(
        sa.insert(assessment).values(
            peer_id=None,
            idnumber=None,
            section_id=section_id,
            name=name,
            points=decimal_text(points),
            status=ACTIVE,
            effective_unix_s=author.now_unix_s,
            seq=-1,
        )
    )
    assert added.inserted_primary_key is not None
    assessment_id = int(added.inserted_primary_key[0])
    _tell(
        connection,
        author,
        assessment_id,
        {
            "section_id": section_id,
            "name": name,
            "points": decimal_text(points),
            "extra_credit": extra_credit,
        },
        effective_unix_s,
    )  # fmt: skip - an assessment
    if detail != Detail():
        describe(connection, author, assessment_id, detail)
    return assessment_id


def change(
    connection: Connection,
    author: Author,
    assessment_id: int,
    *,
    name: str,
    points: Decimal,
    extra_credit: bool,
) -> None:
    """Change an assessment of ours; raises Refused for a peer's."""
    row = _must_be_ours(connection, assessment_id)
    values = {
        "section_id": row.section_id,
        "name": text("name", name),
        "points": decimal_text(worth(points)),
        "extra_credit": extra_credit,
    }
    _tell(connection, author, assessment_id, values)
    cells.refold_all(connection, assessment_id, row.section_id)


def delete(connection: Connection, author: Author, assessment_id: int) -> None:
    """Take an assessment of ours out of the gradebook; its grades stay in the history."""
    _must_be_ours(connection, assessment_id)
    _tell(connection, author, assessment_id, {"deleted": True})


def describe(connection: Connection, author: Author, assessment_id: int, detail: Detail) -> None:
    """Write what the school says of an assessment from now on; raises Refused."""
    item = connection.execute(
        sa.select(assessment.c.section_id).where(assessment.c.id == assessment_id)
    ).first()
    if item is None:
        raise Refused("assessment", f"There is no assessment with id {assessment_id}.")
    detail = replace(
        detail,
        label=text("label", detail.label, required=False, limit=ID_CHARS),
        description=note(detail.description),
    )
    _must_exist(connection, "category", category, detail.category_id)
    _must_exist(connection, "score system", score_system, detail.score_system_id)
    if detail.worksheet_id is not None:
        home = connection.execute(
            sa.select(worksheet.c.section_id).where(worksheet.c.id == detail.worksheet_id)
        ).scalar()
        if home != item.section_id:
            raise Refused("worksheet", "This worksheet belongs to another section.")
    values = asdict(detail)
    connection.execute(
        sa.insert(assessment_detail).values(assessment_id=assessment_id, **values, **author.noted())
    )
    connection.execute(
        sa.update(assessment).where(assessment.c.id == assessment_id).values(**values)
    )


def worth(points: Decimal) -> Decimal:
    """Check what an assessment is worth; raises Refused."""
    if not points.is_finite() or points < 0 or points > MAX_POINTS:
        raise Refused("points", f"Points are a number from 0 to {MAX_POINTS}.")
    return round(points, MAX_DECIMALS)


def _must_exist(connection: Connection, field: str, table: sa.Table, row_id: int | None) -> None:
    if row_id is None:
        return
    if connection.execute(sa.select(table.c.id).where(table.c.id == row_id)).scalar() is None:
        raise Refused(field, f"There is no {field} with id {row_id}.")


def _must_be_ours(connection: Connection, assessment_id: int) -> sa.Row[Any, Any]:
    row = connection.execute(
        sa.select(assessment.c.peer_id, assessment.c.section_id).where(
            assessment.c.id == assessment_id
        )
    ).first()
    if row is None:
        raise Refused("assessment", f"There is no assessment with id {assessment_id}.")
    if row.peer_id is not None and item_state(_history(connection, assessment_id)).is_peers:
        raise Refused("assessment", "This assessment comes from a Moodle; change it there.")
    return row


def _history(connection: Connection, assessment_id: int) -> Sequence[sa.Row[Any]]:
    history = assessment_history
    return connection.execute(
        sa.select(history).where(history.c.assessment_id == assessment_id)
    ).all()


def _tell(
    connection: Connection,
    author: Author,
    assessment_id: int,
    said: Mapping[str, object],
    effective_unix_s: int | None = None,
) -> None:
    """Put a row into the history; what it does not say stays as the latest row has it."""
    history = assessment_history
    rows = _history(connection, assessment_id)
    blank: dict[str, object] = {
        "chapternum": "",
        "honors_required": False,
        "nonhonors_required": False,
        "extra_credit": False,
        "deleted": False,
    }  # fmt: skip - what a first row need not say
    names = ("section_id", "name", "points", *blank)
    last = item_state(rows).row if rows else None
    before = {name: getattr(last, name) for name in names} if last else blank
    values = {**before, "deleted": False, **said}
    at = author.place(rows, effective_unix_s)
    connection.execute(
        sa.insert(history).values(assessment_id=assessment_id, **values, **author.columns(at))
    )
    newest = max([at, *(place(r)[:2] for r in rows)])
    connection.execute(
        sa.update(assessment)
        .where(assessment.c.id == assessment_id)
        .values(
            name=values["name"],
            points=values["points"],
            status=DELETED if values["deleted"] else ACTIVE,
            effective_unix_s=newest[0],
            seq=newest[1],
        )
    )
