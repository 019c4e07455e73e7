"""Enrolments: who is in which section as what, with the history of it.

Source: RULES 1.3, 1.6, R48-R57.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import now_unix_s
from mnet.faults import NotFound
from mnet.stored_sentences import english
from schooltool_bridge.common.ids import OWN_ID
from schooltool_bridge.common.roles import TEACHER
from schooltool_bridge.events import admitting, own_ids, sections
from schooltool_bridge.events.applied import (
    CREATED,
    UNCHANGED,
    UPDATED,
    Applied,
    Held,
    Source,
    enrolment_key,
    section_key,
    user_key,
)
from schooltool_bridge.events.fields import EnrolmentEvent
from schooltool_bridge.history import identity, links, roster
from schooltool_bridge.history.fold import (
    EnrolmentRow,
    TeacherRow,
    is_same_moment,
    latest,
    position,
    position_of,
)
from schooltool_bridge.history.fold_enrolments import timeline
from schooltool_bridge.store.model import enrolment_history, section


def apply(
    connection: Connection, source: Source, event: EnrolmentEvent, now_unix_s: int
) -> Applied:
    """Apply new_enrolment or end_enrolment.

    An ending without a segment ends every part of the section where the person is.
    """
    event = _named(connection, source.peer_id, event)
    day = source.day_of(event.when, now_unix_s)
    where = sections.find(connection, source.peer_id, event.sectionid, event.segment, day)
    if where is None:
        named = (event.sectionid, event.section_moodle_id)
        if kept_out := admitting.about(connection, source.peer_id, *named):
            return kept_out
    person_id = links.find(connection, source.peer_id, event.userid)
    if where is None or person_id is None:
        missing = [section_key(event.sectionid)] if where is None else []
        missing += [user_key(event.userid)] if person_id is None else []
        raise _wait(event, *missing)
    if event.code is not None or event.segment is not None:
        return _apply(connection, source, event, where.id, person_id, now_unix_s)
    ids = sections.parts(connection, source.peer_id, event.sectionid)
    parts = _parts_of(connection, event, ids, person_id) or [where.id]
    done = [_apply(connection, source, event, part, person_id, now_unix_s) for part in parts]
    # What changed anything is what it answers.
    first = next((a for a in done if a.status != UNCHANGED), done[0])
    return first._replace(ready=tuple(dict.fromkeys(k for a in done for k in a.ready)))


def _named(connection: Connection, peer_id: int, event: EnrolmentEvent) -> EnrolmentEvent:
    """Return an event with the ids under which what it means is found here."""
    return replace(
        event,
        sectionid=own_ids.course(connection, peer_id, event.sectionid, event.section_moodle_id),
        userid=own_ids.user(connection, peer_id, event.userid, event.user_moodle_id),
    )


def _parts_of(
    connection: Connection, event: EnrolmentEvent, section_ids: list[int], person_id: int
) -> list[int]:
    """Return the parts where somebody is as the event says; where in none, where they ever were."""
    is_merged = len(identity.everybody(connection, person_id)) > 1
    found: dict[int, bool] = {}
    for part in section_ids:
        look = _of_own_row if is_merged else roster.current
        by_role = {
            role: now
            for role, now in look(connection, part, person_id).items()
            if event.role in (None, role)
        }
        if by_role:
            found[part] = any(_can_end(now) for now in by_role.values())
    return [part for part, is_there in found.items() if is_there] or [*found]


def _apply(
    connection: Connection,
    source: Source,
    event: EnrolmentEvent,
    section_id: int,
    person_id: int,
    now_unix_s: int,
) -> Applied:
    """Apply an event to somebody's enrolment in one part of a section."""
    everybody = identity.everybody(connection, person_id)
    rows = roster.rows_of(connection, section_id, person_id, everybody)
    taught = roster.teacher_rows(connection, section_id, person_id, everybody)
    before = roster.current(connection, section_id, person_id)
    # Each row of a person has its own history; this one's events end nothing of another one's.
    of_own_row = before if len(everybody) == 1 else _of_own_row(connection, section_id, person_id)
    if event.code is None and not (event.role in of_own_row if event.role else of_own_row):
        raise _wait(event, enrolment_key(event.sectionid, event.userid))
    # Nothing refuses it from here on.
    links.resolve(connection, source.peer_id, event.userid, event.user_moodle_id)
    last = last_of(rows, taught)
    at = position_of(event.when, now_unix_s, last)
    is_repeat = is_known(rows, before, event, at)
    if is_repeat and len(everybody) > 1:
        own = roster.rows_of(connection, section_id, person_id, [person_id])
        is_repeat = is_known(own, of_own_row, event, at)
    if not is_repeat:
        row = row_for(source, event, section_id, person_id, at, now_unix_s)
        connection.execute(sa.insert(enrolment_history), row)
        if event.code is not None:
            _end_with_section(
                connection, source.peer_id, event.sectionid, section_id, person_id, at
            )
        roster.refold(connection, section_id, person_id)
    done = applied(event, before, roster.current(connection, section_id, person_id))
    members = membership_keys(connection, source.peer_id, section_id, person_id)
    return done._replace(ready=(*done.ready, *members))


def last_of(rows: Sequence[EnrolmentRow], taught: Sequence[TeacherRow]) -> tuple[int, int] | None:
    """Return the place of the latest of what is told of somebody in a section. Pure."""
    of_own = [position(r)[:2] for r in rows]
    return max([*of_own, *(position(r)[:2] for r in taught)], default=None)


