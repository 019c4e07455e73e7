"""What names of a peer's list mean, looked up together where that is clear: as nearly all are.

A name comes with Moodle's own id of what it means, or without (events/own_ids.py). What is not
returned has to be looked at by itself (seeing.py). Only looks. Source: RULES 1.3, 1.10.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from schooltool_bridge.common.ids import OWN_ID, key, own_id
from schooltool_bridge.common.named import by_names
from schooltool_bridge.common.segments import segment_order
from schooltool_bridge.events import sections
from schooltool_bridge.history import links
from schooltool_bridge.store.model import assessment

Name = tuple[str, str | None]


def people(connection: Connection, peer_id: int, names: Collection[Name]) -> dict[Name, int | None]:
    """Return our ids of people; whom no link of the peer finds may be another peer's."""
    found = links.linked_many(connection, peer_id, {userid for userid, _own in names})
    clear: dict[Name, int | None] = {}
    for userid, own in names:
        rows = [r for r in found[userid] if own is None or r.moodle_id == key(own)]
        if len(rows) == len(found[userid]) == 1 and not rows[0].unlinked:
            clear[userid, own] = rows[0].person_id
    return clear


def items(connection: Connection, peer_id: int, names: Collection[Name]) -> dict[Name, int | None]:
    """Return our ids of assessments; None for what is clearly not here."""
    found: dict[str, list[sa.Row[Any]]] = {}
    for part in in_parts(sorted(_numbers(names))):
        values = {"peer": peer_id, "wanted": part, "own": [n for n in map(own_id, part) if n]}
        found.update(by_names(connection.execute(_ITEMS, values), part))
    clear = {name: rows for name, rows in _clear(found, names).items() if len(rows) <= 1}
    return {name: rows[0].id if rows else None for name, rows in clear.items()}


def parts(
    connection: Connection, peer_id: int, names: Collection[Name]
) -> dict[Name, list[sa.Row[Any]]]:
    """Return the parts of sections, in their order; none for what is clearly not here."""
    found = sections.parts_of_many(connection, peer_id, _numbers(names))
    return {
        name: sorted(rows, key=lambda row: segment_order(row.segment))
        for name, rows in _clear(found, names).items()
    }


def _numbers(names: Collection[Name]) -> set[str]:
    """Return all that things may be found by: their numbers, and `#` with Moodle's own id."""
    return {number for number, _own in names} | {OWN_ID + own for _number, own in names if own}


def _clear(
    found: Mapping[str, list[sa.Row[Any]]], names: Collection[Name]
) -> dict[Name, list[sa.Row[Any]]]:
    """Return what each name finds where Moodle's own id, if there is one, says the same."""
    clear = {}
    for number, own in names:
        rows = found[number]
        others = rows if own is None else found[OWN_ID + own]
        if own is None or {row.id for row in rows} == {row.id for row in others}:
            clear[number, own] = rows
    return clear


# As events/assessments.find; what is cut from its peer is as unknown to it.
_ITEMS: sa.Select[Any] = sa.select(
    assessment.c.id, assessment.c.idnumber, assessment.c.moodle_id
).where(
    assessment.c.peer_id == sa.bindparam("peer"),
    sa.not_(assessment.c.unlinked),
    sa.or_(
        assessment.c.idnumber.in_(sa.bindparam("wanted", expanding=True)),
        assessment.c.moodle_id.in_(sa.bindparam("own", expanding=True)),
    ),
)
