"""What people type into forms and commands: names, days and numbers, read or kindly refused.

Knows no table. Pure. Source: RULES R14, R41-R47.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from mnet.language import _, decimal_mark
from mnet.letters import within
from peers.changes import NotPossible
from schooltool_bridge.common.ids import key

# Fits every column for titles and codes.
MAX_TITLE_CHARS = 255
# Earlier or later a day is a slip of the keyboard.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
# Credits and weights are small numbers; so many places say all that a school counts.
MAX_NUMBER, MAX_PLACES = Decimal(100_000), 4

_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NUMBER = re.compile(r"[0-9]{1,6}(\.[0-9]{1,10})?", re.ASCII)
_AMBIGUOUS = re.compile(r"[0-9]{1,3}\.[0-9]{3}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def line(text: str, what: str, *, limit: int = MAX_TITLE_CHARS, required: bool = True) -> str:
    """Return a text of one line, trimmed and in NFC; raises NotPossible naming `what`."""
    read = several_lines(text, what, limit=limit)
    if "\n" in read:
        raise NotPossible(_("%(what)s must stand on one line.", what=what))
    if required and not read:
        raise NotPossible(_("%(what)s is missing.", what=what))
    return read


def several_lines(text: str, what: str, *, limit: int) -> str:
    """Return a text of any number of lines, perhaps empty; raises NotPossible."""
    read = within(text.replace("\r\n", "\n"), limit)
    if read is None:
        raise NotPossible(
            _("%(what)s is longer than %(limit)s characters.", what=what, limit=limit)
        )
    if _CONTROLS.search(read):
        raise NotPossible(_("%(what)s holds characters that cannot be printed.", what=what))
    return read


def day(text: str, what: str) -> date:
    """Return a day written like 2026-09-01; raises NotPossible."""
    text = text.strip()
    try:
        # Python's own reading would also take 2026-W36-2 and 20260901.
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise NotPossible(
            _(
                "%(what)s %(text)s is no day; write it like 2026-09-01.",
                what=what,
                text=repr(text[:40]),
            )
        ) from None


def number(text: str, what: str) -> Decimal:
    """Return a number that is not below zero, with a point or the language's own mark.

    Raises NotPossible.
    """
    text = text.strip()
    quoted = repr(text[:40])
    mark = decimal_mark()
    written = text.replace(mark, ".", 1)
    # Where the comma parts numbers, 1.000 is a thousand to some and one to others.
    if not _NUMBER.fullmatch(written) or (mark != "." and _AMBIGUOUS.fullmatch(text)):
        raise NotPossible(
            _(
                "%(what)s %(text)s is no number of 0 or more; write it like 0.5.",
                what=what,
                text=quoted,
            )
        )
    value = Decimal(written)
    exponent = value.normalize().as_tuple().exponent
    if value > MAX_NUMBER or (isinstance(exponent, int) and -exponent > MAX_PLACES):
        raise NotPossible(
            _(
                "%(what)s %(text)s is out of reason: at most %(most)s, %(places)s places.",
                what=what,
                text=quoted,
                most=MAX_NUMBER,
                places=MAX_PLACES,
            )
        )
    return value


def plain(value: Decimal) -> str:
    """Write a number without trailing zeros: 0.5, 10."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def free(wanted: str, taken: Iterable[str], what: str) -> None:
    """Raise NotPossible when a name is taken, whatever its capitals."""
    for other in taken:
        if key(other) == key(wanted):
            raise NotPossible(
                _(
                    "There is %(what)s %(name)s already; choose another name.",
                    what=what,
                    name=repr(other),
                )
            )
