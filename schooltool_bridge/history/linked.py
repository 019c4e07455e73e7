"""With which peers people, sections and assessments are linked, and why not where they are not.

Only looks. Source: RULES 1.12.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from peers import store
from peers.model import peer
from schooltool_bridge.history import identity, joined
from schooltool_bridge.history.fold import item_state
from schooltool_bridge.store.model import (
    ACTIVE,
    assessment,
    assessment_history,
    person,
    person_link,
    section,
)
from schooltool_bridge.store.model_joining import section_join
from schooltool_bridge.store.model_linking import link_change
from schooltool_bridge.store.model_people import imported_id
from schooltool_bridge.store.model_sync import sync_mark

# Why something is not linked.
BY_HAND, IMPORTED, UNLINKED = "by hand", "imported", "unlinked"
MISSING, DELETED_THERE, PEER_REMOVED = "missing", "deleted there", "peer removed"


@dataclass(frozen=True, slots=True)
class Linked:
    """Whether something is linked."""

    # The wwwroots of the peers with which it is.
    peers: tuple[str, ...] = ()
    # Why it is not; empty: it is.
    reason: str = ""
    # Whose it was, since when it is so (unix seconds) and by whom, where that is known.
    peer: str = ""
    since_unix_s: int | None = None
    by_actor: str = ""


def of_sections(connection: Connection, ids: Collection[int]) -> dict[int, Linked]:
    """Return of sections, by our id, whether each is linked; one of ours by what is one with it."""
    homes = joined.homes(connection, ids)
    found = _of_things(connection, section, "section", "sections", {*ids, *homes})
    return found | {ours: found[theirs] for theirs, ours in homes.items()}


def of_assessments(connection: Connection, ids: Collection[int]) -> dict[int, Linked]:
    """Return of assessments, by our id, whether each is linked."""
    found = _of_things(connection, assessment, "assessment", "assessments", ids)
    given_back = _given_back(connection, found)
    return found | {i: Linked((), DELETED_THERE, found[i].peers[0]) for i in given_back}


def of_people(connection: Connection, ids: Collection[int]) -> dict[int, Linked]:
    """Return of people, by the id of the record that stands for each, whether they are linked."""
    roots = identity.roots(connection)
    records: Mapping[int, list[int]] = defaultdict(list)
    wanted = set(ids)
    for record, root in roots.items():
        if root in wanted:
            records[root].append(record)
    links: Mapping[int, list[Linked]] = defaultdict(list)
    of_record = {r: root for root in wanted for r in (root, *records[root])}
    for part in in_parts(sorted(of_record)):
        rows = connection.execute(
            sa.select(person_link, peer.c.wwwroot, peer.c.state)
            .join_from(person_link, peer, peer.c.id == person_link.c.peer_id)
            .where(person_link.c.person_id.in_(part))
            .order_by(peer.c.wwwroot, person_link.c.id)
        ).all()
        facts = _Facts.read(connection, "person_link", "users", [row.id for row in rows])
        for row in rows:
            links[of_record[row.person_id]].append(facts.linked(row))
    imported = _imported(connection, "user", of_record)
    found = {}
    for who in wanted:
        peers = tuple(dict.fromkeys(p for one in links[who] for p in one.peers))
        lost = [one for one in links[who] if one.reason]
        is_imported = any(r in imported for r in (who, *records[who]))
        reason = Linked(reason=IMPORTED if is_imported else BY_HAND)
        found[who] = Linked(peers) if peers else (lost[-1] if lost else reason)
    return found


def without_people() -> sa.ColumnElement[bool]:
    """Return what is true of people, by the record that stands for each, who are not linked."""
    is_marked = sa.exists().where(
        sync_mark.c.entity == "users", sync_mark.c.thing_id == person_link.c.id
    )
    there = (
        sa.select(identity.root_of(person_link.c.person_id))
        .join(peer, peer.c.id == person_link.c.peer_id)
        .where(sa.not_(person_link.c.unlinked), peer.c.state != store.DELETED, ~is_marked)
    )
    return person.c.id.not_in(there)


def without_sections() -> sa.ColumnElement[bool]:
    """Return what is true of sections that are not linked."""
    is_marked = sa.exists().where(
        sync_mark.c.entity == "sections", sync_mark.c.thing_id == section.c.id
    )
    is_one = sa.exists().where(
        section_join.c.ours_id == section.c.id, section_join.c.undone_unix_s.is_(None)
    )
    is_removed = sa.exists().where(peer.c.id == section.c.peer_id, peer.c.state == store.DELETED)
    return sa.or_(
        sa.and_(section.c.peer_id.is_(None), ~is_one),
        section.c.unlinked,
        section.c.status != ACTIVE,
        is_marked,
        is_removed,
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    """What is known of why links do not hold."""

    missing: Mapping[int, int]
    changes: Mapping[int, sa.Row[Any]]

    @classmethod
    def read(cls, connection: Connection, kind: str, entity: str, ids: Collection[int]) -> _Facts:
        missing: dict[int, int] = {}
        changes: dict[int, sa.Row[Any]] = {}
        for part in in_parts(sorted(ids)):
            mark = sync_mark.c
            marks = sa.select(mark.thing_id, mark.missing_unix_s).where(
                mark.entity == entity, mark.thing_id.in_(part)
            )
            missing |= {r.thing_id: r.missing_unix_s for r in connection.execute(marks)}
            told = sa.select(link_change).where(
                link_change.c.kind == kind, link_change.c.thing_id.in_(part)
            )
            for row in connection.execute(told.order_by(link_change.c.id)):
                changes[row.thing_id] = row
        return cls(missing, changes)

    def linked(self, row: sa.Row[Any], *, is_deleted: bool = False) -> Linked:
        """Say it of something of a peer's, or of a link."""
        if row.unlinked:
            change = self.changes.get(row.id)
            if change is None:
                return Linked((), UNLINKED, row.wwwroot)
            return Linked((), UNLINKED, row.wwwroot, change.recorded_unix_s, change.by_actor)
        if row.state == store.DELETED:
            return Linked((), PEER_REMOVED, row.wwwroot)
        if is_deleted:
            return Linked((), DELETED_THERE, row.wwwroot)
        if row.id in self.missing:
            return Linked((), MISSING, row.wwwroot, self.missing[row.id])
        return Linked((row.wwwroot,))


