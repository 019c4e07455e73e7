"""Grade scales that many schools use, ready to be added: each with grade points, for an average.

Nothing of them is in a store until a school adds one, so that no school sees what it never uses.
Percentages follow what is common: the German upper school's and chambers' tables, the Swiss and
French linear ones, the American steps. Pure. Source: RULES A.4, R70.
"""

from __future__ import annotations

from decimal import Decimal

from mnet.language import N_
from schooltool_bridge.history.averages import Score

# From which percent on, best first: fifteen points down to none.
_UPPER_SCHOOL = (95, 90, 85, 80, 75, 70, 65, 60, 55, 50, 45, 40, 33, 27, 20, 0)
_LETTERS = (
    ("A+", 97, "4"), ("A", 93, "4"), ("A-", 90, "3.7"), ("B+", 87, "3.3"), ("B", 83, "3"),
    ("B-", 80, "2.7"), ("C+", 77, "2.3"), ("C", 73, "2"), ("C-", 70, "1.7"), ("D+", 67, "1.3"),
    ("D", 63, "1"), ("D-", 60, "0.7"), ("F", 0, "0"),
)  # fmt: skip


def _scale(
    rows: list[tuple[str, str, str]], passes_from: int, percents: list[str] | None = None
) -> tuple[Score, ...]:
    """Make scores of (score, from percent, points); the first so many of them pass.

    Entering a score means the middle between its own lower end and that of the next better one,
    unless `percents` says.
    """
    scores = []
    above = Decimal(100)
    for at, (score, begin, points) in enumerate(rows):
        low = Decimal(begin)
        middle = ((low + above) / 2).quantize(Decimal("0.1"))
        percent = Decimal(percents[at]) if percents else max(low, middle)
        scores.append(Score(score, percent, low, at < passes_from, Decimal(points)))
        above = low
    return tuple(scores)


_SWISS = [f"{half / 2:g}" for half in range(12, 1, -1)]
_TENS = [str(90 - 10 * at + 5) for at in range(10)]

# By title, in this language.
USUAL: dict[str, tuple[Score, ...]] = {
    N_("Grades 1 to 6"): _scale(
        [("1", "92", "1"), ("2", "81", "2"), ("3", "67", "3"), ("4", "50", "4"), ("5", "30", "5"),
         ("6", "0", "6")], 4,
    ),
    N_("Grades 6 to 1"): _scale(
        [(grade, begin, grade) for grade, begin in zip(_SWISS, [*_TENS, "0"], strict=True)],
        5,
        [str(100 - 10 * at) for at in range(len(_SWISS))],
    ),
    N_("Points 15 to 0"): _scale(
        [(str(15 - at), str(begin), str(15 - at)) for at, begin in enumerate(_UPPER_SCHOOL)], 11
    ),
    N_("Points 20 to 0"): _scale(
        [(str(n), f"{5 * n - 2.5:g}" if n else "0", str(n)) for n in range(20, -1, -1)],
        11,
        [str(5 * n) for n in range(20, -1, -1)],
    ),
    N_("A to F with plus and minus"): _scale(
        [(letter, str(begin), points) for letter, begin, points in _LETTERS], 12
    ),
}  # fmt: skip
