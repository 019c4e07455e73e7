"""Flags in every shape in which PHP sends them. Pure. Source: RULES 1.3 (shapes)."""

from __future__ import annotations

_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "", "no", "off"}


def read(value: object) -> bool | None:
    """Read a flag: a boolean, a number, a word, nothing (false); None for what is no flag."""
    if value is None or value == []:
        return False
    if isinstance(value, float) and value in (0.0, 1.0):
        value = int(value)
    word = str(int(value) if isinstance(value, bool) else value).strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None
