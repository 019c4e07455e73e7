"""Whether a grade that a peer tells is told already: then nothing is written. Pure.

Source: RULES 1.3 (order, hidden), R82.
"""

from __future__ import annotations

from schooltool_bridge.events.fields import GradeEvent
from schooltool_bridge.history.fold import (
    GradeRow,
    grade_hidden,
    is_same_moment,
    latest,
    position,
)


def may_be_known(event: GradeEvent, at: tuple[int, int], last: tuple[int, int] | None) -> bool:
    """Tell whether a repeat is possible: what is newer than everything is none."""
    return last is not None and (not event.when.is_timed or at <= last)


def is_known(rows: list[GradeRow], event: GradeEvent, at: tuple[int, int]) -> bool:
    """Tell whether a cell's rows of this peer say already what an event at a position does."""
    wanted = (event.points, event.excepted, event.attempt, event.deleted)
    if event.when.is_timed:
        same = [r for r in rows if is_same_moment(position(r)[:2], at)]
    else:
        newest = latest(rows)
        same = [newest] if newest else []
    return any(
        (r.raw_points, r.excepted, r.attempt, r.deleted) == wanted and _says_hidden(event, rows, r)
        for r in same
    )


def _says_hidden(event: GradeEvent, rows: list[GradeRow], row: GradeRow) -> bool:
    """Tell whether this was so already by then; a row may say nothing of it, and so may the event.

    Else a full sync would write anew whatever came before there was such a word.
    """
    if event.hidden is None:
        return True
    return grade_hidden(r for r in rows if position(r) <= position(row)) == event.hidden
