"""The call that nearly every call is, read without a parser: one struct of plain ASCII scalars.

Only a shortcut: what it reads, a parser would read the same, and whatever is not exactly of this
shape (another one, an accent, a reference, a comment) is for the parser (xmlrpc.py). Pure.
Source: PROTOCOL.md section 4.
"""

from __future__ import annotations

import re

MAX_MEMBERS = 200

_S = r"[ \t\n]*"
# No markup, nothing that XML forbids, no line end that a parser would change.
_TEXT = r"([^<>&\x00-\x08\x0b-\x1f]*)"
_HEAD = re.compile(
    rf'<\?xml version="1\.0" encoding="(?:utf-8|iso-8859-1)" ?\?>{_S}<methodCall>{_S}'
    rf"<methodName>{_TEXT}</methodName>{_S}<params>{_S}<param>{_S}<value>{_S}<struct>"
)
_MEMBER = re.compile(
    rf"{_S}<member>{_S}<name>{_TEXT}</name>{_S}<value>{_S}"
    rf"<(string|int|i4|boolean|double)>{_TEXT}</\2>{_S}</value>{_S}</member>"
)
_TAIL = re.compile(rf"{_S}</struct>{_S}</value>{_S}</param>{_S}</params>{_S}</methodCall>{_S}")


def read(data: bytes) -> tuple[str, list[tuple[str, str, str]]] | None:
    """Return the method's name and each member's name, type and text; None for the parser."""
    if not data.isascii():
        return None
    text = data.decode("ascii")
    head = _HEAD.match(text)
    if head is None:
        return None
    members: list[tuple[str, str, str]] = []
    at = head.end()
    while (member := _MEMBER.match(text, at)) is not None and len(members) < MAX_MEMBERS:
        name, kind, value = member.groups()
        members.append((name, kind, value))
        at = member.end()
    return (head[1], members) if _TAIL.fullmatch(text, at) else None
