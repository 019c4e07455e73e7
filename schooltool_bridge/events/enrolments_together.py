"""Enrolments that come many at once: looked up, folded and written set by set.

Only plain ones: a section of one part, somebody whom the peer's link names and who has one row,
nothing that waits for them, each membership once. What else there is goes by enrolments.py, and
says the same. Source: RULES 1.3, R5, R48-R57.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.common.ids import OWN_ID, key
from schooltool_bridge.events import enrolments, inbox, sections
from schooltool_bridge.events.applied import ENROLMENT, Applied, Source, enrolment_key
from schooltool_bridge.events.fields import EnrolmentEvent
from schooltool_bridge.history import links, roster, roster_many
from schooltool_bridge.history.fold import position_of
from schooltool_bridge.history.roster_many import Membership
from schooltool_bridge.store.model import enrolment_history


class Plan(NamedTuple):
    """What becomes of an event."""

    event: EnrolmentEvent
    membership: Membership
    before: Mapping[str, roster.Now]
    # Where it enters the history; None: it was told before.
    at: tuple[int, int] | None

    @property
    def ready(self) -> tuple[str, ...]:
        """For what others may wait."""
        return (enrolment_key(self.event.sectionid, self.event.userid),)


def plan(
    connection: Connection, source: Source, events: Sequence[EnrolmentEvent], now_unix_s: int
) -> list[Plan]:
    """Say what becomes of the first events, as far as they are plain. Only looks."""
    places = _places(connection, source, events)
    histories = roster_many.read(connection, places)
    current = roster_many.current(connection, places)
    plans: list[Plan] = []
    for event, place in zip(events, places, strict=False):
        rows, taught = histories.rows.get(place, []), histories.teachers.get(place, [])
        before = current.get(place, {})
        if event.code is None and not (event.role in before if event.role else before):
            break  # it waits for an enrolment
        at = position_of(event.when, now_unix_s, enrolments.last_of(rows, taught))
        is_known = enrolments.is_known(rows, before, event, at)
        plans.append(Plan(event, place, before, None if is_known else at))
    return plans


def write(
    connection: Connection, source: Source, plans: Sequence[Plan], now_unix_s: int
) -> list[Applied]:
    """Do what was planned; nothing of it may have changed since."""
    new = [
        enrolments.row_for(source, p.event, *p.membership, p.at, now_unix_s)
        for p in plans
        if p.at is not None
    ]
    if new:
        connection.execute(sa.insert(enrolment_history), new)
    changed = [p.membership for p in plans if p.at is not None]
    roster_many.refold(connection, changed)
    after = roster_many.current(connection, changed)
    return [
        enrolments.applied(
            p.event, p.before, p.before if p.at is None else after.get(p.membership, {})
        )
        for p in plans
    ]


def _places(
    connection: Connection, source: Source, events: Sequence[EnrolmentEvent]
) -> list[Membership]:
    """Return which memberships the first events mean, as far as they are plain."""
    parts = sections.parts_of_many(connection, source.peer_id, {e.sectionid for e in events})
    people = links.linked_many(connection, source.peer_id, {e.userid for e in events})
    waiting = sorted(inbox.waited_for(connection, source.peer_id, ENROLMENT))
    found: dict[Membership, None] = {}
    for event in events:
        there, linked = parts[event.sectionid], people[event.userid]
        if len(there) != 1 or len(linked) != 1:
            break
        part, link = there[0], linked[0]
        is_plain = (
            event.segment in (None, part.segment)
            and event.section_moodle_id in (None, part.moodle_id)
            and (event.user_moodle_id is None or key(event.user_moodle_id) == link.moodle_id)
            and link.idnumber_key is not None
            and not link.is_several
            and not link.unlinked
            and (part.id, link.person_id) not in found
            and not (waiting and _is_waited_for(waiting, part))
        )
        if not is_plain:
            break
        found[part.id, link.person_id] = None
    return [*found]


def _is_waited_for(waiting: Sequence[str], part: sa.Row[tuple[object, ...]]) -> bool:
    """Tell whether endings wait for anybody in a section, under any of its names."""
    names = (part.idnumber, OWN_ID + part.moodle_id if part.moodle_id else None)
    for name in filter(None, names):
        begin = key(enrolment_key(name, ""))
        at = bisect_left(waiting, begin)
        if at < len(waiting) and waiting[at].startswith(begin):
            return True
    return False
