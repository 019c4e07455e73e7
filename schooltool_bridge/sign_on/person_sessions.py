"""People who are signed in here: the rows behind their cookie, and who may have one.

An admin's session is another thing (peers/web/sessions.py); a person's gives no admin rights.
Every look asks again whether the right still stands, so that one taken away ends the session at
once. Source: RULES 1.7, R28, R29.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers import store
from peers.model import peer
from peers.policy import PeerPolicy
from peers.sign_on import jump_session, person_session
from peers.web import tokens
from peers.web.tokens import LIFETIME_S, digest_of
from schooltool_bridge.history import school_roles
from schooltool_bridge.sign_on import sign_offs
from schooltool_bridge.sign_on.sign_offs import Visit
from schooltool_bridge.store import errands
from schooltool_bridge.store.model import person, person_link

COOKIE = "mnet_peer_person"
# How long somebody may think about whether to change over to the person who came.
ASK_S = 300


@dataclass(frozen=True, slots=True)
class Start:
    """Who begins a session, and by whose word."""

    person_id: int
    agent_sha1: str
    username: str
    # None: by their own password.
    peer_id: int | None = None
    link_id: int | None = None


@dataclass(frozen=True, slots=True)
class PersonSession:
    """A person's signed-in browser."""

    digest: bytes
    person_id: int
    name: str
    own_username: str
    # As the identity provider calls the person; no peer for one who came by password.
    username: str
    peer_id: int | None
    peer_wwwroot: str
    peer_name: str
    agent_sha1: str
    seen_unix_s: int


@dataclass(frozen=True, slots=True)
class Live:
    """A session that somebody who looks after people sees."""

    # Over at the peer; else here, by the peer's word or, with no peer, by password.
    is_there: bool
    peer_name: str
    since_unix_s: int
    seen_unix_s: int
    # The peer does not say when somebody signs out there: a Mahara's source leaves that open.
    stays_after_sign_off: bool


def start(
    connection: Connection, begun: Start, now_unix_s: int, *, asked_of: bytes | None = None
) -> str:
    """Begin a session and return the token for its cookie.

    With `asked_of`, the digest of the session that the browser has, it only waits for a yes.
    """
    token = tokens.new()
    connection.execute(
        sa.insert(person_session).values(
            token_digest=digest_of(token),
            person_id=begun.person_id,
            peer_id=begun.peer_id,
            link_id=begun.link_id,
            username=begun.username,
            agent_sha1=begun.agent_sha1,
            asked_of_digest=asked_of,
            created_unix_s=now_unix_s,
            seen_unix_s=now_unix_s,
        )
    )
    if begun.peer_id is not None and asked_of is None:
        came = Visit(begun.peer_id, begun.username, begun.agent_sha1)
        sign_offs.forget(connection, errands.KILL_CHILDREN, came)
    too_old = now_unix_s - LIFETIME_S
    for table in (person_session, jump_session):
        connection.execute(sa.delete(table).where(table.c.created_unix_s < too_old))
    return token


def find(connection: Connection, token: str, now_unix_s: int) -> PersonSession | None:
    """Return the live session of a cookie's token, if its person may still be signed in."""
    if not token:
        return None
    asked = {"digest": digest_of(token), "now_unix_s": now_unix_s}
    row = connection.execute(_LIVE, asked).first()
    if row is None or not _is_let_through(connection, row):
        return None
    return PersonSession(
        digest=row.token_digest,
        person_id=row.person_id,
        name=f"{row.firstname} {row.lastname}".strip(),
        own_username=row.own_username,
        username=row.username,
        peer_id=row.peer_id,
        peer_wwwroot=row.wwwroot or "",
        peer_name=row.peer_name or row.wwwroot or "",
        agent_sha1=row.agent_sha1,
        seen_unix_s=row.seen_unix_s,
    )


def touch(connection: Connection, digest: bytes, now_unix_s: int) -> None:
    """Note that a session is in use."""
    mine = person_session.c.token_digest == digest
    connection.execute(sa.update(person_session).where(mine).values(seen_unix_s=now_unix_s))


def end(connection: Connection, digest: bytes) -> None:
    """End one session, and whatever waits to replace it."""
    mine = sa.or_(
        person_session.c.token_digest == digest, person_session.c.asked_of_digest == digest
    )
    connection.execute(sa.delete(person_session).where(mine))


def end_where(connection: Connection, *which: sa.ColumnElement[bool]) -> list[Visit]:
    """End the sessions that conditions on person_session name; return their visits elsewhere."""
    digests = sa.select(person_session.c.token_digest).where(*which)
    visits = end_visits(connection, jump_session.c.session_digest.in_(digests))
    connection.execute(sa.delete(person_session).where(*which))
    return visits


def end_visits(connection: Connection, *which: sa.ColumnElement[bool]) -> list[Visit]:
    """Forget the visits to peers that conditions on jump_session name; return those to end there.

    They are remembered as well (sign_offs.py). A token that is on its way stays, and whoever brings
    it is refused; it is returned, too, since it took the place of an earlier visit there.
    """
    table = jump_session.c
    visits = _latest_ends(connection, table, *which)
    sign_offs.remember(connection, errands.KILL_CHILD, visits)
    connection.execute(sa.delete(jump_session).where(table.used_unix_s.is_not(None), *which))
    return sorted(visits)


