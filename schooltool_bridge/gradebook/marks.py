"""A mark as people write it: points, percent, letters, pass or fail, EX for excused. Pure.

Source: RULES 1.5, R75, R77, E41-E43.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from mnet.language import _, decimal_mark
from schooltool_bridge.common.points import MAX_DECIMALS, MAX_POINTS
from schooltool_bridge.history.averages import HUNDRED, ScoreSystem, number
from schooltool_bridge.history.snapshot import Item

EXCUSED = "EX"
_EXCUSED = frozenset({"ex", "excused", "excepted"})
PERCENT, VALUES = "percent", "values"
_CENT = Decimal("0.01")
# Longer ones are cut in a sentence; no mark is longer.
MAX_QUOTED_CHARS = 20
# A third, as programs write it, has 16 digits; what is kept is rounded.
_NUMBER = re.compile(r"[0-9]{1,12}([.,][0-9]{1,20})?")
# 1,000 is a thousand to some and one to others; where the comma parts numbers, 1.000 is. Where
# nobody knows what parts numbers, both are.
UNKNOWN = ""
_AMBIGUOUS = {
    ".": re.compile(r"[1-9][0-9]{0,2},[0-9]{3}"),
    ",": re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}"),
    UNKNOWN: re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}"),
}
_MINUS = ("-", "\N{MINUS SIGN}", "\N{EN DASH}")


class BadMark(ValueError):
    """What was written is no mark of this item; the text says what would be."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What an entry says; neither points nor excused: there is no grade."""

    points: Decimal | None
    is_excused: bool = False


NO_GRADE = Mark(None)


def read(text: str, item: Item, system: ScoreSystem | None, mark: str | None = None) -> Mark:
    """Read what somebody wrote into a cell; raises BadMark.

    Empty is "no grade". A number counts points, or percent where the item is marked in percent
    or it ends in %. More than the item is worth is extra credit. `mark` is what parts whole
    numbers from their parts there (None: as in the language spoken here; UNKNOWN).
    """
    text = text.strip()
    if not text:
        return NO_GRADE
    if text.casefold() in _EXCUSED or text == _("EX"):
        return Mark(None, is_excused=True)
    if system is not None and system.kind == VALUES and not text.endswith("%"):
        return Mark(_of_percent(_score(text, system), item))
    if text.endswith("%") or (system is not None and system.kind == PERCENT):
        return Mark(_of_percent(_number(text.removesuffix("%").rstrip(), mark), item))
    return Mark(_number(text, mark))


def is_above(mark: Mark, item: Item) -> bool:
    """Tell whether a mark says more than an item is worth that is no extra credit by itself."""
    is_more = mark.points is not None and 0 < item.points < mark.points
    return is_more and not item.extra_credit


def written(mark: Mark, item: Item, system: ScoreSystem | None) -> str:
    """Write a mark as this item's score system does; empty for no grade."""
    if mark.is_excused:
        return EXCUSED
    if mark.points is None:
        return ""
    if system is None or system.kind not in (PERCENT, VALUES) or not item.points:
        return number(mark.points)
    percent = mark.points * HUNDRED / item.points
    if system.kind == VALUES:
        return system.mark(percent)
    return number(percent.quantize(_CENT, ROUND_HALF_UP)) + "%"


def points(text: str, mark: str | None = None) -> Decimal:
    """Read a plain number from 0 on, with a point or a comma (`mark`, as above); raises BadMark."""
    text = text.strip()
    return _number(text, mark, _("“%(text)s” is no number; write one.", text=_quoted(text)))


def mark_of(texts: Iterable[str]) -> str:
    """Return what parts whole numbers from their parts in these texts; UNKNOWN: they do not tell.

    Only a number that can be read in one way tells: 18.5, 0.125 and 7,25, but not 1.000.
    """
    found = set()
    for text in texts:
        bare = text.removesuffix("%").strip()
        match = _NUMBER.fullmatch(bare)
        if match and match[1] and not _AMBIGUOUS[UNKNOWN].fullmatch(bare):
            found.add(match[1][0])
    return found.pop() if len(found) == 1 else UNKNOWN


def _score(text: str, system: ScoreSystem) -> Decimal:
    percent = system.percent(text)
    if percent is None:
        known = ", ".join(s.score for s in system.scores)
        raise BadMark(_("“%(text)s” is none of %(known)s, EX.", text=_quoted(text), known=known))
    return percent


def _of_percent(percent: Decimal, item: Item) -> Decimal:
    if not item.points:
        raise BadMark(_("this item is worth no points, so no percentage of it can be given."))
    found = round(percent * item.points / HUNDRED, MAX_DECIMALS)
    if found > MAX_POINTS:
        raise BadMark(_("points are at most %(most)s.", most=MAX_POINTS))
    return found


def _number(text: str, mark: str | None = None, no_number: str = "") -> Decimal:
    if text.startswith(_MINUS) and _NUMBER.fullmatch(text[1:].strip()):
        raise BadMark(_("“%(text)s” is below zero.", text=_quoted(text)))
    if _AMBIGUOUS[decimal_mark() if mark is None else mark].fullmatch(text):
        raise BadMark(
            _("“%(text)s” can be read in two ways; write it without the comma.", text=text)
            if "," in text
            else _("“%(text)s” can be read in two ways; write it without the point.", text=text)
        )
    if not _NUMBER.fullmatch(text):
        raise BadMark(
            no_number
            or _("“%(text)s” is no number; write one, EX, or nothing.", text=_quoted(text))
        )
    found = Decimal(text.replace(",", "."))
    if found > MAX_POINTS:
        raise BadMark(_("points are at most %(most)s.", most=MAX_POINTS))
    return found


def _quoted(text: str) -> str:
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown if len(shown) <= MAX_QUOTED_CHARS else shown[:MAX_QUOTED_CHARS] + "…"
