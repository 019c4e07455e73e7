"""How an event that was not simply applied stands in the inbox: held, remarked on, or refused.

Source: RULES 1.3, R89.
"""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy.engine import Connection

from mnet.faults import Conflict, Fault, TryAgainLater
from schooltool_bridge.events import inbox, people
from schooltool_bridge.events.applied import (
    Source,
    approval_key,
    arrives_under,
    assessment_key,
    section_key,
    user_key,
)
from schooltool_bridge.events.fields import (
    AssessmentEvent,
    EnrolmentEvent,
    Event,
    GradeEvent,
    SectionEvent,
    UserEvent,
)


def hold(
    connection: Connection,
    source: Source,
    event: str,
    data: object,
    waiting_for: tuple[str, ...],
    position: tuple[int, int],
    now_unix_s: int,
) -> None:
    """Keep an event that waits for others."""
    inbox.put(
        connection,
        peer_id=source.peer_id,
        event=event,
        status=inbox.HELD,
        data=data,
        waiting_for=waiting_for,
        reason="",
        position=position,
        now_unix_s=now_unix_s,
        arrived_under=arrives_under(source.policy),
    )


def remark_on(
    connection: Connection,
    source: Source,
    event: str,
    data: object,
    remark: str,
    position: tuple[int, int],
    now_unix_s: int,
) -> None:
    """Tell a person of an event that took effect; an inbox that is full misses this alone."""
    with suppress(TryAgainLater):
        inbox.put(
            connection,
            peer_id=source.peer_id,
            event=event,
            status=inbox.CONFLICT,
            data=data,
            waiting_for=(),
            reason=remark,
            position=position,
            now_unix_s=now_unix_s,
        )


def refuse(
    connection: Connection,
    source: Source,
    event: str,
    data: object,
    fault: Fault,
    now_unix_s: int,
    read: Event | None = None,
) -> None:
    """Keep an event that cannot be applied, or that a person has to decide."""
    in_conflict = isinstance(fault, Conflict)
    inbox.put(
        connection,
        peer_id=source.peer_id,
        event=event[:40],
        status=inbox.CONFLICT if in_conflict else inbox.REJECTED,
        data=data,
        waiting_for=conflict_waits(read) if in_conflict else (),
        reason=fault.text,
        position=position_of(read, now_unix_s) if read else (now_unix_s, -1),
        now_unix_s=now_unix_s,
    )


def position_of(read: Event, now_unix_s: int) -> tuple[int, int]:
    """Return the time and running number of an event: its own, or those of its coming."""
    time = read.when.timemodified
    return (now_unix_s, -1) if time is None else (time, read.when.seq)


def conflict_waits(read: Event | None) -> tuple[str, ...]:
    """A conflict about people is looked at again when one of the names it is about moves."""
    if not isinstance(read, UserEvent):
        return ()
    waits = [user_key(read.idnumber)] if read.idnumber else []
    waits += [people.username_key(read.username)] if read.username else []
    return tuple(waits)


def decline(
    connection: Connection,
    source: Source,
    event: str,
    data: object,
    read: Event,
    now_unix_s: int,
) -> None:
    """Keep an event about a section that a person keeps out, for the day it is approved."""
    inbox.put(
        connection,
        peer_id=source.peer_id,
        event=event,
        status=inbox.DECLINED,
        data=data,
        waiting_for=declined_waits(read),
        reason="",
        position=position_of(read, now_unix_s),
        now_unix_s=now_unix_s,
        arrived_under=arrives_under(source.policy),
    )


def declined_waits(read: Event) -> tuple[str, ...]:
    """By which key an event that is kept out is found again, and applied then."""
    if isinstance(read, SectionEvent):
        return (approval_key(read.idnumber),)
    if isinstance(read, GradeEvent):
        return (assessment_key(read.assessmentid),)
    if isinstance(read, AssessmentEvent) and read.deleted:
        return (assessment_key(read.idnumber),)
    if isinstance(read, AssessmentEvent | EnrolmentEvent):
        return (section_key(read.sectionid),)
    return ()
