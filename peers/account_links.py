"""Links by which an admin chooses a password: an invitation, or one for a forgotten password.

Either opens once, until its time is over; only its digest is kept. A mail goes to the address that
a manager gave the account, nowhere else. Source: RULES 1.8 (admin), R11; manual/pages.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import N_
from peers import accounts
from peers.accounts import Account, account, account_link
from peers.audit import By
from peers.web import tokens

INVITATION, FORGOTTEN = "invitation", "forgotten"
# Over the holidays it would lie about for too long; whoever asks for a mail reads it soon.
LIFETIME_S = {INVITATION: 7 * 24 * 3600, FORGOTTEN: 3600}


@dataclass(frozen=True, slots=True)
class Link:
    """A link that was just made; its token is nowhere else."""

    token: str
    kind: str
    account_id: int
    username: str
    # Where a mail with it goes; empty: nowhere.
    email: str
    ends_unix_s: int

    @property
    def name(self) -> str:
        """How a mail speaks to its reader."""
        return self.username

    @property
    def of(self) -> str:
        """Whose it is, for the number of a mail."""
        return f"account-{self.account_id}"


@dataclass(frozen=True, slots=True)
class Open:
    """A link that still opens."""

    kind: str
    account: Account

    @property
    def name(self) -> str:
        """How the page calls whoever it is."""
        return self.account.username

    @property
    def username(self) -> str:
        """What they sign in with."""
        return self.account.username


def invite(connection: Connection, by: By, username: str) -> Link:
    """Make an invitation in place of any before; raises accounts.BadAccount."""
    found = accounts.by_name(connection, username)
    link = _make(connection, found, INVITATION, by.now_unix_s)
    by.note(connection, N_("invitation made"), found.username, {})
    return link


def forgot(connection: Connection, text: str, now_unix_s: int) -> list[Link]:
    """Make a link for each account with this user name, or address, that has an address."""
    wanted = text.strip()
    rows = connection.execute(
        sa.select(account.c.id)
        .where(
            account.c.email != "",
            sa.or_(
                account.c.username_key == accounts.name_key(wanted),
                sa.func.lower(account.c.email) == wanted.lower(),
            ),
        )
        .order_by(account.c.id)
    ).scalars()
    found = [accounts.by_id(connection, account_id) for account_id in rows.all()]
    links = []
    for one in found:
        if one is not None and one.has_role:
            links.append(_make(connection, one, FORGOTTEN, now_unix_s))
            By(one.username, now_unix_s).note(
                connection, N_("password forgotten"), one.username, {}
            )
    return links


def find(connection: Connection, token: str, now_unix_s: int) -> Open | None:
    """Return what a token opens, if it still does."""
    row = connection.execute(
        sa.select(account_link).where(
            account_link.c.token_digest == tokens.digest_of(token),
            account_link.c.ends_unix_s > now_unix_s,
        )
    ).first()
    found = accounts.by_id(connection, row.account_id) if row else None
    return Open(row.kind, found) if row and found and found.has_role else None


def use(connection: Connection, token: str, password: str, now_unix_s: int) -> Account | None:
    """Set the password by a link, once; None when it opens nothing.

    Every session of the account ends. Raises accounts.BadAccount for a password that will not do;
    then the link stays.
    """
    found = find(connection, token, now_unix_s)
    if found is None:
        return None
    accounts.check_password(password)
    mine = account_link.c.token_digest == tokens.digest_of(token)
    # Of two at once only one takes it away.
    if not connection.execute(sa.delete(account_link).where(mine)).rowcount:
        return None
    name = found.account.username
    accounts.reset_password(connection, name, password, one_time=False)
    action = N_("invitation used") if found.kind == INVITATION else N_("password changed")
    By(name, now_unix_s).note(connection, action, name, {})
    return accounts.by_id(connection, found.account.id)


def _make(connection: Connection, of: Account, kind: str, now_unix_s: int) -> Link:
    token, ends = tokens.new(), now_unix_s + LIFETIME_S[kind]
    before = (account_link.c.account_id == of.id, account_link.c.kind == kind)
    too_old = account_link.c.ends_unix_s <= now_unix_s
    connection.execute(sa.delete(account_link).where(sa.or_(sa.and_(*before), too_old)))
    connection.execute(
        sa.insert(account_link).values(
            token_digest=tokens.digest_of(token),
            account_id=of.id,
            kind=kind,
            email=of.email,
            created_unix_s=now_unix_s,
            ends_unix_s=ends,
        )
    )
    return Link(token, kind, of.id, of.username, of.email, ends)
