"""The right to sign in: given and taken, link by link, and for the own password.

A link is a peer and a person; the right of one says nothing of another, so that no second peer
can vouch its way into an account. Taking a right ends the sessions that stood on it, and what was
begun from those at peers. Many people at once: bulk_rights.py. Source: RULES 1.7, R28-R30.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from mnet.language import N_, _
from peers import accounts, audit, password_hashes, store
from peers.changes import NotPossible
from peers.model import peer
from peers.sign_on import person_session
from schooltool_bridge.common.ids import key
from schooltool_bridge.history import identity
from schooltool_bridge.sign_on import person_sessions
from schooltool_bridge.sign_on.sign_offs import Visit
from schooltool_bridge.store.model import person, person_link
from schooltool_bridge.store.model_people import password_link, person_password


@dataclass(frozen=True, slots=True)
class Change:
    """Who changes a right, and when."""

    actor: str
    now_unix_s: int


@dataclass(frozen=True, slots=True)
class Changed:
    """The peers of the links that a change was about, and the visits that it ended."""

    peers: list[str]
    visits: list[Visit]


def set_right(
    connection: Connection,
    change: Change,
    person_id: int,
    peer_wwwroot: str | None,
    *,
    allowed: bool,
) -> Changed:
    """Give or take a person's right to sign in.

    Without a peer it is about every link that there is now, and about the own password. Raises
    NotPossible when the peer has no link to this person.
    """
    known = store.find(connection, peer_wwwroot) if peer_wwwroot is not None else None
    peer_id = known.id if known else None
    linked = sa.select(peer.c.id, peer.c.wwwroot).join_from(
        person_link, peer, peer.c.id == person_link.c.peer_id
    )
    mine = person_link.c.person_id.in_(identity.everybody(connection, person_id))
    rows = connection.execute(linked.where(mine).order_by(peer.c.wwwroot, person_link.c.id))
    peers = [r.wwwroot for r in rows if peer_wwwroot is None or r.id == peer_id]
    if peer_wwwroot is not None and not peers:
        raise NotPossible(
            _(
                "%(peer)s never brought this person; see: mnet-peer person show %(id)s.",
                peer=peer_wwwroot,
                id=person_id,
            )
        )
    visits = set_links(connection, [person_id], peer_id, allowed=allowed)
    if peer_id is None:
        visits += set_own(connection, [person_id], allowed=allowed)
    audit.record(
        connection,
        actor=change.actor,
        action=N_("sign-on allowed") if allowed else N_("sign-on denied"),
        subject=f"person {person_id}",
        detail={"peers": peers, "own password": peer_id is None},
        now_unix_s=change.now_unix_s,
    )
    return Changed(peers, visits)


def set_links(
    connection: Connection, ids: Collection[int], peer_id: int | None, *, allowed: bool
) -> list[Visit]:
    """Give or take the right of people's links to a peer, or of all that there are now.

    Returns the visits to peers that ended with it.
    """
    visits = []
    for some in in_parts(sorted(set(identity.of_all(connection, ids)))):
        # Whoever was unlinked from a peer is signed in by it no more.
        links = sa.and_(person_link.c.person_id.in_(some), sa.not_(person_link.c.unlinked))
        sessions = sa.and_(
            person_session.c.person_id.in_(some), person_session.c.peer_id.is_not(None)
        )
        if peer_id is not None:
            links = sa.and_(links, person_link.c.peer_id == peer_id)
            sessions = sa.and_(sessions, person_session.c.peer_id == peer_id)
        values = {"can_login": allowed, "decided": True}
        connection.execute(sa.update(person_link).where(links).values(values))
        if not allowed:
            visits += person_sessions.end_where(connection, sessions)
    return visits


def set_own(connection: Connection, ids: Collection[int], *, allowed: bool) -> list[Visit]:
    """Give or take people's right to sign in by their own password; return visits that ended."""
    visits = []
    for some in in_parts(sorted(set(ids))):
        wanted = person.c.id.in_(some)
        connection.execute(sa.update(person).where(wanted).values(can_login=allowed))
        if not allowed:
            visits += _end_own(connection, some)
            _end_links(connection, some)
    return visits


def set_own_audited(
    connection: Connection, change: Change, person_id: int, *, allowed: bool
) -> list[Visit]:
    """Give or take one person's right to sign in by password, with its entry in the audit trail.

    Returns the visits to peers that ended with it.
    """
    visits = set_own(connection, [person_id], allowed=allowed)
    audit.record(
        connection,
        actor=change.actor,
        action=N_("sign-on allowed") if allowed else N_("sign-on denied"),
        subject=f"person {person_id}",
        detail={"peers": [], "own password": True},
        now_unix_s=change.now_unix_s,
    )
    return visits


def _end_own(connection: Connection, ids: Collection[int]) -> list[Visit]:
    own = (person_session.c.person_id.in_(ids), person_session.c.peer_id.is_(None))
    return person_sessions.end_where(connection, *own)


def _end_links(connection: Connection, ids: Collection[int]) -> None:
    """Let no link by which these people could choose a password open any more."""
    connection.execute(sa.delete(password_link).where(password_link.c.person_id.in_(ids)))


