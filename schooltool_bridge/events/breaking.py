"""An event that the store refuses, by a mistake of ours: it alone fails, and is kept.

Events are applied without savepoints, which cost. When the store refused a
transaction, it is run again carefully: each event in a savepoint of its own, so that the others
come in. Where many of a peer break, the fault is no event's: all of them wait at their sender.
Source: RULES 1.1, 1.3.
"""

from __future__ import annotations

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from mnet.faults import NotStored
from mnet.logs import log_failure
from mnet.store_errors import BY_WHAT_IS_WRITTEN, wrapped
from schooltool_bridge.events import inbox
from schooltool_bridge.events.applied import Source
from schooltool_bridge.store.model import inbox as inbox_table

# Of one peer in the inbox; what breaks beyond these is not told apart from the rest.
MOST = 100

log = structlog.get_logger("events")


def fault_of(connection: Connection, source: Source, event: str, problem: Exception) -> NotStored:
    """Log what one event broke over, never what it says; return its fault.

    Raises `problem` where it is none of one event.
    """
    refused = wrapped(problem, connection.dialect)
    if not isinstance(refused, BY_WHAT_IS_WRITTEN) or _are_many(connection, source):
        raise problem
    log_failure(log, refused, method=event[:40], peer=source.wwwroot)
    return NotStored()


def _are_many(connection: Connection, source: Source) -> bool:
    mine = (
        inbox_table.c.peer_id == source.peer_id,
        inbox_table.c.status == inbox.REJECTED,
        inbox_table.c.reason == NotStored.sentence,
    )
    there = sa.select(inbox_table.c.id).where(*mine).limit(MOST)
    return len(connection.execute(there).all()) >= MOST
