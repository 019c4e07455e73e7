"""Sections and assessments cut from their peer: ours from then on, and linked again."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mnet.faults import NotFound
from peers import audit, store
from schooltool_bridge.cli import lists
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import inbox
from schooltool_bridge.full_sync import runs
from schooltool_bridge.hand import assessments, grades, sections, unlinking
from schooltool_bridge.hand import enrolments as by_hand
from schooltool_bridge.history import as_of, linked
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.linked import Linked
from schooltool_bridge.history.snapshot import SectionSnapshot
from schooltool_bridge.store.model import assessment, person, section
from tests.helpers.listing import ListingSite, listing_site
from tests.helpers.sync_results import codes, push

MOODLE = "http://moodle.example.org"
DAY_S = 86400


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[ListingSite]:
    """Six people in two sections of a Moodle, with a quiz and its grades in each."""
    made = listing_site(tmp_path, database_url)
    with made.rig.app:
        made.lister.small_school()
        assert made.run().state == runs.DONE
        made.rig.clock.now += DAY_S
        yield made


def author(site: ListingSite) -> Author:
    site.rig.clock.now += 1
    return Author("carl", int(site.rig.clock.now), "ours now")


def unlink(site: ListingSite, section_id: int) -> None:
    with site.rig.app.database.write() as connection:
        unlinking.unlink_section(connection, author(site), section_id)


def snapshot(site: ListingSite, section_id: int, at_unix_s: int | None = None) -> SectionSnapshot:
    with site.rig.app.database.read() as connection:
        return as_of.of_section(connection, section_id, at_unix_s)


def its_id(site: ListingSite, table: sa.Table, idnumber: str) -> int:
    with site.rig.app.database.read() as connection:
        found = sa.select(table.c.id).where(table.c.idnumber == idnumber)
        return int(connection.execute(found).scalar_one())


def points(site: ListingSite, section_id: int) -> dict[int, Decimal | None]:
    with site.rig.app.database.read() as connection:
        found = as_of.of_section(connection, section_id)
    return {who: entry.points for (_item, who), entry in found.entries.items()}


def linked_sections(site: ListingSite) -> dict[int, Linked]:
    with site.rig.app.database.read() as connection:
        ids = connection.execute(sa.select(section.c.id)).scalars().all()
        return linked.of_sections(connection, ids)


def in_inbox(site: ListingSite, *statuses: str) -> list[Any]:
    with site.rig.app.database.read() as connection:
        return [row["event"] for row in lists.inbox_list(connection, statuses or inbox.OPEN)]


@pytest.mark.requirement("R43", "R57", "R69")
def test_a_section_stays_whole_and_becomes_ours(site: ListingSite) -> None:
    s1 = its_id(site, section, "s1")
    yesterday = int(site.rig.clock.now)
    before, then = points(site, s1), snapshot(site, s1, yesterday)
    members = codes(site)
    unlink(site, s1)
    assert points(site, s1) == before
    assert codes(site) == members
    assert snapshot(site, s1, yesterday) == then
    (item,) = snapshot(site, s1).items
    assert (item.peer, item.name) == (None, "Quiz 1")
    # All of it is changed here now.
    with site.rig.app.database.write() as connection:
        who = author(site)
        sections.rename(connection, who, s1, "Our section")
        values: dict[str, Any] = {"name": "Our quiz", "points": Decimal(20), "extra_credit": False}
        assessments.change(connection, who, item.id, **values)
        grades.enter(connection, who, item.id, next(iter(before)), Decimal(19))
        by_hand.set_state(connection, who, s1, next(iter(before)), "student", "wp")
    now = snapshot(site, s1)
    assert (now.name, now.items[0].name, now.items[0].points) == (
        "Our section",
        "Our quiz",
        Decimal(20),
    )
    assert snapshot(site, s1, yesterday) == then
    with site.rig.app.database.read() as connection:
        trail = [e.action for e in audit.entries(connection) if e.actor == "carl"]
    assert "section unlinked" in trail


def test_what_the_peer_sends_after_that_is_skipped_and_makes_no_second_one(
    site: ListingSite,
) -> None:
    s1 = its_id(site, section, "s1")
    unlink(site, s1)
    before = site.rig.dump()
    told: list[tuple[str, dict[str, Any]]] = [
        ("new_section", {"idnumber": "s1", "name": "Again", "moodleid": 11}),
        ("new_section", {"idnumber": "#11", "name": "Again"}),
        ("new_section", {"idnumber": "s1", "name": "Again", "segment": "2"}),
        ("delete_section", {"idnumber": "s1"}),
        ("new_enrolment", {"sectionid": "s1", "userid": "u1", "role": "teacher"}),
        ("end_enrolment", {"sectionid": "s1", "userid": "u1"}),
        ("new_assessment", {"sectionid": "s1", "idnumber": "a1", "name": "X", "pointval": 5}),
        ("new_grade", {"assessmentid": "a1", "userid": "u1", "points_earned": 1}),
        ("delete_grade", {"assessmentid": "a1", "userid": "u1"}),
        ("delete_assessment", {"idnumber": "a1"}),
    ]
    for event, data in told:
        answer = push(site, event, **data)
        assert answer["status"] == "skipped", (event, data, answer)
        assert "linked with your site no more" in answer["message"], event
    assert site.rig.dump() == before
    assert in_inbox(site) == []
    # The other section goes on.
    assert push(site, "new_section", idnumber="s2", name="B")["status"] == "updated"
    run = site.run()
    assert (run.state, run.counts["sections"]["missing"]) == (runs.DONE, 0)
    assert len(linked_sections(site)) == 2


@pytest.mark.requirement("R83")
def test_what_a_peer_lists_no_more_is_missed_no_more(site: ListingSite) -> None:
    s1 = its_id(site, section, "s1")
    unlink(site, s1)
    for entity in ("sections", "enrolments", "assessments", "grades"):
        site.lister.data[entity] = [
            row for row in site.lister.data[entity] if not {"s1", "a1"} & {*map(str, row.values())}
        ]
    run = site.run()
    assert (run.state, run.reason) == (runs.DONE, "")
    assert {of["missing"] + of["withdrawn"] for of in run.counts.values()} == {0}
    assert set(codes(site).values()) == {"a"}


def test_linked_again_the_peers_word_counts_and_what_was_typed_stays(site: ListingSite) -> None:
    s1 = its_id(site, section, "s1")
    first = min(points(site, s1))
    unlink(site, s1)
    with site.rig.app.database.write() as connection:
        who = author(site)
        sections.rename(connection, who, s1, "Our section")
        item = its_id(site, assessment, "a1")
        values: dict[str, Any] = {"name": "Ours", "points": Decimal(10), "extra_credit": False}
        assessments.change(connection, who, item, **values)
        grades.enter(connection, who, item, first, Decimal(9))
    between = int(site.rig.clock.now)
    as_ours = snapshot(site, s1, between)
    site.rig.clock.now += 60
    push(site, "new_section", idnumber="s1", name="Renamed there", moodleid=11)
    push(site, "new_grade", assessmentid="a1", userid="u2", points_earned=8)
    site.rig.clock.now += 60
    done = site.rig.app.admitting.link_again(s1, author(site))
    assert done.released == 1  # the renamed section, which was kept
    now = snapshot(site, s1)
    assert (now.name, now.items[0].name, now.items[0].peer) == ("Renamed there", "Quiz 1", MOODLE)
    assert points(site, s1)[first] == 9
    assert snapshot(site, s1, between) == as_ours
    assert linked_sections(site)[s1] == Linked((MOODLE,))
    graded = push(site, "new_grade", assessmentid="a1", userid="u3", points_earned=1)
    assert graded["status"] == "updated"
    assert site.run().state == runs.DONE
    with pytest.raises(Refused):
        site.rig.app.admitting.link_again(s1, author(site))
    # The item goes with its peer's deletion, as it would have before.
    push(site, "delete_assessment", idnumber="a1")
    assert list(snapshot(site, s1).items) == []


def test_a_course_with_the_number_of_one_that_was_cut_comes_in_later(site: ListingSite) -> None:
    s1 = its_id(site, section, "s1")
    unlink(site, s1)
    other: dict[str, Any] = {"idnumber": "s1", "name": "Another course", "moodleid": 99}
    assert push(site, "new_section", **other)["status"] == "skipped"
    pupil = {"sectionid": "s1", "sectionmoodleid": 99, "userid": "u1", "role": "teacher"}
    assert push(site, "new_enrolment", **pupil)["status"] == "skipped"
    site.rig.app.admitting.link_again(s1, author(site))
    with site.rig.app.database.read() as connection:
        names = {r["name"]: r["idnumber"] for r in lists.all_sections(connection)}
    assert (names["Section 1"], names["Another course"]) == ("#11", "s1")
    assert push(site, "new_enrolment", **pupil)["status"] == "created"


def test_one_item_alone(site: ListingSite) -> None:
    s1, a1 = its_id(site, section, "s1"), its_id(site, assessment, "a1")
    before = points(site, s1)
    with site.rig.app.database.write() as connection:
        unlinking.unlink_assessment(connection, author(site), a1)
        with pytest.raises(Refused):
            unlinking.unlink_assessment(connection, author(site), a1)
    item = {"sectionid": "s1", "idnumber": "a1", "name": "Quiz 1", "pointval": 10}
    assert push(site, "new_assessment", **item)["status"] == "skipped"
    assert push(site, "new_grade", assessmentid="a1", userid="u1", points_earned=2)["status"] == (
        "skipped"
    )
    assert push(site, "new_assessment", **item | {"idnumber": "a9", "name": "New"})["status"] == (
        "created"
    )
    run = site.run()
    assert (run.state, points(site, s1)) == (runs.DONE, before)
    with site.rig.app.database.read() as connection:
        (one,) = linked.of_assessments(connection, [a1]).values()
    assert (one.peers, one.reason, one.peer, one.by_actor) == ((), "unlinked", MOODLE, "carl")
    with site.rig.app.database.write() as connection:
        unlinking.link_assessment_again(connection, author(site), a1)
        with pytest.raises(Refused):
            unlinking.link_assessment_again(connection, author(site), a1)
    assert push(site, "new_grade", assessmentid="a1", userid="u1", points_earned=2)["status"] == (
        "updated"
    )


def test_what_its_peer_deleted_does_not_come_back_when_it_is_linked_again(
    site: ListingSite,
) -> None:
    s1, a1 = its_id(site, section, "s1"), its_id(site, assessment, "a1")
    push(site, "delete_assessment", idnumber="a1")
    before = points(site, s1)
    with site.rig.app.database.write() as connection:
        unlinking.unlink_assessment(connection, author(site), a1)
        unlinking.link_assessment_again(connection, author(site), a1)
    assert points(site, s1) == before
    item = {"sectionid": "s1", "idnumber": "a1", "name": "Quiz 1", "pointval": 10}
    assert push(site, "new_assessment", **item)["status"] == "updated"
    assert len(points(site, s1)) > len(before)


def test_an_item_cut_by_itself_stays_so_when_its_section_is_linked_again(
    site: ListingSite,
) -> None:
    s1, a1 = its_id(site, section, "s1"), its_id(site, assessment, "a1")
    with site.rig.app.database.write() as connection:
        unlinking.unlink_assessment(connection, author(site), a1)
        values: dict[str, Any] = {"name": "Ours", "points": Decimal(20), "extra_credit": False}
        assessments.change(connection, author(site), a1, **values)
    before = snapshot(site, s1)
    push(site, "new_assessment", sectionid="s1", idnumber="a8", name="Other", pointval=4)
    unlink(site, s1)
    site.rig.app.admitting.link_again(s1, author(site))
    now = snapshot(site, s1)
    assert (now.items[0], now.entries) == (before.items[0], before.entries)
    assert [item.peer for item in now.items] == [None, MOODLE]
    item = {"sectionid": "s1", "idnumber": "a1", "name": "Quiz 1", "pointval": 10}
    assert push(site, "new_assessment", **item)["status"] == "skipped"
    with site.rig.app.database.write() as connection:
        unlinking.link_assessment_again(connection, author(site), a1)
    assert snapshot(site, s1).items[0].name == "Quiz 1"


def test_an_item_of_a_copied_course_takes_the_number_of_one_that_was_cut(site: ListingSite) -> None:
    a1 = its_id(site, assessment, "a1")
    item: dict[str, Any] = {"sectionid": "s1", "idnumber": "a1", "name": "Quiz 1", "pointval": 10}
    push(site, "new_assessment", **item, moodleid=71)
    with site.rig.app.database.write() as connection:
        unlinking.unlink_assessment(connection, author(site), a1)
    copied = item | {"sectionid": "s2", "moodleid": 72}
    assert push(site, "new_assessment", **copied)["status"] == "created"
    grade: dict[str, Any] = {"assessmentid": "a1", "userid": "u1", "points_earned": 2}
    assert push(site, "new_grade", **grade, assessmentmoodleid=71)["status"] == "skipped"
    assert push(site, "new_grade", **grade, assessmentmoodleid=72)["status"] == "created"
    assert push(site, "new_assessment", **item, moodleid=71)["status"] == "skipped"
    with site.rig.app.database.write() as connection:
        unlinking.link_assessment_again(connection, author(site), a1)
    done = push(site, "new_grade", **grade, assessmentmoodleid=71, excepted=1)
    assert (done["status"], done["id"]) == ("updated", "1")


def test_when_the_other_side_is_gone(site: ListingSite) -> None:
    s1, s2 = its_id(site, section, "s1"), its_id(site, section, "s2")
    push(site, "delete_section", idnumber="s1")
    assert linked_sections(site)[s1].reason == "deleted there"
    with site.rig.app.database.write() as connection:
        store.set_columns(connection, site.peer.id, state=store.DELETED)
    assert linked_sections(site)[s2] == Linked((), "peer removed", MOODLE)
    unlink(site, s1)
    unlink(site, s2)
    with site.rig.app.database.read() as connection:
        states = {str(r["idnumber"]): r["status"] for r in lists.all_sections(connection)}
    assert states == {"s1": "active", "s2": "active"}
    assert set(codes(site).values()) == {"a"}
    assert len(points(site, s1)) == 6
    with pytest.raises(NotFound, match="removed"):
        site.rig.app.admitting.link_again(s1, author(site))


def test_why_something_is_not_linked(site: ListingSite) -> None:
    with site.rig.app.database.write() as connection:
        made = sections.add(connection, author(site), "By hand")
        item = assessments.add(connection, author(site), made, "Quiz", Decimal(5))
        people = connection.execute(sa.select(person.c.id)).scalars().all()
    del site.lister.data["sections"][1]
    site.lister.data["enrolments"] = [
        e for e in site.lister.data["enrolments"] if e["sectionid"] == "s1"
    ]
    assert site.run().state == runs.DONE
    s1, s2 = its_id(site, section, "s1"), its_id(site, section, "s2")
    found = linked_sections(site)
    assert (found[s1], found[made].reason) == (Linked((MOODLE,)), "by hand")
    assert (found[s2].reason, found[s2].peer) == ("missing", MOODLE)
    assert found[s2].since_unix_s is not None
    with site.rig.app.database.read() as connection:
        assert linked.of_assessments(connection, [item])[item].reason == "by hand"
        assert {one.peers for one in linked.of_people(connection, people).values()} == {(MOODLE,)}
        by = connection.execute(sa.select(person.c.id).where(linked.without_people())).all()
    assert by == []
    with pytest.raises(Refused), site.rig.app.database.write() as connection:
        unlinking.unlink_section(connection, author(site), made)
    with pytest.raises(Refused), site.rig.app.database.write() as connection:
        unlinking.unlink_assessment(connection, author(site), item)
