"""Sections: one part (segment) each, scoped to the peer that brought them.

The teacher that a section names is part of its own history; what follows for that person's
enrolment is folded in roster.py. Source: RULES 1.3, 1.4, R40-R46.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts, insert_one
from mnet.faults import NotFound
from mnet.stored_sentences import english
from schooltool_bridge.common.days import day_of
from schooltool_bridge.common.ids import OWN_ID, own_id
from schooltool_bridge.common.named import by_names
from schooltool_bridge.common.roles import TEACHER
from schooltool_bridge.common.segments import FIRST_SEGMENT, segment_order
from schooltool_bridge.events import admitting, own_ids
from schooltool_bridge.events.applied import (
    CREATED,
    UNCHANGED,
    UPDATED,
    Applied,
    Held,
    Source,
    approval_key,
    enrolment_key,
    section_key,
    user_key,
)
from schooltool_bridge.events.fields import SectionEvent
from schooltool_bridge.history import identity, links, roster, teacher_names
from schooltool_bridge.history.fold import is_same_moment, position, position_of
from schooltool_bridge.store.model import ACTIVE, DELETED, enrolment, section, section_history
from schooltool_bridge.store.model_school import term


@dataclass(frozen=True, slots=True)
class Section:
    """A section's row."""

    id: int
    idnumber: str
    segment: str
    name: str
    status: str
    position: tuple[int, int]


def find(
    connection: Connection,
    peer_id: int,
    idnumber: str,
    segment: str | None,
    day: date | None = None,
) -> Section | None:
    """Return a peer's section.

    Without a segment the one whose term holds the day, else the highest one.
    """
    wanted = {"peer": peer_id, "wanted": idnumber, "own": own_id(idnumber)}
    rows = [row for row in connection.execute(_OF_PEER, wanted) if segment in (None, row.segment)]
    if day is not None:
        rows = [r for r in rows if r.first_day and r.first_day <= day <= r.last_day] or rows
    r = max(rows, key=lambda row: segment_order(row.segment), default=None)
    if r is None:
        return None
    return Section(r.id, r.idnumber, r.segment, r.name, r.status, (r.effective_unix_s, r.seq))


def parts_of_many(
    connection: Connection, peer_id: int, idnumbers: Collection[str]
) -> dict[str, list[sa.Row[Any]]]:
    """Return the rows of all parts of a peer's sections, by the names that were asked for."""
    found: dict[str, list[sa.Row[Any]]] = {}
    for part in in_parts(sorted(set(idnumbers))):
        values = {"peer": peer_id, "wanted": part, "own": [n for n in map(own_id, part) if n]}
        found.update(by_names(connection.execute(_OF_PEER_MANY, values), part))
    return found


def parts(connection: Connection, peer_id: int, idnumber: str) -> list[int]:
    """Return our ids of all parts (segments) of a peer's section, in their order."""
    wanted = {"peer": peer_id, "wanted": idnumber, "own": own_id(idnumber)}
    rows = connection.execute(_OF_PEER, wanted).all()
    return [row.id for row in sorted(rows, key=lambda r: segment_order(r.segment))]


def apply(connection: Connection, source: Source, event: SectionEvent, now_unix_s: int) -> Applied:
    """Apply new_section or delete_section."""
    event = _with_number(connection, source, _with_teacher(connection, source, event))
    day = source.day_of(event.when, now_unix_s)
    known = find(connection, source.peer_id, event.idnumber, event.segment, day)
    moved = _by_own_id(connection, source, event, day) if known is None else None
    is_new = known is None and moved is None and not _other_parts(connection, source, event)
    if is_new and (kept_out := admitting.admit(connection, source, event)):
        return kept_out
    if event.deleted and known is None and moved is None:
        if not event.when.is_timed:
            raise NotFound(
                english(
                    "delete_section: there is no section %(section)s.", section=repr(event.idnumber)
                )
            )
        raise Held(section_key(event.idnumber))
    if moved is not None:
        _move(connection, source, moved, event)
        known = moved
    if known is None:
        known = _create(connection, source, event)
        status = CREATED
    else:
        status = UPDATED
    own = own_id(event.idnumber, event.moodle_id)
    if own:
        connection.execute(sa.update(section).where(section.c.id == known.id).values(moodle_id=own))
    dated = _keep_dates(connection, source, known, event)
    changed = _write(connection, source, known, event, now_unix_s) or dated
    if status == UPDATED and not changed:
        status = UNCHANGED
    again_with = _teach(connection, source, known.id, event)
    message = (
        f"The teacher {event.teacheridnumber} is not known here yet and is attached on arrival."
        if again_with
        else ""
    )
    return Applied(status, known.id, message, _ready(event, own), again_with=again_with)


def _with_teacher(connection: Connection, source: Source, event: SectionEvent) -> SectionEvent:
    """Return an event with the id under which its teacher is found here."""
    named, own = event.teacheridnumber, event.teacher_moodle_id
    return replace(event, teacheridnumber=own_ids.user(connection, source.peer_id, named, own))


