"""A spreadsheet as rows of plain text: how much of one is taken, and how a location in it is named.

Knows no kind of file (reading.py, workbook.py); what the rows mean is upload.py's business. Pure.
Source: RULES R63, E62-E64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mnet import language
from mnet.language import _

MIB = 1024 * 1024
# A class with all its work is a few dozen kB; with pictures and formats a few hundred.
MAX_FILE_BYTES = 5 * MIB
# Far beyond a section's students or assessments, and what a page can show.
MAX_SHEETS, MAX_ROWS, MAX_COLUMNS = 10, 2_000, 200
# Of a description; and of all the text together.
MAX_CELL_CHARS, MAX_CHARS = 5_000, 1_000_000
# How far we look on for rows beyond the last one that holds anything.
LAST_ROW = 20_000
_NO_NUMBERS: frozenset[int] = frozenset()


class BadSheet(ValueError):
    """The file cannot be read as a spreadsheet; the text says where and what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that holds something, numbered as the spreadsheet shows it; cells are trimmed."""

    number: int
    cells: Sequence[str]
    # The columns whose cells hold a number, written as the language spoken here does; what else
    # looks like one is text that somebody wrote.
    numbers: frozenset[int] = frozenset()

    def cell(self, column: int) -> str:
        """Return a cell by its column from 0 on; empty beyond the last."""
        return self.cells[column] if column < len(self.cells) else ""


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet that holds something; a csv file is one without a title."""

    title: str
    rows: Sequence[Row]


def bounded(title: str, records: Iterable[tuple[Sequence[str], frozenset[int]]]) -> Iterator[Row]:
    """Number the rows, leave out empty ones, and refuse what is beyond the limits.

    A record is its cells, and the columns that hold a number (see Row).
    """
    for number, (cells, numbers) in enumerate(records, 1):
        trimmed = [c.strip() for c in cells]
        while trimmed and not trimmed[-1]:
            trimmed.pop()
        if number > LAST_ROW:
            raise BadSheet(
                _(
                    "%(place)s has rows beyond %(row)s; delete the empty ones.",
                    place=location_at(title),
                    row=_thousands(LAST_ROW),
                )
            )
        if not trimmed:
            continue
        if number > MAX_ROWS:
            raise BadSheet(
                _(
                    "%(place)s: at most %(count)s rows are read.",
                    place=location_at(title, number),
                    count=_thousands(MAX_ROWS),
                )
            )
        if len(trimmed) > MAX_COLUMNS:
            raise BadSheet(
                _(
                    "%(place)s: at most %(count)s columns are read.",
                    place=location_at(title, number, MAX_COLUMNS),
                    count=MAX_COLUMNS,
                )
            )
        for column, cell in enumerate(trimmed):
            if len(cell) > MAX_CELL_CHARS:
                raise BadSheet(
                    _(
                        "%(place)s: longer than %(count)s characters.",
                        place=location_at(title, number, column),
                        count=_thousands(MAX_CELL_CHARS),
                    )
                )
        yield Row(number, trimmed, numbers)


def location_at(title: str, row: int | None = None, column: int | None = None) -> str:
    """Name a location as people find it: Sheet “Terms”, row 3, column B (`column` from 0 on)."""
    return location_text(title, row, "" if column is None else column_name(column + 1))


def location_text(title: str, row: int | None, column: str) -> str:
    """Name a location whose column has its letter, or none."""
    parts = [_("sheet “%(title)s”", title=title)] if title else []
    parts += [_("row %(row)s", row=row)] if row is not None else []
    parts += [_("column %(column)s", column=column)] if column else []
    text = ", ".join(parts) or _("the file")
    return text[0].upper() + text[1:]


def _thousands(count: int) -> str:
    """Write a large round number: 20,000, or 20.000 where the comma parts numbers."""
    return f"{count:,}" if language.decimal_mark() == "." else f"{count:,}".replace(",", ".")


def column_name(number: int) -> str:
    """Name a column as a spreadsheet does: 1 is A, 27 is AA."""
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - openpyxl loads slowly

    return str(get_column_letter(number))
