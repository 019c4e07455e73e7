"""Whom a section's peer means when it names a teacher, for many people by few statements.

A section names its teacher by a number, which may be given to somebody else later. Whom a row of
its history meant is kept as soon as that is known (store/model_teaching.py), and stays so; until
then it is whoever has the number now. Source: RULES 1.3, 1.4, R46.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from schooltool_bridge.common.ids import OWN_ID, key
from schooltool_bridge.history import identity, links
from schooltool_bridge.history.fold import TeacherRow
from schooltool_bridge.store.model import (
    person,
    person_history,
    person_link,
    section,
    section_history,
)
from schooltool_bridge.store.model_teaching import named_teacher


@dataclass(frozen=True, slots=True)
class Called:
    """How a peer may call a person, in the form compared."""

    names: set[str] = field(default_factory=set)
    # How it called them before they were unlinked: nobody, until a person decides whom it means.
    undecided: set[str] = field(default_factory=set)


# Of section_history joined with `named_teacher`: whom a row names, None while nobody knows.
TEACHER_ID = named_teacher.c.person_id.label("teacher_id")
WITH_TEACHER = section_history.outerjoin(
    named_teacher, named_teacher.c.row_id == section_history.c.id
)
ROWS: sa.Select[Any] = sa.select(section_history, TEACHER_ID).select_from(WITH_TEACHER)


def keep(connection: Connection, meant: Mapping[int, int]) -> None:
    """Keep whom rows of sections' histories name that nobody is kept for yet, by our ids."""
    rows = [{"row_id": row_id, "person_id": who} for row_id, who in meant.items()]
    if rows:
        connection.execute(sa.insert(named_teacher), rows)


def keep_same(connection: Connection, row_id: int, new_id: int) -> None:
    """Let a row that repeats another name whom that one names."""
    of_row = sa.select(sa.literal(new_id), named_teacher.c.person_id).where(
        named_teacher.c.row_id == row_id
    )
    connection.execute(sa.insert(named_teacher).from_select(["row_id", "person_id"], of_row))


def naming(
    rows: Iterable[Any], called: Called, is_theirs: Callable[[int], bool]
) -> list[TeacherRow]:
    """Return the rows of a section that name a teacher, and whether it is this person.

    `is_theirs` says of an id of ours whether it is one of this person's. What names somebody who
    was unlinked, and of whom nobody decided yet, says nothing about them. Pure.
    """
    found = []
    for r in rows:
        if r.teacher_id is None:
            number = key(r.teacheridnumber)
            if number in called.undecided and number not in called.names:
                continue
            is_named = number in called.names
        else:
            is_named = is_theirs(r.teacher_id)
        found.append(TeacherRow(r.id, r.effective_unix_s, r.seq, r.recorded_unix_s, is_named))
    return found


def names(
    connection: Connection, peer_id: int | None, everybody: Iterable[Collection[int]]
) -> list[Called]:
    """Return how a peer may call each of some people, given by all their rows.

    None: nobody's section, where only the school's own numbers count.
    """
    people = [*everybody]
    owner = {row: number for number, rows in enumerate(people) for row in rows}
    found = [Called() for _person in people]
    # With our ids of people, the peer's and the former number.
    once: list[tuple[int, int, str]] = []
    for part in in_parts(sorted(owner)):
        values = {"peer": peer_id, "people": part}
        # Whose links are all cut (links.is_cut).
        cut: dict[int, bool] = {}
        for link in connection.execute(_LINKS, values):
            of = found[owner[link.person_id]]
            theirs = (link.idnumber_key, OWN_ID + link.moodle_id if link.moodle_id else None)
            (of.undecided if link.unlinked else of.names).update(filter(None, theirs))
            cut[link.person_id] = link.unlinked and cut.get(link.person_id, True)
            former = link.former_number
            if former is not None and link.unlinked:
                of.undecided.add(key(former))
            elif former is not None and key(former) != link.idnumber_key:
                once.append((link.person_id, link.peer_id, former))
        for row_id, number in _own_numbers(connection, values, owner):
            of = found[owner[row_id]]
            (of.undecided if cut.get(row_id) else of.names).add(number)
    if once:
        for row_id, _peer_id, name in links.former(connection, once, identity.roots(connection)):
            found[owner[row_id]].names.add(name)
    return found


