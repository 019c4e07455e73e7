"""Reading a spreadsheet that somebody uploads: xlsx or csv, into rows of plain text.

Values only: no formula is computed, no macro run, no link followed. Everything is bounded, and
whatever is refused is refused with the place where it stands. What the rows mean is upload.py's
business. Pure. Source: R63; E62-E64.
"""

from __future__ import annotations

import csv
import io
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
CSV_SHEET = ""
_NO_NUMBERS: frozenset[int] = frozenset()

_ZIP, _OLE, _PDF = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF"
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_DELIMITERS = ";\t,"


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


def read(data: bytes) -> list[Table]:
    """Return the sheets of a file that hold something; its kind is seen, not named.

    Raises BadSheet.
    """
    if len(data) > MAX_FILE_BYTES:
        raise BadSheet(too_large(len(data)))
    if data.startswith(_ZIP):
        from schooltool_bridge.gradebook import workbook  # noqa: PLC0415 - openpyxl loads slowly

        tables = workbook.read(data)
    elif data.startswith(_OLE):
        raise BadSheet(
            _(
                "This is an old Excel file (.xls) or one that is locked by a password. Save it as "
                ".xlsx without a password."
            )
        )
    elif data.startswith(_PDF):
        raise BadSheet(_("This is a PDF. Save the spreadsheet itself as .xlsx or .csv."))
    else:
        records = ((cells, _NO_NUMBERS) for cells in _records(_text(data)))
        tables = [Table(CSV_SHEET, [*bounded(CSV_SHEET, records)])]
    held = [table for table in tables if table.rows]
    if not held:
        raise BadSheet(_("The file holds no rows."))
    chars = sum(len(c) for table in held for row in table.rows for c in row.cells)
    if chars > MAX_CHARS:
        raise BadSheet(
            _(
                "The file holds more than %(count)s characters; cut it in parts.",
                count=_thousands(MAX_CHARS),
            )
        )
    return held


def too_large(size_bytes: int) -> str:
    """Say that a file is too large."""
    return _(
        "The file has %(size)s MB, and at most %(most)s MB are read. "
        "Is it the right one? Pictures in it may make it large.",
        size=language.number(f"{size_bytes / MIB:.1f}"),
        most=MAX_FILE_BYTES // MIB,
    )


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
                    place=place(title),
                    row=_thousands(LAST_ROW),
                )
            )
        if not trimmed:
            continue
        if number > MAX_ROWS:
            raise BadSheet(
                _(
                    "%(place)s: at most %(count)s rows are read.",
                    place=place(title, number),
                    count=_thousands(MAX_ROWS),
                )
            )
        if len(trimmed) > MAX_COLUMNS:
            raise BadSheet(
                _(
                    "%(place)s: at most %(count)s columns are read.",
                    place=place(title, number, MAX_COLUMNS),
                    count=MAX_COLUMNS,
                )
            )
        for column, cell in enumerate(trimmed):
            if len(cell) > MAX_CELL_CHARS:
                raise BadSheet(
                    _(
                        "%(place)s: longer than %(count)s characters.",
                        place=place(title, number, column),
                        count=_thousands(MAX_CELL_CHARS),
                    )
                )
        yield Row(number, trimmed, numbers)


def place(title: str, row: int | None = None, column: int | None = None) -> str:
    """Name a place as people find it: Sheet “Terms”, row 3, column B (`column` from 0 on)."""
    return place_text(title, row, "" if column is None else column_name(column + 1))


def place_text(title: str, row: int | None, column: str) -> str:
    """Name a place whose column has its letter, or none."""
    parts = [_("sheet “%(title)s”", title=title)] if title else []
    parts += [_("row %(row)s", row=row)] if row is not None else []
    parts += [_("column %(column)s", column=column)] if column else []
    text = ", ".join(parts) or _("the file")
    return text[0].upper() + text[1:]


def _thousands(count: int) -> str:
    """Write a large round number: 20,000, or 20.000 where the comma parts numbers."""
    return f"{count:,}" if language.decimal_mark() == "." else f"{count:,}".replace(",", ".")


def _text(data: bytes) -> str:
    """Decode a csv file: by its byte order mark, else UTF-8, else as Excel writes in the West."""
    encodings = [e for bom, e in _BOMS if data.startswith(bom)] or ["utf-8", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise BadSheet(_("The file is no .xlsx and no text. Save it as .xlsx, or as CSV UTF-8."))


def _records(text: str) -> Iterator[Sequence[str]]:
    """Read a csv file by the delimiter that its first line has most of."""
    first, _end, rest = text.partition("\n")
    named = first.strip().casefold()
    delimiter = ""
    if named.startswith("sep=") and len(named) == len("sep=;"):
        delimiter, text = named[-1], rest  # a line that Excel reads and does not show
        if delimiter not in _DELIMITERS:
            raise BadSheet(_("Row 1: sep= names a sign that is none of ; , and tab."))
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter or _delimiter(text), strict=True
    )
    try:
        yield from reader
    except csv.Error as problem:
        raise BadSheet(
            _(
                "Line %(line)s: %(why)s. Save the file as CSV UTF-8 again.",
                line=reader.line_num,
                why=_why(problem),
            )
        ) from None


def _delimiter(text: str) -> str:
    """The sign that stands most often in the first line, outside quotes."""
    line = next((each for each in text.splitlines() if each.strip()), "")
    bare = "".join(line.split('"')[::2])
    return max(_DELIMITERS, key=lambda d: (bare.count(d), d == ","))


def _why(problem: csv.Error) -> str:
    text = str(problem)
    return _("a quotation mark is not closed") if "end of data" in text else text


def column_name(number: int) -> str:
    """Name a column as a spreadsheet does: 1 is A, 27 is AA."""
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - openpyxl loads slowly

    return str(get_column_letter(number))
