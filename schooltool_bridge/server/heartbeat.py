"""Whether the store takes what is written, looked at all the time, so that nobody has to wait.

A thread of its own writes one small row every ten seconds and reads our key; /healthz tells the
newest result out of memory, whatever else is busy. One for each worker process.
Source: RULES R14; manual/monitoring.md.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from mnet.database import Database
from mnet.engines import is_sqlite
from mnet.logs import log_failure
from mnet.store_errors import STORE_ERRORS, name_of
from schooltool_bridge.store.model_notices import site_memory
from schooltool_bridge.store.site_memory import forget, one_writer, remember

INTERVAL_S = 10.0
# A result that is older says nothing any more: the last write has not come back.
OLDEST_S = 60.0
BEAT, ROOM = "heartbeat", "heartbeat room"
# A call needs new pages; so a file that has none left is found out. They are used anew each time.
ROOM_CHARS = 8_000

log = structlog.get_logger("heartbeat")


@dataclass(frozen=True, slots=True)
class Health:
    """The answer: whether the server can work, and a line that says why not."""

    is_well: bool
    text: str


@dataclass(frozen=True, slots=True)
class _Beat:
    at_s: float
    health: Health


class Heartbeat:
    """Writes every ten seconds, and knows how that went."""

    def __init__(
        self,
        database: Database,
        look: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what looks whether the rest is well and says so in a line, and a clock in seconds.

        What `look` raises means that it is not.
        """
        self._database = database
        self._look = look
        self._clock = clock
        self._newest: _Beat | None = None
        self._is_over = threading.Event()

    def start(self) -> None:
        """Begin to beat."""
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def stop(self) -> None:
        """Beat no more."""
        self._is_over.set()

    def beat(self) -> None:
        """Write once and keep how it went; never raises."""
        try:
            with self._database.write() as connection:
                _write(connection)
            health = Health(is_well=True, text=self._look())
        except Exception as problem:  # noqa: BLE001 - it must go on beating
            log_failure(log, problem, at="heartbeat")
            what = "store" if isinstance(problem, STORE_ERRORS) else "server"
            health = Health(is_well=False, text=f"the {what} cannot work: {name_of(problem)}")
        self._newest = _Beat(self._clock(), health)

    def health(self) -> Health:
        """Return the newest result; not well while there is none, or none for a minute."""
        newest = self._newest
        if newest is None:
            return Health(is_well=False, text="starting")
        age_s = self._clock() - newest.at_s
        if newest.health.is_well and age_s > OLDEST_S:
            return Health(is_well=False, text=f"no write came back for {age_s:.0f} s")
        return newest.health

    def _run(self) -> None:
        while not self._is_over.is_set():
            self.beat()
            self._is_over.wait(INTERVAL_S)


def _write(connection: Connection) -> None:
    one_writer(connection)
    remember(connection, BEAT, {"at_unix_s": int(time.time())})
    if is_sqlite(connection):
        connection.execute(sa.insert(site_memory).values(name=ROOM, value="0" * ROOM_CHARS))
        forget(connection, ROOM)