def _own_numbers(
    connection: Connection, values: Mapping[str, object], owner: Mapping[int, int]
) -> list[tuple[int, str]]:
    """Return the school's own numbers of people's rows, as far as the peer means them by these."""
    own: dict[int, tuple[str, set[int | None]]] = {}
    for row in connection.execute(_OWN, values):
        _number, apart = own.setdefault(row.id, (row.idnumber_key, set()))
        if row.apart_id is not None:
            apart.add(owner.get(row.apart_id))
    # The peer may call somebody else so, who was kept apart.
    return [(i, number) for i, (number, apart) in own.items() if not apart - {owner[i]}]


def teacher_rows(
    connection: Connection,
    memberships: Collection[tuple[int, int]],
    rows_of: Mapping[int, Collection[int]],
) -> dict[tuple[int, int], list[TeacherRow]]:
    """Return of memberships the sections' rows that name a teacher, and whether it is that person.

    `memberships` are sections and people, `rows_of` gives all rows of a person.
    """
    history = section_history
    named: dict[int, list[sa.Row[Any]]] = defaultdict(list)
    of_peer: dict[int | None, list[tuple[int, int]]] = defaultdict(list)
    peers: dict[int, int | None] = {}
    for part in in_parts(sorted({section_id for section_id, _who in memberships})):
        for row in connection.execute(_NAMING.where(history.c.section_id.in_(part))):
            named[row.section_id].append(row)
            peers[row.section_id] = row.peer_id
    for membership in memberships:
        if membership[0] in named:
            of_peer[peers[membership[0]]].append(membership)
    found: dict[tuple[int, int], list[TeacherRow]] = {}
    for peer_id, places in of_peer.items():
        people = list(dict.fromkeys(who for _section_id, who in places))
        called = {}
        if any(r.teacher_id is None for section_id, _who in places for r in named[section_id]):
            of_people = names(connection, peer_id, map(rows_of.__getitem__, people))
            called = dict(zip(people, of_people, strict=True))
        for section_id, who in places:
            found[section_id, who] = naming(
                named[section_id], called.get(who, _NOBODY), rows_of[who].__contains__
            )
    return found


_NOBODY = Called()
_FORMER = links.FORMER_NUMBER.element
# With numbers that they had before; what differs only in how it is written is sorted out after.
_LINKS: sa.Select[Any] = (
    sa.select(
        person_link.c.person_id,
        person_link.c.peer_id,
        person_link.c.idnumber_key,
        person_link.c.moodle_id,
        person_link.c.unlinked,
        links.FORMER_NUMBER,
    )
    .select_from(
        person_link.outerjoin(
            person_history,
            sa.and_(
                person_history.c.link_id == person_link.c.id,
                _FORMER.is_not(None),
                _FORMER.is_distinct_from(person_link.c.idnumber_key),
            ),
        )
    )
    .where(
        person_link.c.peer_id == sa.bindparam("peer"),
        person_link.c.person_id.in_(sa.bindparam("people", expanding=True)),
    )
)
_APART = person_link.alias("apart")
_OWN = (
    sa.select(person.c.id, person.c.idnumber_key, _APART.c.person_id.label("apart_id"))
    .select_from(
        person.outerjoin(
            _APART,
            sa.and_(
                _APART.c.idnumber_key == person.c.idnumber_key,
                _APART.c.peer_id == sa.bindparam("peer"),
                _APART.c.kept_apart,
            ),
        )
    )
    .where(
        person.c.id.in_(sa.bindparam("people", expanding=True)),
        person.c.idnumber_key.is_not(None),
    )
)
_NAMING: sa.Select[Any] = (
    sa.select(
        section_history.c.id,
        section_history.c.section_id,
        section_history.c.effective_unix_s,
        section_history.c.seq,
        section_history.c.recorded_unix_s,
        section_history.c.teacheridnumber,
        section.c.peer_id,
        TEACHER_ID,
    )
    .select_from(WITH_TEACHER.join(section, section.c.id == section_history.c.section_id))
    .where(section_history.c.teacheridnumber != "")
)
