"""The right to sign in: given and taken, link by link, and for the own password.

A link is a peer and a person; the right of one says nothing of another, so that no second peer
can vouch its way into an account. Taking a right ends the sessions that stood on it.
Source: requirements 1.7, R28-R30.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers import accounts, audit, password_hashes, store
from peers.changes import NotPossible
from peers.model import peer
from schooltool_bridge import person_sessions
from schooltool_bridge.fields import key
from schooltool_bridge.model import person, person_link, person_password


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes a right, and when."""

    actor: str
    now_unix_s: int


def set_right(
    connection: Connection,
    change: Change,
    person_id: int,
    peer_wwwroot: str | None,
    *,
    allowed: bool,
) -> list[str]:
    """Give or take a person's right to sign in; return the peers of the links that it is about.

    Without a peer it is about every link that there is now, and about the own password. Raises
    NotPossible when the peer has no link to this person.
    """
    wanted = person_link.c.person_id == person_id
    peer_id = None
    if peer_wwwroot is not None:
        known = store.find(connection, peer_wwwroot)
        peer_id = known.id if known else None
        wanted &= person_link.c.peer_id == peer_id
    rows = connection.execute(
        sa.select(person_link.c.id, peer.c.wwwroot)
        .join_from(person_link, peer, peer.c.id == person_link.c.peer_id)
        .where(wanted)
        .order_by(peer.c.wwwroot, person_link.c.id)
    ).all()
    if peer_wwwroot is not None and not rows:
        raise NotPossible(
            f"{peer_wwwroot} never brought this person; see: mnet-peer person show {person_id}."
        )
    ids = [row.id for row in rows]
    connection.execute(
        sa.update(person_link).where(person_link.c.id.in_(ids)).values(can_login=allowed)
    )
    if peer_id is None:
        mine = person.c.id == person_id
        connection.execute(sa.update(person).where(mine).values(can_login=allowed))
    if not allowed:
        person_sessions.end_of_person(connection, person_id, peer_id)
    peers = [row.wwwroot for row in rows]
    audit.record(
        connection,
        actor=change.actor,
        action="sign-on allowed" if allowed else "sign-on denied",
        subject=f"person {person_id}",
        detail={"peers": peers, "own password": peer_id is None},
        now_unix_s=change.now_unix_s,
    )
    return peers


def rights_of(connection: Connection, person_id: int) -> list[dict[str, object]]:
    """Return a person's links, each with its right."""
    rows = connection.execute(
        sa.select(peer.c.wwwroot, person_link.c.username, person_link.c.can_login)
        .join_from(person_link, peer, peer.c.id == person_link.c.peer_id)
        .where(person_link.c.person_id == person_id)
        .order_by(peer.c.wwwroot, person_link.c.id)
    )
    return [{"peer": r.wwwroot, "username": r.username, "can_login": r.can_login} for r in rows]


def without_right(connection: Connection, peer_id: int) -> int:
    """Count the people whom a peer may not sign in while something else may."""
    other = person_link.alias()
    elsewhere = (
        sa.select(other.c.id)
        .where(other.c.person_id == person_link.c.person_id, other.c.can_login)
        .exists()
    )
    counted = (
        sa.select(sa.func.count(sa.distinct(person.c.id)))
        .join_from(person_link, person, person.c.id == person_link.c.person_id)
        .where(
            person_link.c.peer_id == peer_id,
            sa.not_(person_link.c.can_login),
            sa.or_(person.c.can_login, elsewhere),
        )
    )
    return int(connection.execute(counted).scalar_one())


def set_password(connection: Connection, change: Change, person_id: int, password: str) -> None:
    """Give a person a password of their own for here; raises peers.accounts.BadAccount.

    Sessions by the old one end. The right to sign in is another thing.
    """
    accounts.check_password(password)
    hashed = {"password_hash": password_hashes.hashed(password)}
    mine = person_password.c.person_id == person_id
    if not connection.execute(sa.update(person_password).where(mine).values(hashed)).rowcount:
        connection.execute(sa.insert(person_password).values(person_id=person_id, **hashed))
    person_sessions.end_own(connection, person_id)
    audit.record(
        connection,
        actor=change.actor,
        action="password set",
        subject=f"person {person_id}",
        detail={},
        now_unix_s=change.now_unix_s,
    )


def check_password(connection: Connection, username: str, password: str) -> int | None:
    """Return the person who has this user name and password and may sign in with it.

    Takes as long for a name that is not there.
    """
    row = connection.execute(
        sa.select(person.c.id, person.c.can_login, person_password.c.password_hash)
        .join_from(person, person_password, person_password.c.person_id == person.c.id)
        .where(person.c.username_key == key(username))
    ).first()
    is_right = password_hashes.fits(row.password_hash if row else None, password)
    return int(row.id) if row and is_right and row.can_login else None
