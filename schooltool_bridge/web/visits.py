"""When somebody was on their page before, by a cookie of their browser: what came since is new.

Coming back within half an hour is the same visit. Source: RULES R77.
"""

from __future__ import annotations

from dataclasses import dataclass

from peers.web.view import Cookie, View
from schooltool_bridge.web import filters

NAME, KEPT_S = "mnet_peer_visit", 90 * 86_400
ONE_VISIT_S = 1800
# Whoever was never here is shown what came within this.
FIRST_TIME_S = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit: since when things are new, and what the browser keeps of it."""

    since_unix_s: int
    cookie: Cookie


def of(view: View, person_id: int) -> Visit:
    """Return this visit of somebody, whose browser tells of the one before."""
    now = view.now_unix_s
    since = now - FIRST_TIME_S
    kept = [filters.row_id(part) for part in view.cookies.get(NAME, "").split("-")]
    if len(kept) == len(("who", "since", "seen")) and kept[0] == person_id:
        before, seen = kept[1] or since, kept[2] or now
        if seen <= now:
            since = before if now - seen < ONE_VISIT_S else seen
    return Visit(since, Cookie(NAME, f"{person_id}-{since}-{now}", KEPT_S))
