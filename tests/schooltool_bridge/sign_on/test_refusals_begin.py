"""Sentences to whoever could not land begin as sentences do, and sites keep their own spelling."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from peers.model import peer as peer_table
from schooltool_bridge.sign_on.landing_refusals import WORDS, LandingRefused
from schooltool_bridge.web import sign_on_pages
from schooltool_bridge.web.pages import frame_of
from tests.helpers.rig import Rig, make_rig
from tests.helpers.visitor import Visitor, in_memory

MOODLE = "http://m45.example.org"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = make_rig(tmp_path)
    rig.add(MOODLE)
    return rig


@pytest.mark.parametrize("name", ["m45", "", "%s {x}", None])
def test_every_refusal_begins_well(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    """`name` is the peer's; None when nobody knows which it is."""
    with rig.app.database.write() as connection:
        connection.execute(sa.update(peer_table).values(name=name or ""))
    peer = None if name is None else rig.app.registry.find(MOODLE)
    site = "" if name is None else name or MOODLE
    visitor = Visitor(in_memory(frame_of(rig.app)))
    begins_with_site = 0
    for code in WORDS:

        def refuse(*_asked: object, wrong: str = code, **_more: object) -> None:
            raise LandingRefused(wrong, peer)

        monkeypatch.setattr(sign_on_pages, "read_arrival", refuse)
        page = visitor.get("/auth/mnet/land.php?token=x")
        paragraphs = page.tree.xpath("//main//section/p[not(@class)][not(a)]")
        said = ["".join(p.itertext()) for p in paragraphs]
        assert len(said) == 2, code
        for text in said:
            assert text[0].isupper() or (site and text.startswith(site)), text
            begins_with_site += bool(site) and text.startswith(site)
    assert begins_with_site >= (5 if site else 0)
