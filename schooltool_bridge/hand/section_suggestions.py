"""Sections that may be the same: one of ours and one that a peer brought, for a person to decide.

By the same idnumber, by the code of the course under which ours is filed, or by nearly the same
name and a teacher in common. Only suggested, and never joined by itself. Source: RULES 1.4.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from mnet.language import N_
from peers.model import peer
from schooltool_bridge.common.ids import OWN_ID, key
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.events import adoption
from schooltool_bridge.history import identity, joined, meaning, present
from schooltool_bridge.store.model import ACTIVE, assessment, enrolment_state, section
from schooltool_bridge.store.model_joining import section_apart
from schooltool_bridge.store.model_school import course

NUMBER, CODE, NAME = REASONS = ("idnumber", "course", "name")
# How people are told why two are suggested.
WORDS: Mapping[str, str] = {
    NUMBER: N_("the same ID number"),
    CODE: N_("the code of its course"),
    NAME: N_("nearly the same name, and a teacher in common"),
}
# More than anybody decides in one sitting; the rest comes when these are decided.
MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two sections, with what tells people which it is."""

    id: int
    name: str
    idnumber: str | None
    segment: str
    # The peer that brought it; empty: made here.
    peer: str
    course: str
    teachers: frozenset[int]
    students: frozenset[int]
    items: frozenset[str]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two sections that may be the same; `reason` is one of REASONS."""

    ours: Side
    theirs: Side
    reason: str
    # Nothing else fits either of them by its idnumber.
    is_exact: bool

    @property
    def students(self) -> int:
        """How many students they have in common."""
        return len(self.ours.students & self.theirs.students)

    @property
    def items(self) -> int:
        """How many names of assessments they have in common."""
        return len(self.ours.items & self.theirs.items)


def suggestions(connection: Connection, section_id: int | None = None) -> list[Suggestion]:
    """Return what may be the same, the surest first; of one section, or of all (MAX_SHOWN)."""
    pairs = _pairs(connection, section_id)
    by_number = [pair for pair, reason in pairs.items() if reason == NUMBER]
    seen = Counter(i for pair in by_number for i in pair)
    ordered = sorted(pairs, key=lambda pair: (REASONS.index(pairs[pair]), pair))[:MAX_SHOWN]
    sides = _sides(connection, {i for pair in ordered for i in pair})
    return [
        Suggestion(
            sides[ours],
            sides[theirs],
            pairs[ours, theirs],
            is_exact=seen[ours] == seen[theirs] == 1,
        )
        for ours, theirs in ordered
    ]


def count(connection: Connection) -> int:
    """Count what waits for a person."""
    return len(_pairs(connection))


def _pairs(connection: Connection, section_id: int | None = None) -> dict[tuple[int, int], str]:
    """Return which of ours may be which of a peer's, and why; of all, or those with one."""
    rows = connection.execute(
        sa.select(
            section.c.id, section.c.peer_id, section.c.idnumber, section.c.segment,
            section.c.name, course.c.code,
        )
        .select_from(section.outerjoin(course, course.c.id == section.c.course_id))
        .where(
            section.c.status == ACTIVE, joined.is_shown(section.c.id), ~section.c.unlinked
        )
    ).all()  # fmt: skip
    busy = set(joined.homes(connection, [r.id for r in rows]).values())
    ours = [r for r in rows if r.peer_id is None and r.id not in busy]
    theirs = [r for r in rows if r.peer_id is not None]
    parts = Counter((r.peer_id, key(r.idnumber)) for r in rows if r.idnumber)
    if section_id is not None and section_id in {r.id for r in ours}:
        ours = [r for r in ours if r.id == section_id]
    elif section_id is not None:
        theirs = [r for r in theirs if r.id == section_id]
    if not ours or not theirs:
        return {}
    apart = {
        (r.ours_id, r.theirs_id)
        for r in connection.execute(sa.select(section_apart.c.ours_id, section_apart.c.theirs_id))
    }
    found: dict[tuple[int, int], str] = {}
    for reason, keys_of_ours, keys_of_theirs in (
        (NUMBER, _number, _number),
        (CODE, _code, _names),
    ):
        here, there = _by(ours, keys_of_ours), _by(theirs, keys_of_theirs)
        for text in here.keys() & there.keys():
            some = _together(here[text], there[text], parts, by_part=reason == NUMBER)
            for row, other in some:
                found.setdefault((row.id, other.id), reason)
    for pair in _by_name(connection, ours, theirs):
        found.setdefault(pair, NAME)
    return {pair: reason for pair, reason in found.items() if pair not in apart}


