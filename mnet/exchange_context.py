"""What goes in and out of the exchange: who we are, the call at hand, its answer.

Source: PROTOCOL.md sections 3 to 8.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Generic, NamedTuple

from sqlalchemy.engine import Connection

from mnet.exchange_parts import Peer
from mnet.stored_sentences import english

# No third try, and no line in the journal, once a call took that long: its Moodle waits 60 s.
LATE_S = 20.0


@dataclass(slots=True)
class Context(Generic[Peer]):
    """What a method sees of the call it serves."""

    peer: Peer
    now_unix_s: int
    correlation: str
    # When its first byte was looked at, by time.perf_counter.
    started_s: float
    # The name on the wire, as far as it could be read.
    method: str = ""
    # Set while the transaction is open; `prepare` runs before that.
    open_connection: Connection | None = None
    # The sender's clock, by the signed envelope; None when it has no time.
    sent_unix_s: int | None = None
    # Its transaction failed before, and is run again: then with more care than speed.
    is_again: bool = False
    # What is durable already of a call that is applied in parts, in a sentence.
    done: str = ""
    # Work for after the answer has left.
    afterwards: list[Callable[[], object]] = field(default_factory=list)

    @property
    def connection(self) -> Connection:
        """The connection of the transaction that applies the call."""
        assert self.open_connection is not None, "only inside the transaction"
        return self.open_connection


class Answer(NamedTuple):
    """The bytes to send, and what to do once they have left; a call's status is always 200."""

    body: bytes
    afterwards: tuple[Callable[[], object], ...] = ()
    content_type: bytes = b"text/xml; charset=utf-8"
    status: int = 200


@dataclass(frozen=True, slots=True)
class Site:
    """Who we are on the wire."""

    wwwroot: str
    name: str
    version: str
    # In which a day of the school begins and ends.
    zone: tzinfo = UTC


def is_late(context: Context[Peer]) -> bool:
    """Tell whether a call has taken so long that its sender may have given up."""
    return time.perf_counter() - context.started_s > LATE_S


def apology(correlation: str, done: str = "") -> str:
    """Say that a call was not done, or done in part (`done`); never why."""
    if done:
        return english(
            "%(our_done)s Then something went wrong here; please send all of it again (%(call)s).",
            our_done=done,
            call=correlation,
        )
    return english(
        "Something went wrong here and nothing was changed; please send it again (%(call)s).",
        call=correlation,
    )
