"""Signing off everywhere, and staying signed in: what we tell peers, both roles.

Who is signed in stands in person_sessions.py and peers/sign_on.py. A peer that is out of reach
holds nobody up: what it is told is told after the page. Source: requirements 1.7;
PROTOCOL.md section 11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import Database
from mnet.outbound import Outbound
from mnet.slow_work import ForSite
from mnet.xmlrpc import Value
from peers import sign_on
from peers.registry import Peer, Registry
from peers.sign_on import jump_session, person_session
from schooltool_bridge import jumping, person_sessions
from schooltool_bridge.person_sessions import PersonSession, Visit
from schooltool_bridge.telling_peers import tell

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
    clock: Callable[[], float]

    def sign_out(self, session: PersonSession) -> tuple[Work, ...]:
        """End a person's session here and return what is left to do: telling the peers."""
        with self.database.write() as connection:
            person_sessions.end(connection, session.digest)
            children = self.end_children(connection, session.digest)
        return (*children, *self._parent(session))

    def end_children(
        self, connection: Connection, digest: bytes, *, but: int | None = None
    ) -> list[Work]:
        """Forget where a session's person went over to; return the calls that end it there.

        `but` is the peer that told us: it knows.
        """
        mine = jump_session.c.session_digest == digest
        rows = connection.execute(sa.select(jump_session).where(mine)).all()
        connection.execute(sa.delete(jump_session).where(mine))
        gone = {Visit(r.peer_id, r.username, r.agent_sha1) for r in rows if r.peer_id != but}
        return self.ending(gone)

    def ending(self, visits: Iterable[Visit], method: str = "kill_child") -> list[Work]:
        """Return the calls that end visits at peers, one work a peer, in order."""
        by_peer: dict[int, list[Visit]] = {}
        for visit in sorted(set(visits)):
            by_peer.setdefault(visit.peer_id, []).append(visit)
        return [
            ForSite(peer.id, partial(self._tell_all, peer, method, found))
            for peer_id, found in by_peer.items()
            if (peer := self.registry.by_id(peer_id)) is not None and peer.enabled
        ]

    def end_before_jump(self, visit: Visit) -> None:
        """End a visit over there, since another of the same person and browser is to begin.

        Blocks for BEFORE_JUMP_TIMEOUT_S at most; whatever comes of it, the jump goes on.
        """
        peer = self.registry.by_id(visit.peer_id)
        if peer is None:
            return
        params: list[Value] = [visit.username, visit.agent_sha1]
        if not tell(self.outbound, peer, "kill_child", params, timeout_s=BEFORE_JUMP_TIMEOUT_S):
            return  # it may still have the session that the row stands for
        with self.database.write() as connection:
            jumping.forget(connection, visit)

    def sign_out_everywhere(self, connection: Connection, person_id: int) -> list[Work]:
        """End all sessions of a person; return what is left to do: telling the peers."""
        mine, table = person_session.c.person_id == person_id, person_session.c
        came = sa.select(table.peer_id, table.username, table.agent_sha1).where(
            mine, table.peer_id.is_not(None), table.asked_of_digest.is_(None)
        )
        parents = [Visit(*row) for row in connection.execute(came)]
        visits = [
            *person_sessions.end_where(connection, mine),
            *person_sessions.end_visits(connection, jump_session.c.person_id == person_id),
        ]
        return [*self.ending(visits), *self.ending(parents, "kill_children")]

    def keep_alive(self) -> None:
        """Tell each identity provider which of its users are busy here."""
        for peer in self.registry.all():
            self.keep_alive_at(peer)

    def keep_alive_at(self, peer: Peer) -> None:
        """Tell one identity provider."""
        if not peer.enabled or not _lands(peer):
            return
        since = int(self.clock()) - KEEP_ALIVE_INTERVAL_S - person_sessions.SEEN_STEP_S
        with self.database.read() as connection:
            names: list[Value] = [*person_sessions.active(connection, peer.id, since)]
        for first in range(0, len(names), MAX_NAMES):
            tell(self.outbound, peer, "keepalive_server", [names[first : first + MAX_NAMES]])

    def _parent(self, session: PersonSession) -> list[Work]:
        peer = self.registry.by_id(session.peer_id) if session.peer_id is not None else None
        if peer is None or not peer.enabled:
            return []
        told = partial(self._tell, peer, "kill_children", session.username, session.agent_sha1)
        return [ForSite(peer.id, told)]

    def _tell_all(self, peer: Peer, method: str, visits: list[Visit]) -> None:
        for visit in visits:
            if not tell(self.outbound, peer, method, [visit.username, visit.agent_sha1]):
                return  # out of reach; each further one would wait as long

    def _tell(self, peer: Peer, method: str, username: str, agent_sha1: str) -> None:
        tell(self.outbound, peer, method, [username, agent_sha1])


def _lands(peer: Peer) -> bool:
    return sign_on.may_land(peer.services.published, peer.services.subscribed)
