"""Which students were in many sections at several moments; by two statements.

Folds enrolments alone, by the same rules as as_of.py, which reads grades as well.
Source: RULES 1.3, 1.6, R73, R78.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.history import identity, roster
from schooltool_bridge.history.fold import EnrolmentRow, EnrolmentState
from schooltool_bridge.history.fold_enrolments import row_of, timeline
from schooltool_bridge.store.model import enrolment_history


def students_at_each(
    connection: Connection, wanted: sa.Select[tuple[int]], moments_unix_s: Sequence[int]
) -> dict[int, list[dict[int, EnrolmentState]]]:
    """Return, by section, every student that it ever had by each of these moments, with the state.

    `wanted` is a select of ids of sections; those that nobody was ever in are left out.
    """
    roots = identity.roots(connection)
    rows = connection.execute(roster.HISTORY.where(enrolment_history.c.section_id.in_(wanted)))
    held: dict[tuple[int, int], list[EnrolmentRow]] = defaultdict(list)
    for row in rows:
        held[row.section_id, roots.get(row.person_id, row.person_id)].append(row_of(row))
    found: dict[int, list[dict[int, EnrolmentState]]] = {}
    for (section_id, person_id), some in held.items():
        there = found.setdefault(section_id, [{} for _moment in moments_unix_s])
        for moment_unix_s, states in zip(moments_unix_s, there, strict=True):
            # Whether there was a grade decides the code of a withdrawal, not that it is one.
            folded = timeline(some, (), role=STUDENT, has_grade=False, until_unix_s=moment_unix_s)
            state = folded.at(moment_unix_s)
            if state is not None:
                states[person_id] = state
    return found
