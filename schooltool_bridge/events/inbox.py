"""Events that could not be applied, with their payload: held, in conflict, or rejected.

Held and conflicting ones come again when what they wait for is there (receiving.py).
Source: RULES 1.1, 1.3, R89.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts, insert_one
from mnet.faults import TryAgainLater
from mnet.prepared import Prepared
from mnet.stored_sentences import E_, english
from peers.model import peer
from schooltool_bridge.common.ids import key
from schooltool_bridge.events import inbox_counts
from schooltool_bridge.events.applied import user_key
from schooltool_bridge.store.model import inbox, inbox_wait, person

HELD, CONFLICT, REJECTED = E_("held"), E_("conflict"), E_("rejected")
DISMISSED, DONE, DECLINED = E_("dismissed"), E_("done"), E_("declined")
OPEN = (HELD, CONFLICT, REJECTED)
# These may be applied again, and nothing of them is thrown away.
WAITING = (HELD, CONFLICT)

# Of one peer. A Moodle that sends a large school's year before its people stays below this.
MAX_WAITING = 20_000
# Of what cannot be applied at all the latest show what is wrong.
MAX_REJECTED = 1_000
MAX_PAYLOAD_CHARS = 64 * 1024
# Before every position in the order of events.
FIRST = (-1, -1, -1)
# Never kept: a hash would lie here bare.
SECRET_FIELDS = frozenset({"password", "password_hash"})


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that may be applied again; `position` is its time, its seq and its id."""

    id: int
    peer_id: int
    event: str
    status: str
    payload: object
    received_unix_s: int
    position: tuple[int, int, int]
    # What of its peer's policy goes with it (applied.under).
    arrived_under: Mapping[str, str]
    # What it is held for.
    waiting_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in the inbox as people look at it."""

    id: int
    peer_id: int
    wwwroot: str
    event: str
    status: str
    payload: object
    waiting_for: tuple[str, ...]
    reason: str
    received_unix_s: int


def put(
    connection: Connection,
    *,
    peer_id: int,
    event: str,
    status: str,
    data: object,
    waiting_for: Iterable[str],
    reason: str,
    position: tuple[int, int],
    now_unix_s: int,
    arrived_under: Mapping[str, str] | None = None,
) -> None:
    """Put an event into the inbox; one that lies there already in this state stays as it is.

    But without a time it comes anew when something else waits with it that arrived since: of
    those the later arrival wins. Raises TryAgainLater when MAX_WAITING events of this peer wait.
    """
    payload = _payload(data)
    digest = _digest(event, payload)
    waits = list(dict.fromkeys(waiting_for))
    known = {"peer": peer_id, "known": digest, "in_status": status}
    there = connection.execute(_LIES_THERE, known).scalar()
    if there is not None:
        is_timed = position != (now_unix_s, -1)
        if is_timed or not _is_followed(connection, there, peer_id, event, waits):
            return
        _drop(connection, peer_id, status, [there])
    if status == REJECTED:
        _make_room(connection, peer_id)
    elif status in WAITING and room(connection, peer_id) < 1:
        raise TryAgainLater(
            english(
                "%(most)s events of your site wait here already, so none is taken that would have "
                "to wait as well. The admin of this site brings what they wait for, or dismisses "
                "them (mnet-peer inbox list); then send this again.",
                most=MAX_WAITING,
            )
        )
    inbox_counts.move(connection, peer_id, None, status)
    new_id = insert_one(
        connection,
        sa.insert(inbox),
        {
            "peer_id": peer_id,
            "event": event,
            "status": status,
            "payload": payload,
            "digest": digest,
            "waiting_for": waits if status == HELD else [],
            "reason": reason,
            "effective_unix_s": position[0],
            "seq": position[1],
            "received_unix_s": now_unix_s,
            "arrived_under": dict(arrived_under or {}),
        },
    )
    _wait(connection, new_id, peer_id, event, waits)


def room(connection: Connection, peer_id: int) -> int:
    """Return how many more events of a peer may wait."""
    found = inbox_counts.counts(connection, peer_id)
    return MAX_WAITING - sum(found.get((peer_id, status), 0) for status in WAITING)


def set_status(
    connection: Connection,
    waiting: Waiting,
    *,
    status: str,
    waiting_for: Iterable[str] = (),
    reason: str = "",
) -> None:
    """Write down how an event fared when it came again."""
    waits = list(dict.fromkeys(waiting_for))
    values: dict[str, object] = {
        "status": status,
        "waiting_for": waits if status == HELD else [],
        "reason": reason,
    }
    if status == DONE:
        values["payload"] = {}  # it stands in the history now
    connection.execute(sa.update(inbox).where(inbox.c.id == waiting.id).values(values))
    inbox_counts.move(connection, waiting.peer_id, waiting.status, status)
    connection.execute(sa.delete(inbox_wait).where(inbox_wait.c.inbox_id == waiting.id))
    _wait(connection, waiting.id, waiting.peer_id, waiting.event, waits)


def empty(connection: Connection, inbox_ids: Sequence[int]) -> None:
    """Take the content of events that must not be known any more; their rows stay, dismissed."""
    for some in in_parts(inbox_ids):
        rows = connection.execute(
            sa.select(inbox.c.id, inbox.c.peer_id, inbox.c.status).where(inbox.c.id.in_(some))
        )
        for row in rows.all():
            inbox_counts.move(connection, row.peer_id, row.status, DISMISSED)
            connection.execute(
                sa.update(inbox)
                .where(inbox.c.id == row.id)
                .values(
                    status=DISMISSED,
                    payload={},
                    # A digest of a few known words could be guessed back.
                    digest=secrets.token_bytes(32),
                    waiting_for=[],
                    reason="",
                )
            )
        connection.execute(sa.delete(inbox_wait).where(inbox_wait.c.inbox_id.in_(some)))


def drop_dismissed(connection: Connection, peer_id: int, event: str, data: object) -> None:
    """Take an event out again that came just as one that a person dismissed."""
    known = {"peer": peer_id, "known": _digest(event, _payload(data))}
    if connection.execute(_LIES_THERE, {**known, "in_status": DISMISSED}).first() is None:
        return
    for status in OPEN:
        rows = connection.execute(_LIES_THERE, {**known, "in_status": status})
        _drop(connection, peer_id, status, rows.scalars().all())


def waiting_on(
    connection: Connection,
    peer_id: int,
    keys: Iterable[str],
    *,
    after: tuple[int, int, int] = FIRST,
    limit: int,
) -> list[Waiting]:
    """Return a peer's events that wait for any of these, in the order in which they happened.

    At most `limit` of them, of those that happened after a position.
    """
    # Nearly always nothing waits, and each event that is applied asks.
    wanted = [
        k
        for k in dict.fromkeys(map(key, keys))
        if _IS_WAITING.run(connection, {"peer": peer_id, "wanted": k}).fetchone()
    ]
    at = sa.tuple_(inbox.c.effective_unix_s, inbox.c.seq, inbox.c.id)
    found: dict[int, Waiting] = {}
    for some in in_parts(wanted):
        ids = sa.select(inbox_wait.c.inbox_id).where(
            inbox_wait.c.peer_id == peer_id, inbox_wait.c.key.in_(some)
        )
        query = sa.select(inbox).where(inbox.c.id.in_(ids), inbox.c.status.in_(WAITING))
        if after != FIRST:
            query = query.where(at > sa.tuple_(*map(sa.literal, after)))
        in_order = (inbox.c.effective_unix_s, inbox.c.seq, inbox.c.id)
        rows = connection.execute(query.order_by(*in_order).limit(limit))
        found |= {row.id: _row(row) for row in rows}
    return sorted(found.values(), key=lambda w: w.position)[:limit]


def in_conflict(connection: Connection, peer_id: int, wanted: str) -> list[object]:
    """Return what a peer's conflicts say that wait for this key."""
    rows = sa.select(inbox.c.payload).join_from(
        inbox, inbox_wait, inbox_wait.c.inbox_id == inbox.c.id
    )
    mine = (inbox_wait.c.peer_id == peer_id, inbox_wait.c.key == key(wanted))
    return list(connection.execute(rows.where(*mine, inbox.c.status == CONFLICT)).scalars())


