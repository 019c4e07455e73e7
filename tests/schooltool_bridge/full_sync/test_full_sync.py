"""A full sync: what is listed is applied like events, and a whole list says what is gone."""

from __future__ import annotations

import pytest

from peers.audit import By
from schooltool_bridge.cli import lists
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events.inbox import OPEN
from schooltool_bridge.full_sync import differences, runs, walking
from schooltool_bridge.full_sync.runs import Run
from schooltool_bridge.hand import enrolments as by_hand
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_person, find_section
from tests.helpers.listing import ListingSite, enrolment, totals, user
from tests.helpers.sync_results import codes, counted, marked, push, since, without_runs


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


def test_a_reason_says_how_many_its_table_has_too(school: ListingSite) -> None:
    school.lister.drop("users", idnumber="u40")
    for n in range(1, 15):
        school.lister.drop("grades", assessmentid="a1", userid=f"u{n}")
    # Two left, and so their grades went; one grade is known as missing from before.
    for n in (13, 14):
        school.lister.drop("enrolments", sectionid="s1", userid=f"u{n}")
    run = school.run()
    assert run.state == runs.WAITING
    assert counted(run, "grades")["missing"] == 14
    assert "Grades: 14 of 60 are missing: 12 by themselves, the others only with" in run.reason


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
