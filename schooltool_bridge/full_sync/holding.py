"""What we hold of a peer, and which of it a run's walks left out.

Only looks. Manual data is nobody's absence: entries by hand, enrolments that no peer latest, items
given back. What was told after a list was taken, or heard after its walk began, is not judged
missing. Source: RULES 1.10, R83.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from schooltool_bridge.events import assessments
from schooltool_bridge.full_sync import walking
from schooltool_bridge.full_sync.walking import Walk
from schooltool_bridge.history import cells, identity, joined, meaning, present
from schooltool_bridge.history.fold import position
from schooltool_bridge.store.model import (
    ACTIVE,
    assessment,
    assessment_history,
    enrolment_history,
    grade,
    grade_history,
    person_history,
    person_link,
    section,
    section_history,
)
from schooltool_bridge.store.model_sync import sync_mark, sync_seen


class Missing(NamedTuple):
    """Something of ours that a whole walk left out."""

    thing_id: int
    person_id: int | None
    section_id: int | None
    assessment_id: int | None
    # It was known as missing before.
    is_marked: bool
    # The latest row of its history.
    known_until_id: int


@dataclass(frozen=True, slots=True)
class _Kind:
    """What we hold of one kind: a select of id, person_id, section_id, assessment_id."""

    held: Callable[[Connection, int], sa.Select[Any]]
    # Rows of its history, by thing: latest time of the sender, of arrival, id. Beyond the kind's
    # own select, whether a peer may say that it is gone.
    latest: Callable[[Connection, Collection[int]], Mapping[int, Latest]]


class Latest(NamedTuple):
    """What a history says last of a thing: when, in which row, and whether the peer says it."""

    effective_unix_s: int
    recorded_unix_s: int
    latest_id: int
    is_peers: bool = True


def held(connection: Connection, peer_id: int, entity: str) -> int:
    """Return how many things of a kind we hold of a peer."""
    mine = _KINDS[entity].held(connection, peer_id).subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(mine)).scalar_one())


def missing(
    connection: Connection, peer_id: int, run_id: int, entity: str, walk: Walk
) -> list[Missing]:
    """Return what a whole walk left out of what we hold, in the order of our ids."""
    mine = _KINDS[entity].held(connection, peer_id).subquery()
    seen = sync_seen.c
    listed = sa.select(seen.thing_id).where(seen.run_id == run_id, seen.entity == entity)
    mark = sa.and_(
        sync_mark.c.peer_id == peer_id,
        sync_mark.c.entity == entity,
        sync_mark.c.thing_id == mine.c.id,
    )
    query = sa.select(mine, sync_mark.c.thing_id.label("marked")).select_from(
        mine.outerjoin(sync_mark, mark)
    )
    query = query.where(mine.c.id.not_in(listed)).order_by(mine.c.id)
    if entity == walking.ENROLMENTS:
        # Only where the same run lists the section.
        there = sa.select(seen.thing_id).where(
            seen.run_id == run_id, seen.entity == walking.SECTIONS
        )
        query = query.where(mine.c.section_id.in_(there))
    rows = connection.execute(query).all()
    latest = latest_of(connection, entity, [r.id for r in rows])
    return [
        Missing(
            r.id,
            r.person_id,
            r.section_id,
            r.assessment_id,
            r.marked is not None,
            latest[r.id].latest_id,
        )
        for r in rows
        if r.id in latest and _is_judged(latest[r.id], walk)
    ]


def latest_of(connection: Connection, entity: str, things: Sequence[int]) -> dict[int, Latest]:
    """Return what the history of things of a kind says last, by our id."""
    found: dict[int, Latest] = {}
    for part in in_parts(things):
        found.update(_KINDS[entity].latest(connection, part))
    return found


def _is_judged(latest: Latest, walk: Walk) -> bool:
    taken, began = walk.taken_unix_s, walk.began_unix_s
    assert taken is not None
    assert began is not None
    return latest.is_peers and latest.effective_unix_s < taken and latest.recorded_unix_s < began


def _none(name: str) -> sa.Label[Any]:
    return sa.cast(sa.null(), sa.Integer).label(name)


def _links(_connection: Connection, peer_id: int) -> sa.Select[Any]:
    """Links of which the peer itself told; without its names (erased) nothing can be listed."""
    names = (person_link.c.idnumber_key, person_link.c.username_key, person_link.c.moodle_id)
    return sa.select(
        person_link.c.id, person_link.c.person_id, _none("section_id"), _none("assessment_id")
    ).where(
        person_link.c.peer_id == peer_id,
        person_link.c.effective_unix_s >= 0,
        sa.not_(person_link.c.unlinked),
        sa.or_(*(n.is_not(None) for n in names)),
    )


def _sections(_connection: Connection, peer_id: int) -> sa.Select[Any]:
    return sa.select(
        section.c.id, _none("person_id"), section.c.id.label("section_id"), _none("assessment_id")
    ).where(section.c.peer_id == peer_id, section.c.status == ACTIVE, sa.not_(section.c.unlinked))


def _enrolments(connection: Connection, peer_id: int) -> sa.Select[Any]:
    now = present.as_peers_say(connection)
    return (
        sa.select(now.c.id, now.c.person_id, now.c.section_id, _none("assessment_id"))
        .join_from(now, section, section.c.id == now.c.section_id)
        .where(
            section.c.peer_id == peer_id,
            meaning.is_open(now.c.code),
            sa.not_(section.c.unlinked),
        )
    )


def _assessments(_connection: Connection, peer_id: int) -> sa.Select[Any]:
    return sa.select(
        assessment.c.id,
        _none("person_id"),
        joined.of_peer(assessment.c.section_id).label("section_id"),
        assessment.c.id.label("assessment_id"),
    ).where(
        assessment.c.peer_id == peer_id,
        assessment.c.status == ACTIVE,
        sa.not_(assessment.c.unlinked),
    )


def _grades(_connection: Connection, peer_id: int) -> sa.Select[Any]:
    """Cells in which the peer's word counts and there is something; a cleared one may be left."""
    return (
        sa.select(
            grade.c.id,
            grade.c.person_id,
            joined.of_peer(assessment.c.section_id).label("section_id"),
            assessment.c.id.label("assessment_id"),
        )
        .join_from(grade, assessment, assessment.c.id == grade.c.assessment_id)
        .where(
            assessment.c.peer_id == peer_id,
            assessment.c.status == ACTIVE,
            sa.not_(assessment.c.unlinked),
            grade.c.exists,
            grade.c.authority == cells.PEER,
            sa.or_(grade.c.points.is_not(None), grade.c.excepted),
        )
    )