def waited_for(connection: Connection, peer_id: int, kind: str) -> set[str]:
    """Return the keys of one kind (enrolment, ...) for which a peer's events wait."""
    # As a range, which an index answers; ";" is what follows ":".
    of_kind = inbox_wait.c.key.between(f"{kind}:", f"{kind};")
    mine = sa.and_(inbox_wait.c.peer_id == peer_id, of_kind)
    return set(connection.execute(sa.select(inbox_wait.c.key).where(mine).distinct()).scalars())


def waited(connection: Connection, peer_id: int, keys: Iterable[str]) -> set[str]:
    """Return for which of these keys a peer's events wait."""
    mine = inbox_wait.c.peer_id == peer_id
    # Nearly always nothing waits at all.
    if connection.execute(sa.select(inbox_wait.c.inbox_id).where(mine).limit(1)).first() is None:
        return set()
    wanted = {k: key(k) for k in keys}
    found: set[str] = set()
    for part in in_parts(sorted(set(wanted.values()))):
        some = sa.select(inbox_wait.c.key).where(mine, inbox_wait.c.key.in_(part)).distinct()
        found.update(connection.execute(some).scalars())
    return {k for k, compared in wanted.items() if compared in found}


def missed(connection: Connection, peer_id: int) -> list[str]:
    """Return by which keys a peer's events wait that should not: for somebody who is here.

    And by which its conflicts about people do: whether they still are some shows a look.
    """
    key_of = inbox_wait.c.key
    start = user_key("")
    number = sa.func.substr(key_of, len(start) + 1)
    is_here = sa.exists().where(person.c.idnumber_key == number)
    waits = sa.select(key_of).join_from(inbox_wait, inbox, inbox.c.id == inbox_wait.c.inbox_id)
    mine = waits.where(inbox_wait.c.peer_id == peer_id).distinct().order_by(key_of)
    for_people = sa.and_(inbox.c.status == HELD, key_of.startswith(start), is_here)
    wanted = mine.where(sa.or_(for_people, inbox.c.status == CONFLICT))
    return list(connection.execute(wanted).scalars())


