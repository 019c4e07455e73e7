"""Parsing XML that a stranger wrote: no DTD, no entities, no network, bounded depth and size.

The one place where XML becomes a tree. Pure. Source: PROTOCOL.md section 3 (limits).
"""

from __future__ import annotations

import re

from lxml import etree

from mnet.faults import UnreadableMessage
from mnet.protocol import MAX_MESSAGE_BYTES

# Deepest in the field: a list of structs in a response needs 12; libxml2 itself stops at 256.
MAX_DEPTH = 64
MAX_ELEMENTS = 500_000

# Anything that declares a document type is refused before the parser sees it. In another
# encoding the word could hide, so only encodings that are ASCII where it counts are taken.
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_DECLARATION = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_ENCODINGS = frozenset({b"utf-8", b"utf8", b"iso-8859-1", b"us-ascii", b"ascii", b"iso-8859-15"})
_BOM = b"\xef\xbb\xbf"


class ForbiddenDoctype(UnreadableMessage):
    """The document declares a DTD or entities."""

    sentence = "The message declares a document type (DTD) or entities, which is refused."


class TooDeep(UnreadableMessage):
    """The document is nested too deeply or has too many elements."""

    sentence = "The message is nested too deeply or has too many elements."


def parse(data: bytes) -> etree._Element:
    """Return the root element.

    Leading white space and a byte order mark are skipped. Raises UnreadableMessage (or one of
    its kinds above) for all that is not a plain, well-formed, bounded document.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise UnreadableMessage("The message is larger than this site takes.")
    data = data.strip().removeprefix(_BOM).lstrip()
    if b"\x00" in data:
        raise UnreadableMessage
    if data.count(b"<") > 2 * MAX_ELEMENTS:  # counted before they become objects
        raise TooDeep
    if _DOCTYPE.search(data):
        raise ForbiddenDoctype
    declared = _DECLARATION.match(data)
    if declared and declared.group(1).lower() not in _ENCODINGS:
        raise UnreadableMessage("The message is in an encoding that this site does not read.")
    try:
        root = etree.fromstring(data, _parser())
    except (etree.XMLSyntaxError, ValueError):
        raise UnreadableMessage from None
    if _TOO_DEEP(root):
        raise TooDeep
    return root


def _parser() -> etree.XMLParser:
    # A parser object may not be shared by threads at the same time; a new one costs little.
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=False,
    )


# One element deeper than allowed; the parser itself stops long before recursion hurts.
_TOO_DEEP = etree.XPath("boolean(" + "/*" * (MAX_DEPTH + 1) + ")")
