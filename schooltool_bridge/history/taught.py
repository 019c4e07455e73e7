"""Whom a section named as its teacher, for sections read together (rows.py).

Source: RULES 1.3, 1.4, R46.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa

from schooltool_bridge.common.ids import OWN_ID, key
from schooltool_bridge.history.fold import TeacherRow
from schooltool_bridge.history.rows import Read, Rows
from schooltool_bridge.history.teacher_names import Called, naming


def taught(
    rows: Read, homes: Mapping[int, int], by_section: Mapping[int, Rows]
) -> dict[tuple[int, int], list[TeacherRow]]:
    """Return, for everybody who ever taught a section, the rows that name its teacher.

    By section and person; `homes` says in which section of ours a peer's stood then.
    """
    names = _Names(rows)
    found = {}
    for row in rows.teachers:
        who = rows.root(row.person_id)
        named = [r for r in by_section.get(row.section_id, ()) if r.teacheridnumber]
        if named:
            there = homes.get(row.section_id, row.section_id)
            is_theirs = partial(_is_of, rows, who)
            found[there, who] = naming(named, names.at(who, row.peer_id), is_theirs)
    return found


def _is_of(rows: Read, who: int, person_id: int) -> bool:
    return rows.root(person_id) == who


class _Names:
    """How each peer may call the teachers."""

    def __init__(self, rows: Read) -> None:
        self._rows = rows
        # The school's own numbers of a person, by row; and what links say, by person and peer.
        self._own: dict[int, dict[int, str]] = defaultdict(dict)
        self._there: dict[tuple[int, int | None], Called] = defaultdict(Called)
        # Whether all links of a row to a peer are cut (links.is_cut).
        self._cut: dict[tuple[int, int | None], bool] = {}
        for row in rows.names:
            who, own = rows.root(row.id), OWN_ID + row.moodle_id if row.moodle_id else None
            if row.idnumber_key:
                self._own[who][row.id] = row.idnumber_key
            if row.peer_id is not None:
                there = self._there[who, row.peer_id]
                of_link = there.undecided if row.unlinked else there.names
                of_link.update(filter(None, (row.link_key, own)))
                if row.unlinked and row.former_number is not None:
                    there.undecided.add(key(row.former_number))
                place = row.id, row.peer_id
                self._cut[place] = row.unlinked and self._cut.get(place, True)
        for person_id, peer_id, number in rows.former:
            self._there[rows.root(person_id), peer_id].names.add(number)

    def at(self, who: int, peer_id: int | None) -> Called:
        """How a peer may call somebody; None: nobody's section."""
        apart = {r.idnumber_key for r in self._rows.apart if self._is_of_another(r, peer_id, who)}
        there = self._there[who, peer_id]
        found = Called({*there.names}, {*there.undecided})
        for row_id, number in self._own[who].items():
            if number not in apart:
                is_cut = self._cut.get((row_id, peer_id), False)
                (found.undecided if is_cut else found.names).add(number)
        return found

    def _is_of_another(self, apart: sa.Row[Any], peer_id: int | None, who: int) -> bool:
        """Tell whether this peer's name for somebody is kept apart from this person."""
        return apart.peer_id == peer_id and self._rows.root(apart.person_id) != who
