"""Events that come many at once, set by set: as far as they are plain, and nothing waits for them.

What is not plain goes alone (receiving.py), in its turn; either way says the same.
Source: RULES 1.3, R5, R89.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from mnet.faults import Fault
from mnet.xmlrpc import Value
from schooltool_bridge.events import inbox, kinds, reading
from schooltool_bridge.events.applied import Applied, Source
from schooltool_bridge.events.fields import Event
from schooltool_bridge.events.kinds import Together


class Read(NamedTuple):
    """Events that go together, read."""

    how: Together[Any]
    events: Sequence[Event]


def first(
    connection: Connection, source: Source, pushed: Sequence[Value], now_unix_s: int
) -> tuple[int, list[Applied]]:
    """Apply the first of some events of push_events, as far as they go together; maybe none.

    Holds and refuses nothing: where that is to be done it ends before. Returns how many were
    looked at, and what came of the first of these.
    """
    read = _read(source, pushed, now_unix_s)
    if read is None:
        return 0, []
    plans = read.how.plan(connection, source, read.events, now_unix_s)
    waiting = inbox.waited(connection, source.peer_id, [k for p in plans for k in p.ready])
    if waiting:
        plans = plans[: next(n for n, p in enumerate(plans) if waiting.intersection(p.ready))]
    done = read.how.write(connection, source, plans, now_unix_s) if plans else []
    return len(read.events), done


def _read(source: Source, pushed: Sequence[Value], now_unix_s: int) -> Read | None:
    """Read the first events, as far as they are of kinds that go together and may come in."""
    how: Together[Any] | None = None
    events: list[Event] = []
    for element in pushed:
        try:
            event, data = reading.event_of(element)
            kind = kinds.BY_NAME.get(event)
            if kind is None or kind.together is None or how not in (None, kind.together):
                break
            read = reading.read(source, event, data)
            reading.check_clock(source, event, read, now_unix_s)
        except Fault:
            break
        source = source.after(data)
        events.append(read)
        how = kind.together
    return Read(how, events) if how is not None and len(events) > 1 else None
