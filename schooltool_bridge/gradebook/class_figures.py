"""How a class stands in each column of its gradebook: the average and the median.

Counted as percentages are: without what is excused or was due before a student came. Pure.
Source: manual/gradebook.md#average-and-median.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from statistics import mean, median

from mnet.language import _
from schooltool_bridge.gradebook import marks
from schooltool_bridge.gradebook.grid import Column, Row
from schooltool_bridge.gradebook.marks import Mark
from schooltool_bridge.history.averages import number

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Figures:
    """One figure of a class; empty where nobody has anything."""

    title: str
    # Of the students' percentages.
    percent: str
    # Of each column, as its item is marked.
    cells: Sequence[str]


def of_class(columns: Sequence[Column], rows: Sequence[Row]) -> list[Figures]:
    """Return average and median of the students in these rows; nothing while there is no grade."""
    percents = [row.share for row in rows if row.share is not None]
    graded = [list(_points(rows, index)) for index in range(len(columns))]
    if not any(graded):
        return []
    return [
        Figures(
            title,
            _("%(number)s %%", number=_rounded(figure, percents)) if percents else "",
            [
                _written(column, figure(points)) if points else ""
                for column, points in zip(columns, graded, strict=True)
            ],
        )
        for title, figure in ((_("Average"), _mean), (_("Median"), _median))
    ]


def _points(rows: Iterable[Row], index: int) -> Iterable[Decimal]:
    for row in rows:
        cell = row.cells[index]
        if cell.mark.points is not None and not cell.is_before:
            yield cell.mark.points


def _mean(values: Sequence[Decimal]) -> Decimal:
    return mean(values)


def _median(values: Sequence[Decimal]) -> Decimal:
    return median(values)


def _rounded(figure: Callable[[Sequence[Decimal]], Decimal], values: Sequence[Decimal]) -> str:
    return number(figure(values).quantize(_CENT, ROUND_HALF_UP))


def _written(column: Column, points: Decimal) -> str:
    """Write points as the column's marks are; those of a system of letters too."""
    mark = Mark(points.quantize(_CENT, ROUND_HALF_UP))
    return marks.written(mark, column.item, column.system)
