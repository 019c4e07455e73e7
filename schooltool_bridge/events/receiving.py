"""Receiving events: one, many, or again; and what happens to those that cannot be applied.

The entry to the SIS for whatever a peer pushes. Runs inside the caller's transaction, which is
committed also when an event is refused, so that the inbox keeps it. Source: RULES 1.3, R5, R89.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple, NoReturn, TypeAlias

from sqlalchemy.engine import Connection

from mnet.database import savepoint
from mnet.faults import Conflict, Fault, Malformed, NotFound, SwitchedOff, TryAgainLater
from mnet.stored_sentences import E_, english
from mnet.xmlrpc import Value
from schooltool_bridge.events import breaking, inbox, inbox_words, kinds, reading, together
from schooltool_bridge.events.applied import (
    APPROVAL,
    SKIPPED,
    Applied,
    Held,
    NewPerson,
    Source,
    under,
)

# More than any course's events at once; a larger push is cut up by the sender.
MAX_PUSHED = 5_000
# Events applied in one transaction, those that they release counted; then others' calls
# have their turn.
PART_EVENTS = 200

# What is released: whatever waits for any of some keys and happened after a position (inbox.py).
Lots: TypeAlias = tuple[tuple[tuple[str, ...], tuple[int, int, int]], ...]


class Came(NamedTuple):
    """What came again in one transaction."""

    new_people: tuple[NewPerson, ...] = ()
    # For which other peers' events may wait (releasing.py).
    names: tuple[str, ...] = ()
    # What is left for a transaction of its own.
    left: Lots = ()
    tried: int = 0


class Received(NamedTuple):
    """The answer to an event, and who appeared by it."""

    answer: dict[str, Value]
    new_people: tuple[NewPerson, ...] = ()
    # For which other peers' events may wait (releasing.py).
    names: tuple[str, ...] = ()
    # What is still to be applied again, in a transaction of its own (come_again); how many were.
    left: Lots = ()
    tried: int = 0


class Push(NamedTuple):
    """How far a push has come: what its last part did, and where the next one begins."""

    source: Source
    results: tuple[dict[str, Value], ...] = ()
    new_people: tuple[NewPerson, ...] = ()
    names: tuple[str, ...] = ()
    left: Lots = ()


def receive(
    connection: Connection,
    source: Source,
    event: str,
    data: object,
    now_unix_s: int,
    most: int | None = None,
) -> Received:
    """Apply one event, or hold it; then what waited for it, at most PART_EVENTS or `most`.

    Raises Malformed, NotFound, Conflict (the inbox keeps the event), SwitchedOff or
    TryAgainLater (it does not); where the sender is to be taken carefully, NotStored (it does).
    """
    receive_one = _receive_whole if source.is_careful else _receive
    return receive_one(connection, source, event, data, now_unix_s, most)


def _receive(
    connection: Connection,
    source: Source,
    event: str,
    data: object,
    now_unix_s: int,
    most: int | None,
) -> Received:
    try:
        read = reading.read(source, event, data)
        reading.check_clock(source, event, read, now_unix_s)
    except (Malformed, NotFound) as fault:
        inbox_words.refuse(connection, source, event, data, fault, now_unix_s)
        raise
    position = inbox_words.position_of(read, now_unix_s)
    try:
        applied = kinds.BY_NAME[event].apply(connection, source, read, now_unix_s)
    except Held as held:
        inbox_words.hold(connection, source, event, data, held.waiting_for, position, now_unix_s)
        answer: dict[str, Value] = {
            "status": "held",
            "id": "",
            "message": english(
                _FOR_APPROVAL if _is_for_approval(held.waiting_for) else _FOR_OTHERS,
                keys=", ".join(held.waiting_for),
            ),
            "waiting_for": [*held.waiting_for],
        }
        return Received(answer)
    except (Malformed, NotFound, Conflict) as fault:
        inbox_words.refuse(connection, source, event, data, fault, now_unix_s, read)
        raise
    if applied.status == SKIPPED and kinds.BY_NAME[event].key == kinds.SECTION:
        inbox_words.decline(connection, source, event, data, read, now_unix_s)
    if applied.again_with:
        inbox_words.hold(connection, source, event, data, applied.again_with, position, now_unix_s)
    if applied.remark:
        inbox_words.remark_on(connection, source, event, data, applied.remark, position, now_unix_s)
    came = _come_again(connection, source, lot(applied.ready), most, [applied])
    return Received(
        applied.answer,
        came.new_people,
        came.names,
        came.left,
        came.tried,
    )


def receive_many(
    connection: Connection, source: Source, pushed: object, now_unix_s: int
) -> tuple[list[dict[str, Value]], tuple[NewPerson, ...], tuple[str, ...]]:
    """Apply the events of push_events in one transaction; one bad event never spoils the others.

    Returns their answers, and new people and names as in Received. Raises Malformed when this is
    no list of a sane length, SwitchedOff by the master switch.
    """
    push = receive_part(connection, Push(source), pushed, now_unix_s)
    new_people, names = [*push.new_people], [*push.names]
    while is_left(push, pushed):
        push = receive_part(connection, push, pushed, now_unix_s)
        new_people += push.new_people
        names += push.names
    return [*push.results], tuple(new_people), tuple(dict.fromkeys(names))


def is_left(push: Push, pushed: object) -> bool:
    """Tell whether a push that has begun has anything left to do."""
    return bool(push.left) or (isinstance(pushed, list) and len(push.results) < len(pushed))


def receive_part(connection: Connection, push: Push, pushed: object, now_unix_s: int) -> Push:
    """Go on with a push: first with what is left of what came again, then with its next events.

    At most PART_EVENTS events. Raises as `receive_many`.
    """
    listed = _listed(push.source, pushed)
    came = _come_again(connection, push.source, push.left, None, [])
    source, results, left = push.source, [*push.results], came.left
    new_people, names = [*came.new_people], dict.fromkeys(came.names)
    applied = came.tried
    # Where an event might find no room after it wrote something, it is undone whole.
    is_short = inbox.room(connection, source.peer_id) <= PART_EVENTS
    # So many are looked up together: fewer where one of them had to go alone.
    size = PART_EVENTS
    while len(results) < len(listed) and applied < PART_EVENTS and not left:
        some = listed[len(results) : len(results) + min(size, PART_EVENTS - applied)]
        tried, done = (
            (0, []) if source.is_careful else together.first(connection, source, some, now_unix_s)
        )
        for one, element in zip(done, some, strict=False):
            results.append(one.answer)
            new_people += [one.new_person] if one.new_person else []
            names.update(dict.fromkeys(one.names))
            source = source.after(reading.event_of(element)[1])
        applied += len(done)
        is_whole = len(done) == tried
        size = min(2 * size, PART_EVENTS) if is_whole else max(1, len(done))
        if done and is_whole:
            continue
        element = listed[len(results)]
        applied += 1
        try:
            event, data = reading.event_of(element)
            most = max(1, PART_EVENTS - applied)
            receive_one = _receive_whole if is_short or source.is_careful else _receive
            received = receive_one(connection, source, event, data, now_unix_s, most)
        except Fault as fault:
            results.append({"status": "failed", "fault": fault.code, "message": fault.text})
            continue
        results.append(received.answer)
        new_people += received.new_people
        names.update(dict.fromkeys(received.names))
        left, applied = received.left, applied + received.tried
        source = source.after(data)
    # Only what is applied in this transaction needs care.
    source = source._replace(is_careful=False)
    return Push(source, tuple(results), tuple(new_people), tuple(names), left)


def _listed(source: Source, pushed: object) -> list[Value]:
    if not isinstance(pushed, list):
        raise Malformed(english("push_events takes a list of structs of event and data."))
    if len(pushed) > MAX_PUSHED:
        raise Malformed(
            english("push_events takes at most %(most)s events at once.", most=MAX_PUSHED)
        )
    if not source.enabled:
        raise SwitchedOff
    return pushed


def _receive_whole(
    connection: Connection,
    source: Source,
    event: str,
    data: object,
    now_unix_s: int,
    most: int | None,
) -> Received:
    """As `receive`, but TryAgainLater undoes what was written; other faults leave the inbox's.

    So does, carefully, what an event breaks over: that alone fails.
    """
    refused: Fault | None = None
    try:
        with savepoint(connection):
            try:
                return _receive(connection, source, event, data, now_unix_s, most)
            except TryAgainLater:
                raise
            except Fault as fault:
                refused = fault
    except Fault:
        raise
    except Exception as problem:
        if not source.is_careful:
            raise
        refused = breaking.fault_of(connection, source, event, problem)
        inbox_words.refuse(connection, source, event, data, refused, now_unix_s)
    raise refused


def carefully(push: Push) -> Push:
    """Return where a push goes on that something unexpected stopped: event by event."""
    return push._replace(source=push.source._replace(is_careful=True))


def retry(
    connection: Connection, source: Source, inbox_id: int, most: int | None = None
) -> tuple[str, Came]:
    """Apply an event of the inbox again, then what waits for it, as `receive`. Raises NotFound.

    Returns its status then, and what came.
    """
    waiting = inbox.get(connection, inbox_id)
    if waiting is None:
        raise NotFound(english("There is no open event %(id)s in the inbox.", id=inbox_id))
    status, applied = _again(connection, source, waiting)
    if applied is None:
        return status, Came()
    return status, _come_again(connection, source, lot(applied.ready), most, [applied])


def refuse(
    connection: Connection, source: Source, event: str, data: object, why: Fault, now_unix_s: int
) -> NoReturn:
    """Refuse an event for what only its bringer can know; the inbox keeps it. Raises `why`."""
    inbox_words.refuse(
        connection, source, event, data, why, now_unix_s, reading.read(source, event, data)
    )
    raise why


def lot(keys: Iterable[str]) -> Lots:
    """Say that whatever waits for any of these (applied.user_key, ...) is to be applied again."""
    keys = tuple(keys)
    return ((keys, inbox.FIRST),) if keys else ()


def come_again(connection: Connection, source: Source, lots: Lots) -> Came:
    """Apply some of what waits, and some of what waits for that, and so on.

    To be called until nothing is `left`, each time in a transaction of its own.
    """
    return _come_again(connection, source, lots, None, [])


def dismiss(connection: Connection, inbox_id: int) -> None:
    """Take an event out of the inbox; its row stays. Raises NotFound."""
    waiting = inbox.get(connection, inbox_id)
    if waiting is None:
        raise NotFound(english("There is no open event %(id)s in the inbox.", id=inbox_id))
    inbox.set_status(connection, waiting, status=inbox.DISMISSED)


def _come_again(
    connection: Connection, source: Source, lots: Lots, most: int | None, came: list[Applied]
) -> Came:
    """Apply what waits, and what waited for that, and so on: `most` of it at once.

    `came` is what was applied before.
    """
    count, most = 0, most or PART_EVENTS
    todo = deque(lots)
    while todo and count < most:
        keys, after = todo.popleft()
        limit = most - count
        found = inbox.waiting_on(connection, source.peer_id, keys, after=after, limit=limit)
        count += len(found)
        if len(found) == limit:
            todo.appendleft((keys, found[-1].position))
        for waiting in found:
            _status, applied = _again(connection, source, waiting)
            if applied is not None:
                came.append(applied)
                todo += lot(applied.ready)
    return Came(
        tuple(a.new_person for a in came if a.new_person),
        tuple(dict.fromkeys(name for applied in came for name in applied.names)),
        tuple(todo),
        count,
    )


def _again(
    connection: Connection, source: Source, waiting: inbox.Waiting
) -> tuple[str, Applied | None]:
    """Apply an event of the inbox; return its status then, and what was applied."""
    if not source.is_careful:
        return _try_again(connection, source, waiting)
    try:
        with savepoint(connection):
            return _try_again(connection, source, waiting)
    except Exception as problem:  # noqa: BLE001 - goes on where it is none of the event
        fault = breaking.fault_of(connection, source, waiting.event, problem)
        inbox.set_status(connection, waiting, status=inbox.REJECTED, reason=fault.text)
        return inbox.REJECTED, None


def _try_again(
    connection: Connection, source: Source, waiting: inbox.Waiting
) -> tuple[str, Applied | None]:
    # It was addressed rightly when it came, and it came then, not now.
    source = source._replace(names_addressee=False)
    if waiting.status == inbox.HELD:
        source = under(source, waiting.arrived_under)
    try:
        read = reading.read(source, waiting.event, waiting.payload)
        kind = kinds.BY_NAME[waiting.event]
        is_held = waiting.status == inbox.HELD and not _is_for_approval(waiting.waiting_for)
        apply = (is_held and kind.apply_held) or kind.apply
        applied = apply(connection, source, read, waiting.received_unix_s)
    except Held as held:
        waits = held.waiting_for
        inbox.set_status(connection, waiting, status=inbox.HELD, waiting_for=waits)
        return inbox.HELD, None
    except SwitchedOff:
        return waiting.status, None
    except Fault as fault:
        status = inbox.CONFLICT if isinstance(fault, Conflict) else inbox.REJECTED
        waits = inbox_words.conflict_waits(read) if status == inbox.CONFLICT else ()
        inbox.set_status(connection, waiting, status=status, waiting_for=waits, reason=fault.text)
        return status, None
    status = inbox.HELD if applied.again_with else inbox.DONE
    if applied.status == SKIPPED:
        status, waits = inbox.DECLINED, inbox_words.declined_waits(read)
        inbox.set_status(connection, waiting, status=status, waiting_for=waits)
        return status, applied
    if applied.remark:
        inbox.set_status(connection, waiting, status=inbox.CONFLICT, reason=applied.remark)
        return inbox.CONFLICT, applied
    inbox.set_status(connection, waiting, status=status, waiting_for=applied.again_with)
    return status, applied


def _is_for_approval(waiting_for: Iterable[str]) -> bool:
    return any(key.startswith(f"{APPROVAL}:") for key in waiting_for)


_FOR_OTHERS = E_("Kept until it can be applied; waiting for %(keys)s.")
_FOR_APPROVAL = E_("Kept until somebody at this site lets this section in; waiting for %(keys)s.")

__all__ = ["NewPerson", "Received", "Source", "receive", "receive_many", "retry"]
