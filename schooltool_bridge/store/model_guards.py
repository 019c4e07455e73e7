"""Guards in the store itself: history rows cannot be changed or deleted, by anybody.

Only restoring a whole backup and erasing a person lift them, inside their transaction.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.engines import is_sqlite
from peers.journal import call_journal
from peers.model import audit_entry
from schooltool_bridge.store import (
    model,
    model_people,
    model_reports,
    model_school,
    model_teaching,
)

GUARDED = tuple(
    t.name
    for t in (
        *model.HISTORY_TABLES,
        *model_people.HISTORY_TABLES,
        *model_reports.HISTORY_TABLES,
        *model_school.HISTORY_TABLES,
        *model_teaching.HISTORY_TABLES,
        call_journal,
        audit_entry,
    )
)
_FUNCTION = """CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION 'history is append-only'; END $$ LANGUAGE plpgsql"""


def guards_on(connection: Connection, tables: Iterable[str] = GUARDED) -> None:
    """Make history tables append-only."""
    if not is_sqlite(connection):
        connection.execute(sa.text(_FUNCTION))
        for table in tables:
            connection.execute(
                sa.text(
                    f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
                    "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
                )
            )
        return
    for table in tables:
        for action in ("UPDATE", "DELETE"):
            connection.execute(
                sa.text(
                    f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END"
                )
            )


def guards_off(connection: Connection, tables: Iterable[str] = GUARDED) -> None:
    """Lift the guards until `guards_on`, inside one transaction."""
    for table in tables:
        if not is_sqlite(connection):
            connection.execute(sa.text(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}"))
            continue
        for action in ("update", "delete"):
            connection.execute(sa.text(f"DROP TRIGGER IF EXISTS {table}_no_{action}"))
