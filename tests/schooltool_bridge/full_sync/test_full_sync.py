"""A full sync: what is listed is applied like events, and a whole list says what is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mnet.call_errors import CannotReach
from mnet.xmlrpc import FaultResponse
from peers.audit import By
from schooltool_bridge.cli import lists
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events.applied import source
from schooltool_bridge.events.inbox import OPEN
from schooltool_bridge.events.receiving import receive
from schooltool_bridge.full_sync import differences, marks, runs, walking
from schooltool_bridge.full_sync.runs import Row, Run, Wanted
from schooltool_bridge.full_sync.taking_back import take_back
from schooltool_bridge.hand import enrolments as by_hand
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_person, find_section
from schooltool_bridge.store.model_sync import sync_seen
from tests.helpers.listing import ListingSite, enrolment, grade, listing_site, totals, user
from tests.helpers.rig import SIS


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[ListingSite]:
    made = listing_site(tmp_path, database_url)
    yield made
    made.rig.app.database.close()


@pytest.fixture
def school(site: ListingSite) -> ListingSite:
    """Forty people, whom a run brought."""
    site.lister.small_school(40)
    assert site.run().state == runs.DONE
    return site


def codes(site: ListingSite, section: str = "s1") -> dict[str, str]:
    """What everybody is in a section."""
    with site.rig.app.database.read() as connection:
        rows: list[dict[str, Any]] = lists.enrolments(connection)
    return {r["person"]: r["code"] for r in rows if r["section"] == section}


def since(site: ListingSite, person: str, section: str = "s1") -> str:
    with site.rig.app.database.read() as connection:
        rows: list[dict[str, Any]] = lists.enrolments(connection)
    return next(str(r["since"]) for r in rows if (r["section"], r["person"]) == (section, person))


def push(site: ListingSite, event: str, **data: Any) -> Any:
    with site.rig.app.database.write() as connection:
        sender = source(site.peer, site.rig.app.site)
        return receive(connection, sender, event, data, int(site.rig.clock.now)).answer


def counted(run: Run, entity: str) -> dict[str, int]:
    return {name: n for name, n in run.counts[entity].items() if n}


def marked(site: ListingSite, entity: str) -> int:
    with site.rig.app.database.read() as connection:
        return len(marks.marked(connection, site.peer.id, entity))


def without_runs(dump: dict[str, Any]) -> dict[str, Any]:
    return {name: rows for name, rows in dump.items() if not name.startswith("sync_r")}


@pytest.mark.requirement("R34", "R80", "R81", "R82")
def test_all_comes_and_the_second_time_changes_nothing(site: ListingSite) -> None:
    site.lister.small_school()
    first = site.run()
    assert (first.state, first.reason) == (runs.DONE, "")
    assert totals(first) == {"seen": 28, "created": 28}
    before = site.rig.dump()
    second = site.run()
    assert second.state == runs.DONE
    assert totals(second) == {"seen": 28, "unchanged": 28}
    assert site.rows(second) == []
    assert without_runs(site.rig.dump()) == without_runs(before)


@pytest.mark.requirement("R82")
def test_what_was_missed_comes_and_what_was_changed_changes(school: ListingSite) -> None:
    now = int(school.rig.clock.now)
    school.lister.data["users"][0] |= {"firstname": "Renamed", "timemodified": now}
    school.lister.data["grades"][0] |= {"points_earned": 9, "timemodified": now}
    school.lister.data["users"].append(user(99))
    school.lister.data["enrolments"].append(enrolment(1, 99))
    school.lister.data["enrolments"].append(enrolment(1, 100))
    run = school.run()
    assert run.state == runs.DONE
    assert counted(run, "users") == {"seen": 41, "created": 1, "updated": 1, "unchanged": 39}
    assert counted(run, "grades") == {"seen": 60, "updated": 1, "unchanged": 59}
    assert counted(run, "enrolments") == {"seen": 62, "created": 1, "held": 1, "unchanged": 60}
    held = school.rows(run, runs.HELD)
    assert [(r.name, "user:u100" in r.reason) for r in held] == [("u100 / s1", True)]


def test_what_somebody_dismissed_does_not_come_again(school: ListingSite) -> None:
    school.lister.data["enrolments"].append(enrolment(1, 100))
    school.lister.data["users"].append(user(99, idnumber="u3"))
    assert totals(school.run())["held"] == 1
    resolving = school.rig.app.resolving
    with school.rig.app.database.read() as connection:
        waiting = lists.inbox_list(connection, OPEN)
    assert sorted(str(w["status"]) for w in waiting) == ["conflict", "held"]
    for event in waiting:
        resolving.dismiss(int(str(event["id"])), author=By("clerk", int(school.rig.clock.now)))
    run = school.run()
    assert counted(run, "users")["failed"] == 1
    with school.rig.app.database.read() as connection:
        assert lists.inbox_list(connection, OPEN) == []
    # It is tried all the same: what it waited for may be there by now.
    school.lister.data["users"].append(user(100))
    assert counted(school.run(), "enrolments")["created"] == 1


@pytest.mark.requirement("R83")
def test_who_is_gone_is_withdrawn_and_comes_back(school: ListingSite) -> None:
    school.lister.drop("enrolments", sectionid="s1", userid="u3")
    gone = school.run()
    assert (gone.state, totals(gone)["withdrawn"]) == (runs.DONE, 1)
    assert codes(school)["u3"] == "w"
    assert [(r.entity, r.outcome) for r in school.rows(gone)] == [("enrolments", "withdrawn")]
    again = school.run()
    assert "withdrawn" not in totals(again)
    # Back over there, with the time that it always had.
    school.lister.data["enrolments"].append(enrolment(1, 3))
    back = school.run()
    assert totals(back)["restored"] == 1
    assert codes(school)["u3"] == "a"
    with school.rig.app.database.read() as connection:
        assert run_iso(back) == since(school, "u3"), connection
    last = school.run()
    assert totals(last) == {"seen": 164, "unchanged": 164}


def run_iso(run: Run) -> str:
    from schooltool_bridge.common.days import iso

    taken = run.walks["enrolments"].taken_unix_s
    assert taken is not None
    return iso(taken)


def test_the_end_by_absence_is_as_of_when_the_list_was_taken(school: ListingSite) -> None:
    school.lister.drop("enrolments", userid="u3")
    run = school.run()
    assert since(school, "u3") == run_iso(run)
    assert run.taken_unix_s == int(school.rig.clock.now) - 300


@pytest.mark.requirement("R83")
def test_people_sections_items_and_grades_are_marked_and_stay(school: ListingSite) -> None:
    before = school.rig.dump()
    school.lister.drop("users", idnumber="u40")
    school.lister.drop("grades", assessmentid="a1", userid="u40")
    run = school.run()
    assert run.state == runs.DONE
    assert counted(run, "users")["missing"] == 1
    assert counted(run, "grades")["missing"] == 1
    after = school.rig.dump()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"sync_run", "sync_row", "sync_mark"}
    again = school.run()
    assert counted(again, "users")["missing"] == 1, "missing it is still"
    assert again.state == runs.DONE
    school.lister.data["users"].append(user(40))
    assert "missing" not in counted(school.run(), "users")
    assert marked(school, "users") == 0
    assert marked(school, "grades") == 1


def test_enrolments_end_only_in_sections_that_are_listed(school: ListingSite) -> None:
    school.lister.drop("sections", idnumber="s2")
    school.lister.drop("enrolments", sectionid="s2")
    run = school.run()
    assert "withdrawn" not in totals(run)
    assert counted(run, "sections")["missing"] == 1
    assert set(codes(school, "s2").values()) == {"a"}


@pytest.mark.requirement("R83")
@pytest.mark.parametrize("entity", walking.ENTITIES)
def test_an_empty_list_waits_for_a_person(school: ListingSite, entity: str) -> None:
    school.lister.data[entity] = []
    before = school.rig.dump()
    run = school.run()
    assert run.state == runs.WAITING
    assert differences.EMPTY in run.reason
    assert without_runs(school.rig.dump()) == without_runs(before)
    assert totals(run)["seen"] > 0


@pytest.mark.requirement("R83")
def test_many_wait_and_are_withdrawn_once_confirmed(school: ListingSite) -> None:
    for n in range(1, 11):
        school.lister.drop("enrolments", sectionid="s1", userid=f"u{n}")
    run = school.run()
    assert run.state == runs.WAITING
    assert "10 of 60" in run.reason
    assert set(codes(school).values()) == {"a"}
    assert len(school.rows(run, runs.WITHDRAWN)) == 10
    done = school.confirm(run)
    assert (done.state, done.reason) == (runs.DONE, "")
    assert counted(done, "enrolments")["withdrawn"] == 10
    assert [codes(school)[f"u{n}"] for n in range(1, 12)] == [*["w"] * 10, "a"]
    assert school.get(run).state == runs.DONE
    with pytest.raises(Refused):
        school.confirm(run)
    assert school.run().state == runs.DONE


@pytest.mark.parametrize("side", ["there", "here"])
def test_a_difference_that_changed_since_is_refused(school: ListingSite, side: str) -> None:
    for n in range(1, 11):
        school.lister.drop("enrolments", sectionid="s1", userid=f"u{n}")
    run = school.run()
    if side == "there":
        school.lister.data["enrolments"].append(enrolment(1, 3))
    else:
        school.rig.clock.now += 60
        push(school, "new_enrolment", **enrolment(1, 3), timemodified=int(school.rig.clock.now))
    refused = school.confirm(run)
    assert refused.state == runs.FAILED
    assert refused.reason.startswith("1 of what was to be applied changed since")
    assert set(codes(school).values()) == {"a"}
    assert school.get(run).state == runs.WAITING


def test_another_run_makes_an_older_difference_void(school: ListingSite) -> None:
    school.lister.data["users"] = []
    first = school.run()
    second = school.run()
    assert (school.get(first).state, school.get(first).reason) == (runs.INCOMPLETE, runs.REPLACED)
    with pytest.raises(Refused):
        school.confirm(first)
    assert school.confirm(second).state == runs.DONE
    assert marked(school, "users") == 40


def test_the_policy_preview_always_asks(school: ListingSite) -> None:
    school.policy(absences="preview")
    assert school.run().state == runs.DONE
    school.lister.drop("enrolments", sectionid="s1", userid="u3")
    run = school.run()
    assert (run.state, differences.ALWAYS in run.reason) == (runs.WAITING, True)
    assert codes(school)["u3"] == "a"


def test_a_first_run_that_misses_anything_waits(site: ListingSite) -> None:
    site.lister.small_school()
    push(site, "fetch_user", **user(77), timemodified=site.lister.since_unix_s)
    run = site.run()
    assert (run.state, differences.FIRST in run.reason) == (runs.WAITING, True)
    assert totals(run)["created"] == 28, "what is listed is applied"
    assert site.confirm(run).state == runs.DONE
    assert marked(site, "users") == 1
    assert site.run().state == runs.DONE


def test_another_scope_waits_until_it_is_confirmed(school: ListingSite) -> None:
    school.lister.scope = "category 5"
    assert school.run().state == runs.DONE, "nothing is missing: that scope is compared with now"
    school.lister.scope = "category 6"
    school.lister.drop("enrolments", sectionid="s1", userid="u3")
    run = school.run()
    assert (run.state, differences.NEW_SCOPE in run.reason) == (runs.WAITING, True)
    assert school.run().state == runs.WAITING
    waiting = school.run()
    assert school.confirm(waiting).state == runs.DONE
    assert codes(school)["u3"] == "w"
    assert school.run().state == runs.DONE


def test_what_was_heard_meanwhile_is_not_judged(school: ListingSite) -> None:
    def meanwhile(entity: str, _cursor: str, _limit: int) -> None:
        if entity == "enrolments":
            school.rig.clock.now += 5
            then = school.lister.since_unix_s + 7
            push(school, "new_enrolment", **enrolment(1, 3, status="suspended"), timemodified=then)

    school.lister.drop("enrolments", sectionid="s1", userid="u3")
    school.lister.before = meanwhile
    assert "withdrawn" not in totals(school.run())
    school.lister.before = None
    assert totals(school.run())["withdrawn"] == 1


def test_what_is_newer_than_the_list_is_not_judged(school: ListingSite) -> None:
    school.lister.drop("enrolments", sectionid="s1", userid="u3")
    late = int(school.rig.clock.now) - 100
    push(school, "new_enrolment", **enrolment(1, 3, status="suspended"), timemodified=late)
    assert "withdrawn" not in totals(school.run())
    school.rig.clock.now += 3600
    assert totals(school.run())["withdrawn"] == 1


@pytest.mark.requirement("R10", "R83")
def test_what_is_by_hand_is_never_touched(school: ListingSite) -> None:
    database = school.rig.app.database
    with database.write() as connection:
        author = Author("clerk", int(school.rig.clock.now))
        section_id = find_section(connection, "s1")
        teacher = find_person(connection, "u40")
        # Only by hand; and by the Moodle first, but then by hand.
        by_hand.set_state(connection, author, section_id, teacher, "teacher", "a")
        by_hand.set_state(
            connection, author, section_id, find_person(connection, "u1"), "student", "ps"
        )
        by_hand.set_state(
            connection, author, section_id, find_person(connection, "u2"), "student", "a", text="!"
        )
    for person in ("u1", "u2", "u3"):
        school.lister.drop("enrolments", sectionid="s1", userid=person)
    # So that it is older than the list, too.
    school.rig.clock.now += 3600
    run = school.run()
    assert totals(run)["withdrawn"] == 1
    after = codes(school)
    assert (after["u1"], after["u2"], after["u3"]) == ("ps", "a", "w")


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
    site.sync.let_go(begun)
    assert site.sync.begin(site.peer, Wanted(), "other").id == begun.id


def rows_by_outcome(rows: list[Row]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows:
        found[row.outcome] = found.get(row.outcome, 0) + 1
    return found


def test_a_preview_says_all_and_applies_nothing(school: ListingSite) -> None:
    school.lister.data["users"].append(user(99))
    school.lister.data["enrolments"].append(enrolment(1, 99))
    school.lister.data["grades"].append(grade(1, 99, 3))
    school.lister.drop("enrolments", sectionid="s1", userid="u3")
    before = school.rig.dump()
    run = school.run(is_preview=True)
    assert without_runs(school.rig.dump()) == without_runs(before)
    assert run.state == runs.WAITING
    assert totals(run) == {"seen": 166, "created": 3, "unchanged": 163, "withdrawn": 1}
    assert rows_by_outcome(school.rows(run)) == {"created": 3, "unchanged": 163, "withdrawn": 1}
    assert [p for p in school.rig.app.settings.home.iterdir() if "full-sync-" in p.name] == [
        school.rig.app.settings.home / f".full-sync-{school.peer.id}.lock"
    ]
    # Meanwhile somebody else came, who is not in the difference.
    school.lister.data["users"].append(user(98))
    done = school.confirm(run)
    assert (done.state, done.reason) == (runs.DONE, "")
    assert totals(done)["created"] == 3
    assert (codes(school)["u3"], codes(school)["u99"]) == ("w", "a")
    assert totals(school.run())["created"] == 1


@pytest.mark.parametrize("side", ["there", "here"])
def test_a_preview_that_changed_since_is_refused(school: ListingSite, side: str) -> None:
    now = int(school.rig.clock.now)
    school.lister.data["grades"][4] |= {"points_earned": 9, "timemodified": now}
    run = school.run(is_preview=True)
    if side == "there":
        school.lister.data["grades"][4] |= {"points_earned": 8}
    else:
        push(school, "new_grade", **grade(1, 5, 2), timemodified=now - 10)
    before = without_runs(school.rig.dump())
    refused = school.confirm(run)
    assert refused.state == runs.FAILED
    assert without_runs(school.rig.dump()) == before


def test_a_run_lists_only_so_many_by_name(
    site: ListingSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "MAX_LISTED", 3)
    site.lister.small_school()
    assert rows_by_outcome(site.rows(site.run(is_preview=True))) == {"created": 28}
    run = site.run()
    assert totals(run)["created"] == 28
    assert rows_by_outcome(site.rows(run)) == {"created": 3 + 2 + 3 + 2 + 3}


def test_a_long_fault_is_kept_in_short(site: ListingSite) -> None:
    site.lister.before = lambda *_asked: FaultResponse(8400, "x" * 100_000, None)
    run = site.run()
    assert run.state == runs.INCOMPLETE
    assert len(run.reason) <= runs.MAX_REASON_CHARS


def test_a_preview_without_a_difference_is_done(school: ListingSite) -> None:
    assert school.run(is_preview=True).state == runs.DONE


def test_a_part_judges_nothing(school: ListingSite) -> None:
    school.lister.data["users"] = school.lister.data["users"][:3]
    school.lister.data["enrolments"] = []
    run = school.run(only=("users", "enrolments"))
    assert run.state == runs.DONE
    assert totals(run) == {"seen": 3, "unchanged": 3}


def test_a_run_of_one_section_or_person_takes_what_is_theirs(school: ListingSite) -> None:
    now = int(school.rig.clock.now)
    for item in school.lister.data["grades"]:
        item |= {"points_earned": 1, "timemodified": now}
    for item in school.lister.data["users"]:
        item |= {"email": "new@example.org", "timemodified": now}
    with school.rig.app.database.read() as connection:
        section, person = find_section(connection, "s2"), find_person(connection, "u1")
    of_section = school.run(section_id=section)
    # The one who had a single point has it still.
    assert counted(of_section, "grades") == {"seen": 60, "updated": 19, "unchanged": 1}
    assert counted(of_section, "users") == {}
    of_person = school.run(person_id=person)
    assert counted(of_person, "users") == {"seen": 40, "updated": 1}
    assert counted(of_person, "grades")["unchanged"] == 2
    assert "updated" not in counted(of_person, "grades")


@pytest.mark.requirement("R83")
def test_missing_grades_are_taken_back_only_when_somebody_chooses_them(school: ListingSite) -> None:
    school.lister.drop("grades", assessmentid="a1", userid="u4")
    school.lister.drop("grades", assessmentid="a1", userid="u5")
    school.lister.drop("grades", assessmentid="a1", userid="u6")
    run = school.run()
    assert points(school)["u4"] == 4
    rows = {row.person_id: row for row in school.rows(run, runs.MISSING)}
    with school.rig.app.database.read() as connection:
        chosen = [rows[find_person(connection, p)].id for p in ("u4", "u5")]
    school.rig.clock.now += 60
    push(school, "new_grade", **grade(1, 5, 2), timemodified=int(school.rig.clock.now))
    ids = [i for i in chosen if i is not None]
    assert take_back(school.sync, run.id, ids, "clerk") == 1, "one was told anew"
    assert (points(school).get("u4"), points(school)["u5"], points(school)["u6"]) == (
        None, 2, 6
    )  # fmt: skip
    assert take_back(school.sync, run.id, ids, "clerk") == 0
    with pytest.raises(Refused):
        take_back(school.sync, run.id, [10**6], "clerk")
    school.rig.clock.now += 3600
    assert counted(school.run(), "grades")["missing"] == 2


def points(site: ListingSite) -> dict[str, Any]:
    with site.rig.app.database.read() as connection:
        rows: list[dict[str, Any]] = lists.grades(connection, find_section(connection, "s1"))
    return {r["person"]: r["points"] for r in rows}


def test_what_goes_with_a_section_or_a_leaver_does_not_have_to_be_confirmed(
    school: ListingSite,
) -> None:
    school.lister.drop("sections", idnumber="s2")
    for entity in ("enrolments", "assessments"):
        school.lister.drop(entity, sectionid="s2")
    school.lister.drop("grades", assessmentid="a2")
    school.lister.drop("enrolments", sectionid="s1", userid="u3")
    school.lister.drop("grades", assessmentid="a1", userid="u3")
    run = school.run()
    assert run.state == runs.DONE
    assert totals(run) == {"seen": 120, "unchanged": 120, "withdrawn": 1, "missing": 23}
    for n in range(10, 20):
        school.lister.drop("grades", assessmentid="a1", userid=f"u{n}")
    assert school.run().state == runs.WAITING, "these are missing by themselves"


def test_a_missing_assessment_is_taken_back(school: ListingSite) -> None:
    school.lister.drop("assessments", idnumber="a2")
    school.lister.drop("grades", assessmentid="a2")
    run = school.run()
    done = school.confirm(run) if run.state == runs.WAITING else run
    [row] = [r for r in school.rows(done, runs.MISSING) if r.entity == "assessments"]
    assert row.id is not None
    assert take_back(school.sync, done.id, [row.id], "clerk") == 1
    with school.rig.app.database.read() as connection:
        section = find_section(connection, "s2")
        assert {r["points"] for r in lists.grades(connection, section)} <= {None}
    assert counted(school.run(), "assessments") == {"seen": 1, "unchanged": 1}
