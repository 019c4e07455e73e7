"""A list kept as a file or printed: all that was found, not only the page that was shown.

Rows are read some at a time. What was taken away as a file stands in the audit trail. Source:
manual/pages.md#lists.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Generic, TypeVar

from sqlalchemy.engine import Connection

from mnet import table_files
from mnet.database import Database
from mnet.language import N_, _
from mnet.table_files import CSV, TYPES, XLSX, Cell
from peers import audit
from peers.web.lists import Asked, Found, ListOf
from peers.web.view import PageError, Reply, Route, View, download, long_pages, page

Row = TypeVar("Row")
Read = Callable[[Connection, View], tuple[Asked[Row], Found[Row]]]

# More than the largest school has people; a file of them takes a few MB.
MAX_ROWS = 50_000
# Forty sheets of paper.
MAX_PRINTED_ROWS = 2_000
ROWS_AT_ONCE = 1_000
PRINTED = "/print"


class ListFiles(Generic[Row]):
    """The files of one list, and its page to print."""

    def __init__(self, database: Database, of: ListOf[Row], role: str, read: Read[Row]) -> None:
        """Take who may have them, and what finds the rows that an address asks for."""
        self._database = database
        self._of = of
        self._role = role
        self._read = read

    def routes(self) -> list[Route]:
        """Return the addresses of the files."""
        return [
            Route(self._of.path + ending, handler, self._role, waits_for=long_pages)
            for ending, handler in (
                (f".{CSV}", partial(self._file, CSV)),
                (f".{XLSX}", partial(self._file, XLSX)),
                (PRINTED, self._printed),
            )
        ]

    def _file(self, form: str, view: View) -> Reply:
        with self._database.read() as connection:
            asked, found = self._read(connection, view)
            heads = [_(column.title) for column in asked.columns]
            rows = _cells(asked, found, MAX_ROWS)
            body = (
                table_files.as_csv(heads, rows)
                if form == CSV
                else table_files.as_xlsx(_(self._of.title), heads, rows)
            )
        with self._database.write() as connection:
            audit.record(
                connection,
                actor=view.who,
                action=N_("list downloaded"),
                subject=view.path,
                detail={"rows": found.total},
                now_unix_s=view.now_unix_s,
            )
        return download(body, TYPES[form], f"{self._of.name}.{form}")

    def _printed(self, view: View) -> Reply:
        with self._database.read() as connection:
            asked, found = self._read(connection, view)
            rows = [
                [table_files.shown(cell) for cell in row]
                for row in _cells(asked, found, MAX_PRINTED_ROWS)
            ]
        question = f"?{view.raw_query}" if view.raw_query else ""
        return page(
            "list_print.html",
            title=self._of.title,
            columns=asked.columns,
            rows=rows,
            back=view.path.removesuffix(PRINTED) + question,
        )


def _cells(asked: Asked[Row], found: Found[Row], most: int) -> Iterator[Sequence[Cell]]:
    if found.total > most:
        raise PageError(
            _(
                "%(count)s rows are found, and at most %(most)s go in one file or on paper: "
                "choose fewer first.",
                count=found.total,
                most=most,
            )
        )
    offsets = range(0, found.total, ROWS_AT_ONCE)
    rows = itertools.chain.from_iterable(found.rows(n, ROWS_AT_ONCE) for n in offsets)
    return ([column.value(row) for column in asked.columns] for row in rows)