def remember_parents(connection: Connection, *which: sa.ColumnElement[bool]) -> list[Visit]:
    """Remember to tell the peers by whose word sessions began that these end; return which."""
    table = person_session.c
    came = (table.peer_id.is_not(None), table.asked_of_digest.is_(None))
    visits = _latest_ends(connection, table, *which, *came)
    sign_offs.remember(connection, errands.KILL_CHILDREN, visits)
    return sorted(visits)


def _latest_ends(
    connection: Connection, table: Any, *which: sa.ColumnElement[bool]
) -> dict[Visit, int]:
    """Return visits, and when (Unix s) the youngest session of each would end by itself."""
    mine = (table.peer_id, table.username, table.agent_sha1)
    rows = sa.select(*mine, sa.func.max(table.created_unix_s)).where(*which).group_by(*mine)
    return {Visit(*row[:3]): row[3] + LIFETIME_S for row in connection.execute(rows)}


def live_of(connection: Connection, person_id: int, now_unix_s: int) -> list[Live]:
    """Return a person's sessions, here and at peers, the newest first."""
    session = person_session.c
    alive = (
        session.person_id == person_id,
        session.asked_of_digest.is_(None),
        tokens.is_live(person_session, now_unix_s),
    )
    seen = session.seen_unix_s
    which = (peer.c.name, peer.c.wwwroot, peer.c.application)
    here = sa.select(sa.false(), *which, session.created_unix_s, seen)
    here = here.select_from(person_session.outerjoin(peer, peer.c.id == session.peer_id))
    there = sa.select(sa.true(), *which, jump_session.c.used_unix_s, seen)
    there = there.select_from(
        jump_session.join(
            person_session, session.token_digest == jump_session.c.session_digest
        ).join(peer, peer.c.id == jump_session.c.peer_id)
    ).where(jump_session.c.used_unix_s.is_not(None))
    found = [
        Live(bool(is_there), name or wwwroot or "", since, seen, application == "mahara")
        for rows in (here, there)
        for is_there, name, wwwroot, application, since, seen in connection.execute(
            rows.where(*alive)
        )
    ]
    return sorted(found, key=lambda live: -live.since_unix_s)


def end_by_word(connection: Connection, peer_id: int, username: str, agent_sha1: str) -> int:
    """End the sessions that a peer vouched for, in one browser; return how many those were."""
    mine = (
        person_session.c.peer_id == peer_id,
        person_session.c.username == username,
        person_session.c.agent_sha1 == agent_sha1,
    )
    # The peer knows; whoever signs in there anew is not to be signed out by us.
    visit = Visit(peer_id, username, agent_sha1)
    sign_offs.forget(connection, errands.KILL_CHILDREN, visit)
    return connection.execute(sa.delete(person_session).where(*mine)).rowcount


def agree(
    connection: Connection, ticket: str, asked_of: bytes, now_unix_s: int
) -> tuple[str, PersonSession] | None:
    """Let the session begin that was asked for in place of `asked_of`, under a new token.

    None when there is no such question, or it was asked too long ago.
    """
    waiting = (
        person_session.c.token_digest == digest_of(ticket),
        person_session.c.asked_of_digest == asked_of,
        person_session.c.created_unix_s > now_unix_s - ASK_S,
    )
    token = tokens.new()
    begun = {"token_digest": digest_of(token), "asked_of_digest": None}
    if not connection.execute(sa.update(person_session).where(*waiting).values(begun)).rowcount:
        return None
    end(connection, asked_of)
    found = find(connection, token, now_unix_s)
    if found is not None and found.peer_id is not None:
        came = Visit(found.peer_id, found.username, found.agent_sha1)
        sign_offs.forget(connection, errands.KILL_CHILDREN, came)
    return (token, found) if found else None


def active(connection: Connection, peer_id: int, since_unix_s: int) -> list[str]:
    """Return the user names, as the peer calls them, of its users who are busy here."""
    names = (
        sa.select(person_session.c.username)
        .distinct()
        .where(
            person_session.c.peer_id == peer_id,
            person_session.c.asked_of_digest.is_(None),
            person_session.c.seen_unix_s >= since_unix_s,
        )
        .order_by(person_session.c.username)
    )
    return list(connection.execute(names).scalars())


def _is_let_through(connection: Connection, row: sa.Row[Any]) -> bool:
    """Tell whether the peer's rule about roles still lets the person in."""
    if row.peer_id is None:
        return True
    listed = PeerPolicy.from_stored(row.policy).land_roles
    return school_roles.may(connection, row.person_id, listed)


_SESSION = (
    sa.select(
        person_session,
        person.c.firstname,
        person.c.lastname,
        person.c.username.label("own_username"),
        peer.c.wwwroot,
        peer.c.name.label("peer_name"),
        peer.c.policy,
    )
    .select_from(
        person_session.join(person, person.c.id == person_session.c.person_id)
        .outerjoin(person_link, person_link.c.id == person_session.c.link_id)
        .outerjoin(peer, peer.c.id == person_session.c.peer_id)
    )
    .where(
        sa.or_(
            sa.and_(person_session.c.peer_id.is_(None), person.c.can_login),
            sa.and_(person_link.c.can_login, peer.c.state == store.ENABLED),
        )
    )
)
# Asked before every page of a person.
_LIVE = _SESSION.where(
    person_session.c.token_digest == sa.bindparam("digest"),
    person_session.c.asked_of_digest.is_(None),
    tokens.is_live(person_session, sa.bindparam("now_unix_s", type_=sa.Integer)),
)
