"""Slowing down whoever guesses passwords: by user name and by network address.

After a few failures each further one doubles the wait. A name is slowed whether it exists or
not, so that the wait tells nothing. For admins' and people's sign-in alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import Database
from peers.accounts import sign_in_failure

# Typing errors are free; a whole class behind one address gets a few more.
FREE_BY_NAME, FREE_BY_ADDRESS = 5, 20
FIRST_WAIT_S, LONGEST_WAIT_S = 15, 3600
# Failures are forgotten after this time without a new one.
MEMORY_S = 24 * 3600
MAX_KEY_CHARS = 300

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tried(Generic[T]):
    """What came of a try: who it was, or None; `wait_s` above 0: it was not even looked at."""

    found: T | None
    wait_s: int = 0

    @property
    def status(self) -> int:
        """The HTTP status of the page that says no."""
        return 429 if self.wait_s else 403


def attempt(
    database: Database,
    name_key: str,
    address: str,
    now_unix_s: int,
    check: Callable[[Connection], T | None],
) -> Tried[T]:
    """Look at one try with `check`, unless name or address have to wait; a failure is counted.

    A success is not: the caller says `succeeded` in the transaction that begins the session.
    """
    with database.read() as connection:
        wait = to_wait_s(connection, name_key, address, now_unix_s)
        found = None if wait else check(connection)
    if found is None and not wait:
        with database.write() as connection:
            failed(connection, name_key, address, now_unix_s)
    return Tried(found, wait)


def wait_s(count: int, free: int, since_last_s: int) -> int:
    """Return how long to wait before a next try, in seconds; 0 for not at all."""
    if count < free:
        return 0
    due_s = min(FIRST_WAIT_S << min(count - free, 20), LONGEST_WAIT_S)
    return max(0, due_s - max(0, since_last_s))


def keys(name_key: str, address: str) -> tuple[tuple[str, int], ...]:
    """Return the keys that a try counts under, each with its free failures."""
    by_name, by_address = f"name {name_key}"[:MAX_KEY_CHARS], f"address {address}"[:MAX_KEY_CHARS]
    return (by_name, FREE_BY_NAME), (by_address, FREE_BY_ADDRESS)


def to_wait_s(connection: Connection, name_key: str, address: str, now_unix_s: int) -> int:
    """Return how long this name from this address has to wait, in seconds."""
    longest = 0
    for key, free in keys(name_key, address):
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
    for key, _free in keys(name_key, address):
        counted = connection.execute(
            sa.update(table)
            .where(table.c.key == key)
            .values(count=table.c["count"] + 1, last_unix_s=now_unix_s)
        )
        if not counted.rowcount:
            connection.execute(sa.insert(table).values(key=key, count=1, last_unix_s=now_unix_s))


def succeeded(connection: Connection, name_key: str) -> None:
    """Forget a name's failures; an address keeps its own."""
    key = keys(name_key, "")[0][0]
    connection.execute(sa.delete(sign_in_failure).where(sign_in_failure.c.key == key))
