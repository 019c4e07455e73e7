"""Lists that contradict themselves, are cut or do not come: nobody is withdrawn, and a run goes on."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from mnet.call_errors import CannotReach
from mnet.xmlrpc import FaultResponse
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.full_sync import runs, walking
from schooltool_bridge.full_sync.runs import Wanted
from schooltool_bridge.store.model_sync import sync_seen
from tests.helpers.listing import ListingSite, totals
from tests.helpers.rig import SIS
from tests.helpers.sync_results import codes

LIES: dict[str, Any] = {
    "count": lambda _e, a: {**a, "count": a["count"] + 1} if not a["next"] else a,
    "taken_at": lambda _e, a: {**a, "taken_at": a["taken_at"] + 1} if not a["next"] else a,
    "scope": lambda _e, a: {**a, "scope": "other"} if not a["next"] else a,
    "left out": lambda _e, a: {**a, "complete": 0},
    "no time": lambda _e, a: {**a, "taken_at": 0},
    "cut": lambda _e, a: {**a, "items": a["items"][:-1]},
    "unreadable": lambda _e, a: {**a, "items": [*a["items"][:-1], "?"]},
}


@pytest.mark.requirement("R83")
@pytest.mark.parametrize("lie", LIES)
def test_a_list_that_contradicts_itself_withdraws_nobody(school: ListingSite, lie: str) -> None:
    school.lister.most = 7
    school.lister.drop("enrolments", sectionid="s1", userid="u3")
    school.lister.twist = LIES[lie]
    before = codes(school)
    run = school.run()
    assert run.state == runs.INCOMPLETE
    assert run.reason
    assert not {"withdrawn", "missing"} & totals(run).keys()
    assert codes(school) == before
    school.lister.twist = None
    assert totals(school.run())["withdrawn"] == 1


@pytest.mark.requirement("R83")
def test_a_list_that_shrinks_while_it_is_walked_withdraws_nobody(school: ListingSite) -> None:
    def shrink(entity: str, cursor: str, _limit: int) -> None:
        if entity == "enrolments" and cursor:
            del school.lister.data["enrolments"][20:]

    school.lister.most = 10
    school.lister.before = shrink
    before = codes(school)
    run = school.run()
    assert codes(school) == before or run.state == runs.DONE
    assert not (run.state == runs.DONE and "withdrawn" in totals(run))


def test_a_walk_in_a_circle_ends(school: ListingSite) -> None:
    page = {"items": [], "count": 9, "taken_at": int(school.rig.clock.now), "scope": "all"}
    following = {"": "a", "a": "b", "b": "c", "c": "d", "d": "b"}
    school.lister.before = lambda _e, cursor, _l: {**page, "next": following[cursor]}
    run = school.run()
    assert (run.state, walking.NO_END in run.reason) == (runs.INCOMPLETE, True)
    assert len(school.lister.asked) < 100


ANSWERS = {
    "no struct": "?",
    "no items": {"next": "", "count": 0, "taken_at": 1, "scope": "", "complete": 1},
    "more than asked": {"items": [{}] * 201, "next": "", "count": 201},
    "long cursor": {"items": [], "next": "x" * 256},
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_is_none_fails_the_run(school: ListingSite, answer: str) -> None:
    school.lister.before = lambda *_asked: ANSWERS[answer]
    run = school.run()
    assert run.state == runs.FAILED
    assert "full_sync" in run.reason
    assert school.run(only=("users",)).state == runs.FAILED


def test_a_peer_without_full_sync_is_told_of(site: ListingSite) -> None:
    site.voucher.scripted["listMethods"] = lambda: [f"{SIS}server_info"]
    run = site.run()
    assert run.state == runs.FAILED
    assert run.reason.startswith(f"{run.peer} offers no full_sync")


def test_a_kind_that_the_peer_does_not_send_is_left_alone(school: ListingSite) -> None:
    school.lister.before = lambda entity, *_rest: (
        FaultResponse(8403, "grades are switched off", None) if entity == "grades" else None
    )
    school.lister.drop("enrolments", sectionid="s1", userid="u3")
    run = school.run()
    assert (run.state, totals(run)["withdrawn"]) == (runs.DONE, 1)
    assert run.reason == "Grades: nothing of this kind is sent: grades are switched off."
    school.lister.before = lambda *_asked: FaultResponse(8403, "all is switched off", None)
    assert school.run().state == runs.FAILED
    school.lister.before = lambda *_asked: FaultResponse(8400, "no such cursor", None)
    assert school.run().state == runs.INCOMPLETE


def test_what_a_policy_keeps_out_is_not_asked_for(school: ListingSite) -> None:
    school.policy(accept_grades="no")
    school.lister.asked.clear()
    assert school.run().state == runs.DONE
    assert {entity for entity, _c, _l in school.lister.asked} == {
        "users", "sections", "enrolments"
    }  # fmt: skip


def test_a_page_that_does_not_come_is_asked_for_again(school: ListingSite) -> None:
    left = [3]

    def fail(*_asked: object) -> None:
        if left[0]:
            left[0] -= 1
            raise CannotReach("no")

    school.lister.before = fail
    assert school.run().state == runs.DONE
    assert school.waited_s == [1.0, 4.0, 10.0]
    left[0] = 10**6
    run = school.run()
    assert (run.state, run.reason) == (runs.FAILED, "no")


class Killed(BaseException):
    """As kill -9: nothing is tidied up."""


@pytest.mark.requirement("R82")
@pytest.mark.parametrize("page", range(1, 12, 3))
def test_a_killed_run_goes_on_behind_its_last_page(site: ListingSite, page: int) -> None:
    site.lister.small_school(20)
    site.lister.most = 10

    def kill(*_asked: object) -> None:
        if len(site.lister.asked) == page:
            raise Killed

    site.lister.before = kill
    with pytest.raises(Killed):
        site.run()
    site.lister.before = None
    asked = list(site.lister.asked)
    run = site.run()
    assert run.state == runs.DONE
    assert totals(run) == {"seen": 84, "created": 84}
    assert site.lister.asked[page] == asked[page - 1], "the page that did not come"
    assert len(site.lister.asked) == len(set(site.lister.asked)) + 1
    with site.rig.app.database.read() as connection:
        assert connection.execute(sa.select(sync_seen)).all() == []


def test_one_run_of_a_peer_at_a_time(site: ListingSite) -> None:
    begun = site.sync.begin(site.peer, Wanted(), "test")
    with pytest.raises(Refused, match="is under way"):
        site.sync.begin(site.peer, Wanted(), "test")
    site.sync.release(begun)
    assert site.sync.begin(site.peer, Wanted(), "other").id == begun.id
