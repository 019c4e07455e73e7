"""An event that the store refuses, or that finds a mistake of ours: it alone fails, and is kept.

Events are applied without savepoints, which cost. When something unexpected stopped a
transaction, it is run again carefully: each event in a savepoint of its own, so that the others
come in. Where many of a peer break, the fault is no event's: all of them wait at their sender.
Source: RULES 1.1, 1.3.
"""

from __future__ import annotations

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from mnet.faults import Fault, NotStored
from mnet.logs import log_failure
from mnet.store_errors import BY_WHAT_IS_WRITTEN, STORE_ERRORS, wrapped
from schooltool_bridge.events import inbox
from schooltool_bridge.events.applied import Source
from schooltool_bridge.store.model import inbox as inbox_table

# Of one peer in the inbox; what breaks beyond these is not told apart from the rest.
MOST = 100

log = structlog.get_logger("events")


def is_one_events(connection: Connection, problem: Exception) -> bool:
    """Tell whether it may be one event's doing: neither a fault, nor a store in trouble."""
    found = wrapped(problem, connection.dialect)
    is_stores = isinstance(found, STORE_ERRORS) and not isinstance(found, BY_WHAT_IS_WRITTEN)
    return not isinstance(found, Fault) and not is_stores


def fault_of(connection: Connection, source: Source, event: str, problem: Exception) -> NotStored:
    """Log what one event broke over, never what it says; return its fault.

    Raises `problem` where it is none of one event.
    """
    if not is_one_events(connection, problem) or _are_many(connection, source):
        raise problem
    log_failure(log, wrapped(problem, connection.dialect), method=event[:40], peer=source.wwwroot)
    return NotStored()


def _are_many(connection: Connection, source: Source) -> bool:
    mine = (
        inbox_table.c.peer_id == source.peer_id,
        inbox_table.c.status == inbox.REJECTED,
        inbox_table.c.reason == NotStored.sentence,
    )
    there = sa.select(inbox_table.c.id).where(*mine).limit(MOST)
    return len(connection.execute(there).all()) >= MOST
