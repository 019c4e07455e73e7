"""Final marks as they were stored at a closing; of a person's in a section the latest holds.

Source: RULES R43, R70.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.history.averages import ScoreSystem
from schooltool_bridge.store.model_reports import final_mark


@dataclass(frozen=True, slots=True)
class StoredMark:
    """A row of final_mark."""

    section_id: int
    person_id: int
    percent: Decimal | None
    mark: str
    score_system_id: int | None
    # The enrolment's state at the closing.
    code: str
    recorded_unix_s: int


def final_marks(
    connection: Connection, everybody: Iterable[int], at_unix_s: int | None = None
) -> dict[int, StoredMark]:
    """Return the final mark of these rows of one person in each section, the latest of several."""
    rows = connection.execute(
        sa.select(final_mark)
        .where(
            final_mark.c.person_id.in_(list(everybody)),
            sa.true() if at_unix_s is None else final_mark.c.recorded_unix_s <= at_unix_s,
        )
        .order_by(final_mark.c.id)
    )
    return {r.section_id: stored_mark(r) for r in rows}


def stored_mark(row: sa.Row[Any]) -> StoredMark:
    """Read a row of final_mark."""
    return StoredMark(
        row.section_id,
        row.person_id,
        None if row.percent is None else Decimal(row.percent),
        row.mark,
        row.score_system_id,
        row.code,
        row.recorded_unix_s,
    )


def passes(mark: StoredMark, system: ScoreSystem | None) -> bool | None:
    """Tell whether a stored mark passes; None where its score system does not say."""
    if system is None or system.kind != "values":
        return None
    return next((s.passes for s in system.scores if s.score == mark.mark), None)
