"""Gathers from the store what notices come from, and what the daily summary counts.

Only reads; what follows from it is decided in rules.py. Source: manual/notices.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from keys.certificate import BadCertificate, load
from keys.store import CURRENT, key_pair
from peers import checks as peer_checks
from peers import store
from peers.calls import failed
from peers.journal import call_journal, came_in
from peers.model import peer as peer_table
from peers.model import peer_check, pending_peer
from peers.store import StoredPeer
from schooltool_bridge.events import inbox as inbox_store
from schooltool_bridge.events.clock_notes import CLOCK_MEMORY
from schooltool_bridge.events.inbox_lists import count_by_status
from schooltool_bridge.full_sync import runs
from schooltool_bridge.hand import new_sections
from schooltool_bridge.notices.expiry import DAY_S
from schooltool_bridge.notices.rules import Check, Clock, Facts, LastSync, PeerFacts
from schooltool_bridge.sign_on import rights
from schooltool_bridge.store import backups
from schooltool_bridge.store.model import inbox
from schooltool_bridge.store.site_memory import recall_all

TLS_MEMORY = "tls "  # and the peer's id
MAX_STEPS = 20
MAX_STEP_CHARS = 60

_FAILED = failed(call_journal.c)


@dataclass(frozen=True, slots=True)
class Calls:
    """How many calls there were with one peer in some time; the failed ones are of either way."""

    incoming: int = 0
    outgoing: int = 0
    failed: int = 0


def gather(connection: Connection, now_unix_s: int) -> Facts:
    """Read the facts that notices come from."""
    added = dict(connection.execute(sa.select(peer_table.c.id, peer_table.c.added_unix_s)).all())
    checks = {row.peer_id: row for row in connection.execute(sa.select(peer_check))}
    tls = recall_all(connection, TLS_MEMORY)
    clocks = recall_all(connection, CLOCK_MEMORY)
    our_end = sa.select(key_pair.c.not_after_unix_s).where(key_pair.c.state == CURRENT)
    strangers = sa.select(sa.func.count()).select_from(pending_peer)
    return Facts(
        peers=tuple(
            replace(
                _peer(connection, stored, added[stored.id], checks.get(stored.id), tls, now_unix_s),
                clock=_clock(clocks.get(f"{CLOCK_MEMORY}{stored.id}", {})),
            )
            for stored in store.all_peers(connection)
            if stored.state != store.DELETED
        ),
        our_key_not_after_unix_s=connection.execute(our_end).scalar(),
        strangers=connection.execute(strangers).scalar_one(),
        safe_until_unix_s=max(backups.last_unix_s(connection) or 0, min(added.values()))
        if added
        else None,
    )


def _peer(
    connection: Connection,
    stored: StoredPeer,
    added_unix_s: int,
    check: sa.Row[Any] | None,
    tls: dict[str, dict[str, Any]],
    now_unix_s: int,
) -> PeerFacts:
    current = stored.certificate()
    counts = inbox_counts(connection, stored.id)
    heard = heard_unix_s(connection, stored.id, now_unix_s)
    if check is not None and check.ok:
        heard = max(heard or 0, check.at_unix_s)
    seen = tls.get(f"{TLS_MEMORY}{stored.id}", {})
    tls_end = seen.get("not_after_unix_s") if seen.get("wwwroot") == stored.wwwroot else None
    return PeerFacts(
        wwwroot=stored.wwwroot,
        enabled=stored.state == store.ENABLED,
        since_unix_s=max(added_unix_s, current.since_unix_s if current else 0),
        heard_unix_s=heard,
        key_not_after_unix_s=_end(current.pem) if current else None,
        tls_not_after_unix_s=tls_end if isinstance(tls_end, int) else None,
        has_offered_key=stored.certificate(store.OFFERED) is not None,
        held=counts[inbox_store.HELD],
        held_since_unix_s=_held_since(connection, stored.id),
        conflicts=counts[inbox_store.CONFLICT],
        rejected=counts[inbox_store.REJECTED],
        is_full=inbox_store.room(connection, stored.id) < 1,
        without_right=rights.without_right(connection, stored.id),
        check=Check(check.at_unix_s, check.ok, _failing(check.steps)) if check else None,
        sync=_last_sync(runs.last_run(connection, stored.id)),
        new_sections=new_sections.count_waiting(connection, stored.id),
    )


def _last_sync(run: runs.Run | None) -> LastSync | None:
    if run is None or run.ended_unix_s is None:
        return None
    failed = run.state in (runs.FAILED, runs.INCOMPLETE)
    waits = run.state == runs.WAITING
    return LastSync(run.ended_unix_s, waits=waits, failed=failed, run_id=run.id)


def _clock(noted: dict[str, Any]) -> Clock | None:
    at, ahead = noted.get("at_unix_s"), noted.get("ahead_s")
    return Clock(at, ahead) if isinstance(at, int) and isinstance(ahead, int) else None


def heard_unix_s(connection: Connection, peer_id: int, now_unix_s: int) -> int | None:
    """Return when a peer last called us, or answered a call of ours without a fault."""
    calls = call_journal.c
    # What a clock that was wrong wrote down far in our future says nothing.
    latest = (
        sa.select(calls.received_unix_s)
        .where(
            calls.peer_id == peer_id,
            calls.received_unix_s <= now_unix_s + DAY_S,
            sa.or_(came_in(), sa.not_(_FAILED)),
        )
        .order_by(calls.received_unix_s.desc())
        .limit(1)
    )
    return connection.execute(latest).scalar()


def inbox_counts(connection: Connection, peer_id: int) -> dict[str, int]:
    """Return how many of a peer's events are held, in conflict and rejected."""
    found = count_by_status(connection, peer_id)
    return {status: found.get((peer_id, status), 0) for status in inbox_store.OPEN}


def calls_between(
    connection: Connection, peer_id: int, start_unix_s: int, end_unix_s: int
) -> Calls:
    """Count a peer's calls from `start_unix_s` up to, not including, `end_unix_s`."""
    calls = call_journal.c
    counted = sa.select(
        sa.func.count().filter(calls.direction == "in"),
        sa.func.count().filter(calls.direction == "out"),
        sa.func.count().filter(_FAILED),
    ).where(
        calls.peer_id == peer_id,
        calls.received_unix_s >= start_unix_s,
        calls.received_unix_s < end_unix_s,
    )
    return Calls(*connection.execute(counted).one())


def _held_since(connection: Connection, peer_id: int) -> int | None:
    """Return when the oldest event that is held came; ids are given as they come."""
    oldest = (
        sa.select(inbox.c.received_unix_s)
        .where(inbox.c.peer_id == peer_id, inbox.c.status == inbox_store.HELD)
        .order_by(inbox.c.id)
        .limit(1)
    )
    return connection.execute(oldest).scalar()


def _end(pem: str) -> int | None:
    try:
        return load(pem).not_after_unix_s
    except BadCertificate:
        return None


def _failing(steps: object) -> tuple[str, ...]:
    """Return the names of steps that were tried and failed; a step's detail may be the peer's."""
    listed = steps if isinstance(steps, list) else []
    return tuple(
        str(step.get("name", ""))[:MAX_STEP_CHARS]
        for step in listed[:MAX_STEPS]
        if isinstance(step, dict) and not step.get("ok") and peer_checks.was_tried(step)
    )
