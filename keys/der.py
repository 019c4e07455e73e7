"""A small walk through a certificate's DER, for those that the library refuses.

Finds subject names, the end of validity and the public key; checks nothing else. Pure.
Source: PROTOCOL.md section 2; X.690, RFC 5280 section 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

COMMON_NAME = "2.5.4.3"
SUBJECT_ALT_NAME = "2.5.29.17"

_SEQUENCE, _SET, _OID, _UTC_TIME = 0x30, 0x31, 0x06, 0x17
# Old openssl.cnf files (string_mask) write names in these; all others are read as UTF-8.
_TEXT = {0x14: "latin-1", 0x1E: "utf-16-be"}
_VERSION = 0xA0
_LONG_FORM = 0x80
_MAX_LENGTH_BYTES = 3
_FIRST_ARC = 40
# Real ones have a dozen bytes; putting the numbers of one together takes quadratic time.
_MAX_OID_BYTES = 64


class BadDer(ValueError):
    """The bytes are no certificate."""


@dataclass(frozen=True, slots=True)
class Walked:
    """What the walk found."""

    subject: dict[str, list[str]]
    not_after: datetime | None
    public_key: bytes


def walk(data: bytes) -> Walked:
    """Walk a certificate; raises BadDer."""
    whole = list(_children(data))
    if len(whole) != 1:
        raise BadDer  # more than a certificate
    parts = list(_children(_content(whole, 0, _SEQUENCE)))
    fields = [f for f in _children(_content(parts, 0, _SEQUENCE)) if f[0] != _VERSION]
    # serial, signature, issuer, validity, subject, subjectPublicKeyInfo
    validity = list(_children(_content(fields, 3, _SEQUENCE)))
    subject: dict[str, list[str]] = {COMMON_NAME: [], SUBJECT_ALT_NAME: []}
    for tag, content, _whole in _children(_content(fields, 4, _SEQUENCE)):
        for attribute_tag, attribute, _ in _children(content) if tag == _SET else ():
            pair = list(_children(attribute)) if attribute_tag == _SEQUENCE else []
            name = _oid(_content(pair, 0, _OID))
            if name in subject and len(pair) > 1:
                value_tag, value, _ = pair[1]
                subject[name].append(value.decode(_TEXT.get(value_tag, "utf-8"), "replace"))
    if len(fields) < 6:  # noqa: PLR2004 - the six fields above
        raise BadDer
    return Walked(subject, _time(validity), fields[5][2])


def _children(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield (tag, content, whole element) of what stands side by side in `data`."""
    at = 0
    while at < len(data):
        if len(data) < at + 2:  # a tag and a length
            raise BadDer
        start, length = at + 2, data[at + 1]
        if length & _LONG_FORM:
            count = length & ~_LONG_FORM
            if not 1 <= count <= _MAX_LENGTH_BYTES or len(data) < start + count:
                raise BadDer
            length = int.from_bytes(data[start : start + count], "big")
            start += count
        end = start + length
        if end > len(data):
            raise BadDer
        yield data[at], data[start:end], data[at:end]
        at = end


def _content(elements: list[tuple[int, bytes, bytes]], index: int, tag: int) -> bytes:
    if index >= len(elements) or elements[index][0] != tag:
        raise BadDer
    return elements[index][1]


def _oid(content: bytes) -> str:
    if len(content) > _MAX_OID_BYTES:
        raise BadDer
    arcs, value = [], 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if not byte & _LONG_FORM:
            arcs.append(value)
            value = 0
    if not arcs:
        raise BadDer
    first = min(arcs[0] // _FIRST_ARC, 2)
    return ".".join(map(str, [first, arcs[0] - first * _FIRST_ARC, *arcs[1:]]))


def _time(validity: list[tuple[int, bytes, bytes]]) -> datetime | None:
    if len(validity) < 2:  # noqa: PLR2004 - begin and end
        raise BadDer
    tag, content, _whole = validity[1]
    form = "%y%m%d%H%M%SZ" if tag == _UTC_TIME else "%Y%m%d%H%M%SZ"
    try:
        return datetime.strptime(content.decode("ascii", "replace"), form).replace(tzinfo=UTC)
    except ValueError:
        return None
