"""Links by which somebody of the school chooses a password: an invitation, or one for a forgotten.

An invitation gives the right to sign in and the password together; a link for a forgotten password
gives no right. Either opens once, until its time is over, and only its digest is kept. A mail goes
only to the address that the office knew when it last had its say about the password, so that a
peer that changes somebody's address does not get at their account. Source: RULES 1.7, R28, R29.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import N_
from peers import accounts, audit
from peers.account_links import FORGOTTEN, INVITATION, LIFETIME_S
from peers.web import tokens
from schooltool_bridge.common.ids import key
from schooltool_bridge.history import identity
from schooltool_bridge.sign_on import rights
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.sign_on.sign_offs import Visit
from schooltool_bridge.store.model import person
from schooltool_bridge.store.model_people import password_link, person_password


@dataclass(frozen=True, slots=True)
class Link:
    """A link that was just made; its token is nowhere else."""

    token: str
    kind: str
    person_id: int
    name: str
    username: str
    # Where a mail with it goes; empty: nowhere.
    email: str
    ends_unix_s: int

    @property
    def of(self) -> str:
        """Whose it is, for the number of a mail."""
        return str(self.person_id)


@dataclass(frozen=True, slots=True)
class Open:
    """A link that still opens."""

    kind: str
    person_id: int
    name: str
    username: str
    # The office's word about where mail goes, when the link was made.
    email: str
    ends_unix_s: int


def invite(connection: Connection, change: Change, person_id: int) -> Link:
    """Make an invitation in place of any before; it stands in the audit trail."""
    root = identity.root(connection, person_id)
    link = _make(connection, change, root, INVITATION, _person(connection, root).email)
    _note(connection, change, N_("invitation made"), root)
    return link


def take_back(connection: Connection, change: Change, person_id: int) -> None:
    """Let somebody's invitation open nothing any more."""
    root = identity.root(connection, person_id)
    mine = (password_link.c.person_id == root, password_link.c.kind == INVITATION)
    if connection.execute(sa.delete(password_link).where(*mine)).rowcount:
        _note(connection, change, N_("invitation taken back"), root)


def open_of(connection: Connection, person_id: int, now_unix_s: int) -> Open | None:
    """Return somebody's invitation, if there is one that still opens."""
    mine = (password_link.c.person_id == person_id, password_link.c.kind == INVITATION)
    return _found(connection, now_unix_s, *mine)


def find(connection: Connection, token: str, now_unix_s: int) -> Open | None:
    """Return what a token opens, if it still does."""
    return _found(connection, now_unix_s, password_link.c.token_digest == tokens.digest_of(token))


def use(
    connection: Connection, token: str, password: str, now_unix_s: int
) -> tuple[Open, list[Visit]] | None:
    """Set the password by a link, and give the right by an invitation; None when it opens nothing.

    Raises peers.accounts.BadAccount for a password that will not do; then the link stays. Returns
    the visits to peers of sessions that ended as well.
    """
    found = find(connection, token, now_unix_s)
    if found is None:
        return None
    accounts.check_password(password)
    mine = password_link.c.token_digest == tokens.digest_of(token)
    # Of two at once only one takes it away.
    if not connection.execute(sa.delete(password_link).where(mine)).rowcount:
        return None
    change = Change(f"person {found.person_id}", now_unix_s)
    address = found.email if found.kind == INVITATION else None
    visits = rights.choose_password(connection, change, found.person_id, password, email=address)
    if found.kind == INVITATION:
        _note(connection, change, N_("invitation used"), found.person_id)
        visits += rights.set_own_audited(connection, change, found.person_id, allowed=True)
    return found, visits


def forgot(connection: Connection, text: str, now_unix_s: int) -> list[Link]:
    """Make a link for everybody who has this user name, or this address for a forgotten password.

    Only for whoever may sign in by password and has an address that the office knew.
    """
    wanted = text.strip()
    rows = connection.execute(
        sa.select(person.c.id, person_password.c.email)
        .join_from(person, person_password, person_password.c.person_id == person.c.id)
        .where(
            person.c.can_login,
            person.c.merged_into_id.is_(None),
            person_password.c.email != "",
            sa.or_(
                person.c.username_key == key(wanted),
                sa.func.lower(person_password.c.email) == wanted.lower(),
            ),
        )
        .order_by(person.c.id)
    ).all()
    links = []
    for row in rows:
        change = Change(f"person {row.id}", now_unix_s)
        links.append(_make(connection, change, row.id, FORGOTTEN, row.email))
        _note(connection, change, N_("password forgotten"), row.id)
    return links


def _make(connection: Connection, change: Change, person_id: int, kind: str, email: str) -> Link:
    row, token = _person(connection, person_id), tokens.new()
    ends = change.now_unix_s + LIFETIME_S[kind]
    before = (password_link.c.person_id == person_id, password_link.c.kind == kind)
    too_old = password_link.c.ends_unix_s <= change.now_unix_s
    connection.execute(sa.delete(password_link).where(sa.or_(sa.and_(*before), too_old)))
    connection.execute(
        sa.insert(password_link).values(
            token_digest=tokens.digest_of(token),
            person_id=person_id,
            kind=kind,
            email=email,
            created_unix_s=change.now_unix_s,
            ends_unix_s=ends,
        )
    )
    return Link(token, kind, person_id, row.name, row.username, email, ends)


@dataclass(frozen=True, slots=True)
class _Person:
    name: str
    username: str
    email: str


def _person(connection: Connection, person_id: int) -> _Person:
    columns = (person.c.firstname, person.c.lastname, person.c.username, person.c.email)
    wanted = sa.select(*columns).where(person.c.id == person_id)
    firstname, lastname, username, email = connection.execute(wanted).one()
    return _Person(f"{firstname} {lastname}".strip(), username, email)


def _found(connection: Connection, now_unix_s: int, *which: sa.ColumnElement[bool]) -> Open | None:
    link = connection.execute(
        sa.select(password_link).where(password_link.c.ends_unix_s > now_unix_s, *which)
    ).first()
    if link is None:
        return None
    # Merged since: whoever stands for them was not invited.
    if identity.root(connection, link.person_id) != link.person_id:
        return None
    row = _person(connection, link.person_id)
    return Open(link.kind, link.person_id, row.name, row.username, link.email, link.ends_unix_s)


def _note(connection: Connection, change: Change, action: str, person_id: int) -> None:
    audit.record(
        connection,
        actor=change.actor,
        action=action,
        subject=f"person {person_id}",
        detail={},
        now_unix_s=change.now_unix_s,
    )
