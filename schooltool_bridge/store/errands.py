"""Errands: calls to a peer that are made after an answer has left.

They are remembered in the transaction that gives rise to them, so that neither a full queue nor a
restart forgets any, and taken one by one, so that of several processes one asks. What each kind
asks comes in from the composition root. Source: RULES 1.3 (answers), 1.7.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from mnet.database import Database, in_parts
from mnet.logs import log_failure
from mnet.slow_work import ForSite
from peers.registry import Peer, Registry
from schooltool_bridge.store.model_errands import errand

ENROLMENTS, PICTURE, COURSES = "enrolments", "picture", "courses"
# Sign-offs: of our people who went there, and of the peer's people who came from there. They are
# sent first: it takes a moment, and somebody believes to be signed out.
KILL_CHILD, KILL_CHILDREN = SIGN_OFFS = ("kill_child", "kill_children")
# In a process, for one peer: half of its share, so that whoever waits for an answer has the rest.
AT_ONCE = 2
# Of sign-offs beside these, which are soon sent one after the other.
SIGN_OFFS_AT_ONCE = 1
# Longer than any one errand: two calls of 30 s and connecting. Whoever was killed lets go after it.
LEASE_S = 120
# How often a running server looks for what is due: after a restart, a full queue, a wait.
LOOK_INTERVAL_S = 10.0
# After a failure, and at most; each further one in a row doubles it.
FIRST_WAIT_S, MAX_WAIT_S = 30, 3600

log = structlog.get_logger("errands")


class Errand(NamedTuple):
    """One errand at a peer, as it was taken."""

    id: int
    kind: str
    # None when it is about no person whom we have to know.
    whose: int | None
    about: Mapping[str, Any]
    version: int
    tries: int

    @property
    def person_id(self) -> int:
        """Whom it is about; raises LookupError when that is nobody."""
        if self.whose is None:
            raise LookupError(self.kind)
        return self.whose


class Silence(NamedTuple):
    """A peer that does not answer: failures in a row, and until when it is left alone."""

    failures: int
    until_unix_s: int


class Wanted(NamedTuple):
    """A call to make about a person; `about` is plain JSON."""

    kind: str
    person_id: int
    about: Mapping[str, object] = {}


# It returns False when the peer did not answer and is to be asked again.
Do = Callable[[Peer, Errand], bool]


def remember(
    connection: Connection, peer_id: int, wanted: Sequence[Wanted], now_unix_s: int
) -> None:
    """Remember errands, in the transaction that gives rise to them and in the peer's turn.

    What is remembered already is brought up to date and is due again.
    """
    table = errand.c
    fresh: dict[tuple[str, int], Wanted] = {(w.kind, w.person_id): w for w in wanted}
    for part in in_parts(list(dict.fromkeys(w.person_id for w in wanted))):
        mine = (table.peer_id == peer_id, table.person_id.in_(part))
        found = connection.execute(sa.select(table.id, table.kind, table.person_id).where(*mine))
        for row in found.all():
            if again := fresh.pop((row.kind, row.person_id), None):
                connection.execute(
                    sa.update(errand)
                    .where(table.id == row.id)
                    .values(
                        about=dict(again.about),
                        version=table.version + 1,
                        tries=0,
                        due_unix_s=now_unix_s,
                    )
                )
    rows = [
        {
            "peer_id": peer_id,
            "kind": w.kind,
            "person_id": w.person_id,
            "about": dict(w.about),
            "version": 0,
            "tries": 0,
            "due_unix_s": now_unix_s,
            "taken_until_unix_s": 0,
        }
        for w in fresh.values()
    ]
    if rows:
        connection.execute(sa.insert(errand), rows)


def forget(connection: Connection, peer_id: int, kind: str, person_id: int) -> None:
    """Take an errand away that is not wanted any more."""
    mine = (errand.c.peer_id == peer_id, errand.c.kind == kind, errand.c.person_id == person_id)
    connection.execute(sa.delete(errand).where(*mine))


@dataclass(frozen=True, slots=True)
class Errands:
    """Does errands; one for the whole process, used by many threads."""

    database: Database
    registry: Registry
    clock: Callable[[], float]
    # Tells whether a peer is left alone at the moment (mnet/breakers.py).
    rests: Callable[[Peer], bool]
    # What each kind asks.
    kinds: Mapping[str, Do]
    # By peer, and whether it is sign-offs alone.
    _running: Counter[tuple[int, bool]] = field(default_factory=Counter)
    _silent: dict[int, Silence] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def at(self, peer_id: int, *, sign_offs: bool = False) -> ForSite:
        """Return the work of doing what is due at a peer, for after the answer.

        With `sign_offs` these alone, whatever else is under way there.
        """
        return ForSite(peer_id, partial(self.run, peer_id, sign_offs=sign_offs))

    def due(self) -> list[ForSite]:
        """Return the work at each peer where something is due; a removed peer's goes away.

        What has nothing left to tell goes away as well.
        """
        self._drop_late()
        with self.database.read() as connection:
            found = connection.execute(sa.select(errand.c.peer_id).where(self._free()).distinct())
            ids = found.scalars().all()
        works = []
        for peer_id in ids:
            peer = self.registry.by_id(peer_id)
            if peer is None:
                with self.database.write() as connection:
                    connection.execute(sa.delete(errand).where(errand.c.peer_id == peer_id))
            elif peer.enabled and not self.rests(peer):
                works.append(self.at(peer_id))
        return works

    def run(self, peer_id: int, *, sign_offs: bool = False) -> None:
        """Do what is due at a peer, one after the other, until it does not answer. Blocks."""
        who = (peer_id, sign_offs)
        with self._lock:
            if self._running[who] >= (SIGN_OFFS_AT_ONCE if sign_offs else AT_ONCE):
                return
            self._running[who] += 1
        try:
            done = None
            while (taken := self._take(peer_id, done, sign_offs=sign_offs)) is not None:
                peer = self.registry.by_id(peer_id)
                if peer is None or not peer.enabled:
                    self._give_back(taken)
                    return
                done = taken
                if self._do(peer, taken):
                    with self._lock:
                        self._silent.pop(peer_id, None)
                else:
                    self._put_off(peer, taken)
                    return
        finally:
            with self._lock:
                self._running[who] -= 1

    def _do(self, peer: Peer, taken: Errand) -> bool:
        try:
            return self.kinds[taken.kind](peer, taken)
        except Exception as problem:  # noqa: BLE001 - the others are done, and this one again
            log_failure(log, problem)
            return False

    def _free(self) -> sa.ColumnElement[bool]:
        """What is due and nobody is at; a time too far ahead is from a clock that was set back."""
        now = int(self.clock())
        due, taken, until = (
            errand.c.due_unix_s, errand.c.taken_until_unix_s, errand.c.until_unix_s
        )  # fmt: skip
        return sa.and_(
            sa.or_(due <= now, due > now + MAX_WAIT_S),
            sa.or_(taken <= now, taken > now + LEASE_S),
            sa.or_(until.is_(None), until > now),
        )

    def _drop_late(self) -> None:
        late = errand.c.until_unix_s <= int(self.clock())
        with self.database.read() as connection:
            if connection.execute(sa.select(errand.c.id).where(late).limit(1)).first() is None:
                return
        with self.database.write() as connection:
            connection.execute(sa.delete(errand).where(late))

    def _take(self, peer_id: int, done: Errand | None, *, sign_offs: bool) -> Errand | None:
        """Take the next errand, after letting go of one that is done; None when none is due."""
        now, table = int(self.clock()), errand.c
        is_sign_off = table.kind.in_(SIGN_OFFS)
        mine = [table.peer_id == peer_id, self._free(), *([is_sign_off] if sign_offs else [])]
        if done is None and not self._is_any(mine):
            return None
        with self.database.write() as connection:
            if done is not None:
                _end(connection, done)
            row = connection.execute(
                sa.select(
                    table.id, table.kind, table.person_id, table.about, table.version, table.tries
                )
                .where(*mine)
                # One that fails again and again lets the others go first.
                .order_by(table.tries, sa.case((is_sign_off, 0), else_=1), table.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).first()
            if row is None:
                return None
            taken = {"taken_until_unix_s": now + LEASE_S}
            connection.execute(sa.update(errand).where(table.id == row.id).values(taken))
        return Errand(*row)

    def _is_any(self, which: Sequence[sa.ColumnElement[bool]]) -> bool:
        with self.database.read() as connection:
            found = connection.execute(sa.select(errand.c.id).where(*which).limit(1))
            return found.first() is not None

    def _give_back(self, taken: Errand) -> None:
        with self.database.write() as connection:
            mine = errand.c.id == taken.id
            connection.execute(sa.update(errand).where(mine).values(taken_until_unix_s=0))

    def _put_off(self, peer: Peer, failed: Errand) -> None:
        """Wait before this peer is asked anything again, longer with each failure in a row."""
        now, table = int(self.clock()), errand.c
        with self._lock:
            before = self._silent.get(peer.id, Silence(0, now))
            # What fails while it is left alone, tried at once by somebody's page, says nothing new.
            if not now < before.until_unix_s <= now + MAX_WAIT_S:
                failures = before.failures + 1
                before = self._silent[peer.id] = Silence(failures, now + _wait_s(failures))
            wait_s = before.until_unix_s - now
        with self.database.write() as connection:
            later = {"due_unix_s": now + wait_s}
            rest = (table.peer_id == peer.id, table.due_unix_s < now + wait_s)
            connection.execute(sa.update(errand).where(*rest).values(later))
            connection.execute(
                sa.update(errand)
                .where(table.id == failed.id, table.version == failed.version)
                .values(
                    tries=failed.tries + 1,
                    due_unix_s=now + max(wait_s, _wait_s(failed.tries + 1)),
                )
            )
            mine = table.id == failed.id
            connection.execute(sa.update(errand).where(mine).values(taken_until_unix_s=0))
        log.warning("put off", peer=peer.wwwroot, kind=failed.kind, seconds=wait_s)


def _wait_s(failures: int) -> int:
    return int(min(FIRST_WAIT_S * 2 ** min(failures - 1, 20), MAX_WAIT_S))


def _end(connection: Connection, done: Errand) -> None:
    """Take an errand away; when it is wanted anew since it was taken, that stays to be done."""
    mine = (errand.c.id == done.id, errand.c.version == done.version)
    if not connection.execute(sa.delete(errand).where(*mine)).rowcount:
        again = sa.update(errand).where(errand.c.id == done.id)
        connection.execute(again.values(taken_until_unix_s=0))