def _number(row: Any) -> list[str]:
    return [key(row.idnumber)] if row.idnumber and not row.idnumber.startswith(OWN_ID) else []


def _code(row: Any) -> list[str]:
    return [key(row.code)] if row.code else []


def _names(row: Any) -> list[str]:
    return list(dict.fromkeys([*_number(row), key(row.name)]))


def _together(
    ours: Sequence[Any],
    theirs: Sequence[Any],
    parts: Mapping[tuple[int | None, str], int],
    *,
    by_part: bool,
) -> list[tuple[Any, Any]]:
    """Pair what has one text; the parts (segments) of a number by segment, a sole one with any."""
    return [
        (o, t)
        for o in ours
        for t in theirs
        if not by_part
        or o.segment == t.segment
        or parts[None, key(o.idnumber)] == parts[t.peer_id, key(t.idnumber)] == 1
    ]


def _by(rows: Iterable[Any], keys_of: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        for text in keys_of(row):
            found[text].append(row)
    return found


def _by_name(
    connection: Connection, ours: Sequence[Any], theirs: Sequence[Any]
) -> list[tuple[int, int]]:
    there = _by(theirs, lambda row: [adoption.bare(row.name)])
    near = [(o.id, t.id) for o in ours for t in there.get(adoption.bare(o.name), ())]
    teachers = _people(connection, {i for pair in near for i in pair}, TEACHER)
    return [(o, t) for o, t in near if teachers[o] & teachers[t]]


def _sides(connection: Connection, ids: set[int]) -> dict[int, Side]:
    teachers, students = (_people(connection, ids, role) for role in (TEACHER, STUDENT))
    items: dict[int, set[str]] = defaultdict(set)
    found: dict[int, Side] = {}
    for part in in_parts(sorted(ids)):
        for row in connection.execute(
            sa.select(assessment.c.section_id, assessment.c.name).where(
                assessment.c.section_id.in_(part), assessment.c.status == ACTIVE
            )
        ):
            items[row.section_id].add(row.name)
        rows = connection.execute(
            sa.select(section, peer.c.wwwroot, course.c.code)
            .select_from(
                section.outerjoin(peer, peer.c.id == section.c.peer_id).outerjoin(
                    course, course.c.id == section.c.course_id
                )
            )
            .where(section.c.id.in_(part))
        )
        for r in rows:
            found[r.id] = Side(
                r.id,
                r.name,
                r.idnumber,
                r.segment,
                r.wwwroot or "",
                r.code or "",
                frozenset(teachers[r.id]),
                frozenset(students[r.id]),
                frozenset(items[r.id]),
            )
    return found


def _people(connection: Connection, ids: set[int], role: str) -> dict[int, set[int]]:
    """Return who is in these sections now in a role."""
    now = present.enrolments(connection)
    found: dict[int, set[int]] = defaultdict(set)
    for part in in_parts(sorted(ids)):
        rows = connection.execute(
            sa.select(now.c.section_id, now.c.person_id)
            .join_from(now, enrolment_state, enrolment_state.c.code == now.c.code)
            .where(
                now.c.section_id.in_(part),
                now.c.role == role,
                meaning.IS_ACTIVE,
                now.c.person_id.not_in(identity.MERGED),
            )
        )
        for row in rows:
            found[row.section_id].add(row.person_id)
    return found
