"""Receiving events: one, many, or again; and what happens to those that cannot be applied.

The entry to the SIS for whatever a peer pushes. Runs inside the caller's transaction, which is
committed also when an event is refused, so that the inbox keeps it. Source: requirements 1.3,
R5, R89.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple, NoReturn

from sqlalchemy.engine import Connection

from mnet.faults import Conflict, Fault, Malformed, NotFound, SwitchedOff, TryAgainLater
from mnet.retelling import english
from mnet.xmlrpc import Value
from schooltool_bridge import (
    assessments,
    enrolments,
    fields,
    grades,
    inbox,
    keeping,
    people,
    sections,
)
from schooltool_bridge.applying import Applied, Held, NewPerson, Source
from schooltool_bridge.fields import Event, Fields, UserEvent

EVENTS = (
    "fetch_user",
    "new_section",
    "new_enrolment",
    "new_assessment",
    "new_grade",
    "end_enrolment",
    "delete_section",
    "delete_assessment",
    "delete_grade",
)
# More than any course's events at once; a larger push is cut up by the sender.
MAX_PUSHED = 5_000

# Which of a peer's policies lets an event in.
_POLICY = {
    "fetch_user": "accept_people",
    "new_section": "accept_sections",
    "delete_section": "accept_sections",
    "new_enrolment": "accept_enrolments",
    "end_enrolment": "accept_enrolments",
}


class Received(NamedTuple):
    """The answer to an event, and who appeared by it."""

    answer: dict[str, Value]
    new_people: tuple[NewPerson, ...] = ()
    # For which other peers' events may wait (waking.py).
    names: tuple[str, ...] = ()


def receive(
    connection: Connection, source: Source, event: str, data: object, now_unix_s: int
) -> Received:
    """Apply one event, or hold it; then whatever waited for it.

    Raises Malformed, NotFound, Conflict (the inbox keeps the event), SwitchedOff or
    TryAgainLater (it does not).
    """
    try:
        read = _read(source, event, data)
    except (Malformed, NotFound) as fault:
        keeping.refuse(connection, source, event, data, fault, now_unix_s)
        raise
    place = keeping.place_of(read, now_unix_s)
    try:
        applied = _apply(connection, source, read, now_unix_s)
    except Held as held:
        keeping.hold(connection, source, event, data, held.waiting_for, place, now_unix_s)
        answer: dict[str, Value] = {
            "status": "held",
            "id": "",
            "message": english(
                "Kept until it can be applied; waiting for %(keys)s.",
                keys=", ".join(held.waiting_for),
            ),
            "waiting_for": [*held.waiting_for],
        }
        return Received(answer)
    except (Malformed, NotFound, Conflict) as fault:
        keeping.refuse(connection, source, event, data, fault, now_unix_s, read)
        raise
    if applied.again_with:
        keeping.hold(connection, source, event, data, applied.again_with, place, now_unix_s)
    if applied.remark:
        keeping.remark_on(connection, source, event, data, applied.remark, place, now_unix_s)
    came = [applied, *_release(connection, source, applied.ready)]
    return Received(
        {"status": applied.status, "id": str(applied.id), "message": applied.message},
        tuple(a.new_person for a in came if a.new_person),
        _names(came),
    )


def receive_many(
    connection: Connection, source: Source, pushed: object, now_unix_s: int
) -> tuple[list[dict[str, Value]], tuple[NewPerson, ...], tuple[str, ...]]:
    """Apply the events of push_events; one bad event never spoils the others.

    Returns their answers, and new people and names as in Received. Raises Malformed when this is
    no list of a sane length, SwitchedOff by the master switch.
    """
    if not isinstance(pushed, list):
        raise Malformed(english("push_events takes a list of structs of event and data."))
    if len(pushed) > MAX_PUSHED:
        raise Malformed(
            english("push_events takes at most %(most)s events at once.", most=MAX_PUSHED)
        )
    if not source.enabled:
        raise SwitchedOff
    results: list[dict[str, Value]] = []
    new_people: list[NewPerson] = []
    names: dict[str, None] = {}
    for element in pushed:
        try:
            if not isinstance(element, dict) or not isinstance(element.get("event"), str):
                raise Malformed(
                    english("push_events: an event is a struct of event (its name) and data.")
                )
            data = element.get("data")
            received = receive(connection, source, element["event"], data, now_unix_s)
        except TryAgainLater:
            raise
        except Fault as fault:
            results.append({"status": "failed", "fault": fault.code, "message": fault.text})
            continue
        results.append(received.answer)
        new_people.extend(received.new_people)
        names.update(dict.fromkeys(received.names))
        if isinstance(data, dict) and data.get("to"):
            source = source._replace(names_addressee=True)
    return results, tuple(new_people), tuple(names)


def enrolled_in(pushed: object) -> frozenset[str]:
    """Return the keys (applying.NewPerson) of all whom a push enrols. Pure."""
    found: set[str] = set()
    for element in pushed if isinstance(pushed, list) else ():
        data = element.get("data") if isinstance(element, dict) else None
        if isinstance(data, dict) and element.get("event") == "new_enrolment":
            userid = data.get("userid")
            if isinstance(userid, (str, int)) and not isinstance(userid, bool):
                found.add(fields.key(str(userid).strip()))
    return frozenset(found)


def retry(connection: Connection, source: Source, inbox_id: int) -> tuple[str, tuple[str, ...]]:
    """Let an event of the inbox come again. Raises NotFound.

    Returns its status then, and names as in Received.
    """
    waiting = inbox.get(connection, inbox_id)
    if waiting is None:
        raise NotFound(english("There is no open event %(id)s in the inbox.", id=inbox_id))
    status, applied = _again(connection, source, waiting)
    if applied is None:
        return status, ()
    return status, _names([applied, *_release(connection, source, applied.ready)])


def refuse(
    connection: Connection, source: Source, event: str, data: object, why: Fault, now_unix_s: int
) -> NoReturn:
    """Refuse an event for what only its bringer can know; the inbox keeps it. Raises `why`."""
    keeping.refuse(connection, source, event, data, why, now_unix_s, _read(source, event, data))
    raise why


def read_user(source: Source, payload: object) -> UserEvent:
    """Read a person that waits in the inbox; raises Malformed, SwitchedOff."""
    read = _read(source._replace(names_addressee=False), "fetch_user", payload)
    assert isinstance(read, UserEvent)
    return read


def release(connection: Connection, source: Source, keys: Iterable[str]) -> tuple[str, ...]:
    """Let a peer's events come again that wait for any of these (applying.user_key, ...).

    Returns names as in Received.
    """
    return _names(_release(connection, source, tuple(keys)))


def closed_by(source: Source, event: str) -> str | None:
    """Return the policy that keeps this peer's event out; None when none does."""
    if event not in EVENTS:
        return None
    policy = _POLICY.get(event, "accept_grades")
    return None if getattr(source.policy, policy) else policy


