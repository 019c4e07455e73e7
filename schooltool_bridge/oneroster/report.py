"""What was found in a OneRoster package: problems and notes with where they are; and a row of it.

Pure. Source: RULES D.2, E62-E64.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from schooltool_bridge.oneroster.tables import ENDED, V1_1

# Enough to see what is wrong with an exporter; a file may have a million bad rows.
MAX_LISTED = 200
# So many rows with one remark are named.
MAX_ROWS_NAMED = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where; row 1 is the header, 0 the file as a whole."""

    file: str
    row: int
    column: str
    message: str

    def __str__(self) -> str:
        """One line for people."""
        where = self.file
        where += f", row {self.row}" if self.row else ""
        where += f", {self.column}" if self.column else ""
        return f"{where}: {self.message}"


@dataclass(slots=True)
class _Note:
    """The rows with one remark."""

    rows: list[int]
    more: int = 0

    def add(self, row: int) -> None:
        if len(self.rows) < MAX_ROWS_NAMED:
            self.rows.append(row)
        else:
            self.more += 1

    @property
    def others(self) -> str:
        """The rows but the first, in words."""
        if len(self.rows) == 1:
            return ""
        named = ", ".join(str(row) for row in self.rows[1:])
        return f" (also row {named}" + (f", and {self.more} more)" if self.more else ")")


@dataclass(slots=True)
class Report:
    """What was found; nothing may be applied while there is a problem."""

    version: str = V1_1
    problems: list[Problem] = field(default_factory=list)
    # Problems and notes beyond those that are listed.
    more: int = 0
    more_warnings: int = 0
    # Rows of each file, and how it was sent (absent, bulk, delta).
    rows: dict[str, int] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)
    # Rows of each file that could not be read, or name what is not there; each has its note.
    left_out: Counter[str] = field(default_factory=Counter)
    # Those of them that were read.
    left_out_after_reading: Counter[str] = field(default_factory=Counter)
    # What the manifest says of whom it comes from: the program, and which one of its sites.
    system: str = ""
    system_code: str = ""
    # File, column and message to rows.
    _notes: dict[tuple[str, str, str], _Note] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Tell whether there is no problem."""
        return not self.problems

    @property
    def warnings(self) -> list[Problem]:
        """What is unusual but was understood; a remark on many rows is listed once."""
        return [
            Problem(file, note.rows[0], column, message + note.others)
            for (file, column, message), note in self._notes.items()
        ]

    def wrong(self, file: str, row: int, column: str, message: str) -> None:
        """Note a problem."""
        if len(self.problems) < MAX_LISTED:
            self.problems.append(Problem(file, row, column, message))
        else:
            self.more += 1

    def odd(self, file: str, row: int, column: str, message: str) -> None:
        """Note what is unusual but was understood."""
        what = file, column, message
        if what in self._notes:
            self._notes[what].add(row)
        elif len(self._notes) < MAX_LISTED:
            self._notes[what] = _Note([row])
        else:
            self.more_warnings += 1

    def leave_out(self, name: str, row: int, column: str, message: str) -> None:
        """Note that a row of a file (without .csv) is not taken in, and why."""
        self.left_out[name] += 1
        self.odd(f"{name}.csv", row, column, f"{message}; this row is left out")


@dataclass(frozen=True, slots=True)
class Record:
    """A row: its number, and its cells by their columns' names."""

    row: int
    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """A cell; empty when the file has no such column."""
        return self.values.get(name, "")

    @property
    def is_ended(self) -> bool:
        """Tell whether the sender takes this row back."""
        return self["status"] in ENDED
