"""Looking first, running a part, and taking back what is missing: only what a person chose."""

from __future__ import annotations

from typing import Any

import pytest

from mnet.xmlrpc import FaultResponse
from schooltool_bridge.cli import lists
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.full_sync import runs
from schooltool_bridge.full_sync.runs import Row
from schooltool_bridge.full_sync.taking_back import take_back
from schooltool_bridge.history.finding import find_person, find_section
from tests.helpers.listing import ListingSite, enrolment, grade, totals, user
from tests.helpers.sync_results import codes, counted, push, without_runs


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
