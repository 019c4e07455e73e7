"""Admin accounts: the people who may configure this server. Not the school's people.

A password is kept as argon2id only; a one-time password must be changed at the first sign-in.
Source: RULES 1.8 (init, admin).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import metadata
from mnet.language import N_, _
from mnet.letters import nfc
from mnet.mail_url import BadMail, address
from mnet.refusal import Refusal
from peers import password_hashes
from peers.audit import By

# What each may do: peers/web/roles.py.
MANAGER, CLERK = ROLES = ("manager", "clerk")
MIN_PASSWORD_CHARS = 10
MAX_PASSWORD_CHARS = 1000  # argon2 reads all of it
MAX_NAME_CHARS = 100
MAX_EMAIL_CHARS = 254
# Twelve groups' worth of guessing is hopeless, and it can be read out over a telephone.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP_CHARS = 4, 5

account = sa.Table(
    "account",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("username", sa.String(MAX_NAME_CHARS), nullable=False),
    sa.Column("username_key", sa.String(MAX_NAME_CHARS * 2), nullable=False, unique=True),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("one_time", sa.Boolean, nullable=False),
    sa.Column("created_unix_s", sa.BigInteger, nullable=False),
    # One of ROLES (peers/web/roles.py), or "teacher" from before, which signs in nowhere any more.
    sa.Column("role", sa.String(20), nullable=False, server_default="manager"),
    # Where a link for a forgotten password goes; empty: nowhere.
    sa.Column("email", sa.String(MAX_EMAIL_CHARS), nullable=False, server_default=""),
)

# Links by which an admin chooses a password (account_links.py).
account_link = sa.Table(
    "account_link",
    metadata,
    sa.Column("token_digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("account.id"), nullable=False, index=True),
    # invitation | forgotten
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("email", sa.String(MAX_EMAIL_CHARS), nullable=False),
    sa.Column("created_unix_s", sa.BigInteger, nullable=False),
    sa.Column("ends_unix_s", sa.BigInteger, nullable=False),
)

# Admins who may come in from a peer (account_sign_on.py).
account_sign_on = sa.Table(
    "account_sign_on",
    metadata,
    sa.Column("peer_id", sa.ForeignKey("peer.id"), primary_key=True),
    # As a Moodle compares its own: NFC, in small letters.
    sa.Column("username_lower", sa.String(MAX_NAME_CHARS * 2), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("account.id"), nullable=False, index=True),
    sa.Column("username", sa.String(MAX_NAME_CHARS), nullable=False),
)

# Who is signed in to the admin pages; the token itself is only in the browser.
admin_session = sa.Table(
    "admin_session",
    metadata,
    sa.Column("token_digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("account.id"), nullable=False, index=True),
    # What a form sends back, for browsers that tell no origin.
    sa.Column("form_token", sa.String(64), nullable=False),
    # Of one who came in from a peer: which, the user name there, and the browser (sign_on.py).
    sa.Column("peer_id", sa.ForeignKey("peer.id"), nullable=True, index=True),
    sa.Column("peer_username", sa.String(255), nullable=False, server_default=""),
    sa.Column("agent_sha1", sa.String(40), nullable=False, server_default=""),
    sa.Column("created_unix_s", sa.BigInteger, nullable=False),
    sa.Column("seen_unix_s", sa.BigInteger, nullable=False),
)

# Failed sign-ins, by user name and by network address, for throttling.
sign_in_failure = sa.Table(
    "sign_in_failure",
    metadata,
    sa.Column("key", sa.String(300), primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("last_unix_s", sa.BigInteger, nullable=False),
)

# From which addresses a name signed in, so that guessing elsewhere keeps nobody out.
sign_in_address = sa.Table(
    "sign_in_address",
    metadata,
    # As it is compared: an admin's, or "person " and one of the people's.
    sa.Column("name", sa.String(300), primary_key=True),
    sa.Column("address", sa.String(100), primary_key=True),
    sa.Column("last_unix_s", sa.BigInteger, nullable=False),
)


class BadAccount(Refusal, ValueError):
    """An account's name or password cannot be taken; the text says why."""


@dataclass(frozen=True, slots=True)
class Account:
    """An admin account, without its password."""

    id: int
    username: str
    one_time: bool
    role: str
    created_unix_s: int
    email: str = ""

    @property
    def has_role(self) -> bool:
        """Tell whether it has a role that there still is; without one it signs in nowhere."""
        return self.role in ROLES


def name_key(username: str) -> str:
    """The form in which user names are compared: NFC, case folded."""
    return nfc(nfc(username).casefold())


def one_time_password() -> str:
    """Make a password to be printed once."""
    return "-".join(
        "".join(secrets.choice(_LETTERS) for _ in range(_GROUP_CHARS)) for _ in range(_GROUPS)
    )


def add(
    connection: Connection,
    username: str,
    password: str,
    *,
    one_time: bool,
    now_unix_s: int,
    role: str = MANAGER,
) -> None:
    """Add an admin account; raises BadAccount."""
    _check_role(role)
    username = username.strip()
    is_short = len(username) <= MAX_NAME_CHARS and len(name_key(username)) <= MAX_NAME_CHARS
    if not username or not is_short or not username.isprintable():
        raise BadAccount(
            _("An account's name has 1 to %(most)s printable characters.", most=MAX_NAME_CHARS)
        )
    if is_taken(connection, name_key(username)):
        raise BadAccount(_("There is an account named %(name)s already.", name=repr(username)))
    connection.execute(
        sa.insert(account).values(
            username=username,
            username_key=name_key(username),
            password_hash=_hash(password),
            one_time=one_time,
            role=role,
            created_unix_s=now_unix_s,
        )
    )


