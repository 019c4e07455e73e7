"""The time zone in which days were read until now, and what to say when it is another one.

A day asked about begins and ends in the zone that is set, also one long ago: after a change some
reports about past days say something else. So it is said first. Source: RULES 1.8.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from mnet.database import Database
from mnet.language import N_
from peers import audit
from schooltool_bridge.store.site_memory import one_writer, recall, remember

_NAME = "timezone"


def before(connection: Connection, zone: str) -> str | None:
    """Return the zone in which days were read until now, when `zone` is another one."""
    known = (recall(connection, _NAME) or {}).get("zone")
    return str(known) if known and known != zone else None


def begin(database: Database, zone: str, now_unix_s: int) -> str | None:
    """Read days in a zone from now on; return the one before, when it was another.

    The audit trail keeps the change.
    """
    with database.write() as connection:
        one_writer(connection)
        was = before(connection, zone)
        if was is not None:
            audit.record(
                connection,
                actor=audit.COMMAND_LINE,
                action=N_("time zone changed"),
                subject=zone,
                detail={"before": was, "after": zone},
                now_unix_s=now_unix_s,
            )
        remember(connection, _NAME, {"zone": zone})
    return was
