"""That a peer's clock is ahead of ours: noted when its events were refused for it, for a notice.

Source: manual/notices.md; RULES 1.3 (Times).
"""

from __future__ import annotations

from mnet.database import Database
from schooltool_bridge.store.site_memory import one_writer, remember

# Before the id of the peer.
CLOCK_MEMORY = "clock "


def note(database: Database, peer_id: int, *, ahead_s: int, now_unix_s: int) -> None:
    """Remember by how many seconds a peer's clock was ahead, in a transaction of its own."""
    with database.write() as connection:
        one_writer(connection)
        difference = {"ahead_s": ahead_s, "at_unix_s": now_unix_s}
        remember(connection, f"{CLOCK_MEMORY}{peer_id}", difference)