def dismiss(connection: Connection, inbox_id: int) -> None:
    """Take an event out of the inbox; its row stays. Raises NotFound."""
    waiting = inbox.get(connection, inbox_id)
    if waiting is None:
        raise NotFound(english("There is no open event %(id)s in the inbox.", id=inbox_id))
    inbox.settle(connection, waiting, status=inbox.DISMISSED)


def needs_get_user(data: object) -> dict[str, str] | None:
    """Return what to ask the peer's get_user for, when fetch_user names nobody's name.

    That is when there is an idnumber or username and neither first nor last name.
    """
    if not isinstance(data, dict) or data.get("firstname") or data.get("lastname"):
        return None
    read = Fields("fetch_user", data)
    wanted = {name: read.id(name, required=False) for name in ("idnumber", "username")}
    return {n: v for n, v in wanted.items() if v} or None


def _read(source: Source, event: str, data: object) -> Event:
    if event not in EVENTS:
        raise Malformed(
            english(
                "There is no event %(event)s; there are: %(known)s.",
                event=repr(event[:40]),
                known=", ".join(EVENTS),
            )
        )
    if not source.enabled:
        raise SwitchedOff
    if policy := closed_by(source, event):
        raise SwitchedOff(
            english(
                "%(event)s is switched off for your site here (policy %(policy)s).",
                event=event,
                policy=policy,
            )
        )
    if event == "fetch_user":
        data = fields.mapped(data, source.policy.names)
    read = Fields(event, data)
    _check_addressee(source, event, read)
    deleted = event.startswith("delete_")
    if event == "fetch_user":
        return fields.user(read)
    if event.endswith("_section"):
        return fields.section(read, deleted=deleted)
    if event.endswith("_enrolment"):
        return fields.enrolment(read, source.policy.roles, ended=event == "end_enrolment")
    if event.endswith("_assessment"):
        return fields.assessment(read, deleted=deleted)
    return fields.grade(read, deleted=deleted)


