"""What one peer or a person brings may be what another peer's events wait for.

People belong to the school, so whoever brings them frees what waits; and somebody who is put into
a section by hand is what a peer's ending waits for. Each peer's events come again in a
transaction of their own, after the one that brought that: two peers' turns in one transaction
could wait for each other for ever. What a process that was killed in between left waiting for
people comes when the next one begins, or within the hour. Source: RULES 1.1, 1.3, 1.4.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable

from sqlalchemy.engine import Connection

from mnet.database import Database, one_at_a_time
from mnet.exchange import Site
from peers.registry import Peer, Registry
from schooltool_bridge.common.ids import key
from schooltool_bridge.events import enrolments, inbox
from schooltool_bridge.events import receiving as events
from schooltool_bridge.events.applied import ENROLMENT, source
from schooltool_bridge.events.receiving import Lots

# Brought by a person here, not by a peer.
BY_HAND = 0
# Keys looked at in one transaction, so that the peer's own calls do not wait long.
MISSED_AT_ONCE = 100


def release_others(
    database: Database, registry: Registry, site: Site, brought_by: int, names: Iterable[str]
) -> None:
    """Apply what other peers sent that waits for names that a peer brought.

    `names` are those of events.Received. To be called after the transaction that brought them.
    """
    todo = deque([(brought_by, tuple(names))])
    while todo:
        sender_id, keys = todo.popleft()
        for peer in registry.all() if keys else ():
            if peer.enabled and peer.id != sender_id:
                # Each time fewer events are left to bring any.
                todo.append((peer.id, come_again(database, peer, site, events.lot(keys))))


def come_again(database: Database, peer: Peer, site: Site, lots: Lots) -> tuple[str, ...]:
    """Apply all that waits, in as many transactions as it takes.

    Returns the names that were brought by it.
    """
    names: dict[str, None] = {}
    sender = source(peer, site)
    while lots:
        try:
            with database.write() as connection:
                # Looked at in this peer's turn, so that nothing is missed that it just sends.
                one_at_a_time(connection, peer.id)
                came = events.come_again(connection, sender, lots)
        except Exception:
            if sender.is_careful:
                raise
            sender = sender._replace(is_careful=True)  # one of them may have stopped the others
            continue
        names.update(dict.fromkeys(came.names))
        lots = came.left
    return tuple(names)


def release_endings(
    database: Database, registry: Registry, site: Site, memberships: Collection[tuple[int, int]]
) -> None:
    """Apply endings that wait for memberships that somebody wrote by hand.

    `memberships` are our ids of sections and people. To be called after their transaction.
    """
    for peer in registry.all() if memberships else ():
        if peer.enabled:
            with database.write() as connection:
                one_at_a_time(connection, peer.id)
                lots = events.lot(_waiting_for(connection, peer.id, memberships))
                left = events.come_again(connection, source(peer, site), lots).left
            come_again(database, peer, site, left)


def _waiting_for(
    connection: Connection, peer_id: int, memberships: Collection[tuple[int, int]]
) -> list[str]:
    """By which keys a peer's events wait for any of these memberships; nearly always none does."""
    waited = inbox.waited_for(connection, peer_id, ENROLMENT)
    keys = (
        k
        for membership in memberships
        for k in enrolments.membership_keys(connection, peer_id, *membership)
    )
    return [k for k in keys if key(k) in waited] if waited else []


def release_missed(database: Database, registry: Registry, site: Site) -> None:
    """Apply what waits though it need not, because whoever should have released it was killed."""
    for peer in registry.all():
        if not peer.enabled:
            continue
        with database.read() as connection:
            missed = inbox.missed(connection, peer.id)
        for first in range(0, len(missed), MISSED_AT_ONCE):
            keys = missed[first : first + MISSED_AT_ONCE]
            more = come_again(database, peer, site, events.lot(keys))
            release_others(database, registry, site, peer.id, more)
