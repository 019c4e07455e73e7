"""The one sign-in of everybody: an account of the admin pages, or one of the school's people.

Accounts are tried first. Whatever does not fit takes as long and is answered alike, so that nobody
learns which names there are and whose they are. Source: RULES 1.7, R28.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.language import _
from peers import accounts
from peers.accounts import Account, BadAccount
from peers.web.throttle import Try
from schooltool_bridge.common.ids import key
from schooltool_bridge.sign_on import rights
from schooltool_bridge.store.model import person


def try_of(connection: Connection, username: str, sender: str, now_unix_s: int) -> Try:
    """Return how a try under a user name is counted, and whom the audit trail names by it."""
    wanted = accounts.name_key(username)
    if accounts.is_taken(connection, wanted) or not is_persons_name(connection, wanted):
        return Try(wanted, sender, now_unix_s, username)
    return Try(f"person {key(username)}", sender, now_unix_s, f"user {username}")


def check(connection: Connection, username: str, password: str) -> Account | int | None:
    """Return the account, or the id of the person, whom name and password fit; else None.

    Every refusal compares two passwords, whether nobody, one or two have the name.
    """
    account = accounts.check_sign_in(connection, username, password)
    return account or rights.check_password(connection, username, password)


def keep_apart(connection: Connection, username: str) -> None:
    """Raise BadAccount when a name for a new account is one of the school's people's."""
    if is_persons_name(connection, accounts.name_key(username.strip())):
        raise BadAccount(
            _(
                "One of the school's people has the user name %(name)s; take another one.",
                name=repr(username.strip()),
            )
        )


def is_persons_name(connection: Connection, name_key: str) -> bool:
    """Tell whether one of the school's people has a user name, in the form compared."""
    found = sa.select(person.c.id).where(person.c.username_key == name_key)
    return connection.execute(found).first() is not None
