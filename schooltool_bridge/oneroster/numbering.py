"""Which numbers of a file's users may say who they are: those that one row alone has.

Some systems write the school's number, or nothing but noughts, into every row's identifier; others
have ids that differ in capitals only, where numbers here do not. Source: RULES 1.4, D.2, E63.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schooltool_bridge.common.ids import key
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.history.author import identifier
from schooltool_bridge.oneroster.import_work import Work
from schooltool_bridge.oneroster.report import Record
from schooltool_bridge.oneroster.tables import SYSTEM_NAME

USERS = "users"


@dataclass(frozen=True, slots=True)
class Numbers:
    """What identifies each row, by the rows' numbers."""

    _identifiers: Mapping[int, str]
    _sourced_ids: Mapping[int, str]

    @classmethod
    def of(cls, work: Work, rows: Sequence[Record]) -> Numbers:
        """Look through the rows that are taken in; what cannot identify is reported."""
        identifiers = _fitting(work, rows, "identifier")
        # Our own export's ids are no numbers of the school's.
        is_ours = work.report.system == SYSTEM_NAME
        sourced_ids = {} if is_ours else _fitting(work, rows, "sourcedId")
        rows_of = _by_key(identifiers)
        alike = _by_key(sourced_ids)
        for record in rows:
            number = identifiers.get(record.row)
            if number is not None and len(rows_of[key(number)]) > 1:
                message = (
                    f"{number!r} stands in several rows, so that it says of nobody who they are"
                )
                work.odd(USERS, record, "identifier", message)
            other = sourced_ids.get(record.row)
            if other is not None and len(alike[key(other)]) > 1:
                message = "differs from another row's by capitals alone; it is nobody's number here"
                work.odd(USERS, record, "sourcedId", message)
        return cls(
            {row: n for row, n in identifiers.items() if rows_of[key(n)] == [row]},
            {
                row: n
                for row, n in sourced_ids.items()
                if alike[key(n)] == [row] and rows_of.get(key(n), [row]) == [row]
            },
        )

    def identifier(self, record: Record) -> str:
        """The row's identifier where it identifies; else empty."""
        return self._identifiers.get(record.row, "")

    def of_row(self, record: Record) -> list[str]:
        """What may be the school's number of a person, the likeliest first."""
        return list(
            dict.fromkeys(
                numbers[record.row]
                for numbers in (self._identifiers, self._sourced_ids)
                if record.row in numbers
            )
        )


def _fitting(work: Work, rows: Sequence[Record], column: str) -> dict[int, str]:
    """The values of a column that can be a number here, by row."""
    found = {}
    for record in rows:
        try:
            number = identifier("idnumber", record[column])
        except Refused as problem:
            work.odd(USERS, record, column, f"{problem} It is nobody's number here.")
            continue
        if number is not None:
            found[record.row] = number
    return found


def _by_key(numbers: Mapping[int, str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for row, number in numbers.items():
        found[key(number)].append(row)
    return dict(found)
