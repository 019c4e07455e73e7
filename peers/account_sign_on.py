"""Admins who may come in from a peer: an account and the user name that this peer vouches for.

A manager says so of each account; that two names are alike says nothing. Source: RULES 1.7, R24,
R28; manual/pages.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import N_, _
from mnet.letters import nfc
from peers import accounts
from peers.accounts import MAX_NAME_CHARS, Account, BadAccount, account_sign_on
from peers.audit import By
from peers.model import peer


@dataclass(frozen=True, slots=True)
class Way:
    """A peer that an account may come in from, and its user name there."""

    peer_id: int
    peer_name: str
    wwwroot: str
    username: str


def account_of(connection: Connection, peer_id: int, username: str) -> Account | None:
    """Return the account that comes in under a peer's user name, or None."""
    wanted = (
        account_sign_on.c.peer_id == peer_id,
        account_sign_on.c.username_lower == _lowered(username),
    )
    found = connection.execute(sa.select(account_sign_on.c.account_id).where(*wanted)).scalar()
    one = accounts.by_id(connection, found) if found is not None else None
    return one if one is not None and one.has_role else None


def ways(connection: Connection) -> dict[int, list[Way]]:
    """Return the ways in of all accounts, by the account's id."""
    rows = connection.execute(
        sa.select(account_sign_on, peer.c.name, peer.c.wwwroot)
        .join_from(account_sign_on, peer)
        .order_by(peer.c.name, account_sign_on.c.username)
    )
    found: dict[int, list[Way]] = {}
    for row in rows:
        way = Way(row.peer_id, row.name or row.wwwroot, row.wwwroot, row.username)
        found.setdefault(row.account_id, []).append(way)
    return found


def allow(connection: Connection, by: By, account_name: str, peer_id: int, username: str) -> None:
    """Let an account come in under a peer's user name; raises accounts.BadAccount."""
    found, username = accounts.by_name(connection, account_name), username.strip()
    wwwroot = connection.execute(sa.select(peer.c.wwwroot).where(peer.c.id == peer_id)).scalar()
    if wwwroot is None:
        raise BadAccount(_("There is no such peer; perhaps it was removed."))
    if not username or len(username) > MAX_NAME_CHARS or not username.isprintable():
        raise BadAccount(
            _("Say the user name there, of at most %(most)s characters.", most=MAX_NAME_CHARS)
        )
    taken = account_of(connection, peer_id, username)
    if taken is not None:
        raise BadAccount(
            _(
                "%(name)s comes in under %(username)s from there already.",
                name=taken.username,
                username=username,
            )
        )
    connection.execute(
        sa.insert(account_sign_on).values(
            peer_id=peer_id,
            username_lower=_lowered(username),
            account_id=found.id,
            username=username,
        )
    )
    detail = {"peer": wwwroot, "name": username}
    by.note(connection, N_("may come in from a peer"), found.username, detail)


def deny(connection: Connection, by: By, account_name: str, peer_id: int, username: str) -> None:
    """Let an account come in so no more, and end its sessions; raises accounts.BadAccount."""
    found = accounts.by_name(connection, account_name)
    mine = (
        account_sign_on.c.account_id == found.id,
        account_sign_on.c.peer_id == peer_id,
        account_sign_on.c.username_lower == _lowered(username),
    )
    if connection.execute(sa.delete(account_sign_on).where(*mine)).rowcount:
        wwwroot = connection.execute(
            sa.select(peer.c.wwwroot).where(peer.c.id == peer_id)
        ).scalar_one()
        accounts.end_sessions(connection, found.id)
        detail = {"peer": wwwroot, "name": username}
        by.note(connection, N_("may not come in from a peer any more"), found.username, detail)


def forget_peer(connection: Connection, peer_id: int) -> None:
    """Let nobody come in from a peer any more."""
    mine = account_sign_on.c.peer_id == peer_id
    connection.execute(sa.delete(account_sign_on).where(mine))


def _lowered(username: str) -> str:
    return nfc(nfc(username.strip()).lower())
