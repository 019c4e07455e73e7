"""Runs as commands and pages list them: their counts, and what each found, by name.

Plain dicts in the shape that scripts rely on. Where a row names a section, person or assessment it
is the shared idnumber, ours where there is none. Source: RULES 1.8, 1.10.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import in_parts
from schooltool_bridge.common.days import iso
from schooltool_bridge.full_sync import walking
from schooltool_bridge.full_sync.runs import Row, Run
from schooltool_bridge.history.finding import people_names
from schooltool_bridge.store.model import assessment, person, section


def run_row(run: Run) -> dict[str, Any]:
    """Return a run as a row of a list."""
    return {
        "id": str(run.id),
        "peer": run.peer,
        "state": run.state,
        "started_at": iso(run.started_unix_s),
        "ended_at": None if run.ended_unix_s is None else iso(run.ended_unix_s),
        "taken_at": None if run.taken_unix_s is None else iso(run.taken_unix_s),
        "entities": {entity: dict(run.counts[entity]) for entity in walking.ENTITIES},
        "reason": run.reason,
    }


def rows_with_names(connection: Connection, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return what a run found as rows of a list."""
    names = _Names(connection, rows)
    return [
        {
            "id": str(row.id),
            "entity": row.entity,
            "outcome": row.outcome,
            "person": names.idnumber("person", row.person_id),
            "section": names.idnumber("section", row.section_id),
            "assessment": names.idnumber("assessment", row.assessment_id),
            "name": names.of(row),
            "reason": row.reason,
        }
        for row in rows
    ]


class _Names:
    """What is called how here, of whatever some rows are about."""

    def __init__(self, connection: Connection, rows: Sequence[Row]) -> None:
        self._names: dict[tuple[str, int], tuple[str, str]] = {}
        items = _read(connection, assessment, {r.assessment_id for r in rows})
        sections = {r.section_id for r in rows} | {i.section_id for i in items}
        shared = people_names(connection)
        for p in _read(connection, person, {r.person_id for r in rows}):
            name = f"{p.firstname} {p.lastname}".strip() or p.username
            self._names["person", p.id] = (shared[p.id], name)
        for kind, found in (
            ("section", _read(connection, section, sections)),
            ("assessment", items),
        ):
            for thing in found:
                self._names[kind, thing.id] = (thing.idnumber or str(thing.id), thing.name)

    def idnumber(self, kind: str, thing_id: int | None) -> str | None:
        return None if thing_id is None else self._names.get((kind, thing_id), (str(thing_id),))[0]

    def of(self, row: Row) -> str:
        """Say by names whom or what a row is about; what is not known here as it came."""
        about = (
            ("person", row.person_id),
            ("assessment", row.assessment_id),
            # An assessment's section goes without saying.
            ("section", None if row.assessment_id else row.section_id),
        )
        known = [self._names[kind, i][1] for kind, i in about if i and (kind, i) in self._names]
        return " / ".join(known) or row.name


def _read(connection: Connection, table: sa.Table, ids: Iterable[int | None]) -> list[sa.Row[Any]]:
    wanted = sorted(i for i in ids if i is not None)
    rows: list[sa.Row[Any]] = []
    for part in in_parts(wanted):
        rows += connection.execute(sa.select(table).where(table.c.id.in_(part)))
    return rows