def _with_number(connection: Connection, source: Source, event: SectionEvent) -> SectionEvent:
    """Return an event with the id under which its course is found here, or is to be from here on.

    A number that another course had is this one's now, and the former goes by Moodle's own id;
    but not by a deletion, nor by an older event than the former's last one.
    """
    number = own_ids.course(connection, source.peer_id, event.idnumber, event.moodle_id)
    wanted = {"peer": source.peer_id, "wanted": event.idnumber, "own": None}
    rows = connection.execute(_OF_PEER, wanted).all()
    others = [row for row in rows if row.moodle_id not in (None, event.moodle_id)]
    if number == event.idnumber or not others:
        return event
    sent, seq = event.when.timemodified, event.when.seq
    last = max((row.effective_unix_s, row.seq) for row in others)
    is_older = sent is not None and (sent, seq) < last
    former_ids = {OWN_ID + row.moodle_id for row in others}
    are_free = all(own_ids.is_free(connection, section, source, one) for one in former_ids)
    if event.deleted or is_older or not are_free:
        return replace(event, idnumber=number)
    for row in others:
        former = sa.update(section).where(section.c.id == row.id)
        connection.execute(former.values(idnumber=OWN_ID + row.moodle_id))
    return event


def _by_own_id(
    connection: Connection, source: Source, event: SectionEvent, day: date | None
) -> Section | None:
    """Find what stands under another idnumber: Moodle's own id says that it is the same course."""
    if not event.moodle_id:
        return None
    return find(connection, source.peer_id, OWN_ID + event.moodle_id, event.segment, day)


def _other_parts(connection: Connection, source: Source, event: SectionEvent) -> bool:
    """Tell whether a section is here in another part: then a further one is nothing new."""
    names = admitting.names_of(event.idnumber, event.moodle_id)
    return any(parts(connection, source.peer_id, name) for name in names)


def _move(connection: Connection, source: Source, moved: Section, event: SectionEvent) -> None:
    """Give a section, and the other parts of its course, the idnumber that it has now.

    An older event than the last one says nothing of that, but where only Moodle's own id had named
    the section.
    """
    sent = event.when.timemodified
    is_older = sent is not None and (sent, event.when.seq) < moved.position
    if is_older and not moved.idnumber.startswith(OWN_ID):
        return
    parts = section.c.id == moved.id
    if event.segment is None:
        parts = sa.and_(
            section.c.peer_id == source.peer_id,
            section.c.idnumber == moved.idnumber,
            section.c.moodle_id == event.moodle_id,
        )
    connection.execute(sa.update(section).where(parts).values(idnumber=event.idnumber))


def attach_teacher(
    connection: Connection, source: Source, event: SectionEvent, now_unix_s: int
) -> Applied:
    """Apply what new_section says of its teacher, when the rest of it was applied before.

    So that it brings nothing back that was ended later.
    """
    event = _with_teacher(connection, source, event)
    number = own_ids.course(connection, source.peer_id, event.idnumber, event.moodle_id)
    event = replace(event, idnumber=number)
    day = source.day_of(event.when, now_unix_s)
    known = find(connection, source.peer_id, event.idnumber, event.segment, day)
    if known is None:
        return apply(connection, source, event, now_unix_s)
    again_with = _teach(connection, source, known.id, event)
    ready = _ready(event, own_id(event.idnumber, event.moodle_id))
    return Applied(UPDATED, known.id, ready=ready, again_with=again_with)


def _ready(event: SectionEvent, own: str | None) -> tuple[str, ...]:
    """What is there now: the section under its names, its teacher's membership.

    What waited for a person's yes to the section waits no more, however that came in.
    """
    names = dict.fromkeys(n for n in (event.idnumber, OWN_ID + own if own else None) if n)
    teacher = event.teacheridnumber
    return (
        *(of(n) for of in (section_key, approval_key) for n in names),
        *(enrolment_key(n, teacher) for n in names if teacher),
    )


def _create(connection: Connection, source: Source, event: SectionEvent) -> Section:
    segment = event.segment or FIRST_SEGMENT
    row_id = insert_one(
        connection,
        sa.insert(section).values(
            peer_id=source.peer_id,
            idnumber=event.idnumber,
            segment=segment,
            name=event.name,
            status=ACTIVE,
            effective_unix_s=-1,
            seq=-1,
        ),
    )
    return Section(row_id, event.idnumber, segment, event.name, "", (-1, -1))


def _keep_dates(
    connection: Connection, source: Source, known: Section, event: SectionEvent
) -> bool:
    """Keep when the course begins and ends there; tell whether that is new.

    An older event than the last one says nothing of it, nor does one without dates.
    """
    sent = event.when.timemodified
    told = (event.starts_unix_s, event.ends_unix_s)
    if told == (None, None) or (sent is not None and (sent, event.when.seq) < known.position):
        return False
    starts, ends = (None if at is None else day_of(at, source.zone) for at in told)
    mine = section.c.id == known.id
    columns = sa.select(section.c.starts_day, section.c.ends_day).where(mine)
    if tuple(connection.execute(columns).one()) == (starts, ends):
        return False
    connection.execute(sa.update(section).where(mine).values(starts_day=starts, ends_day=ends))
    return True