def _latest_in(table: sa.Table, of: sa.Column[int]) -> Callable[..., Mapping[int, Latest]]:
    """Return what reads the latest of a history, which names its thing by a column."""
    latest = (
        sa.func.max(table.c.effective_unix_s),
        sa.func.max(table.c.recorded_unix_s),
        sa.func.max(table.c.id),
    )

    def read(connection: Connection, things: Collection[int]) -> Mapping[int, Latest]:
        rows = connection.execute(sa.select(of, *latest).where(of.in_(things)).group_by(of))
        return {thing: Latest(*moments) for thing, *moments in rows}

    return read


def _latest_of_assessments(connection: Connection, things: Collection[int]) -> Mapping[int, Latest]:
    read = _latest_in(assessment_history, assessment_history.c.assessment_id)
    found = {}
    for thing, latest in read(connection, things).items():
        state = assessments.state(connection, thing)
        found[thing] = latest._replace(is_peers=state is not None and state.is_peers)
    return found


def _latest_of_enrolments(connection: Connection, things: Collection[int]) -> Mapping[int, Latest]:
    """Told by the peer, and not by hand since: what stands by hand is not the peer's to end."""
    now = present.as_peers_say(connection)
    rows = connection.execute(
        sa.select(now.c.id, now.c.section_id, now.c.person_id, now.c.role).where(
            now.c.id.in_(things)
        )
    ).all()
    found = {}
    for row in rows:
        history = connection.execute(
            sa.select(enrolment_history).where(
                enrolment_history.c.section_id == row.section_id,
                enrolment_history.c.person_id.in_(identity.everybody(connection, row.person_id)),
                sa.or_(enrolment_history.c.role == row.role, enrolment_history.c.role.is_(None)),
            )
        ).all()
        if not history:
            continue
        last = max(history, key=position)
        found[row.id] = Latest(
            max(r.effective_unix_s for r in history),
            max(r.recorded_unix_s for r in history),
            max(r.id for r in history),
            is_peers=last.by_actor is None and last.code is not None,
        )
    return found


_KINDS: Mapping[str, _Kind] = {
    walking.USERS: _Kind(_links, _latest_in(person_history, person_history.c.link_id)),
    walking.SECTIONS: _Kind(_sections, _latest_in(section_history, section_history.c.section_id)),
    walking.ENROLMENTS: _Kind(_enrolments, _latest_of_enrolments),
    walking.ASSESSMENTS: _Kind(_assessments, _latest_of_assessments),
    walking.GRADES: _Kind(_grades, _latest_in(grade_history, grade_history.c.grade_id)),
}
