"""Assessments by hand, and what the school adds to any: sheet, category, label, due day.

A peer's name and points stay the peer's. Source: RULES 1.5, R63-R65, R76.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts, insert_all
from mnet.language import N_, _, translated
from schooltool_bridge.common.points import MAX_DECIMALS, MAX_POINTS, decimal_text
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.history import cells, joined
from schooltool_bridge.history.author import Author, note, text
from schooltool_bridge.history.fold import item_state, position
from schooltool_bridge.store.model import (
    ACTIVE,
    DELETED,
    ID_CHARS,
    assessment,
    assessment_history,
    section,
)
from schooltool_bridge.store.model_school import (
    assessment_detail,
    category,
    score_system,
    worksheet,
)


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
    new = New(section_id, name, points, detail, extra_credit, effective_unix_s)
    (made,) = add_all(connection, author, [new])
    if isinstance(made, Refused):
        raise made
    return made


@dataclass(frozen=True, slots=True)
class New:
    """An assessment that is to be made, there since a moment (now)."""

    section_id: int
    name: str
    points: Decimal
    detail: Detail = Detail()
    extra_credit: bool = False
    effective_unix_s: int | None = None


def add_all(connection: Connection, author: Author, many: Sequence[New]) -> list[int | Refused]:
    """Make assessments by few statements: for each our id, or why not; the others are made."""
    there = _There.read(connection, many)
    outcomes: list[int | Refused] = []
    rows: dict[int, dict[str, object]] = {}
    for at, new in enumerate(many):
        try:
            rows[at] = _first_row(author, new, there)
        except Refused as problem:
            outcomes.append(problem)
        else:
            outcomes.append(0)
    made = insert_all(connection, assessment, list(rows.values()))
    histories, details = [], []
    for item_id, (at, row) in zip(made, rows.items(), strict=True):
        outcomes[at] = item_id
        since = author.position((), many[at].effective_unix_s)
        histories.append(
            {
                "assessment_id": item_id,
                **{name: row[name] for name in ("section_id", "name", "points")},
                **_BLANK,
                "extra_credit": many[at].extra_credit,
                **author.columns(since),
            }
        )
        if many[at].detail != Detail():
            stated = {name: row[name] for name in asdict(many[at].detail)}
            details.append({"assessment_id": item_id, **stated, **author.noted()})
    if histories:
        connection.execute(sa.insert(assessment_history), histories)
    if details:
        connection.execute(sa.insert(assessment_detail), details)
    return outcomes


def _first_row(author: Author, new: New, there: _There) -> dict[str, object]:
    if new.section_id not in there.sections:
        raise Refused("section", _("There is no section with id %(id)s.", id=new.section_id))
    name, points = text("name", new.name), worth(new.points)
    at = author.position((), new.effective_unix_s)
    return {
        "peer_id": None,
        "idnumber": None,
        "section_id": new.section_id,
        "name": name,
        "points": decimal_text(points),
        "status": ACTIVE,
        "effective_unix_s": at[0],
        "seq": at[1],
        **asdict(_fitting(new.detail, new.section_id, there)),
    }


@dataclass(frozen=True, slots=True)
class _There:
    """What assessments may name, as far as it is there."""

    # Those that are there now.
    sections: frozenset[int]
    categories: frozenset[int]
    score_systems: frozenset[int]
    # The section of each.
    worksheets: Mapping[int, int]

    @classmethod
    def read(cls, connection: Connection, many: Sequence[New]) -> _There:
        sections: set[int] = set()
        sheets: dict[int, int] = {}
        for part in in_parts(sorted({new.section_id for new in many})):
            active = sa.select(section.c.id).where(
                section.c.status == ACTIVE, joined.is_shown(section.c.id)
            )
            sections.update(connection.execute(active.where(section.c.id.in_(part))).scalars())
            of = sa.select(worksheet.c.id, worksheet.c.section_id)
            found = connection.execute(of.where(worksheet.c.section_id.in_(part)))
            sheets.update({row.id: row.section_id for row in found})
        kinds = connection.execute(sa.select(category.c.id)).scalars()
        systems = connection.execute(sa.select(score_system.c.id)).scalars()
        return cls(frozenset(sections), frozenset(kinds), frozenset(systems), sheets)


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
        "name": text("name", name),
        "points": decimal_text(worth(points)),
        "extra_credit": extra_credit,
    }
    _add_row(connection, author, assessment_id, values)
    cells.refold_all(connection, assessment_id, row.section_id)


def delete(connection: Connection, author: Author, assessment_id: int) -> None:
    """Take an assessment of ours out of the gradebook; its grades stay in the history."""
    row = _must_be_ours(connection, assessment_id)
    _add_row(connection, author, assessment_id, {"deleted": True})
    cells.refold_all(connection, assessment_id, row.section_id)


def bring_back(connection: Connection, author: Author, assessment_id: int) -> None:
    """Put an assessment of ours that was deleted back into the gradebook, as it stood."""
    row = _must_be_ours(connection, assessment_id)
    _add_row(connection, author, assessment_id, {})
    cells.refold_all(connection, assessment_id, row.section_id)


def keep_when_gone(
    connection: Connection, author: Author, assessment_id: int, *, keep: bool
) -> None:
    """Say whether a Moodle's assessment stays, by hand, should the Moodle delete it.

    Until then it is the Moodle's, and nothing about it changes (fold.item_state).
    """
    rows = _history(connection, assessment_id)
    holds = item_state(rows).row
    stated = {name: getattr(holds, name) for name in ("section_id", "name", "points", *_BLANK)}
    connection.execute(
        sa.insert(assessment_history).values(
            assessment_id=assessment_id,
            **{**stated, "deleted": not keep},
            **author.columns(author.position(rows, None)),
        )
    )


def describe(connection: Connection, author: Author, assessment_id: int, detail: Detail) -> None:
    """Write what the school says of an assessment from now on; raises Refused."""
    item = connection.execute(
        sa.select(assessment.c.section_id).where(assessment.c.id == assessment_id)
    ).first()
    if item is None:
        raise Refused("assessment", _("There is no assessment with id %(id)s.", id=assessment_id))
    there = _There.read(connection, [New(item.section_id, "", Decimal(0))])
    values = asdict(_fitting(detail, item.section_id, there))
    connection.execute(
        sa.insert(assessment_detail).values(assessment_id=assessment_id, **values, **author.noted())
    )
    connection.execute(
        sa.update(assessment).where(assessment.c.id == assessment_id).values(**values)
    )


def worth(points: Decimal) -> Decimal:
    """Check what an assessment is worth; raises Refused."""
    if not points.is_finite() or points < 0 or points > MAX_POINTS:
        raise Refused("points", _("Points are a number from 0 to %(most)s.", most=MAX_POINTS))
    return round(points, MAX_DECIMALS)


def _fitting(detail: Detail, section_id: int, there: _There) -> Detail:
    """Read the details of an assessment of a section; raises Refused."""
    detail = replace(
        detail,
        label=text("label", detail.label, required=False, limit=ID_CHARS),
        description=note(detail.description),
    )
    _must_exist(N_("category"), there.categories, detail.category_id)
    _must_exist(N_("score system"), there.score_systems, detail.score_system_id)
    if detail.worksheet_id is not None and there.worksheets.get(detail.worksheet_id) != section_id:
        raise Refused("worksheet", _("This worksheet belongs to another section."))
    return detail


def _must_exist(field: str, there: Collection[int], row_id: int | None) -> None:
    if row_id is not None and row_id not in there:
        raise Refused(
            field,
            _("There is no %(field)s with id %(id)s.", field=translated(field), id=row_id),
        )


# What a first row of a history need not say.
_BLANK: Mapping[str, object] = {
    "chapternum": "",
    "honors_required": False,
    "nonhonors_required": False,
    "extra_credit": False,
    "deleted": False,
}


def _must_be_ours(connection: Connection, assessment_id: int) -> sa.Row[Any, Any]:
    row = connection.execute(
        sa.select(assessment.c.peer_id, assessment.c.section_id).where(
            assessment.c.id == assessment_id
        )
    ).first()
    if row is None:
        raise Refused("assessment", _("There is no assessment with id %(id)s.", id=assessment_id))
    if row.peer_id is not None and item_state(_history(connection, assessment_id)).is_peers:
        raise Refused("assessment", _("This assessment comes from a Moodle; change it there."))
    return row


def _history(connection: Connection, assessment_id: int) -> Sequence[sa.Row[Any]]:
    history = assessment_history
    return connection.execute(
        sa.select(history).where(history.c.assessment_id == assessment_id)
    ).all()


def _add_row(
    connection: Connection,
    author: Author,
    assessment_id: int,
    stated: Mapping[str, object],
    effective_unix_s: int | None = None,
) -> None:
    """Put a row into the history; what it does not say stays as the latest row has it."""
    history = assessment_history
    rows = _history(connection, assessment_id)
    names = ("section_id", "name", "points", *_BLANK)
    last = item_state(rows).row if rows else None
    before = {name: getattr(last, name) for name in names} if last else _BLANK
    values = {**before, "deleted": False, **stated}
    at = author.position(rows, effective_unix_s)
    connection.execute(
        sa.insert(history).values(assessment_id=assessment_id, **values, **author.columns(at))
    )
    newest = max([at, *(position(r)[:2] for r in rows)])
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
