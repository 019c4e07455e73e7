"""Grade point averages and totals of a transcript: pure arithmetic on its final marks.

A mark counts when it is final and its score system says grade points; what was left does not.
Marks of one score system alone are averaged with each other. Where courses have credits, each
counts by its credits, and those without do not; where none has any, all count alike.
Pure. Source: RULES R70, A.4.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Pointed:
    """A final mark with its grade points."""

    # The score system's title.
    system: str
    points: Decimal
    # Of its course; None where it has none.
    credits: Decimal | None


@dataclass(frozen=True, slots=True)
class Average:
    """The average of one score system's marks."""

    system: str
    value: Decimal
    # How many marks count.
    marks: int


def averages(marks: Iterable[Pointed]) -> list[Average]:
    """Return the average of each score system, by its title."""
    of_system: dict[str, list[Pointed]] = defaultdict(list)
    for mark in marks:
        of_system[mark.system].append(mark)
    return [_average(system, some) for system, some in sorted(of_system.items())]


def _average(system: str, marks: list[Pointed]) -> Average:
    weighed = [(m.points, m.credits) for m in marks if m.credits]
    if not weighed:
        weighed = [(m.points, Decimal(1)) for m in marks]
    total = sum((points * weight for points, weight in weighed), Decimal(0))
    weight = sum((weight for _points, weight in weighed), Decimal(0))
    return Average(system, (total / weight).quantize(_CENT, ROUND_HALF_UP), len(weighed))