def _write(
    connection: Connection, source: Source, known: Section, event: SectionEvent, now_unix_s: int
) -> bool:
    """Put the event into the history; tell whether what holds now changed."""
    at = position_of(event.when, now_unix_s, known.position if known.position[0] >= 0 else None)
    values = {
        "name": "" if event.deleted else event.name,
        "teacheridnumber": event.teacheridnumber,
        "deleted": event.deleted,
    }
    history = section_history
    mine = teacher_names.ROWS.where(history.c.section_id == known.id)
    rows = sorted(connection.execute(mine), key=position)
    # Also of whoever has the teacher's number now.
    is_last_word = any(
        _says(row, values) and _still_means(connection, source, row) for row in rows[-1:]
    )
    if event.when.is_timed:
        same = (row for row in rows if is_same_moment(position(row)[:2], at))
        if any(_says(row, values) for row in same):
            return False
    elif is_last_word:  # without a time only that can be repeated
        return False
    connection.execute(
        sa.insert(history).values(
            section_id=known.id,
            effective_unix_s=at[0],
            seq=at[1],
            recorded_unix_s=now_unix_s,
            **values,
        )
    )
    refold(connection, known.id)
    return at >= known.position and not is_last_word


def refold(connection: Connection, section_id: int) -> None:
    """Fold a section's history anew into its name, its status and the position of its last row."""
    history = section_history
    rows = connection.execute(sa.select(history).where(history.c.section_id == section_id)).all()
    ordered = sorted(rows, key=position)
    # A deletion keeps the name of its time, which may arrive only later.
    named = [r.name for r in ordered if not r.deleted]
    connection.execute(
        sa.update(section)
        .where(section.c.id == section_id)
        .values(
            status=DELETED if ordered[-1].deleted else ACTIVE,
            effective_unix_s=position(ordered[-1])[0],
            seq=ordered[-1].seq,
            **({"name": named[-1]} if named else {}),
        )
    )


def _still_means(connection: Connection, source: Source, row: sa.Row[Any]) -> bool:
    """Tell whether a row's number means the same person now as when it came."""
    if row.teacher_id is None:
        return True
    who = links.find(connection, source.peer_id, row.teacheridnumber)
    return who is not None and (
        who == row.teacher_id
        or identity.root(connection, who) == identity.root(connection, row.teacher_id)
    )


def _says(row: sa.Row[Any], values: dict[str, object]) -> bool:
    if values["deleted"]:
        return bool(row.deleted)
    return all(getattr(row, name) == value for name, value in values.items())


def _teach(
    connection: Connection, source: Source, section_id: int, event: SectionEvent
) -> tuple[str, ...]:
    """Fold the enrolments of everybody whom the section ever named as its teacher.

    Returns what to wait for when the event's own teacher is not known yet.
    """
    rows = connection.execute(
        teacher_names.ROWS.where(
            section_history.c.section_id == section_id, section_history.c.teacheridnumber != ""
        )
    ).all()
    people = {r.teacher_id for r in rows if r.teacher_id is not None}
    new: dict[str, list[int]] = defaultdict(list)
    for r in rows:
        if r.teacher_id is None:
            new[r.teacheridnumber].append(r.id)
    for number, row_ids in new.items():
        linked = links.resolve(connection, source.peer_id, number)
        if linked is not None:
            teacher_names.keep(connection, dict.fromkeys(row_ids, linked.person_id))
            people.add(linked.person_id)
    # Somebody's number may have been corrected since it was named.
    taught = sa.and_(enrolment.c.section_id == section_id, enrolment.c.role == TEACHER)
    people |= set(connection.execute(sa.select(enrolment.c.person_id).where(taught)).scalars())
    for person_id in sorted(people):
        roster.refold(connection, section_id, person_id)
    teacher = event.teacheridnumber
    if teacher and links.find(connection, source.peer_id, teacher) is None:
        return (user_key(teacher),)
    return ()


# What is cut from its peer is as unknown to it (admitting.py).
_OF_ANY = (
    sa.select(section, term.c.first_day, term.c.last_day)
    .select_from(section.outerjoin(term, term.c.id == section.c.term_id))
    .where(section.c.peer_id == sa.bindparam("peer"), sa.not_(section.c.unlinked))
)
_OF_PEER = _OF_ANY.where(
    sa.or_(
        section.c.idnumber == sa.bindparam("wanted"),
        section.c.moodle_id == sa.bindparam("own"),
    ),
)
_OF_PEER_MANY = _OF_ANY.where(
    sa.or_(
        section.c.idnumber.in_(sa.bindparam("wanted", expanding=True)),
        section.c.moodle_id.in_(sa.bindparam("own", expanding=True)),
    ),
)
