"""Texts that somebody sends: normal forms and control characters, in time linear in the text.

Python's own takes quadratic time to put a long run of combining marks in order, and whoever
sends a name may send nothing else. All of the project normalises here. Pure.
Source: PROTOCOL.md section 4 (characters); RULES 1.3; Unicode Standard Annex 15.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import chain, groupby
from typing import Literal

Form = Literal["NFC", "NFKD"]

# As the annex's stream-safe text: so many marks on one letter are none of any language.
_LONG_RUN = 30
# Signs of Tibetan that are no marks by themselves, and nothing but marks once taken apart.
_MARKS_IN_ONE = "\u0f73\u0f75\u0f81"
# As many characters NFC makes one of at most (U+1F82 is four taken apart).
_MOST_IN_ONE = 4

_BREAKS = re.compile("\r\n|[\t\n\r]")
# Those that XML knows; all others are U+FFFD in it, or no text at all (xmlrpc_controls.py).
_LATE_CONTROLS = re.compile("[\x7f-\x9f]")
# Unicode's categories Cc and Cs.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
UNREADABLE = "\N{REPLACEMENT CHARACTER}"


def one_line(text: str) -> str:
    """Return a text with a blank for each tab and line end, and U+FFFD for U+007F to U+009F."""
    if text.isprintable():
        return text
    return _LATE_CONTROLS.sub(UNREADABLE, _BREAKS.sub(" ", text))


def holds_controls(text: str) -> bool:
    """Tell whether there are control characters in a text, tabs and line ends included."""
    return not (text.isprintable() or _CONTROLS.search(text) is None)


def within(text: str, limit: int) -> str | None:
    """Return a text in NFC, without blanks around it; None when that is over `limit` characters.

    What is far too long is not looked at.
    """
    text = text.strip()
    if len(text) > _MOST_IN_ONE * limit:
        return None
    text = nfc(text)
    return text if len(text) <= limit else None


def nfc(text: str) -> str:
    """Return a text in NFC."""
    return _normal("NFC", text)


def nfkd(text: str) -> str:
    """Return a text in NFKD: taken apart, with plain letters for decorated ones."""
    return _normal("NFKD", text)


def _normal(form: Form, text: str) -> str:
    if text.isascii():
        return text
    if len(text) > _LONG_RUN:
        if form == "NFKD":
            text = "".join(unicodedata.normalize(form, char) for char in text)
        text = "".join(chain.from_iterable(map(_in_order, *_runs(text))))
    return unicodedata.normalize(form, text)


def _runs(text: str) -> tuple[list[bool], list[str]]:
    """Cut a text into runs of marks and of everything else."""
    runs = [(are_marks, "".join(run)) for are_marks, run in groupby(text, _is_mark)]
    return [are_marks for are_marks, _run in runs], [run for _are_marks, run in runs]


def _is_mark(char: str) -> bool:
    return unicodedata.combining(char) != 0 or char in _MARKS_IN_ONE


def _in_order(are_marks: bool, run: str) -> str:  # noqa: FBT001 - mapped over both
    """Put a long run of marks in canonical order, which leaves nothing to do for Python's own."""
    if not are_marks or len(run) <= _LONG_RUN:
        return run
    apart = chain.from_iterable(unicodedata.normalize("NFD", mark) for mark in run)
    return "".join(sorted(apart, key=unicodedata.combining))
