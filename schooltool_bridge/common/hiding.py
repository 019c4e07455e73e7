"""Whether students see an assessment or a grade: the number that a Moodle keeps for it.

0: they do; 1: they do not; any other: they do not until that time (unix seconds), and from that
second on they do, without anything having to run. Source: RULES 1.3 (hidden).
"""

from __future__ import annotations

from datetime import tzinfo

from mnet.language import _
from mnet.stored_sentences import E_
from schooltool_bridge.common import flags, times
from schooltool_bridge.common.days import iso, moment_text

SHOWN, HIDDEN = 0, 1
_DIGITS = len(str(times.LATEST_UNIX_S))
_NEITHER = E_(
    "%(event)s: %(field)s must be 0, 1 or the time in seconds until when students do not see it."
)


def read(value: object) -> tuple[int | None, str]:
    """Read a sender's value: what it says, None for nothing; what is wrong, for `english`."""
    if value is None or value == []:
        return None, ""
    is_hidden = flags.read(value)
    if is_hidden is not None:
        return (HIDDEN if is_hidden else SHOWN), ""
    if problem := times.beyond(value):
        return None, problem
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    is_time = text.isascii() and text.isdigit() and len(text) <= _DIGITS
    return (int(text), "") if is_time else (None, _NEITHER)


def at(hidden: int, unix_s: int) -> int:
    """What is left of it at a moment: SHOWN from the second on until which it was hidden."""
    return hidden if hidden == HIDDEN or hidden > unix_s else SHOWN


def both(one: int, other: int) -> int:
    """What holds where two things are hidden: an assessment, and a grade in it."""
    return HIDDEN if HIDDEN in (one, other) else max(one, other)


def words(hidden: int, zone: tzinfo) -> str:
    """Write it for staff; empty for what students see."""
    if hidden == SHOWN:
        return ""
    if hidden == HIDDEN:
        return _("hidden from students")
    return _("hidden from students until %(moment)s", moment=moment_text(hidden, zone))


def change(before: int, after: int, zone: tzinfo) -> tuple[str, str]:
    """Write what was so and what became of it; both empty for what students always saw."""
    is_shown_again = before != SHOWN and after == SHOWN
    return words(before, zone), _("shown to students again") if is_shown_again else words(
        after, zone
    )


def told(hidden: int | None) -> bool | str | None:
    """Write it for a reader of data: whether, or until when; None where nothing was said."""
    if hidden is None or hidden in (SHOWN, HIDDEN):
        return None if hidden is None else hidden == HIDDEN
    return f"until {iso(hidden)}"
