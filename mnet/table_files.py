"""Tables as files that people open in a spreadsheet: CSV and xlsx, written row by row.

Nothing in either runs as a formula, whatever somebody called themselves. Knows no page. Source:
RFC 4180; ECMA-376 part 1, 18.3.1.4 (cells).
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from mnet import language

CSV, XLSX = "csv", "xlsx"
TYPES = {
    CSV: "text/csv; charset=utf-8",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# A time without a zone: as the school's clock shows it.
Cell = str | int | Decimal | date | datetime | None
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# What XML cannot hold.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# As much as a spreadsheet takes: in one cell, and as a sheet's name.
_MAX_CELL_CHARS, _MAX_TITLE_CHARS = 32_767, 31
_NOT_IN_TITLES = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
_DAY_FORMAT, _MOMENT_FORMAT, _TEXT_FORMAT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm", "@"
_TEXT = "s"


def as_csv(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write a table as CSV (UTF-8 with a BOM, which spreadsheets ask for).

    Text that a spreadsheet would run as a formula gets a leading apostrophe; numbers never do.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([_in_csv(cell) for cell in row] for row in itertools.chain([heads], rows))
    return out.getvalue().encode("utf-8-sig", "replace")


def as_xlsx(title: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write a table as a workbook of one sheet; its rows lie in a file, not in memory.

    Text is text, also where it looks like a formula.
    """
    from openpyxl import Workbook  # noqa: PLC0415 - openpyxl loads slowly
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 - the same

    book = Workbook(write_only=True)
    sheet = book.create_sheet(_writable(title.translate(_NOT_IN_TITLES))[:_MAX_TITLE_CHARS])
    sheet.freeze_panes = "A2"
    for row in itertools.chain([heads], rows):
        cells = [WriteOnlyCell(sheet) for _cell in row]
        for cell, value in zip(cells, row, strict=True):
            _fill(cell, value)
        sheet.append(cells)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def shown(cell: Cell) -> str:
    """Write a cell as people of the language spoken here read it."""
    if isinstance(cell, datetime):
        return language.moment(cell)
    if isinstance(cell, date):
        return language.day(cell)
    if isinstance(cell, Decimal):
        return language.number(language.plain(cell))
    return "" if cell is None else str(cell)


def _in_csv(cell: Cell) -> str:
    if isinstance(cell, Decimal):
        return language.plain(cell)  # for programs: a point in every language
    text = _plain_blanks(shown(cell))
    return "'" + text if isinstance(cell, str) and text.startswith(_FORMULA) else text


def _plain_blanks(text: str) -> str:
    """A day's no-break spaces, to a spreadsheet that reads it."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def _fill(cell: Any, value: Cell) -> None:
    if isinstance(value, str):
        text = _writable(_plain_blanks(value))[:_MAX_CELL_CHARS]
        cell.value = text or None
        if text:
            cell.data_type, cell.number_format = _TEXT, _TEXT_FORMAT
    elif value is not None:
        cell.value = value
        if isinstance(value, datetime):
            cell.number_format = _MOMENT_FORMAT
        elif isinstance(value, date):
            cell.number_format = _DAY_FORMAT


def _writable(text: str) -> str:
    return _UNWRITABLE.sub(" ", text)
