"""Signing off everywhere, and staying signed in: the calls to peers, in both roles.

Who is signed in stands in person_sessions.py and peers/sign_on.py. A peer that is out of reach
holds nobody up: what it is told is remembered, and told after the page. Source: RULES 1.7;
PROTOCOL.md section 11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import Database
from mnet.outbound import Outbound
from mnet.xmlrpc import Value
from peers import sign_on
from peers.registry import Peer, Registry
from peers.sign_on import jump_session, person_session
from peers.web import tokens
from schooltool_bridge.sign_on import jumping, person_sessions
from schooltool_bridge.sign_on.notifying_peers import notify
from schooltool_bridge.sign_on.person_sessions import PersonSession
from schooltool_bridge.sign_on.sign_offs import Visit
from schooltool_bridge.store.errands import KILL_CHILD, Errand, Errands

# As Moodle does it: whoever was here in the last five minutes keeps the session over there.
KEEP_ALIVE_INTERVAL_S = 300
# Somebody waits for this one, before they go over.
BEFORE_JUMP_TIMEOUT_S = 3.0
# One call's names; a Moodle looks them up thirty at a time.
MAX_NAMES = 300

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class SigningOff:
    """Ends sessions on both sides; one for the whole process."""

    database: Database
    registry: Registry
    outbound: Outbound[Peer]
    errands: Errands
    clock: Callable[[], float]

    def sign_out(self, session: PersonSession) -> tuple[Work, ...]:
        """End a person's session here and return what is left to do: telling the peers."""
        mine = person_session.c.token_digest == session.digest
        with self.database.write() as connection:
            parents = person_sessions.remember_parents(connection, mine)
            person_sessions.end(connection, session.digest)
            children = self.end_children(connection, session.digest)
        return (*children, *self.ending(parents))

    def end_children(
        self, connection: Connection, digest: bytes, *, but: int | None = None
    ) -> list[Work]:
        """Forget where a session's person went over to; return the calls that end it there.

        `but` is the peer that called us: it knows.
        """
        mine = jump_session.c.session_digest == digest
        others = sa.true() if but is None else jump_session.c.peer_id != but
        gone = person_sessions.end_visits(connection, mine, others)
        connection.execute(sa.delete(jump_session).where(mine))
        return self.ending(gone)

    def ending(self, visits: Iterable[Visit]) -> list[Work]:
        """Return the first try to tell peers what is remembered of visits, one work a peer.

        What it does not reach is sent later, by whichever process serves then (errands.py).
        """
        return [
            self.errands.at(peer.id, sign_offs=True)
            for peer_id in sorted({visit.peer_id for visit in visits})
            if (peer := self.registry.by_id(peer_id)) is not None and peer.enabled
        ]

    def notify_end(self, peer: Peer, errand: Errand) -> bool:
        """Send a peer the end of sessions; False when it did not answer, to be sent again."""
        params: list[Value] = [errand.about["username"], errand.about["agent_sha1"]]
        return notify(self.outbound, peer, errand.kind, params, needs_proof=True)

    def end_before_jump(self, visit: Visit) -> None:
        """End a visit over there, since another of the same person and browser is to begin.

        Blocks for BEFORE_JUMP_TIMEOUT_S at most; whatever comes of it, the jump goes on.
        """
        peer = self.registry.by_id(visit.peer_id)
        if peer is None:
            return
        params: list[Value] = [visit.username, visit.agent_sha1]
        if not notify(self.outbound, peer, KILL_CHILD, params, timeout_s=BEFORE_JUMP_TIMEOUT_S):
            return  # it may still have the session that the row stands for
        with self.database.write() as connection:
            jumping.forget(connection, visit)

    def sign_out_everywhere(self, connection: Connection, person_id: int) -> list[Work]:
        """End all sessions of a person; return what is left to do: telling the peers."""
        mine = person_session.c.person_id == person_id
        return self.ending(
            [
                *person_sessions.remember_parents(connection, mine),
                *person_sessions.end_where(connection, mine),
                *person_sessions.end_visits(connection, jump_session.c.person_id == person_id),
            ]
        )

    def keep_alive(self) -> None:
        """Tell each identity provider which of its users are busy here."""
        for peer in self.registry.all():
            self.keep_alive_at(peer)

    def keep_alive_at(self, peer: Peer) -> None:
        """Tell one identity provider."""
        if not peer.enabled or not _lands(peer):
            return
        since = int(self.clock()) - KEEP_ALIVE_INTERVAL_S - tokens.SEEN_STEP_S
        with self.database.read() as connection:
            names: list[Value] = [*person_sessions.active(connection, peer.id, since)]
        for first in range(0, len(names), MAX_NAMES):
            notify(self.outbound, peer, "keepalive_server", [names[first : first + MAX_NAMES]])


def _lands(peer: Peer) -> bool:
    return sign_on.may_land(peer.services.published, peer.services.subscribed)