def _of_things(
    connection: Connection, table: sa.Table, kind: str, entity: str, ids: Collection[int]
) -> dict[int, Linked]:
    facts, imported = (
        _Facts.read(connection, kind, entity, ids),
        _imported(connection, kind, ids),
    )
    found: dict[int, Linked] = {}
    for row in _rows(connection, table, ids):
        if row.peer_id is None:
            found[row.id] = Linked(reason=IMPORTED if row.id in imported else BY_HAND)
        else:
            found[row.id] = facts.linked(row, is_deleted=row.status != ACTIVE)
    return found


def _rows(connection: Connection, table: sa.Table, ids: Collection[int]) -> Iterator[sa.Row[Any]]:
    columns = (table.c.id, table.c.peer_id, table.c.status, table.c.unlinked)
    query = sa.select(*columns, peer.c.wwwroot, peer.c.state).select_from(
        table.outerjoin(peer, peer.c.id == table.c.peer_id)
    )
    for part in in_parts(sorted(ids)):
        rows: Iterable[Any] = connection.execute(query.where(table.c.id.in_(part)))
        yield from rows


def _imported(connection: Connection, kind: str, ids: Collection[int]) -> set[int]:
    found: set[int] = set()
    for part in in_parts(sorted(ids)):
        mine = sa.and_(imported_id.c.kind == kind, imported_id.c.own_id.in_(part))
        found |= set(connection.execute(sa.select(imported_id.c.own_id).where(mine)).scalars())
    return found


def _given_back(connection: Connection, found: Mapping[int, Linked]) -> list[int]:
    """Return assessments that their peer deleted and that stay here, by hand again."""
    theirs = [i for i, one in found.items() if one.peers]
    rows: Mapping[int, list[sa.Row[Any]]] = defaultdict(list)
    for part in in_parts(theirs):
        mine = assessment_history.c.assessment_id.in_(part)
        for row in connection.execute(sa.select(assessment_history).where(mine)):
            rows[row.assessment_id].append(row)
    return [i for i, told in rows.items() if not item_state(told).is_peers]
