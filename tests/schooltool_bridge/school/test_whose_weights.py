"""Whose weights count in a section, ours or the Moodle's points: chosen, from a moment on."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from peers import audit
from peers.accounts import CLERK
from peers.changes import NotPossible
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.hand import assessments, sections
from schooltool_bridge.hand.assessments import Detail
from schooltool_bridge.history import as_of
from schooltool_bridge.history.as_of import PEERS
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.averages import percent_of
from schooltool_bridge.school import marking
from schooltool_bridge.store.model_school import weight_choice
from tests.helpers.framed import signed_in
from tests.helpers.pushing import push, register
from tests.helpers.rig import SIS, Rig, make_rig
from tests.helpers.site import Refused, Site

MOODLE = "http://moodle.example.org"
TOLD: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fetch_user", {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "L"}),
    ("new_section", {"idnumber": "5", "name": "Algebra"}),
    ("new_enrolment", {"sectionid": "5", "userid": "1", "role": "student"}),
    ("new_assessment", {"sectionid": "5", "idnumber": "7", "name": "Quiz", "pointval": 10}),
    ("new_assessment", {"sectionid": "5", "idnumber": "8", "name": "Exam", "pointval": 90}),
    ("new_grade", {"assessmentid": "7", "userid": "1", "points_earned": 10}),
    ("new_grade", {"assessmentid": "8", "userid": "1", "points_earned": 45}),
)
BY_POINTS, BY_CATEGORY = Decimal("55.00"), Decimal("75.00")


def author(rig: Rig) -> Author:
    rig.clock.now += 60
    return Author("head", int(rig.clock.now), "as there")


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    """Two items of a Moodle, each in a category of ours that counts half."""
    made = make_rig(tmp_path, database_url)
    with made.app:
        peer = made.add(MOODLE)
        for event, data in TOLD:
            made.call(peer, SIS + event, data)
        with made.app.database.write() as connection:
            who = author(made)
            kinds = [marking.add_category(connection, who, title=f"Kind {n}") for n in (1, 2)]
            for item, kind in zip((1, 2), kinds, strict=True):
                assessments.describe(connection, who, item, Detail(category_id=kind))
            marking.set_weights(connection, who, 1, dict.fromkeys(kinds, Decimal(50)))
        yield made


def percent(rig: Rig, at_unix_s: int | None = None) -> Decimal | None:
    with rig.app.database.read() as connection:
        return percent_of(as_of.of_section(connection, 1, at_unix_s), 1)


def choose(rig: Rig, whose: str) -> bool:
    with rig.app.database.write() as connection:
        return marking.choose_weights(connection, author(rig), 1, whose)


@pytest.mark.requirement("R69", "R76")
def test_the_choice_holds_from_then_on_and_no_day_before_changes(rig: Rig) -> None:
    assert percent(rig) == BY_CATEGORY, "ours count, as ever"
    rig.clock.now += 60
    before = int(rig.clock.now)
    assert choose(rig, PEERS)
    assert percent(rig) == BY_POINTS
    assert not choose(rig, PEERS)
    between = int(rig.clock.now)
    assert choose(rig, marking.OURS)
    assert percent(rig) == BY_CATEGORY
    assert (percent(rig, before), percent(rig, between)) == (BY_CATEGORY, BY_POINTS)
    with rig.app.database.read() as connection:
        entries = [e for e in audit.entries(connection) if e.action == "weights chosen"]
        assert [e.detail["whose"] for e in entries] == ["ours", "peer"]


def test_our_weights_wait_meanwhile_and_can_be_changed(rig: Rig) -> None:
    choose(rig, PEERS)
    with rig.app.database.write() as connection:
        kinds = list(marking.weights(connection, 1))
        changed = {kinds[0]: Decimal(100), kinds[1]: Decimal(0)}
        marking.set_weights(connection, author(rig), 1, changed)
    assert percent(rig) == BY_POINTS
    choose(rig, marking.OURS)
    assert percent(rig) == Decimal("100.00")


def test_a_section_of_ours_has_only_our_weights_and_nobody_changes_the_past(rig: Rig) -> None:
    with rig.app.database.write() as connection:
        made = sections.add(connection, author(rig), "By hand")
    with pytest.raises(NotPossible, match="only our weights"), rig.app.database.write() as c:
        marking.choose_weights(c, author(rig), made, PEERS)
    with pytest.raises(NotThere), rig.app.database.write() as c:
        marking.choose_weights(c, author(rig), 99, PEERS)
    choose(rig, PEERS)
    with pytest.raises(sa.exc.DBAPIError), rig.app.database.write() as c:
        c.execute(sa.update(weight_choice).values(whose="ours"))


def test_in_the_browser(rig: Rig) -> None:
    clerk = signed_in(rig, CLERK)
    page = "/admin/sections/1/settings"
    checked = "//input[@name='whose'][@checked]/@value"
    assert clerk.get(page).tree.xpath(checked) == ["ours"]
    assert clerk.send(page, action="whose", whose="peer").status == 303
    assert clerk.get(page).tree.xpath(checked) == ["peer"]
    assert percent(rig) == BY_POINTS
    assert clerk.send(page, action="whose", whose="nobody").status == 400


def test_by_command(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    with site:
        moodle = register(site)
        for event, data in TOLD[:2]:
            push(site, moodle, event, data)
        assert site.run("section", "weights", "5") == {"id": "1", "whose": "ours", "weights": {}}
        assert site.run("section", "weights", "5", "--whose", "peer")["whose"] == "peer"
        assert site.run("section", "weights", "5")["whose"] == "peer"
        with pytest.raises(Refused):
            site.run("section", "weights", "5", "--whose", "mine")