def rights_of(connection: Connection, person_id: int) -> list[dict[str, object]]:
    """Return a person's links, each with its right."""
    rows = connection.execute(
        sa.select(
            peer.c.wwwroot,
            person_link.c.username,
            person_link.c.can_login,
            person_link.c.decided,
        )
        .join_from(person_link, peer, peer.c.id == person_link.c.peer_id)
        .where(person_link.c.person_id.in_(identity.everybody(connection, person_id)))
        .order_by(peer.c.wwwroot, person_link.c.id)
    )
    return [
        {
            "peer": r.wwwroot,
            "username": r.username,
            "can_login": r.can_login,
            "decided": r.decided,
        }
        for r in rows
    ]


@cache  # every page of a manager asks it of every peer; to put it together takes far longer
def waits() -> sa.ColumnElement[bool]:
    """Return the condition that a link waits for a decision.

    Nobody gave or took its right yet, and its person may sign in by something else; to be used
    where person_link is selected from.
    """
    other, owner = person_link.alias(), person.alias()
    elsewhere = sa.select(other.c.id).where(
        other.c.person_id == person_link.c.person_id, other.c.can_login
    )
    own = sa.select(owner.c.id).where(owner.c.id == person_link.c.person_id, owner.c.can_login)
    # Only for the few with several rows; the others are found by an index.
    root, kin, standing = (
        identity.root_of(person_link.c.person_id),
        person_link.alias(),
        person.alias(),
    )
    by_kin = sa.select(kin.c.id).where(kin.c.is_several, kin.c.can_login)
    by_kin = by_kin.where(identity.root_of(kin.c.person_id) == root)
    by_standing = sa.select(standing.c.id).where(standing.c.id == root, standing.c.can_login)
    of_several = sa.or_(
        by_kin.correlate_except(kin).exists(), by_standing.correlate_except(standing).exists()
    )
    return sa.and_(
        sa.not_(person_link.c.can_login),
        sa.not_(person_link.c.decided),
        sa.or_(
            elsewhere.correlate_except(other).exists(),
            own.correlate_except(owner).exists(),
            sa.and_(person_link.c.is_several, of_several),
        ),
    )


def without_right(connection: Connection, peer_id: int) -> int:
    """Count the people whom something else may sign in, and about whose link nobody decided."""
    return int(connection.execute(_without_right(), {"of_peer": peer_id}).scalar_one())


@cache
def _without_right() -> sa.Select[int]:
    people = sa.func.count(sa.distinct(identity.root_of(person_link.c.person_id)))
    of_peer = person_link.c.peer_id == sa.bindparam("of_peer")
    return sa.select(people).where(of_peer, waits())


def set_password(
    connection: Connection, change: Change, person_id: int, password: str
) -> list[Visit]:
    """Give a person a password of their own for here; raises peers.accounts.BadAccount.

    A link for a forgotten one may go to the address that they have now. Sessions by the old one
    end; returns the visits to peers that ended with them. The right to sign in is another thing.
    """
    known = sa.select(person.c.email).where(person.c.id == person_id)
    address = connection.execute(known).scalar_one()
    return choose_password(connection, change, person_id, password, email=address)


def choose_password(
    connection: Connection, change: Change, person_id: int, password: str, *, email: str | None
) -> list[Visit]:
    """Do the same as the owner's choice: mail goes to `email`, or None, where it went before.

    Links by which another one could be chosen open no more.
    """
    accounts.check_password(password)
    values = {"password_hash": password_hashes.hashed(password)}
    values |= {} if email is None else {"email": email}
    mine = person_password.c.person_id == person_id
    if not connection.execute(sa.update(person_password).where(mine).values(values)).rowcount:
        connection.execute(sa.insert(person_password).values(person_id=person_id, **values))
    # A row that was merged signs in whoever stands for it.
    whose = sorted({person_id, identity.root(connection, person_id)})
    visits = _end_own(connection, whose)
    _end_links(connection, whose)
    audit.record(
        connection,
        actor=change.actor,
        action=N_("password set"),
        subject=f"person {person_id}",
        detail={},
        now_unix_s=change.now_unix_s,
    )
    return visits


def named(connection: Connection, username: str) -> int | None:
    """Return the row that has a user name and a password of its own."""
    mine = person.c.username_key == key(username)
    found = sa.select(person.c.id).join_from(person, person_password).where(mine)
    row_id: int | None = connection.execute(found).scalar()
    return row_id


def check_password(connection: Connection, username: str, password: str) -> int | None:
    """Return the person who has this user name and password and may sign in with it.

    By the name of a row that was merged only when both may: the session is the kept one's.
    Takes as long for a name that is not there.
    """
    row = connection.execute(
        sa.select(person.c.id, person.c.can_login, person_password.c.password_hash)
        .join_from(person, person_password, person_password.c.person_id == person.c.id)
        .where(person.c.username_key == key(username))
    ).first()
    is_right = password_hashes.fits(row.password_hash if row else None, password)
    if not row or not is_right or not row.can_login:
        return None
    root = identity.root(connection, row.id)
    may = sa.select(person.c.can_login).where(person.c.id == root)
    return root if root == row.id or connection.execute(may).scalar_one() else None