def reset_password(connection: Connection, username: str, password: str, *, one_time: bool) -> None:
    """Give an account a new password; raises BadAccount when there is no such account."""
    found = by_name(connection, username)
    connection.execute(
        sa.update(account)
        .where(account.c.id == found.id)
        .values(password_hash=_hash(password), one_time=one_time)
    )
    # A link that lies about would undo this.
    connection.execute(sa.delete(account_link).where(account_link.c.account_id == found.id))
    end_sessions(connection, found.id)


def set_role(connection: Connection, username: str, role: str) -> None:
    """Change what an account may do; raises BadAccount when nobody could manage any more."""
    _check_role(role)
    found = by_name(connection, username)
    if found.role == MANAGER and role != MANAGER:
        _keep_a_manager(connection, found)
    connection.execute(sa.update(account).where(account.c.id == found.id).values(role=role))


def set_email(connection: Connection, by: By, username: str, email: str) -> None:
    """Say where an account's mail goes, empty for nowhere; raises BadAccount.

    Links that went to the address before open nothing any more.
    """
    found, email = by_name(connection, username), email.strip()
    try:
        email = address(email) if email else ""
    except BadMail as problem:
        raise BadAccount(_("The address %(problem)s.", problem=problem)) from None
    if email == found.email:
        return
    mine = account_link.c.account_id == found.id
    connection.execute(sa.delete(account_link).where(mine))
    connection.execute(sa.update(account).where(account.c.id == found.id).values(email=email))
    detail = {"before": found.email, "after": email}
    by.note(connection, N_("mail address changed"), found.username, detail)


def remove(connection: Connection, username: str) -> None:
    """Remove an account and end its sessions; raises BadAccount for the last manager's."""
    found = by_name(connection, username)
    if found.role == MANAGER:
        _keep_a_manager(connection, found)
    end_sessions(connection, found.id)
    for table in (account_link, account_sign_on):
        connection.execute(sa.delete(table).where(table.c.account_id == found.id))
    connection.execute(sa.delete(account).where(account.c.id == found.id))


def check_sign_in(connection: Connection, username: str, password: str) -> Account | None:
    """Return the account when name and password fit; takes as long for a name that is not there."""
    row = connection.execute(
        sa.select(account.c.password_hash, *_COLUMNS).where(
            account.c.username_key == name_key(username.strip())
        )
    ).first()
    is_right = password_hashes.fits(row[0] if row else None, password)
    found = Account(*row[1:]) if row and is_right else None
    return found if found and found.has_role else None


def by_id(connection: Connection, account_id: int) -> Account | None:
    """Return the account with an id, or None."""
    row = connection.execute(sa.select(*_COLUMNS).where(account.c.id == account_id)).first()
    return Account(*row) if row else None


def by_name(connection: Connection, username: str) -> Account:
    """Return the account with a user name; raises BadAccount when there is none."""
    wanted = account.c.username_key == name_key(username.strip())
    row = connection.execute(sa.select(*_COLUMNS).where(wanted)).first()
    if row is None:
        raise BadAccount(
            _("There is no account named %(name)s; see: mnet-peer admin list.", name=repr(username))
        )
    return Account(*row)


def end_sessions(connection: Connection, account_id: int) -> None:
    """Sign an account out everywhere."""
    mine = admin_session.c.account_id == account_id
    connection.execute(sa.delete(admin_session).where(mine))


def all_accounts(connection: Connection) -> list[Account]:
    """Return every account by name."""
    rows = connection.execute(sa.select(*_COLUMNS).order_by(account.c.username_key))
    return [Account(*row) for row in rows]


def is_taken(connection: Connection, key: str) -> bool:
    """Tell whether an account has this name (as `name_key` makes it)."""
    found = sa.select(account.c.id).where(account.c.username_key == key)
    return connection.execute(found).first() is not None


def names_taken(connection: Connection) -> frozenset[str]:
    """Return the names of all accounts (as `name_key` makes them)."""
    return frozenset(connection.execute(sa.select(account.c.username_key)).scalars())


def check_password(password: str) -> None:
    """Raise BadAccount unless a password is long enough and not one that everybody tries first."""
    if len(password) > MAX_PASSWORD_CHARS:
        raise BadAccount(_("A password has at most %(most)s characters.", most=MAX_PASSWORD_CHARS))
    if len(password) < MIN_PASSWORD_CHARS:
        raise BadAccount(
            _("A password has at least %(least)s characters.", least=MIN_PASSWORD_CHARS)
        )
    if password_hashes.is_common(password):
        raise BadAccount(
            _("This password is one of those that are tried first; please choose another one.")
        )


def _hash(password: str) -> str:
    check_password(password)
    return password_hashes.hashed(password)


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise BadAccount(
            _("A role is one of %(known)s, not %(role)s.", known=", ".join(ROLES), role=repr(role))
        )


def _keep_a_manager(connection: Connection, leaving: Account) -> None:
    others = (a for a in all_accounts(connection) if a.role == MANAGER and a.id != leaving.id)
    if not any(others):
        raise BadAccount(
            _(
                "%(name)s is the last site manager; make somebody else one first.",
                name=leaving.username,
            )
        )


_COLUMNS = (
    account.c.id,
    account.c.username,
    account.c.one_time,
    account.c.role,
    account.c.created_unix_s,
    account.c.email,
)
