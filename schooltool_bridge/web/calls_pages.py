"""The calls in the browser: what came and went, found again, and one of them in detail.

No payloads and nothing secret: the journal has none. Source: RULES R16, R90.
"""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from mnet.database import Database
from mnet.language import N_, _
from mnet.outcomes import BAD_ANSWER, UNREACHABLE
from peers import calls, journal
from peers.accounts import CLERK
from peers.web.view import NETWORK_GROUP, PageError, Reply, Route, Tab, View, page
from schooltool_bridge.web import filters, words
from schooltool_bridge.web.filters import PeerChoice
from schooltool_bridge.web.peer_facts import day_start_unix_s

CALLS = "/admin/calls"
ROWS = 50
# A select with more helps nobody; a peer that tries out names makes no longer page than this.
MAX_METHODS = 100
MAX_METHOD_CHARS = 200
DIRECTIONS = {"in": N_("They called us"), "out": N_("We called them")}
OUTCOMES = {
    calls.ANY_FAILED: N_("failed"),
    calls.ANY_OK: N_("Not failed"),
    "created": N_("Created"),
    "updated": N_("Updated"),
    "unchanged": N_("Unchanged"),
    "held": N_("Held"),
    UNREACHABLE: N_("Unreachable"),
    BAD_ANSWER: N_("Bad answer"),
}
_FAULT = re.compile(r"fault [0-9]{1,6}", re.ASCII)


class CallsPages:
    """The pages of the calls."""

    def __init__(self, database: Database, zone: ZoneInfo) -> None:
        """Read from `database`; days are those of `zone`."""
        self._database = database
        self._zone = zone

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(CALLS, self.found, CLERK),
            Route(CALLS + "/<int:call_id>", self.one, CLERK),
        ]

    def tabs(self) -> list[Tab]:
        """Return the entries of the navigation."""
        return [Tab(N_("Calls"), CALLS, CLERK, NETWORK_GROUP)]

    def found(self, view: View) -> Reply:
        """Show calls, newest first, and what a day looked like by the hour."""
        asked = view.query
        direction = asked.get("direction", "")
        direction = direction if direction in DIRECTIONS else ""
        outcome = asked.get("outcome", "")
        outcome = outcome if outcome in OUTCOMES or _FAULT.fullmatch(outcome) else ""
        method = asked.get("method", "")[:MAX_METHOD_CHARS]
        since = filters.day_start(asked.get("from", ""), self._zone)
        until = filters.day_start(asked.get("to", ""), self._zone, days_later=1)
        before_id = filters.row_id(asked.get("before", ""))
        with self._database.read() as connection:
            choices = filters.peer_choices(connection)
            peer = filters.chosen_peer(choices, asked.get("peer", ""))
            rows = calls.find(
                connection,
                peer_id=peer.id if peer else None,
                method=method or None,
                outcome=outcome or None,
                direction=direction or None,
                since_unix_s=since,
                until_unix_s=until,
                before_id=before_id,
                limit=ROWS + 1,
            )
            shown_peers = [peer] if peer else choices
            methods = _methods(connection, shown_peers)
            is_first = before_id is None and since is None and until is None
            hours = self._hours(connection, shown_peers, view.now_unix_s) if is_first else None
        wanted = {
            "peer": peer.wwwroot if peer else "",
            "direction": direction,
            "method": method,
            "outcome": outcome,
            "from": asked.get("from", "") if since is not None else "",
            "to": asked.get("to", "") if until is not None else "",
        }
        has_more, rows = len(rows) > ROWS, rows[:ROWS]
        failed = _(OUTCOMES[calls.ANY_FAILED]).capitalize()
        outcomes = {**OUTCOMES, calls.ANY_FAILED: failed}
        if outcome:
            outcomes.setdefault(outcome, words.outcome_title(outcome))
        return page(
            "calls.html",
            calls=rows,
            peers=choices,
            methods=methods if method in methods or not method else [method, *methods],
            directions=DIRECTIONS,
            outcomes=outcomes,
            wanted=wanted,
            is_filtered=any(wanted.values()),
            older=filters.query(**wanted, before=rows[-1].id) if has_more else "",
            newest=filters.query(**wanted) if before_id is not None else "",
            hours=hours,
            words=words,
        )

    def one(self, _view: View, call_id: int) -> Reply:
        """Show one call."""
        call_id = filters.known_id(call_id)
        with self._database.read() as connection:
            call = calls.one(connection, call_id)
            digest = journal.payload_digest(connection, call_id)
        if call is None or digest is None:
            raise PageError(_("There is no such call."), 404)
        return page(
            "call.html",
            call=call,
            direction=DIRECTIONS.get(call.direction, call.direction),
            digest=digest.hex(),
            of_peer=CALLS + filters.query(peer=call.peer),
            of_method=CALLS + filters.query(peer=call.peer, method=call.method),
            inbox="/admin/inbox" + filters.query(peer=call.peer),
            words=words,
        )

    def _hours(
        self, connection: Connection, peers: list[PeerChoice], now_unix_s: int
    ) -> list[tuple[int, int, int]]:
        """Count today's calls of these peers together, by the hour."""
        start = day_start_unix_s(self._zone, now_unix_s)
        each = [calls.counts_by_hour(connection, p.id, start) for p in peers]
        return [
            (sum(h[n][0] for h in each), sum(h[n][1] for h in each), sum(h[n][2] for h in each))
            for n in range(calls.HOURS)
        ]


def _methods(connection: Connection, peers: list[PeerChoice]) -> list[str]:
    names = {name for p in peers for name in calls.methods(connection, p.id)}
    return sorted(names)[:MAX_METHODS]
