"""Years and terms as spans of days: what may stand beside and inside what.

Both ends belong to a span. Pure. Source: RULES R41, A.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from mnet import language
from mnet.language import _
from peers.changes import NotPossible
from schooltool_bridge.school.written import FIRST_DAY, LAST_DAY

# Two calendar years: no school's year is longer, and a slip in the year is caught.
MAX_DAYS = 731


@dataclass(frozen=True, slots=True)
class Span:
    """A year or a term as far as its days go."""

    title: str
    first_day: date
    last_day: date

    def holds(self, day: date) -> bool:
        """Tell whether a day lies in it."""
        return self.first_day <= day <= self.last_day

    def __str__(self) -> str:
        return f"{self.title} ({days(self.first_day, self.last_day)})"


def days(first_day: date, last_day: date) -> str:
    """Write a span's days: 1 Sep - 20 Dec 2026."""
    start = language.day_in_its_year if first_day.year == last_day.year else language.day
    return f"{start(first_day)} - {language.day(last_day)}"


def check_days(span: Span) -> None:
    """Raise NotPossible unless a span's days come in order and within reason."""
    if span.last_day < span.first_day:
        raise NotPossible(
            _(
                "%(span)s would end on %(last)s, before its first day %(first)s.",
                span=span.title,
                last=language.day(span.last_day),
                first=language.day(span.first_day),
            )
        )
    for each in (span.first_day, span.last_day):
        if not FIRST_DAY <= each <= LAST_DAY:
            raise NotPossible(
                _(
                    "%(day)s is out of reason; days lie between %(first)s and %(last)s.",
                    day=language.day(each),
                    first=FIRST_DAY.year,
                    last=LAST_DAY.year,
                )
            )
    if (span.last_day - span.first_day).days >= MAX_DAYS:
        raise NotPossible(
            _("%(span)s would be longer than two years; look at its days again.", span=span)
        )


def check_apart(span: Span, others: Iterable[Span]) -> None:
    """Raise NotPossible, naming the other one, when a span shares a day with another."""
    for other in others:
        if span.first_day <= other.last_day and other.first_day <= span.last_day:
            raise NotPossible(_("%(span)s overlaps %(other)s.", span=span, other=other))


def check_inside(span: Span, outer: Span) -> None:
    """Raise NotPossible, naming both, unless a span lies inside another."""
    if span.first_day < outer.first_day or outer.last_day < span.last_day:
        raise NotPossible(_("%(span)s does not lie inside %(outer)s.", span=span, outer=outer))
