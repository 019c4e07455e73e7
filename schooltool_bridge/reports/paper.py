"""A report ready to be shown: a title, facts, tables, pictures; the same for page, CSV and PDF.

Values only. A new report builds a Paper and has every form of it at once. Pure. Source: RULES R78.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from decimal import Decimal

from mnet import table_files
from mnet.language import _
from schooltool_bridge.common import days
from schooltool_bridge.history.averages import number

Cell = str | int | Decimal | None
# A table of more rows is no reading for paper; its CSV has them all.
MAX_ROWS = 2_000
# A name or note is cut here on paper; a column of longer ones leaves no room for the others.
MAX_CELL_CHARS = 240
# Longer texts get a share of their table's room, and much longer ones a second.
SHARE_CHARS = (20, 60)
# What stands where there is no number.
DASH = "\N{EN DASH}"
# Characters that turn what stands around them about, or do not print at all.
_KEPT_CONTROLS = {"\n", "\u200c", "\u200d"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head; numbers stand on the right."""

    title: str
    is_number: bool = False
    # Its part of the room that others leave, such as for a name or a note; 0: as wide as it needs.
    share: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads; `title` and `note` may be empty."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    # Below the title: facts as "name: value".
    facts: Sequence[tuple[str, str]] = ()
    note: str = ""
    empty: str = field(default_factory=lambda: _("Nothing."))

    @property
    def shares(self) -> list[int]:
        """Each column's part of the room, as it is given or as its content needs; 0: narrow.

        A column as wide as its longest note would leave none to the others.
        """
        return [
            column.share or _share_of(row[number] for row in self.rows[:MAX_ROWS])
            for number, column in enumerate(self.columns)
        ]


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing with its title; `svg` is our own, whole and without script."""

    title: str
    svg: str


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What stands on top of a paper that is handed out, and where it is signed."""

    # The school's address, in lines.
    address: Sequence[str] = ()
    # What stands under each line to sign on.
    signatures: Sequence[str] = ()
    # A PNG of our own; empty for none.
    logo: bytes = b""


@dataclass(frozen=True, slots=True)
class Paper:
    """One report."""

    # A word for file names, such as progress.
    kind: str
    title: str
    # Whom or what it is about.
    subject: str
    # A short name of the same for file names.
    short: str
    # The day that it shows, in words.
    as_of: str
    tables: Sequence[Table]
    # What its CSV holds.
    flat: Table
    facts: Sequence[tuple[str, str]] = ()
    pictures: Sequence[Picture] = ()
    notes: Sequence[str] = ()
    # Printed across.
    is_landscape: bool = False
    # Of what is handed out to somebody.
    head: Letterhead | None = None
    # Of one student, who does not see all that it shows or counts.
    counts_hidden: bool = False
    # Where its next page begins, for what is read in pages; empty on a whole paper.
    next_page: str = ""

    def filename(self, ending: str) -> str:
        """A name for the file that is safe everywhere: progress-2347234.pdf."""
        short = re.sub(r"[^A-Za-z0-9_-]+", "-", self.short)[:60].strip("-")
        return f"{self.kind}-{short or 'report'}.{ending}"


def _share_of(cells: Iterable[Cell]) -> int:
    longest = max((len(cell) for cell in cells if isinstance(cell, str)), default=0)
    return sum(longest > chars for chars in SHARE_CHARS)


def with_local_heads(columns: Sequence[Column]) -> list[Column]:
    """Return columns with their heads, marked messages, in the language spoken here."""
    return [replace(c, title=_(c.title)) for c in columns]


def text(cell: Cell, limit: int = MAX_CELL_CHARS) -> str:
    """Write a cell for people: cut, and without what does not print."""
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return number(cell)
    if isinstance(cell, int):
        return str(cell)
    plain = "".join(
        c for c in cell if c in _KEPT_CONTROLS or unicodedata.category(c) not in {"Cc", "Cf", "Cs"}
    )
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def csv_bytes(table: Table) -> bytes:
    """Write a table as CSV."""
    return table_files.as_csv([c.title for c in table.columns], table.rows)


def xlsx_bytes(table: Table, title: str) -> bytes:
    """Write a table as a workbook."""
    return table_files.as_xlsx(title, [c.title for c in table.columns], table.rows)


def plain_number(value: Decimal | None) -> int | float | None:
    """A decimal as JSON has it."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def percent(value: Decimal | None) -> str:
    """A percentage in words; a dash while nothing is graded."""
    return DASH if value is None else _("%(number)s %%", number=number(value))


def day(unix_s: int, zone: tzinfo) -> str:
    """A day as people of the school read it."""
    return days.day_text(unix_s, zone)


def over(at_unix_s: int | None, now_unix_s: int) -> int | None:
    """Return a moment that is over; None, all that is known now, for one that is still to come."""
    return None if at_unix_s is None or at_unix_s > now_unix_s else at_unix_s


def as_of(unix_s: int, zone: tzinfo) -> str:
    """The day that a paper shows, in words."""
    return _("As of %(moment)s", moment=moment(unix_s, zone))


def moment(unix_s: int, zone: tzinfo) -> str:
    """A time as people of the school read it."""
    return days.moment_text(unix_s, zone)
