"""A number as a spreadsheet's cell shows it: 412 as 00412, a third as 0.33, 0.855 as 85.5%.

Of the format codes those for numbers are followed; a day, a fraction or a power of ten is written
as a plain number, which is worth the same. Thousands are not parted, since that would be read in
two ways. Pure. Source: RULES R63; ECMA-376 part 1, 18.8.31 (number formats).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from schooltool_bridge.common.points import MAX_DECIMALS

GENERAL = "general"
_TEXT = "@"
_SECTION = re.compile(r'((?:[^;"\\]|"[^"]*"|\\.)*)(?:;|$)', re.DOTALL)
_PIECE = re.compile(
    r"""
      "(?P<quoted>[^"]*)" | \\(?P<escaped>.) | \[\$(?P<currency>[^\]-]*)[^\]]*\]
    | (?P<unseen> _. | \*. | \[(?:black|blue|cyan|green|magenta|red|white|yellow|color\ ?\d+)\] )
    | (?P<digits> [0\#?][0\#?,]* (?:\.[0\#?]*)? | \.[0\#?]+ ) | (?P<percent>%)
    | (?P<plain>[-+ $()€£:!&'~{}<>=])
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?%?")
# A longer one is no format that a person chose.
_MAX_FORMAT_CHARS = 255


@dataclass(slots=True)
class _Form:
    """What a format says: digits, and what stands around them."""

    before: str = ""
    digits: str = ""
    after: str = ""
    is_percent: bool = False
    # Of numbers below zero alone: it has what says so.
    has_own_sign: bool = False


def shown(value: Decimal, code: str) -> tuple[str, bool]:
    """Return what a cell shows of a finite number, and whether that is a number alone.

    The parts of whole numbers stand behind a point; the sign of percent is part of a number.
    """
    form = _form(value, code)
    if form is None:
        return _general(value), True
    scaled = value * 100 if form.is_percent else value
    number = _digits(abs(scaled), form.digits)
    sign = "-" if value < 0 and not form.has_own_sign and number.strip("0.") else ""
    text = f"{form.before}{sign}{number}{form.after}".strip()
    return text, _NUMBER.fullmatch(text) is not None


def _general(value: Decimal) -> str:
    text = format(round(value, MAX_DECIMALS), "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def _form(value: Decimal, code: str) -> _Form | None:
    """Read the part of a format that is for such a number; None: it is a plain one."""
    if code.casefold() in ("", GENERAL, _TEXT) or len(code) > _MAX_FORMAT_CHARS:
        return None
    sections = [match[1] for match in _SECTION.finditer(code)]
    wanted = 1 if value < 0 else 2 if value == 0 else 0
    has_its_own = wanted < len(sections) and bool(sections[wanted])
    form = _section(sections[wanted if has_its_own else 0])
    if form is not None:
        form.has_own_sign = has_its_own and value < 0
    return form


def _section(code: str) -> _Form | None:
    found, at = _Form(), 0
    while at < len(code):
        piece = _PIECE.match(code, at)
        if piece is None:
            return None
        at = piece.end()
        if piece["digits"] is not None:
            if found.digits or piece["digits"].partition(".")[0].endswith(","):
                return None  # digits in several groups, or thousands left away
            found.digits = piece["digits"]
            continue
        found.is_percent = found.is_percent or piece["percent"] is not None
        text = next((piece[n] for n in _WORDS if piece[n] is not None), "")
        if found.digits:
            found.after += text
        else:
            found.before += text
    return found if found.digits else None


_WORDS = ("quoted", "escaped", "currency", "percent", "plain")


def _digits(value: Decimal, pattern: str) -> str:
    whole, _point, part = pattern.replace(",", "").partition(".")
    rounded = value.quantize(Decimal(1).scaleb(-len(part)), ROUND_HALF_UP)
    digits, _point, decimals = format(rounded, "f").partition(".")
    digits = digits.lstrip("0").rjust(whole.count("0"), "0")
    needed = part.rfind("0") + 1
    while len(decimals) > needed and decimals.endswith("0"):
        decimals = decimals[:-1]
    return (digits or "0") + (f".{decimals}" if decimals else "")