def _check_addressee(source: Source, event: str, read: Fields) -> None:
    """A signed call names no addressee, so an event must: else a peer could pass it on."""
    to = read.text("to").removesuffix("/")
    if to and to != source.our_wwwroot:
        raise Malformed(
            english(
                "%(event)s: to names another site; this is %(ours)s.",
                event=event,
                ours=source.our_wwwroot,
            )
        )
    if not to and source.names_addressee:
        raise Malformed(
            english("%(event)s: to is missing, though your site names it otherwise.", event=event)
        )


def _apply(connection: Connection, source: Source, read: Event, now_unix_s: int) -> Applied:
    if isinstance(read, UserEvent):
        return people.apply(connection, source, read, now_unix_s)
    if isinstance(read, fields.SectionEvent):
        return sections.apply(connection, source, read, now_unix_s)
    if isinstance(read, fields.EnrolmentEvent):
        return enrolments.apply(connection, source, read, now_unix_s)
    if isinstance(read, fields.AssessmentEvent):
        return assessments.apply(connection, source, read, now_unix_s)
    return grades.apply(connection, source, read, now_unix_s)


def _release(connection: Connection, source: Source, ready: tuple[str, ...]) -> list[Applied]:
    """Let come again what waited for what is there now, and what waited for that, and so on."""
    came: list[Applied] = []
    keys = deque([ready] if ready else [])
    while keys:
        for waiting in inbox.waiting_on(connection, source.peer_id, keys.popleft()):
            _status, applied = _again(connection, source, waiting)
            if applied is not None:
                came.append(applied)
                keys += [applied.ready] if applied.ready else []
    return came


def _names(came: Iterable[Applied]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for applied in came for name in applied.names))


def _again(
    connection: Connection, source: Source, waiting: inbox.Waiting
) -> tuple[str, Applied | None]:
    """Apply an event of the inbox; return its status then, and what was applied."""
    # It was addressed rightly when it came, and it came then, not now.
    source = source._replace(names_addressee=False)
    try:
        read = _read(source, waiting.event, waiting.payload)
        if (
            isinstance(read, fields.SectionEvent)
            and not read.deleted
            and waiting.status == inbox.HELD
        ):
            # Only its teacher was not there.
            applied = sections.attach_teacher(connection, source, read, waiting.received_unix_s)
        else:
            applied = _apply(connection, source, read, waiting.received_unix_s)
    except Held as held:
        waits = held.waiting_for
        inbox.settle(connection, waiting, status=inbox.HELD, waiting_for=waits)
        return inbox.HELD, None
    except SwitchedOff:
        return waiting.status, None
    except Fault as fault:
        status = inbox.CONFLICT if isinstance(fault, Conflict) else inbox.REJECTED
        waits = keeping.conflict_waits(read) if status == inbox.CONFLICT else ()
        inbox.settle(connection, waiting, status=status, waiting_for=waits, reason=fault.text)
        return status, None
    status = inbox.HELD if applied.again_with else inbox.DONE
    if applied.remark:
        inbox.settle(connection, waiting, status=inbox.CONFLICT, reason=applied.remark)
        return inbox.CONFLICT, applied
    inbox.settle(connection, waiting, status=status, waiting_for=applied.again_with)
    return status, applied


__all__ = ["EVENTS", "NewPerson", "Received", "Source", "receive", "receive_many", "retry"]
