"""The guards of history tables as migrations make and lift them: frozen.

What the program itself does today stands in store/model_guards.py and may change; what a
migration did may not.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

_FUNCTION = """CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION 'history is append-only'; END $$ LANGUAGE plpgsql"""


def guards_on(connection: Connection, tables: Iterable[str]) -> None:
    """Make history tables append-only."""
    if not _is_sqlite(connection):
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


def guards_off(connection: Connection, tables: Iterable[str]) -> None:
    """Lift the guards until `guards_on`, inside one transaction."""
    for table in tables:
        if not _is_sqlite(connection):
            connection.execute(sa.text(f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}"))
            continue
        for action in ("update", "delete"):
            connection.execute(sa.text(f"DROP TRIGGER IF EXISTS {table}_no_{action}"))


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"
