"""Lists on pages: sorted by a column, columns chosen, paged, kept as files, printed.

A page says which columns there are and how its rows are read; what its address asks for is read
here. What is not known in an address counts as not asked. Which columns are shown is kept in the
browser, by list. Source: manual/pages.md#lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from mnet.table_files import Cell
from peers.web.view import Cookie, Reply, View

Row = TypeVar("Row")

ROWS = 50
MAX_PAGE = 1_000_000
# Forms and addresses call these so, so that no list's own question may.
SORT, PAGE, CHOOSING, SHOWN = "sort", "page", "columns", "show."
_DOWN = "-"
_COOKIE = "mnet_peer_columns_"
_COOKIE_AGE_S = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """A column of a list."""

    # Short, for addresses: letters and underscores.
    name: str
    # A marked message.
    title: str
    # What a file has of a row; a moment as the school's clock shows it.
    value: Callable[[Row], Cell]
    is_number: bool = False
    # What the row is about: always shown.
    is_fixed: bool = False
    # Shown until somebody chooses.
    is_usual: bool = True
    is_sorted: bool = True


@dataclass(frozen=True, slots=True)
class Order:
    """By which column a list is sorted, and whether from the last to the first."""

    by: str
    is_down: bool = False


@dataclass(frozen=True, slots=True)
class ListOf(Generic[Row]):
    """A list: its columns, and how it is sorted at first."""

    # For the cookie and for files' names.
    name: str
    # A marked message.
    title: str
    path: str
    columns: Sequence[Column[Row]]
    order: Order
    rows: int = ROWS

    def chosen(self, view: View) -> Reply | None:
        """Keep which columns somebody chose, and go back to the list; None: nobody did."""
        if CHOOSING not in view.query:
            return None
        names = [c.name for c in self.columns if c.is_fixed or SHOWN + c.name in view.query]
        kept = {
            name: value
            for name, value in view.query.items()
            if value and name != CHOOSING and not name.startswith(SHOWN)
        }
        return Reply(
            status=303,
            location=view.path + _question(kept),
            cookies=(Cookie(_COOKIE + self.name, ".".join(names), _COOKIE_AGE_S),),
        )

    def asked(self, view: View, query: Mapping[str, str], **filters: object) -> Asked[Row]:
        """Read how the list is asked for; `filters` are a page's own questions, as it read them."""
        wanted = query.get(SORT, "")
        name = wanted.removeprefix(_DOWN)
        is_known = any(c.name == name and c.is_sorted for c in self.columns)
        order = Order(name, wanted.startswith(_DOWN)) if is_known else self.order
        number = query.get(PAGE, "")
        is_number = number.isascii() and number.isdigit() and len(number) <= len(str(MAX_PAGE))
        names = set(view.cookies.get(_COOKIE + self.name, "").split(".")) - {""}
        shown = tuple(
            c for c in self.columns if c.is_fixed or (c.name in names if names else c.is_usual)
        )
        return Asked(
            self,
            view.path if view.method == "GET" else self.path,
            {n: str(v) for n, v in filters.items() if v not in (None, "", False)},
            order,
            int(number) if is_number else 1,
            shown,
        )


@dataclass(frozen=True, slots=True)
class Asked(Generic[Row]):
    """How somebody asked for a list."""

    of: ListOf[Row]
    path: str
    filters: Mapping[str, str]
    order: Order
    page: int
    columns: Sequence[Column[Row]]

    def address(self, order: Order | None = None, page: int = 1, ending: str = "") -> str:
        """Return the list's address in another order, at another page, or as a file."""
        path = self.path + ending
        return path + _question({**self.filters, **self._sorted(order or self.order), **_at(page)})

    @property
    def fields(self) -> Mapping[str, str]:
        """What a form carries along of it, its page left out."""
        return {**self.filters, **self._sorted(self.order)}

    def shown(self, total: int) -> Shown[Row]:
        """Return the list with so many rows in all, at the page that is asked for or its last."""
        pages = max(1, -(-total // self.of.rows))
        return Shown(self, total, min(max(self.page, 1), pages), pages)

    def _sorted(self, order: Order) -> dict[str, str]:
        if order == self.of.order:
            return {}
        return {SORT: _DOWN * order.is_down + order.by}


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a column, as a page shows it."""

    name: str
    title: str
    is_number: bool
    # What the row is about.
    is_fixed: bool
    # Where the list is sorted by it, or the other way round; empty: it is not sorted so.
    path: str
    # As aria-sort says it; empty: the list is sorted by another.
    aria: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A column that can be chosen."""

    field: str
    title: str
    is_shown: bool


@dataclass(frozen=True, slots=True)
class Shown(Generic[Row]):
    """A page of a list, as its template needs it."""

    asked: Asked[Row]
    total: int
    number: int
    pages: int

    @property
    def offset(self) -> int:
        """How many rows stand on the pages before."""
        return (self.number - 1) * self.asked.of.rows

    @property
    def limit(self) -> int:
        """How many rows stand on a page."""
        return self.asked.of.rows

    @property
    def headings(self) -> Iterator[Heading]:
        """The heads of the columns that are shown."""
        asked = self.asked
        for column in asked.columns:
            is_it = column.name == asked.order.by
            other = Order(column.name, is_down=is_it and not asked.order.is_down)
            yield Heading(
                column.name,
                column.title,
                column.is_number,
                column.is_fixed,
                asked.address(other) if column.is_sorted else "",
                ("descending" if asked.order.is_down else "ascending") if is_it else "",
            )

    @property
    def choices(self) -> Iterator[Choice]:
        """The columns that can be shown or not."""
        for column in self.asked.of.columns:
            if not column.is_fixed:
                yield Choice(SHOWN + column.name, column.title, column in self.asked.columns)

    def at(self, number: int) -> str:
        """Return the address of a page of it; empty where there is none."""
        is_there = 1 <= number <= self.pages and number != self.number
        return self.asked.address(page=number) if is_there else ""

    @property
    def address(self) -> str:
        """The address of this page."""
        return self.asked.address(page=self.number)


@dataclass(frozen=True, slots=True)
class Found(Generic[Row]):
    """What a list holds: how many rows, and some of them, from one on so many."""

    total: int
    rows: Callable[[int, int], Iterable[Row]]


def _at(page: int) -> dict[str, str]:
    return {PAGE: str(page)} if page > 1 else {}


def _question(values: Mapping[str, str]) -> str:
    return "?" + urlencode(values) if values else ""
