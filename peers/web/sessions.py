"""Who is signed in to the admin pages: the rows behind the cookie.

Only a digest of the cookie's token is stored, so that a copy of the database signs nobody in.
A session ends after a time without use, after a working day in any case, and when its account
does.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers import accounts
from peers.accounts import Account, admin_session
from peers.web import tokens
from peers.web.tokens import LIFETIME_S, digest_of

COOKIE = "mnet_peer_session"


class Came(NamedTuple):
    """From which peer somebody came, under which user name there, with which browser."""

    peer_id: int
    peer_username: str
    agent_sha1: str


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser."""

    token: str
    account: Account
    form_token: str
    seen_unix_s: int


def start(
    connection: Connection, account_id: int, now_unix_s: int, came: Came | None = None
) -> str:
    """Sign an account in; return the token for its cookie. `came`: by the word of a peer."""
    token = tokens.new()
    connection.execute(
        sa.insert(admin_session).values(
            token_digest=digest_of(token),
            account_id=account_id,
            form_token=_form_token(account_id),
            **(came._asdict() if came else {}),
            created_unix_s=now_unix_s,
            seen_unix_s=now_unix_s,
        )
    )
    too_old = admin_session.c.created_unix_s < now_unix_s - LIFETIME_S
    connection.execute(sa.delete(admin_session).where(too_old))
    return token


def find(connection: Connection, token: str, now_unix_s: int) -> Session | None:
    """Return the live session of a token."""
    row = connection.execute(
        sa.select(admin_session).where(
            admin_session.c.token_digest == digest_of(token),
            tokens.is_live(admin_session, now_unix_s),
        )
    ).first()
    account = accounts.by_id(connection, row.account_id) if row else None
    if row is None or account is None or not account.has_role:
        return None
    return Session(token, account, row.form_token, row.seen_unix_s)


def touch(connection: Connection, token: str, now_unix_s: int) -> None:
    """Note that a session is in use."""
    connection.execute(
        sa.update(admin_session)
        .where(admin_session.c.token_digest == digest_of(token))
        .values(seen_unix_s=now_unix_s)
    )


def end(connection: Connection, token: str) -> None:
    """Sign a browser out."""
    mine = admin_session.c.token_digest == digest_of(token)
    connection.execute(sa.delete(admin_session).where(mine))


def end_by_word(connection: Connection, came: Came) -> int:
    """End the sessions that a peer vouched for, in one browser; return how many those were."""
    mine = (admin_session.c[name] == value for name, value in came._asdict().items())
    return connection.execute(sa.delete(admin_session).where(*mine)).rowcount


def is_form_of(form_token: str, account_id: int) -> bool:
    """Tell whether a form's token is of a session of this account, one that has ended included.

    It proves nothing of who sent the form: it keeps what one account typed from another.
    """
    head, _dot, mark = form_token.rpartition(".")
    return hmac.compare_digest(mark.encode(), _mark(head, account_id).encode())


def _form_token(account_id: int) -> str:
    head = secrets.token_urlsafe(24)
    return f"{head}.{_mark(head, account_id)}"


def _mark(head: str, account_id: int) -> str:
    return hashlib.sha256(f"{head} {account_id}".encode("utf-8", "replace")).hexdigest()[:16]
