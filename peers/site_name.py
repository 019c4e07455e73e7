"""A site's name, as its first page says it. Pure; linear in what the page holds.

A Moodle since 4.2 writes "Home | Name" into the page's title, one before it "Name"; a Mahara
writes "Home - Name". Source: RULES R15.
"""

from __future__ import annotations

from html import unescape

from mnet.protocol import APPLICATIONS, Application

# Titles and headings stand near a page's beginning.
MAX_PAGE_BYTES = 100_000
MAX_TEXT_BYTES = 2000
_TAG_ENDS = (b">", b" ", b"\t", b"\r", b"\n", b"/")


def name_of(page: bytes, application: Application) -> str:
    """Return the name on a site's first page; empty when it says none."""
    page = page[:MAX_PAGE_BYTES]
    title = _text_of(page, b"title")
    before, _mark, name = title.partition(" - " if application is APPLICATIONS["mahara"] else " | ")
    # An older Moodle's title is the name alone, whatever is in it; so says its heading.
    if not before or not name or title == _text_of(page, b"h1"):
        return title
    return name


def _text_of(page: bytes, tag: bytes) -> str:
    """Return the text of the first element of a kind, on one line; empty for none."""
    lower, opening = page.lower(), b"<" + tag
    at = lower.find(opening)
    while at >= 0 and not lower.startswith(_TAG_ENDS, at + len(opening)):
        at = lower.find(opening, at + 1)
    begin = lower.find(b">", at) + 1 if at >= 0 else 0
    end = lower.find(b"</" + tag, begin) if begin else -1
    if end < 0:
        return ""
    text = unescape(page[begin : min(end, begin + MAX_TEXT_BYTES)].decode("utf-8", "replace"))
    return "".join(c for c in " ".join(text.split()) if c.isprintable())