def get(connection: Connection, inbox_id: int) -> Waiting | None:
    """Return one event that is open."""
    row = connection.execute(
        sa.select(inbox).where(inbox.c.id == inbox_id, inbox.c.status.in_(OPEN))
    ).first()
    return _row(row) if row else None


def one(connection: Connection, inbox_id: int) -> Entry | None:
    """Return one event, open or not."""
    row = connection.execute(_ENTRIES.where(inbox.c.id == inbox_id)).first()
    return _entry(row) if row else None


_ENTRIES = sa.select(inbox, peer.c.wwwroot).select_from(
    inbox.join(peer, peer.c.id == inbox.c.peer_id)
)


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        peer_id=row.peer_id,
        wwwroot=row.wwwroot,
        event=row.event,
        status=row.status,
        payload=row.payload,
        waiting_for=tuple(str(key) for key in row.waiting_for),
        reason=row.reason,
        received_unix_s=row.received_unix_s,
    )


def _row(row: sa.Row[Any]) -> Waiting:
    position = (row.effective_unix_s, row.seq, row.id)
    return Waiting(
        row.id,
        row.peer_id,
        row.event,
        row.status,
        row.payload,
        row.received_unix_s,
        position,
        row.arrived_under,
        tuple(row.waiting_for),
    )  # fmt: skip - in the order of the fields


def _wait(
    connection: Connection, inbox_id: int, peer_id: int, event: str, waits: list[str]
) -> None:
    if waits:
        rows = [
            {"inbox_id": inbox_id, "peer_id": peer_id, "event": event, "key": k}
            for k in dict.fromkeys(key(w) for w in waits)
        ]
        connection.execute(sa.insert(inbox_wait), rows)


def _is_followed(
    connection: Connection, inbox_id: int, peer_id: int, event: str, waits: list[str]
) -> bool:
    """Tell whether another event of this name that waits for one of these came after this one."""
    later = sa.select(inbox_wait.c.inbox_id).where(
        inbox_wait.c.peer_id == peer_id,
        inbox_wait.c.key == sa.bindparam("wanted"),
        inbox_wait.c.event == event,
        inbox_wait.c.inbox_id > inbox_id,
    )
    return any(connection.execute(later.limit(1), {"wanted": key(w)}).first() for w in waits)


def _make_room(connection: Connection, peer_id: int) -> None:
    """Of what was rejected the oldest goes, so that one more has room."""
    count = inbox_counts.counts(connection, peer_id).get((peer_id, REJECTED), 0)
    if count < MAX_REJECTED:
        return
    mine = sa.and_(inbox.c.peer_id == peer_id, inbox.c.status == REJECTED)
    oldest = sa.select(inbox.c.id).where(mine).order_by(inbox.c.id).limit(count + 1 - MAX_REJECTED)
    _drop(connection, peer_id, REJECTED, connection.execute(oldest).scalars().all())


def _drop(connection: Connection, peer_id: int, status: str, inbox_ids: Sequence[int]) -> None:
    for some in in_parts(inbox_ids):
        connection.execute(sa.delete(inbox_wait).where(inbox_wait.c.inbox_id.in_(some)))
        connection.execute(sa.delete(inbox).where(inbox.c.id.in_(some)))
    inbox_counts.move(connection, peer_id, status, None, len(inbox_ids))


def _digest(event: str, payload: object) -> bytes:
    return hashlib.sha256(f"{event} {json.dumps(payload, sort_keys=True)}".encode()).digest()


def _payload(data: object) -> object:
    if isinstance(data, dict):
        data = {k: v for k, v in data.items() if str(k).lower() not in SECRET_FIELDS}
    text = json.dumps(data, default=str)
    if len(text) > MAX_PAYLOAD_CHARS:
        return {"cut": text[:MAX_PAYLOAD_CHARS]}
    readable: object = json.loads(text)
    return readable


_LIES_THERE = sa.select(inbox.c.id).where(
    inbox.c.peer_id == sa.bindparam("peer"),
    inbox.c.digest == sa.bindparam("known"),
    inbox.c.status == sa.bindparam("in_status"),
)
_IS_WAITING = Prepared(
    sa.select(inbox_wait.c.inbox_id)
    .where(inbox_wait.c.peer_id == sa.bindparam("peer"), inbox_wait.c.key == sa.bindparam("wanted"))
    .limit(sa.literal_column("1"))
)