def row_for(
    source: Source,
    event: EnrolmentEvent,
    section_id: int,
    person_id: int,
    at: tuple[int, int],
    now_unix_s: int,
) -> dict[str, object]:
    """Return the row with which an event enters the history. Pure."""
    return {
        "section_id": section_id,
        "person_id": person_id,
        "role": event.role,
        "code": event.code,
        "note": "",
        "timestart_unix_s": event.timestart_unix_s,
        "timeend_unix_s": event.timeend_unix_s,
        "dates": source.policy.dates_of(event.role),
        "whole_section": event.code is None and event.segment is None,
        "effective_unix_s": at[0],
        "seq": at[1],
        "recorded_unix_s": now_unix_s,
    }


def applied(
    event: EnrolmentEvent, before: Mapping[str, roster.Now], after: Mapping[str, roster.Now]
) -> Applied:
    """Say what came of an event, by what somebody was and is in the section. Pure."""
    status = UNCHANGED if after == before else UPDATED if set(after) == set(before) else CREATED
    role = event.role or next(iter(after))
    ready = (enrolment_key(event.sectionid, event.userid),)
    return Applied(status, after[role].id if role in after else 0, ready=ready)


def _end_with_section(
    connection: Connection,
    peer_id: int,
    sectionid: str,
    section_id: int,
    person_id: int,
    at: tuple[int, int],
) -> None:
    """Let later endings of the whole section, stored in its other parts, hold in this one, too.

    They came when nobody knew yet that the person is in this part: the order of arrival must not
    matter.
    """
    parts = sections.parts(connection, peer_id, sectionid)
    if not set(parts) - {section_id}:
        return
    history = enrolment_history
    mine = sa.and_(history.c.section_id.in_(parts), history.c.person_id == person_id)
    rows = connection.execute(sa.select(history).where(mine, history.c.whole_section)).all()
    here = {(position(r)[:2], r.role) for r in rows if r.section_id == section_id}
    for (when, role), row in {(position(r)[:2], r.role): r for r in rows}.items():
        if when > at and (when, role) not in here:
            same = {name: value for name, value in row._asdict().items() if name != "id"}
            connection.execute(sa.insert(history).values(same | {"section_id": section_id}))


def membership_keys(
    connection: Connection, peer_id: int, section_id: int, person_id: int
) -> list[str]:
    """Return the keys by which a peer's endings wait for somebody in a section of its own."""
    mine = sa.and_(section.c.id == section_id, section.c.peer_id == peer_id)
    row = connection.execute(sa.select(section.c.idnumber, section.c.moodle_id).where(mine)).first()
    if row is None:
        return []
    names = (row.idnumber, OWN_ID + row.moodle_id if row.moodle_id else None)
    people = sorted(roster.names_at(connection, section_id, [person_id]))
    return [enrolment_key(n, who) for n in dict.fromkeys(names) if n for who in people]


def _wait(event: EnrolmentEvent, *missing: str) -> Held | NotFound:
    if event.code is None and not event.when.is_timed:
        return NotFound(
            english(
                "end_enrolment: %(person)s was never enrolled in section %(section)s.",
                person=repr(event.userid),
                section=repr(event.sectionid),
            )
        )
    return Held(*missing)


def _of_own_row(connection: Connection, section_id: int, person_id: int) -> dict[str, roster.Now]:
    """Return what a person is in a section by the history of just this row of theirs."""
    rows = roster.rows_of(connection, section_id, person_id, [person_id])
    taught = roster.teacher_rows(connection, section_id, person_id, [person_id])
    found = {}
    for role in roster.ROLES:
        folded = timeline(rows, taught if role == TEACHER else (), role=role, has_grade=False)
        now = max(now_unix_s(connection), folded.last_row_unix_s)
        state, coming = folded.from_moment(now)
        if state is not None:
            then = tuple((one.code, one.since_unix_s) for one in coming)
            found[role] = roster.Now(0, state.code, state.since_unix_s, state.holds, then)
    return found


def is_known(
    rows: Sequence[EnrolmentRow],
    before: Mapping[str, roster.Now],
    event: EnrolmentEvent,
    at: tuple[int, int],
) -> bool:
    """Tell whether an event, which would stand at this place, only says what was told. Pure."""
    dates = (event.timestart_unix_s, event.timeend_unix_s)
    if event.when.is_timed:
        # What was written by hand for this second is no word of the peer's.
        by_peer = [r for r in rows if r.by_actor is None and is_same_moment(position(r)[:2], at)]
        wanted = (event.role, event.code, dates)
        return any((r.role, r.code, _dates_of(r)) == wanted for r in by_peer)
    roles = [event.role] if event.role else list(before)
    if event.code is None:
        return not any(role in before and _can_end(before[role]) for role in roles)
    # A teacher whom only the section names is not yet enrolled as one.
    return all(_stands(rows, role, event.code, dates) for role in roles)


def _can_end(now: roster.Now) -> bool:
    """Tell whether somebody is enrolled, or will be by the history."""
    return now.holds or (bool(now.coming) and not now.is_over)


def _stands(
    rows: Sequence[EnrolmentRow], role: str, code: str, dates: tuple[int | None, int | None]
) -> bool:
    """Tell whether the latest row of an enrolment, or an entry by hand over it, is just this."""
    mine = [r for r in rows if r.role in (None, role)]
    last = latest(mine)
    if last is None or last.code != code:
        return False
    by_peer = latest(r for r in mine if r.by_actor is None and r.code is not None)
    return by_peer is None or _dates_of(by_peer) == dates


def _dates_of(row: EnrolmentRow) -> tuple[int | None, int | None]:
    return row.timestart_unix_s, row.timeend_unix_s
