"""Full syncs in the browser: started, looked at by name, confirmed, and when they run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.accounts import CLERK, MANAGER
from peers.policy import PeerPolicy
from schooltool_bridge.full_sync import runs
from schooltool_bridge.full_sync.runs import Run
from schooltool_bridge.history.finding import find_person, find_section
from tests.helpers.framed import assert_safe, signed_in
from tests.helpers.listing import ListingSite, listing_site
from tests.helpers.visitor import Page, Visitor

PEOPLE = 40
DONE_WITHIN_S = 60.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ListingSite]:
    made = listing_site(tmp_path)
    made.lister.small_school(PEOPLE)
    yield made
    made.rig.app.syncs.close(10)
    made.rig.app.database.close()


@pytest.fixture
def manager(site: ListingSite) -> Visitor:
    return signed_in(site.rig, MANAGER)


def sync_page(site: ListingSite) -> str:
    return f"/admin/peers/{site.peer.id}/sync"


def ended(site: ListingSite, answer: Page) -> Run:
    """The run to which a page led, once it is over."""
    number = int(answer.header("Location").rpartition("/")[2])
    until_s = time.monotonic() + DONE_WITHIN_S
    while time.monotonic() < until_s:
        with site.rig.app.database.read() as connection:
            run = runs.get(connection, number)
        if run.state != runs.RUNNING:
            return run
        time.sleep(0.02)
    raise AssertionError("it did not end")


@pytest.mark.requirement("R80", "R81")
def test_the_first_transfer_is_one_button_and_its_counts_are_in_sight(
    site: ListingSite, manager: Visitor
) -> None:
    before = manager.get(sync_page(site))
    assert_safe(before)
    assert "Begin the first transfer" in before.text
    run = ended(site, manager.send(sync_page(site), action="run"))
    assert run.state == runs.DONE
    assert run.by_actor == "a manager"
    after = manager.get(sync_page(site))
    assert "Run one now" in after.text
    # Two sections; everybody in one, half in the other; a quiz in each; all graded.
    assert f"{PEOPLE + 2 + 60 + 2 + 60} new" in after.text
    for page in ("/admin", f"/admin/peers/{site.peer.id}"):
        assert f"/admin/syncs/{run.id}" in manager.get(page).text
    shown = manager.get(f"/admin/syncs/{run.id}")
    assert_safe(shown)
    assert "First1 Last1" in shown.text


@pytest.mark.requirement("R83")
def test_what_waits_is_listed_by_name_and_done_only_once_it_was_looked_at(
    site: ListingSite, manager: Visitor
) -> None:
    site.run()
    site.rig.clock.now += 60
    for number in range(1, 11):
        site.lister.drop("enrolments", userid=f"u{number}", sectionid="s1")
    run = ended(site, manager.send(sync_page(site), action="run"))
    assert run.state == runs.WAITING
    path = f"/admin/syncs/{run.id}"
    shown = manager.get(path)
    assert "It waits for you" in shown.text
    assert "10 withdrawn" in shown.text
    assert path in manager.get("/admin/notices").text
    assert "First10 Last10 / Section 1" in shown.text
    only = manager.get(path + "?outcome=restored")
    assert "First10" not in only.text
    assert signed_in(site.rig, CLERK).get(path).status == 200
    assert "It waits for you" not in signed_in(site.rig, CLERK).get(path).text
    assert manager.send(path + "/confirm", page=path).status == 400
    site.rig.clock.now += 60
    confirming = ended(site, manager.send(path + "/confirm", page=path, looked="on"))
    assert confirming.state == runs.DONE
    assert "It was confirmed" in manager.get(path).text
    again = manager.send(path + "/confirm", page=path, looked="on")
    assert again.status == 400
    assert "waits for nobody" in again.text


def test_what_is_missing_over_there_says_so_where_it_is_shown(
    site: ListingSite, manager: Visitor
) -> None:
    site.run()
    site.rig.clock.now += 60
    site.lister.drop("users", idnumber="u40")
    site.lister.drop("assessments", idnumber="a2")
    site.lister.drop("grades", assessmentid="a2")
    site.lister.drop("enrolments", userid="u40")
    site.policy(absences="small")
    diff = site.run()
    if diff.state == runs.WAITING:
        assert site.confirm(diff).state == runs.DONE
    with site.rig.app.database.read() as connection:
        person_id = find_person(connection, "u40")
        section_id = find_section(connection, "s2")
    for path in (f"/admin/people/{person_id}", f"/admin/sections/{section_id}"):
        shown = manager.get(path)
        assert shown.status == 200
        assert "missing there since" in shown.text
    assert "missing there since" not in manager.get("/admin/sections").text


def test_missing_grades_go_only_when_they_are_ticked(site: ListingSite, manager: Visitor) -> None:
    site.run()
    site.rig.clock.now += 60
    site.lister.drop("grades", assessmentid="a2", userid="u1")
    site.lister.drop("grades", assessmentid="a2", userid="u2")
    diff = site.run()
    if diff.state == runs.WAITING:
        assert site.confirm(diff).state == runs.DONE
    path = f"/admin/syncs/{diff.id}"
    shown = manager.get(path)
    ticks = shown.tree.xpath("//input[@name='row']/@value")
    assert len(ticks) == 2
    assert not signed_in(site.rig, CLERK).get(path).tree.xpath("//input[@name='row']")
    assert manager.send(path + "/take-back", page=path).status == 400
    done = manager.send(path + "/take-back", page=path, row=ticks[:1])
    assert done.status == 303
    left = manager.get(path).tree.xpath("//input[@name='row']/@value")
    assert left == ticks[1:]


def test_a_look_applies_nothing(site: ListingSite, manager: Visitor) -> None:
    run = ended(site, manager.send(sync_page(site), action="preview"))
    assert run.state == runs.WAITING
    assert "nothing was applied" in manager.get(f"/admin/syncs/{run.id}").text
    assert "First1 Last1" not in manager.get("/admin/people").text
    card = manager.get(sync_page(site)).tree.xpath("//section[h2='The last one']")[0]
    (look,) = card.xpath("h3[.='Only looked']/following-sibling::p[1]")
    assert f"{PEOPLE + 2 + 60 + 2 + 60} new" in look.text_content()
    assert look.xpath("a/@href")[0].endswith(f"/admin/syncs/{run.id}")
    # A whole run since then has looked anew; a later look stands beside it.
    site.run()
    assert "Only looked" not in manager.get(sync_page(site)).text
    again = ended(site, manager.send(sync_page(site), action="preview"))
    shown = manager.get(sync_page(site))
    (look,) = shown.tree.xpath("//h3[.='Only looked since then']/following-sibling::p[1]")
    assert "it would change nothing" in look.text_content()
    assert look.xpath("a/@href")[0].endswith(f"/admin/syncs/{again.id}")


def test_many_rows_come_page_by_page(site: ListingSite, manager: Visitor) -> None:
    run = ended(site, manager.send(sync_page(site), action="run"))
    path, seen = f"/admin/syncs/{run.id}", 0
    while True:
        shown = manager.get(path)
        seen += len(shown.tree.xpath("//section[@id='rows']//tbody/tr"))
        further = shown.tree.xpath("//a[contains(@href, 'after=')]/@href")
        if not further:
            break
        path = further[0].partition("#")[0]
    assert seen == PEOPLE + 2 + 60 + 2 + 60


def test_when_it_runs_is_chosen_and_what_is_wrong_is_said(
    site: ListingSite, manager: Visitor
) -> None:
    here = sync_page(site)

    def choose(**chosen: str) -> Page:
        return manager.send(here + "/choices", page=here, **chosen)

    wrong = choose(absences="small", sync_every_hours="12", sync_at="late")
    assert wrong.status == 400
    assert "time of day" in wrong.text
    assert 'value="late"' in wrong.text
    saved = choose(absences="preview", sync_every_hours="12", sync_at="04:30")
    assert saved.status == 303
    policy: PeerPolicy = site.peer.policy
    assert (policy.absences, policy.sync_every_hours, policy.sync_at) == ("preview", 12, "04:30")


def test_who_may_see_and_who_may_do(site: ListingSite) -> None:
    clerk = signed_in(site.rig, CLERK)
    assert clerk.get(sync_page(site)).status == 200
    assert clerk.send(sync_page(site), action="run").status == 403
    assert signed_in(site.rig, MANAGER).get("/admin/syncs/999999").status == 404
    assert signed_in(site.rig, MANAGER).get("/admin/peers/999999/sync").status == 404
