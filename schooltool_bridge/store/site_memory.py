"""Small facts that outlive a restart, by name. Knows nothing of what they mean.

Whoever writes holds `one_writer()`, so that no two processes write one name at a time.
Source: manual/notices.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import one_at_a_time
from schooltool_bridge.store.model_notices import site_memory

# No peer has this id, so that this queue is one of its own.
NOTICES_QUEUE = 0


def one_writer(connection: Connection) -> None:
    """Let transactions about notices and memory follow each other."""
    one_at_a_time(connection, NOTICES_QUEUE)


def recall(connection: Connection, name: str) -> dict[str, Any] | None:
    """Return what is remembered under a name."""
    wanted = sa.select(site_memory.c.value).where(site_memory.c.name == name)
    value = connection.execute(wanted).scalar()
    return _read(value) if value is not None else None


def recall_all(connection: Connection, start: str) -> dict[str, dict[str, Any]]:
    """Return everything whose name begins so, by name."""
    rows = connection.execute(
        sa.select(site_memory).where(site_memory.c.name.startswith(start, autoescape=True))
    )
    return {row.name: _read(row.value) for row in rows}


def remember(connection: Connection, name: str, value: Mapping[str, object]) -> None:
    """Keep a fact under a name, in place of what was there; inside `one_writer()`."""
    text = {"value": json.dumps(value)}
    mine = site_memory.c.name == name
    if not connection.execute(sa.update(site_memory).where(mine).values(text)).rowcount:
        connection.execute(sa.insert(site_memory).values(name=name, **text))


def forget(connection: Connection, name: str) -> None:
    """Drop what is remembered under a name."""
    connection.execute(sa.delete(site_memory).where(site_memory.c.name == name))


def _read(value: str) -> dict[str, Any]:
    """Read a fact; one that is none (an older program's) is an empty one."""
    try:
        found = json.loads(value)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
