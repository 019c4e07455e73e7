"""Which rows are one person: a person who was merged has several, one of which stands for all.

Only looks; merging is in hand/merging.py. Rows are never moved, so that a merge can be undone:
a peer's events stay with the row that they named, and whoever reads takes all rows of a person
together. Source: requirements 1.4, R39b.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.model import person


def everybody(connection: Connection, person_id: int) -> list[int]:
    """Return every row of the person who has this one; the row that stands for them first."""
    near = connection.execute(_NEAR, {"id": person_id}).all()
    if len(near) == 1 and near[0].merged_into_id is None:
        return [person_id]  # as nearly everybody
    root_id = root(connection, person_id)
    found, latest = [root_id], [root_id]
    while latest:
        merged = sa.select(person.c.id).where(person.c.merged_into_id.in_(latest))
        latest = list(connection.execute(merged).scalars())
        found += latest
    return found


def root(connection: Connection, person_id: int) -> int:
    """Return the row that stands for this person."""
    while True:
        into = connection.execute(
            sa.select(person.c.merged_into_id).where(person.c.id == person_id)
        ).scalar()
        if into is None:
            return person_id
        person_id = into


def roots(connection: Connection) -> dict[int, int]:
    """Return, for every row that was merged, the row that stands for its person now."""
    into: dict[int, int] = {
        row.id: row.merged_into_id
        for row in connection.execute(
            sa.select(person.c.id, person.c.merged_into_id).where(
                person.c.merged_into_id.is_not(None)
            )
        )
    }
    found = {}
    for merged in into:
        end = merged
        while end in into:
            end = into[end]
        found[merged] = end
    return found


_NEAR = sa.select(person.c.id, person.c.merged_into_id).where(
    sa.or_(person.c.id == sa.bindparam("id"), person.c.merged_into_id == sa.bindparam("id"))
)
# People who are listed under another row.
MERGED = sa.select(person.c.id).where(person.c.merged_into_id.is_not(None))
