"""The manual's chapters (schooltool_bridge/manual/*.md) as pages: HTML, headings, links.

Raw HTML in a chapter stays text. Source: RULES R14.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

FOLDER = Path(__file__).parent.parent / "manual"
# In the order of the list: what everybody meets first, then for whoever runs the server.
CHAPTERS = (
    "pages", "people", "school", "gradebook", "reports", "days", "events", "full-sync", "peers",
    "moodle-plugin", "signing-on", "personal-data", "notices", "oneroster", "languages",
    "commands", "settings", "operating", "monitoring",
)  # fmt: skip
# Title and lead: three tokens each.
_BEGINNING = 6
_CHAPTER_LINK = re.compile(r"([a-z-]+)\.md(#.*|)")


@dataclass(frozen=True, slots=True)
class Heading:
    """A part of a chapter: its title, and the name by which a link finds it."""

    title: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter as a page shows it; `body` has no title and no lead any more."""

    name: str
    title: str
    lead: str
    headings: tuple[Heading, ...]
    body: Markup


def parser() -> MarkdownIt:
    """Return what reads the manual: CommonMark and tables, without raw HTML."""
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def anchor_of(title: str) -> str:
    """Return the name of a heading in links, as GitHub makes it too."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


@functools.cache
def read(name: str) -> tuple[str, str]:
    """Return a chapter's title, and the paragraph after it that says what it is about."""
    title, lead = (_plain(t) for t in _tokens(name)[:_BEGINNING] if t.type == "inline")
    return title, lead


@functools.cache
def chapter(name: str, prefix: str) -> Chapter:
    """Render a chapter; `prefix` and a chapter's name make the address of its page."""
    title, lead = read(name)
    tokens = _tokens(name)[_BEGINNING:]
    headings, part = [], title
    for token, follower in pairwise(tokens):
        if token.type == "heading_open":
            part = _plain(follower)
            token.attrSet("id", anchor_of(part))
            if token.tag == "h2":
                headings.append(Heading(part, anchor_of(part)))
        elif token.type == "table_open":
            token.meta["about"] = part
        elif token.type == "th_open":
            token.attrSet("scope", "col")
    for token in tokens:
        _lead_on(token.children or [], prefix)
    markdown = parser()
    markdown.add_render_rule("table_open", _table)
    markdown.add_render_rule("table_close", lambda *_of: "</table></div>")
    markdown.add_render_rule("fence", _fence)
    html = markdown.renderer.render(tokens, markdown.options, {})
    return Chapter(name, title, lead, tuple(headings), Markup(html))  # noqa: S704 - made here


def html_of(text: str) -> Markup:
    """Render a text of ours that is no chapter, without its title."""
    tokens = parser().parse(text)[3:]
    markdown = parser()
    return Markup(markdown.renderer.render(tokens, markdown.options, {}))  # noqa: S704 - made here


def _tokens(name: str) -> list[Token]:
    return parser().parse((FOLDER / f"{name}.md").read_text("utf-8"))


def _plain(inline: Token) -> str:
    return "".join(t.content for t in inline.children or [])


def _table(_renderer: object, tokens: Sequence[Token], index: int, *_more: object) -> str:
    about = escape(tokens[index].meta["about"])
    return f'<div class="table-wrap" tabindex="0" role="region" aria-label="{about}"><table>'


def _fence(_renderer: object, tokens: Sequence[Token], index: int, *_more: object) -> str:
    return f'<pre tabindex="0">{escape(tokens[index].content)}</pre>'


def _lead_on(inline: list[Token], prefix: str) -> None:
    """Let links between chapters lead to their pages; what is not served here is no link."""
    is_link = True
    for token in inline:
        if token.type == "link_open":
            href = str(token.attrGet("href"))
            chapter_link = _CHAPTER_LINK.fullmatch(href)
            if chapter_link:
                token.attrSet("href", f"{prefix}{chapter_link[1]}{chapter_link[2]}")
            is_link = bool(chapter_link) or href.startswith(("#", "https://"))
        if token.type in {"link_open", "link_close"}:
            token.hidden = not is_link
