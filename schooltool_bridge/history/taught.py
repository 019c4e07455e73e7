"""Whom a section named as its teacher, for sections read together (rows.py).

Source: RULES 1.3, 1.4, R46.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from schooltool_bridge.common.ids import OWN_ID, key
from schooltool_bridge.history.fold import TeacherRow
from schooltool_bridge.history.rows import Read, Rows

Names = Mapping[tuple[int, int | None], set[str]]


def taught(
    rows: Read, homes: Mapping[int, int], by_section: Mapping[int, Rows]
) -> dict[tuple[int, int], list[TeacherRow]]:
    """Return, for everybody who ever taught a section, the rows that name its teacher.

    By section and person; `homes` says in which section of ours a peer's stood then.
    """
    names = _names(rows)
    found = {}
    for row in rows.teachers:
        who = rows.root(row.person_id)
        apart = {r.idnumber_key for r in rows.apart if _is_of_another(rows, r, row.peer_id, who)}
        known_as = (names[who, None] - apart) | names[who, row.peer_id]
        naming = [
            TeacherRow(
                r.id,
                r.effective_unix_s,
                r.seq,
                r.recorded_unix_s,
                key(r.teacheridnumber) in known_as,
            )
            for r in by_section.get(row.section_id, ())
            if r.teacheridnumber
        ]
        if naming:
            found[homes.get(row.section_id, row.section_id), who] = naming
    return found


def _names(rows: Read) -> Names:
    """What each teacher is called: (person, peer) to names; peer None: by everybody."""
    names: dict[tuple[int, int | None], set[str]] = defaultdict(set)
    for row in rows.names:
        who, own = rows.root(row.id), OWN_ID + row.moodle_id if row.moodle_id else None
        names[who, None] |= {row.idnumber_key} - {None}
        names[who, row.peer_id] |= {row.link_key, own} - {None}
    for person_id, peer_id, number in rows.former:
        names[rows.root(person_id), peer_id].add(number)
    return names


def _is_of_another(rows: Read, apart: sa.Row[Any], peer_id: int | None, who: int) -> bool:
    """Tell whether this peer's name for somebody is kept apart from this person."""
    return apart.peer_id == peer_id and rows.root(apart.person_id) != who
