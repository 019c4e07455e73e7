"""What the pages about peers show of each peer's traffic: the last signs of it, today, the inbox.

Only reads. Source: RULES R16.
"""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from mnet.language import _
from mnet.stored_sentences import localized
from peers import calls
from peers.store import StoredPeer
from peers.web.parts import LastSync, PeerFacts
from schooltool_bridge.common.days import day_of, first_moment
from schooltool_bridge.events import inbox as inbox_store
from schooltool_bridge.full_sync import runs
from schooltool_bridge.notices.facts import heard_unix_s, inbox_counts
from schooltool_bridge.web import sync_pages


def of_peers(
    zone: ZoneInfo, connection: Connection, peers: Sequence[StoredPeer], now_unix_s: int
) -> dict[int, PeerFacts]:
    """Return the facts of each peer by its id; a day is one of `zone`."""
    return {peer.id: _of(zone, connection, peer.id, now_unix_s) for peer in peers}


def day_start_unix_s(zone: ZoneInfo, now_unix_s: int) -> int:
    """Return when the school's day began."""
    return first_moment(day_of(now_unix_s, zone), zone)


def _of(zone: ZoneInfo, connection: Connection, peer_id: int, now_unix_s: int) -> PeerFacts:
    change = calls.last_change(connection, peer_id)
    error = calls.last_error(connection, peer_id)
    waiting = inbox_counts(connection, peer_id)
    return PeerFacts(
        last_contact_unix_s=heard_unix_s(connection, peer_id, now_unix_s),
        last_change_unix_s=change.at_unix_s if change else None,
        last_error=f"{error.method}: {localized(error.reason or error.outcome)}" if error else "",
        hours=calls.counts_by_hour(connection, peer_id, day_start_unix_s(zone, now_unix_s)),
        held=waiting[inbox_store.HELD],
        conflicts=waiting[inbox_store.CONFLICT],
        rejected=waiting[inbox_store.REJECTED],
        last_sync=_last_sync(connection, peer_id),
    )


def _last_sync(connection: Connection, peer_id: int) -> LastSync | None:
    run = runs.last_run(connection, peer_id)
    if run is None:
        return None
    words = sync_pages.shown(run).in_words
    state, pill = _(sync_pages.STATES[run.state]), sync_pages.PILLS[run.state]
    return LastSync(run.id, run.started_unix_s, state, pill, words)
