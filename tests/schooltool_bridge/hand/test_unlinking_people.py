"""A person cut from a peer's user: the link means nobody until somebody decides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mnet.faults import Conflict
from peers.accounts import CLERK
from schooltool_bridge.cli import lists
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import inbox
from schooltool_bridge.events.applied import source
from schooltool_bridge.events.receiving import receive, receive_many
from schooltool_bridge.full_sync import runs
from schooltool_bridge.hand import unlinking
from schooltool_bridge.history.author import Author
from schooltool_bridge.sign_on import rights
from schooltool_bridge.store.model import person_link
from tests.helpers.framed import signed_in
from tests.helpers.listing import ListingSite, listing_site
from tests.helpers.sync_results import codes, push

USER: dict[str, Any] = {
    "idnumber": "u1", "username": "user1", "firstname": "First1", "lastname": "New", "moodleid": 101,
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[ListingSite]:
    """Six people of a Moodle; the first of them may sign in from there."""
    made = listing_site(tmp_path, database_url)
    with made.rig.app:
        made.lister.small_school()
        assert made.run().state == runs.DONE
        with made.rig.app.database.write() as connection:
            rights.set_links(connection, [1], made.peer.id, allowed=True)
        yield made


def author(site: ListingSite) -> Author:
    site.rig.clock.now += 1
    return Author("carl", int(site.rig.clock.now))


def cut(site: ListingSite) -> None:
    with site.rig.app.database.write() as connection:
        unlinking.unlink_person(connection, author(site), 1, site.peer.id)


def refused(site: ListingSite, **data: Any) -> str:
    """Tell of a user; return why it is refused, once that is stored."""
    why = ""
    with site.rig.app.database.write() as connection:
        sender = source(site.peer, site.rig.app.site)
        try:
            receive(connection, sender, "fetch_user", data, int(site.rig.clock.now))
        except Conflict as conflict:
            why = conflict.text
    return why


def people(site: ListingSite) -> list[dict[str, Any]]:
    with site.rig.app.database.read() as connection:
        rows: list[dict[str, Any]] = lists.people(connection)
    return rows


def waiting(site: ListingSite) -> list[tuple[str, str]]:
    with site.rig.app.database.read() as connection:
        rows: list[dict[str, Any]] = lists.inbox_list(connection, inbox.OPEN)
    return [(row["event"], row["status"]) for row in rows]


@pytest.mark.requirement("R29", "R39b", "R57")
def test_the_right_goes_and_the_records_stay(site: ListingSite) -> None:
    before = codes(site)
    cut(site)
    assert codes(site) == before
    first = next(p for p in people(site) if p["id"] == "1")
    assert (first["can_login"], first["linked"]) == (False, [])
    assert first["not_linked"]["reason"] == "unlinked"
    assert first["not_linked"]["by"] == "carl"
    with site.rig.app.database.write() as connection:
        # No right for a link that means nobody.
        rights.set_links(connection, [1], site.peer.id, allowed=True)
        found = connection.execute(sa.select(person_link.c.can_login).where(person_link.c.id == 1))
        assert found.scalar() is False
        with pytest.raises(Refused):
            unlinking.unlink_person(connection, author(site), 1, site.peer.id)


def test_what_the_peer_tells_of_that_user_waits_for_a_person(site: ListingSite) -> None:
    cut(site)
    assert "was unlinked here" in refused(site, **USER)
    by_name = {"username": "user1", "firstname": "First1", "lastname": "New"}
    assert "was unlinked here" in refused(site, **by_name)
    pupil = {"sectionid": "s2", "userid": "u1", "role": "teacher"}
    assert push(site, "new_enrolment", **pupil)["waiting_for"] == ["user:u1"]
    graded = push(site, "new_grade", assessmentid="a1", userid="u1", points_earned=2)
    assert graded["waiting_for"] == ["user:u1"]
    own = push(site, "new_grade", assessmentid="a1", userid="#101", points_earned=2)
    assert own["waiting_for"] == ["user:#101"]
    assert len(people(site)) == 6
    assert site.run().state == runs.DONE
    assert len(people(site)) == 6


def test_nor_does_any_of_many_at_once_mean_them(site: ListingSite) -> None:
    cut(site)
    with site.rig.app.database.read() as connection:
        before = lists.enrolments(connection)
    pupils = [{"sectionid": "s2", "userid": n, "role": "teacher"} for n in ("u1", "u2", "#101")]
    pushed: Any = [{"event": "new_enrolment", "data": data} for data in pupils]
    with site.rig.app.database.write() as connection:
        sender = source(site.peer, site.rig.app.site)
        answers, *_rest = receive_many(connection, sender, pushed, int(site.rig.clock.now))
    assert [answer["status"] for answer in answers] == ["held", "created", "held"]
    with site.rig.app.database.read() as connection:
        new = [row for row in lists.enrolments(connection) if row not in before]
    assert [row["person"] for row in new] == ["u2"]


def test_linked_again_all_that_waited_comes(site: ListingSite) -> None:
    cut(site)
    pupil = {"sectionid": "s2", "userid": "u1", "role": "teacher"}
    assert push(site, "new_enrolment", **pupil)["status"] == "held"
    assert "was unlinked here" in refused(site, **USER)
    done = site.rig.app.admitting.link_person_again(1, site.peer.id, author(site))
    assert (done, waiting(site)) == (2, [])
    first = next(p for p in people(site) if p["id"] == "1")
    assert (first["linked"], first["can_login"]) == ([site.peer.wwwroot], False)
    with pytest.raises(Refused):
        site.rig.app.admitting.link_person_again(1, site.peer.id, author(site))


@pytest.mark.parametrize("is_one", [True, False])
def test_the_inbox_asks_whether_they_are_one_or_two(site: ListingSite, *, is_one: bool) -> None:
    cut(site)
    assert "was unlinked here" in refused(site, **USER)
    assert push(site, "new_grade", assessmentid="a1", userid="u1", points_earned=2)["status"] == (
        "held"
    )
    with site.rig.app.database.read() as connection:
        (event,) = [
            row["id"]
            for row in lists.inbox_list(connection, [inbox.CONFLICT])
            if row["event"] == "fetch_user"
        ]
    who = author(site)
    done = site.rig.app.resolving.decide(int(str(event)), author=who, keep_apart=not is_one)
    assert done.entry.status == inbox.DONE
    assert waiting(site) == []
    assert len(people(site)) == (6 if is_one else 7)
    first = next(p for p in people(site) if p["id"] == "1")
    assert first["linked"] == ([site.peer.wwwroot] if is_one else [])
    again = push(site, "fetch_user", **USER | {"lastname": "Newer"})
    assert again["id"] == ("1" if is_one else "7")


def test_an_event_that_waits_for_them_says_what_to_do(site: ListingSite) -> None:
    cut(site)
    push(site, "new_grade", assessmentid="a1", userid="u1", points_earned=2)
    with site.rig.app.database.read() as connection:
        (event,) = [row["id"] for row in lists.inbox_list(connection, [inbox.HELD])]
    shown = signed_in(site.rig, CLERK).get(f"/admin/inbox/{event}")
    assert "was unlinked from this peer" in shown.text
    assert "applied by itself" not in shown.text
    assert "/admin/people/1" in shown.text


def test_in_the_browser(site: ListingSite) -> None:
    clerk = signed_in(site.rig, CLERK)
    page = "/admin/people/1"
    form = {"page": page, "peer": str(site.peer.id)}
    assert clerk.send(page + "/peer", **form, action="cut").status == 303
    assert "unlinked" in clerk.get(page).text
    clerk.send(page + "/peer", **form, action="again")
    assert not next(p for p in people(site) if p["id"] == "1")["not_linked"]
    again = clerk.send(page + "/peer", **form, action="again")
    assert "was not unlinked" in clerk.get(again.location).message("said")
