"""Who sends what: each message is claimed for a channel before it leaves, then its outcome noted.

Two processes never claim the same at a time. Whoever dies between claim and send leaves a claim
that lapses, so that a message may come twice but is never lost; one that killed its sender three
times over is given up. Kept in site_memory. Source: manual/notices.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.engine import Connection

from schooltool_bridge.store.site_memory import forget, one_writer, recall, remember

# Longer than any sending takes, its time-outs all used up.
CLAIM_S = 15 * 60
MAX_LAPSES = 3

WAITING, CLAIMED, SENT = "waiting", "claimed", "sent"

log = structlog.get_logger("telling")


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to send one message by one channel, given at a moment."""

    name: str
    channel: str
    at_unix_s: int


def enrol(connection: Connection, name: str, channels: Iterable[str]) -> None:
    """Queue a message for each channel; what is queued already stays as it is."""
    one_writer(connection)
    if recall(connection, name) is None:
        remember(connection, name, {channel: {"state": WAITING} for channel in channels})


def claim(connection: Connection, name: str, channel: str, now_unix_s: int) -> Claim | None:
    """Take the right to send; None when it is not waiting for this channel (any more)."""
    one_writer(connection)
    marks = recall(connection, name) or {}
    mark = _mark(marks, channel)
    lapses = mark.get("lapses", 0)
    if mark["state"] == SENT:
        return None
    if mark["state"] == CLAIMED:
        # A clock that was set back makes a claim from the future, which is as good as lapsed.
        if 0 <= now_unix_s - mark["at"] < CLAIM_S:
            return None
        lapses += 1
    if lapses >= MAX_LAPSES:
        log.error("given up", message=name, channel=channel, lapses=lapses)
        remember(connection, name, marks | {channel: {"state": SENT}})
        return None
    taken = {"state": CLAIMED, "at": now_unix_s, "lapses": lapses}
    remember(connection, name, marks | {channel: taken})
    return Claim(name, channel, now_unix_s)


def record_outcome(connection: Connection, taken: Claim, *, is_sent: bool) -> None:
    """Write down how sending went: sent for good, or waiting for the next run."""
    one_writer(connection)
    marks = recall(connection, taken.name)
    if marks is None:
        return
    mark = _mark(marks, taken.channel)
    if is_sent:
        remember(connection, taken.name, marks | {taken.channel: {"state": SENT}})
    elif mark["state"] == CLAIMED and mark["at"] == taken.at_unix_s:
        # Failing cleanly is no lapse: it is tried as long as it takes.
        failed = {"state": WAITING, "failed": True, "lapses": mark.get("lapses", 0)}
        remember(connection, taken.name, marks | {taken.channel: failed})


def is_over(marks: dict[str, Any], channels: Iterable[str]) -> bool:
    """Tell whether no channel has to send this any more."""
    return all(_mark(marks, channel)["state"] == SENT for channel in channels)


def was_tried(marks: dict[str, Any]) -> bool:
    """Tell whether sending was begun and is not known to have worked."""
    mine = [mark for mark in marks.values() if isinstance(mark, dict)]
    return any(mark.get("state") == CLAIMED or mark.get("failed") for mark in mine)


def drop(connection: Connection, name: str) -> None:
    """Forget a message that is sent, or not worth sending any more."""
    one_writer(connection)
    forget(connection, name)


def _mark(marks: dict[str, Any], channel: str) -> dict[str, Any]:
    """Return a channel's mark; one that was set up later has nothing to send here."""
    found = marks.get(channel)
    return found if isinstance(found, dict) and "state" in found else {"state": SENT}
