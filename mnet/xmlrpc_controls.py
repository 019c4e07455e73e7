"""Control characters in a payload: read as U+FFFD, so that one name never costs a whole batch.

XML knows none but tab, LF and CR, but a Moodle keeps a vertical tab that somebody pasted from
Word, and sends it: raw in its calls, as a reference in a Mahara's and in every answer of PHP's
extension. Only payloads come here, after their signature was checked over the bytes as they came.
NUL is left to be refused. Pure. Source: RULES 1.3 (characters); PROTOCOL.md section 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mnet.faults import UnreadableMessage
from mnet.protocol import MAX_MESSAGE_BYTES
from mnet.stored_sentences import english

_RAW = [bytes([c]) for c in range(1, 0x20) if c not in b"\t\n\r"]
# The same as references; and the two characters beside U+FFFD that XML does not know either.
_REFERENCE = re.compile(
    rb"&#(?:0*+(?:[1-8]|1[124-9]|2[0-9]|3[01]|6553[45])"
    rb"|x0*+(?:[1-8bBcCeEfF]|1[0-9a-fA-F]|[fF]{3}[eEfF]));"
)
_NONCHARACTERS = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")  # U+FFFE and U+FFFF, in UTF-8
_IN_UTF8 = b"\xef\xbf\xbd"  # U+FFFD
_AS_REFERENCE = b"&#65533;"
# Where a reference is no reference, and how that ends; all but CDATA is dropped in any case.
_OPENING = re.compile(rb"<(?:!\[CDATA\[|!--|\?)")
_CDATA = b"<![CDATA["
# Latin-1 has no such sign, and CDATA no references: it is interrupted for one.
_OUTSIDE = b"]]>" + _AS_REFERENCE + _CDATA
_CLOSING = {_CDATA: b"]]>", b"<!--": b"-->", b"<?": b"?>"}


def readable(data: bytes, encoding: str) -> bytes:
    """Return a document with U+FFFD for each control character, and for U+FFFE and U+FFFF.

    `encoding` is the one in which it will be read. Raises UnreadableMessage when the document
    would become larger than a message may be.
    """
    is_utf8 = encoding == "utf-8"
    raw = len(data) - len(data.translate(None, b"".join(_RAW)))
    has_others = b"&#" in data or (is_utf8 and _IN_UTF8[:2] in data)
    if not raw and not has_others:
        return data
    longest = _IN_UTF8 if is_utf8 else _OUTSIDE if _CDATA in data else _AS_REFERENCE
    if len(data) + raw * len(longest) > MAX_MESSAGE_BYTES:
        raise UnreadableMessage(english("The message is larger than this site takes."))
    return b"".join(
        _mended(piece, is_utf8=is_utf8, is_cdata=is_cdata) for piece, is_cdata in _pieces(data)
    )


def _pieces(data: bytes) -> Iterator[tuple[bytes, bool]]:
    """Cut a document into text with markup, and CDATA."""
    done = at = 0
    has_cdata = _CDATA in data
    while has_cdata and (opening := _OPENING.search(data, at)) is not None:
        closing = _CLOSING[opening.group()]
        end = data.find(closing, opening.end())
        if end < 0:
            break  # no XML, as the parser will say
        at = end + len(closing)
        if opening.group() == _CDATA:
            yield data[done : opening.start()], False
            yield data[opening.start() : at], True
            done = at
    yield data[done:], False


def _mended(piece: bytes, *, is_utf8: bool, is_cdata: bool) -> bytes:
    sign = _IN_UTF8 if is_utf8 else _OUTSIDE if is_cdata else _AS_REFERENCE
    for raw in _RAW:
        piece = piece.replace(raw, sign)
    if is_utf8:
        for other in _NONCHARACTERS:
            piece = piece.replace(other, sign)
    return piece if is_cdata else sign.join(_between_references(piece))


def _between_references(piece: bytes) -> Iterator[bytes]:
    # One by one, since a replacement of all at once would let nobody else work meanwhile.
    at = 0
    for found in _REFERENCE.finditer(piece):
        yield piece[at : found.start()]
        at = found.end()
    yield piece[at:]
