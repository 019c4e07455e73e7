"""One table of event kinds: whatever is in it is published, pushed, kept out, worded and shared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from mnet.dispatcher import Services
from mnet.xmlrpc import Value
from peers.policy import PeerPolicy
from schooltool_bridge.events import kinds, reading
from schooltool_bridge.events.applied import Source
from schooltool_bridge.people.sharing import sharing
from schooltool_bridge.web import words
from tests.helpers.rig import SIS, Rig, make_rig

NEW = "new_book"
CLOSED = PeerPolicy(accept_grades=False)
SOURCE = Source(1, "http://a", "http://b", CLOSED, enabled=True, names_addressee=False)
BOOK = kinds.Personal(("loan",), "readers", "to know who has it")


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> kinds.Kind[Any]:
    """A kind that nobody ever heard of: reads as a person, under a policy of its own choice."""
    person = kinds.BY_NAME[kinds.FETCH_USER]
    book = replace(person, name=NEW, title="Book", policy="accept_grades", personal=(BOOK,))
    monkeypatch.setitem(kinds.BY_NAME, NEW, book)
    return book


@pytest.mark.parametrize("kind", kinds.BY_NAME.values(), ids=lambda kind: kind.name)
def test_each_kind_names_a_policy_that_is_yes_or_no(kind: kinds.Kind[Any]) -> None:
    switches = {f.name for f in fields(PeerPolicy) if f.type == "bool"}
    assert kind.policy in switches


def test_no_policy_about_events_is_without_a_kind() -> None:
    switches = {f.name for f in fields(PeerPolicy) if f.name.startswith("accept_")}
    assert {kind.policy for kind in kinds.BY_NAME.values()} == switches


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    yield made
    made.app.database.close()


def test_a_new_kind_is_known_everywhere(book: kinds.Kind[Any], rig: Rig) -> None:
    peer = rig.add("http://library.example.org")
    given: dict[str, Value] = {"idnumber": "7", "firstname": "A", "lastname": "B"}
    answer = rig.call(peer, SIS + NEW, given)
    assert isinstance(answer, dict)
    assert answer["status"] == "created"
    pushed = rig.call(peer, SIS + "push_events", [{"event": NEW, "data": given}])
    assert isinstance(pushed, list)
    assert isinstance(pushed[0], dict)
    assert pushed[0]["status"] == "unchanged"
    assert rig.call(peer, "system/methodHelp", SIS + NEW) == book.help
    assert words.event_title(NEW) == "Book"
    assert words.about(NEW, given) == "A B (7)"
    both = Services(frozenset({"schooltool"}), frozenset())
    told = sharing(both, PeerPolicy())
    assert [item.fields for item in told.received if item.call == NEW] == [("loan",)]
    assert NEW not in {item.call for item in sharing(both, CLOSED).received}
    assert reading.closed_by(SOURCE, NEW) == "accept_grades"
