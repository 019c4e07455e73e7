"""Slowing down whoever guesses passwords: by user name and by network address.

After a few failures each further one doubles the wait. A name is slowed whether it exists or
not, so that the wait tells nothing. An address from which somebody signed in before counts that
name's failures by itself, so that nobody elsewhere can keep its owner out. For admins' and
people's sign-in alike; each failure stands in the log and the audit trail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from mnet.database import Database
from mnet.language import N_, _
from peers import audit
from peers.accounts import sign_in_address, sign_in_failure

# Typing errors are free; a whole class behind one address gets a few more.
FREE_BY_NAME, FREE_BY_ADDRESS = 5, 20
FIRST_WAIT_S, LONGEST_WAIT_S = 15, 3600
# Failures are forgotten after this time without a new one.
MEMORY_S = 24 * 3600
# And an address from which somebody signed in, after this time without doing so again.
ADDRESS_MEMORY_S = 90 * 24 * 3600
MAX_KEY_CHARS = 300
MAX_ADDRESS_CHARS = 100
# Shorter waits are said in seconds.
_MINUTES_FROM_S = 90

T = TypeVar("T")
Key = tuple[str, int]

log = structlog.get_logger("sign-in")


@dataclass(frozen=True, slots=True)
class Try:
    """Somebody who says who they are: the name as it is compared and from which address."""

    name_key: str
    address: str
    now_unix_s: int
    # Whom the audit trail names, such as "anna" for an admin, "user anna" for one of the people.
    subject: str


@dataclass(frozen=True, slots=True)
class Tried(Generic[T]):
    """What came of a try: who it was, or None; `wait_s` above 0: it was not even looked at."""

    found: T | None
    wait_s: int = 0

    @property
    def status(self) -> int:
        """The HTTP status of the page that says no."""
        return 429 if self.wait_s else 403


def attempt(database: Database, one: Try, check: Callable[[Connection], T | None]) -> Tried[T]:
    """Look at one try with `check`, unless name or address have to wait; a failure is counted.

    A success is not: the caller says `succeeded` in the transaction that begins the session.
    """
    with database.read() as connection:
        wait = to_wait_s(connection, one.name_key, one.address, one.now_unix_s)
        found = None if wait else check(connection)
    if found is None and not wait:
        name = "".join(c for c in one.subject if c.isprintable())
        log.warning("sign-in failed", name=name, sender=one.address)
        with database.write() as connection:
            failed(connection, one.name_key, one.address, one.now_unix_s)
            audit.record(
                connection,
                actor=audit.SERVER,
                action=N_("sign-in failed"),
                subject=name,
                detail={"address": one.address},
                now_unix_s=one.now_unix_s,
            )
    return Tried(found, wait)


def wait_s(count: int, free: int, since_last_s: int) -> int:
    """Return how long to wait before a next try, in seconds; 0 for not at all."""
    if count < free:
        return 0
    due_s = min(FIRST_WAIT_S << min(count - free, 20), LONGEST_WAIT_S)
    return max(0, due_s - max(0, since_last_s))


def duration(wait_s: int) -> str:
    """Return a wait in words."""
    if wait_s < _MINUTES_FROM_S:
        return _("%(count)s seconds", count=wait_s)
    return _("%(count)s minutes", count=wait_s // 60 + 1)


def keys(name_key: str, address: str, *, is_known: bool = False) -> tuple[Key, Key]:
    """Return the keys that a failure counts under, each with how many are free.

    The first is the name's: everywhere, or where it `is_known`, at this address alone.
    """
    named = f"at {address} {name_key}" if is_known else f"name {name_key}"
    return (named[:MAX_KEY_CHARS], FREE_BY_NAME), (
        f"address {address}"[:MAX_KEY_CHARS],
        FREE_BY_ADDRESS,
    )


def to_wait_s(connection: Connection, name_key: str, address: str, now_unix_s: int) -> int:
    """Return how long this name from this address has to wait, in seconds."""
    is_known = _is_known(connection, name_key, address, now_unix_s)
    counted = keys(name_key, address, is_known=is_known)
    longest = 0
    # Whoever signed in here before waits for nobody else's failures.
    for key, free in counted[:1] if is_known else counted:
        row = connection.execute(
            sa.select(sign_in_failure.c["count"], sign_in_failure.c.last_unix_s).where(
                sign_in_failure.c.key == key
            )
        ).first()
        if row is not None:
            count, last_unix_s = row
            longest = max(longest, wait_s(count, free, now_unix_s - last_unix_s))
    return longest


def failed(connection: Connection, name_key: str, address: str, now_unix_s: int) -> None:
    """Count a failure."""
    table = sign_in_failure
    connection.execute(sa.delete(table).where(table.c.last_unix_s < now_unix_s - MEMORY_S))
    is_known = _is_known(connection, name_key, address, now_unix_s)
    for key, _free in keys(name_key, address, is_known=is_known):
        counted = connection.execute(
            sa.update(table)
            .where(table.c.key == key)
            .values(count=table.c["count"] + 1, last_unix_s=now_unix_s)
        )
        if not counted.rowcount:
            connection.execute(sa.insert(table).values(key=key, count=1, last_unix_s=now_unix_s))


def succeeded(connection: Connection, name_key: str, address: str, now_unix_s: int) -> None:
    """Forget a name's failures and remember where it signed in; an address keeps its own."""
    forgive(connection, name_key)
    table = sign_in_address
    connection.execute(sa.delete(table).where(table.c.last_unix_s < now_unix_s - ADDRESS_MEMORY_S))
    here = {"name": name_key[:MAX_KEY_CHARS], "address": address[:MAX_ADDRESS_CHARS]}
    mine = sa.and_(*(table.c[column] == value for column, value in here.items()))
    again = connection.execute(sa.update(table).where(mine).values(last_unix_s=now_unix_s))
    if not again.rowcount:
        connection.execute(sa.insert(table).values(**here, last_unix_s=now_unix_s))


def forgive(connection: Connection, name_key: str) -> None:
    """Forget a name's failures, wherever they were."""
    wanted = failures(connection, [name_key])
    connection.execute(sa.delete(sign_in_failure).where(sign_in_failure.c.key.in_(wanted)))


def forget(connection: Connection, name_keys: Iterable[str]) -> None:
    """Forget all that is known of names: their failures and where they signed in."""
    names = [name[:MAX_KEY_CHARS] for name in name_keys]
    for name in names:
        forgive(connection, name)
    connection.execute(sa.delete(sign_in_address).where(sign_in_address.c.name.in_(names)))


def failures(connection: Connection, name_keys: Iterable[str]) -> list[str]:
    """Return the keys under which failures of these names may be counted."""
    found = []
    for name in name_keys:
        rows = connection.execute(
            sa.select(sign_in_address.c.address).where(
                sign_in_address.c.name == name[:MAX_KEY_CHARS]
            )
        )
        found += [keys(name, address, is_known=True)[0][0] for (address,) in rows]
        found.append(keys(name, "")[0][0])
    return found


def _is_known(connection: Connection, name_key: str, address: str, now_unix_s: int) -> bool:
    """Tell whether this name signed in from this address, and not too long ago."""
    table = sign_in_address
    found = sa.select(table.c.name).where(
        table.c.name == name_key[:MAX_KEY_CHARS],
        table.c.address == address[:MAX_ADDRESS_CHARS],
        table.c.last_unix_s >= now_unix_s - ADDRESS_MEMORY_S,
    )
    return connection.execute(found).first() is not None
