"""Statements on every call's way: compiled once, run straight by the database's driver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import Connection
from sqlalchemy.sql.compiler import SQLCompiler

from mnet.engines import POSTGRESQL, SQLITE, is_sqlite, kind_of


class Prepared:
    """A statement on every call's way: compiled once, run straight by the driver.

    Rows come as the driver gives them: plain tuples, a boolean of SQLite as 0 or 1.
    """

    def __init__(self, statement: sa.sql.ClauseElement) -> None:
        """Keep the statement; it is compiled for a kind of database when it first runs there."""
        self._statements = {SQLITE: statement, POSTGRESQL: statement}
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Run with values for every bind parameter; return the driver's cursor."""
        name = kind_of(connection)
        compiled = self._compiled.get(name)
        if compiled is None:
            named = sqlite_dialect.dialect(paramstyle="named")
            dialect = named if name == SQLITE else connection.dialect
            made = self._statements[name].compile(dialect=dialect)
            assert isinstance(made, SQLCompiler)
            given = {n: v for n, v in made.params.items() if not made.binds[n].required}
            compiled = self._compiled[name] = (str(made), given)
        text, constants = compiled
        driver: Any = connection.connection.dbapi_connection
        return driver.execute(text, {**constants, **values} if constants else values)


class PreparedInsert(Prepared):
    """An insert of one row that is given its id by the database."""

    def __init__(self, statement: sa.Insert, new_id: sa.Column[int]) -> None:
        """Keep the statement, and which column's new value `run_for_id` returns."""
        super().__init__(statement)
        # SQLite's driver knows it anyway, and its RETURNING takes as long as the whole insert.
        self._statements[POSTGRESQL] = statement.returning(new_id)

    def run_for_id(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Run with values for every bind parameter; return the new row's id."""
        cursor = self.run(connection, values)
        return int(cursor.lastrowid if is_sqlite(connection) else cursor.fetchone()[0])
