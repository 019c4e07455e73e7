"""Every page in a made-up language: what is said on it is marked, all else is data."""

from __future__ import annotations

import pytest

from peers import accounts
from schooltool_bridge.web.pages import frame_of
from tests.helpers.framed import signed_in
from tests.helpers.made_up_language import AS_STORED, address, person_of, rig, stocked, unmarked
from tests.helpers.rig import Rig
from tests.helpers.visitor import Page, Visitor

__all__ = ["rig"]


def test_words_outside_of_what_is_said_are_seen() -> None:
    body = (
        '<meta charset="utf-8"><body title="Oh">⟦a <b>b ⟦c⟧</b>⟧ Plain Xqada<code>x</code></body>'
    )
    page = Page(200, [], body.encode())
    assert unmarked(page) == ["Oh", "Plain"]


@pytest.mark.parametrize("username", ["xqtess", "xqada"])
def test_every_page_says_only_what_is_marked(rig: Rig, username: str) -> None:
    ids = stocked(rig)
    manager = signed_in(rig, accounts.MANAGER, "xqanna")
    person_of(rig, manager, username)
    found: dict[str, list[str]] = {}
    seen = 0
    for route in frame_of(rig.app).routes:
        path = address(route.rule, ids)
        # Each page by itself: a note that one leaves is not shown by the next.
        visitor = Visitor(manager.ask, dict(manager.cookies))
        page = visitor.get(path) if "GET" in route.methods else None
        if page is None or page.status != 200 or "html" not in page.header("Content-Type"):
            continue
        seen += 1
        words = [w for w in unmarked(page) if w not in AS_STORED.get(route.rule, ())]
        found |= {route.rule: words} if words else {}
    assert not found, "\n".join(f"{rule}: {words}" for rule, words in found.items())
    assert seen >= 50, "these pages could be seen"
