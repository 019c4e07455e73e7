"""What a student has reached in a section: pure arithmetic on what stood then (snapshot.py).

Excepted cells leave both sum and maximum; what is not graded does not count; extra credit adds
points and no maximum. With weights, each category's share counts by its weight among those that
have grades. Pure. Source: RULES 1.5, R75, R76, E18, E41, E42.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import ROUND_HALF_UP, Decimal

from mnet import language
from mnet.language import _
from schooltool_bridge.common.days import day_of
from schooltool_bridge.common.hiding import SHOWN
from schooltool_bridge.history.snapshot import Item, SectionSnapshot
from schooltool_bridge.store import shipped_titles

HUNDRED = Decimal(100)
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Score:
    """One line of a score system: entering `score` means `percent`; `from_percent` makes it."""

    score: str
    percent: Decimal
    from_percent: Decimal
    passes: bool
    # What it counts in a grade point average; None: its system has none.
    points: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ScoreSystem:
    """How marks are written: kind is points, percent or values (then `scores`, best first)."""

    id: int
    title: str
    kind: str
    scores: Sequence[Score] = ()

    @property
    def local_title(self) -> str:
        """Its title in the language spoken here."""
        return shipped_titles.local_title(self.title)

    def mark(self, percent: Decimal | None) -> str:
        """Write a percentage as this system does, for the store; empty for nothing graded."""
        if percent is None:
            return ""
        if self.kind != "values":
            return _stored(percent)
        reached = [s for s in self.scores if percent >= s.from_percent]
        return (reached[0] if reached else self.scores[-1]).score

    def percent(self, text: str) -> Decimal | None:
        """Read a mark as a percentage; None when it is none of this system's scores."""
        wanted = text.strip().casefold()
        found = [s.percent for s in self.scores if s.score.casefold() == wanted]
        return found[0] if found else None


def percent_of(section: SectionSnapshot, person_id: int) -> Decimal | None:
    """Return a student's percentage in a section; None while nothing that counts is graded."""
    sums: dict[int | None, Sum] = {}
    for item in section.items:
        entry = section.entries.get((item.id, person_id))
        if entry is not None and not entry.excepted and entry.points is not None:
            sums[item.category_id] = sums.get(item.category_id, NO_POINTS) + Sum(
                entry.points, worth(item)
            )
    return percent_of_sums(sums, section.weights)


@dataclass(frozen=True, slots=True)
class Sum:
    """Points reached in what counts and is graded, and of how many."""

    reached: Decimal
    possible: Decimal

    def __add__(self, other: Sum) -> Sum:
        """Add both up."""
        return Sum(self.reached + other.reached, self.possible + other.possible)

    @property
    def share(self) -> Decimal | None:
        """Points reached of points possible, in percent."""
        return self.reached * HUNDRED / self.possible if self.possible else None


NO_POINTS = Sum(Decimal(0), Decimal(0))


def worth(item: Item) -> Decimal:
    """Return how many points an assessment adds to what is possible: extra credit none."""
    return Decimal(0) if item.extra_credit else item.points


def percent_of_sums(
    sums: Mapping[int | None, Sum], weights: Mapping[int, Decimal]
) -> Decimal | None:
    """Return a percentage by the sums of categories; without weights every point counts alike."""
    if not weights:
        return _rounded(sum(sums.values(), NO_POINTS).share)
    total, counted = Decimal(0), Decimal(0)
    for category_id, points in sums.items():
        weight = weights.get(category_id, Decimal(0)) if category_id is not None else Decimal(0)
        share = points.share
        if share is not None and weight:
            total += share * weight
            counted += weight
    return _rounded(total / counted if counted else None)


def counts_hidden(section: SectionSnapshot, person_id: int) -> bool:
    """Tell whether a student's percentage counts something that they do not see."""
    return any(
        section.hidden(item, person_id) != SHOWN
        for item in section.items
        if (entry := section.entries.get((item.id, person_id))) is not None
        and not entry.excepted
        and entry.points is not None
    )


def idle_extra_credit(section: SectionSnapshot, person_id: int) -> set[int]:
    """Return the categories, weighed, in which a student has only extra credit graded.

    Extra credit raises its category's share; where nothing else is graded there is no share yet,
    and it adds nothing.
    """
    if not section.weights:
        return set()
    graded: dict[int, set[bool]] = defaultdict(set)
    for item in section.items:
        entry = section.entries.get((item.id, person_id))
        counts = entry is not None and not entry.excepted and entry.points is not None
        if counts and item.category_id is not None and section.weights.get(item.category_id):
            graded[item.category_id].add(bool(item.extra_credit or not item.points))
    return {category for category, kinds in graded.items() if kinds == {True}}


def is_before(section: SectionSnapshot, item: Item, person_id: int, zone: tzinfo) -> bool:
    """Tell whether an item was due before this student came, and has no grade (RULES E18).

    Without a due day it is the day on which the item appeared that counts.
    """
    joined_unix_s = section.joined.get(person_id)
    if joined_unix_s is None or (item.id, person_id) in section.entries:
        return False
    if item.due_day is None:
        return item.effective_unix_s < joined_unix_s
    return item.due_day < day_of(joined_unix_s, zone)


def shown_mark(mark: str, percent: Decimal | None) -> str:
    """A stored mark for people: one that is but the percentage, as their language writes it."""
    if percent is None or mark != _stored(percent):
        return mark
    return _("%(number)s %%", number=number(percent))


def _stored(percent: Decimal) -> str:
    return f"{language.plain(percent)} %"


def _rounded(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(_CENT, ROUND_HALF_UP)


def number(value: Decimal) -> str:
    """A decimal without needless zeros, as the language spoken here writes it."""
    return language.number(language.plain(value))
