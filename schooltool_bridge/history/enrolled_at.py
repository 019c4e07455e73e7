"""Which students were in many sections at several moments; by few statements.

Folds enrolments alone, by the same rules as as_of.py, which reads grades as well.
Source: RULES 1.3, 1.6, R73, R78.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.common.roles import STUDENT
from schooltool_bridge.history import deleted_at, identity, joined, roster
from schooltool_bridge.history.fold import EnrolmentRow, EnrolmentState
from schooltool_bridge.history.fold_enrolments import Timeline, moment, row_of, timeline
from schooltool_bridge.store.model import enrolment_history


def students_at_each(
    connection: Connection,
    wanted: sa.Select[tuple[int]],
    moments_unix_s: Sequence[int],
    *,
    also_deleted: bool = False,
) -> dict[int, list[dict[int, EnrolmentState]]]:
    """Return, by section, every student that it ever had by each of these moments, with the state.

    `wanted` is a select of ids of sections; those that nobody was ever in are left out. Of a moment
    at which a section was deleted nobody is told, unless that is asked for.
    """
    no_more: Sequence[set[int]] = [set() for _moment in moments_unix_s]
    if not also_deleted:
        no_more = deleted_at.at_each(connection, wanted, moments_unix_s)
    roots, spells = identity.roots(connection), joined.spells(connection, wanted)
    either = {i for s in spells for i in (s.ours_id, s.theirs_id)}
    in_any = enrolment_history.c.section_id.in_(wanted)
    rows = connection.execute(
        roster.HISTORY.where(
            sa.or_(in_any, enrolment_history.c.section_id.in_(either)) if either else in_any
        )
    )
    held: dict[tuple[int, int], list[EnrolmentRow]] = defaultdict(list)
    for row in rows:
        held[row.section_id, roots.get(row.person_id, row.person_id)].append(row_of(row))
    found: dict[int, list[dict[int, EnrolmentState]]] = {}
    settled: dict[int, Timeline] = {}
    for number, moment_unix_s in enumerate(moments_unix_s):
        homes = joined.homes_at(spells, moment_unix_s)
        for (section_id, person_id), some in _as_one(held, homes).items():
            there = found.setdefault(section_id, [{} for _moment in moments_unix_s])
            # Whether there was a grade decides the code of a withdrawal, not that it is one.
            folded = settled.get(id(some)) or timeline(
                some, (), role=STUDENT, has_grade=False, until_unix_s=moment_unix_s
            )
            if not spells and all(moment(r) <= moment_unix_s for r in some):
                # Nothing was said of it later, so that the next moments need no other fold.
                settled[id(some)] = folded
            state = folded.at(moment_unix_s)
            if state is not None and section_id not in no_more[number]:
                there[number][person_id] = state
    if spells:
        asked = {row.id for row in connection.execute(wanted)}
        found = {section_id: there for section_id, there in found.items() if section_id in asked}
    return found


def _as_one(
    held: Mapping[tuple[int, int], list[EnrolmentRow]], homes: Mapping[int, int]
) -> Mapping[tuple[int, int], list[EnrolmentRow]]:
    """Return histories with those of joined sections in the one where people saw them."""
    if not homes:
        return held
    found: dict[tuple[int, int], list[EnrolmentRow]] = defaultdict(list)
    for (section_id, person_id), some in held.items():
        found[homes.get(section_id, section_id), person_id] += some
    return found
