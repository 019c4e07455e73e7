"""Parsing XML that a stranger wrote: no DTD, no entities, no network, bounded depth and size.

The one place where XML becomes a tree. Pure. Source: PROTOCOL.md section 3 (limits).
"""

from __future__ import annotations

import re

from lxml import etree

from mnet.faults import UnreadableMessage
from mnet.protocol import MAX_MESSAGE_BYTES
from mnet.stored_sentences import E_, english

# Deepest in the field: a list of structs in a response needs 12; libxml2 itself stops at 256.
MAX_DEPTH = 64
MAX_ELEMENTS = 500_000

# Anything that declares a document type is refused before the parser sees it. In another
# encoding (UTF-7, EBCDIC) the word could hide, so only encodings that are ASCII where it counts
# are taken, and the parser is told which one: what was searched is what it reads.
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_DECLARATION = re.compile(rb"<\?xml\s[^>]*?\sencoding\s*+=\s*+[\"']([^\"'>]{0,40})[\"']")
_ENCODINGS = {
    b"utf-8": "utf-8",
    b"utf8": "utf-8",
    b"us-ascii": "utf-8",
    b"ascii": "utf-8",
    b"iso-8859-1": "iso-8859-1",
    b"iso-8859-15": "iso-8859-15",
}
_BOM = b"\xef\xbb\xbf"


class ForbiddenDoctype(UnreadableMessage):
    """The document declares a DTD or entities."""

    sentence = E_("The message declares a document type (DTD) or entities, which is refused.")


class NulCharacter(UnreadableMessage):
    """The document holds a NUL, which no XML can."""

    sentence = E_("The message holds a NUL character, which XML does not know.")


class TooDeep(UnreadableMessage):
    """The document is nested too deeply or has too many elements."""

    sentence = E_("The message is nested too deeply or has too many elements.")


def parse(data: bytes) -> etree._Element:
    """Return the root element.

    Leading white space and a byte order mark are skipped. Raises UnreadableMessage (or one of
    its kinds above) for all that is not a plain, well-formed, bounded document.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise UnreadableMessage(english("The message is larger than this site takes."))
    data = trimmed(data)
    if b"\x00" in data:
        raise NulCharacter
    ends = data.count(b"</")
    if data.count(b"<") - ends > MAX_ELEMENTS:  # counted before they become objects
        raise TooDeep
    if _DOCTYPE.search(data):
        raise ForbiddenDoctype
    try:
        root = etree.fromstring(data, _parser(encoding_of(data)))
    except etree.XMLSyntaxError as problem:
        line, column = problem.position
        message = english(
            "The message is not well-formed XML of this protocol (line %(line)s, column "
            "%(column)s).",
            line=line,
            column=column,
        )
        raise UnreadableMessage(message) from None
    except ValueError:
        raise UnreadableMessage from None
    # Few end tags cannot nest deeply: saves most messages the walk.
    if ends >= MAX_DEPTH and _TOO_DEEP(root):
        raise TooDeep
    return root


def trimmed(data: bytes) -> bytes:
    """Return a document without white space around it and without a byte order mark."""
    return data.strip().removeprefix(_BOM).lstrip()


def encoding_of(data: bytes) -> str:
    """Return the encoding in which a trimmed document is read: "utf-8", or one of its kind.

    Raises UnreadableMessage for one that hides things.
    """
    declared = _DECLARATION.match(data)
    encoding = _ENCODINGS.get(declared.group(1).lower()) if declared else "utf-8"
    if encoding is None:
        raise UnreadableMessage(
            english("The message is in an encoding that this site does not read.")
        )
    return encoding


def _parser(encoding: str) -> etree.XMLParser:
    # A parser serves one thread at a time, others would wait; a new one costs a microsecond.
    return etree.XMLParser(
        encoding=encoding,  # stronger than what the document declares or looks like
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
