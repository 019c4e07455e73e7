"""Which rows are one person: a person who was merged has several, one of which stands for all.

Only looks; merging is in hand/merging.py. Rows are never moved, so that a merge can be undone:
a peer's events stay with the row that they named, and whoever reads takes all rows of a person
together. Source: RULES 1.4, R39b.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.store.model import person


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
        into = connection.execute(_INTO, {"id": person_id}).scalar()
        if into is None:
            return person_id
        person_id = into


def roots(connection: Connection) -> dict[int, int]:
    """Return, for every row that was merged, the row that stands for its person now."""
    into: dict[int, int] = {row.id: row.merged_into_id for row in connection.execute(_MERGES)}
    found = {}
    for merged in into:
        end = merged
        while end in into:
            end = into[end]
        found[merged] = end
    return found


def rows_of(into: Mapping[int, int], people: Iterable[int]) -> dict[int, list[int]]:
    """Return every row of each of these people, by what `roots` says. Pure."""
    merged: dict[int, list[int]] = defaultdict(list)
    for row, root_id in into.items():
        merged[root_id].append(row)
    return {who: sorted([who, *merged.get(who, ())]) for who in people}


def of_all(connection: Connection, ids: Collection[int]) -> list[int]:
    """Return every row of the people who have these rows, each once and in order."""
    into = roots(connection)
    if not into:
        return sorted(set(ids))
    wanted = {into.get(i, i) for i in ids}
    return sorted(wanted | {row for row, root_id in into.items() if root_id in wanted})


def root_of(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """Return, inside a statement, the row that stands for whoever a column names.

    For conditions that read few rows or all of them once; it reads every merged row.
    """
    step, up = person.alias(), person.alias()
    tree = (
        sa.select(step.c.id, step.c.merged_into_id.label("root_id"))
        .where(step.c.merged_into_id.is_not(None))
        .cte(recursive=True)
    )
    tree = tree.union(
        sa.select(tree.c.id, up.c.merged_into_id)
        .join_from(tree, up, up.c.id == tree.c.root_id)
        .where(up.c.merged_into_id.is_not(None))
    )
    end = sa.select(tree.c.root_id).where(
        tree.c.id == column, tree.c.root_id.not_in(sa.select(MERGED.subquery().c.id))
    )
    return sa.func.coalesce(end.correlate_except(tree).scalar_subquery(), column)


def with_merged(wanted: sa.Select[tuple[int]]) -> sa.Select[tuple[int]]:
    """Return a select of the rows that one gives and of all that were merged into them."""
    rows = sa.select(person.c.id).where(person.c.id.in_(wanted)).cte(recursive=True)
    merged = sa.select(person.c.id).join(rows, person.c.merged_into_id == rows.c.id)
    return sa.select(rows.union(merged).c.id)


_NEAR = sa.select(person.c.id, person.c.merged_into_id).where(
    sa.or_(person.c.id == sa.bindparam("id"), person.c.merged_into_id == sa.bindparam("id"))
)
_INTO = sa.select(person.c.merged_into_id).where(person.c.id == sa.bindparam("id"))
_MERGES = sa.select(person.c.id, person.c.merged_into_id).where(
    person.c.merged_into_id.is_not(None)
)
# People who are listed under another row.
MERGED = sa.select(person.c.id).where(person.c.merged_into_id.is_not(None))
