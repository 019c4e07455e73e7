"""The dates of an enrolment hold on any day asked about, and nothing has to run for it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from peers.policy import PeerPolicy
from schooltool_bridge.hand import enrolments as by_hand
from schooltool_bridge.history import roster, school_roles
from schooltool_bridge.history.author import Author
from schooltool_bridge.oneroster.export_roster import Reading, enrolments
from tests.helpers.school import ANNA, GRADE, NOW, PUPIL, QUIZ, SECTION, TOM, School

DAY = 86_400
ANNA_THERE, TOM_THERE = ("5", "1", "student"), ("5", "9", "teacher")


@pytest.fixture
def term(database_url: str) -> Iterator[School]:
    """Anna and Tom are known, and Algebra, in which nobody is; it is day 100."""
    school = School.open(database_url)
    school.push("fetch_user", **ANNA, timemodified=NOW)
    school.push("fetch_user", **TOM, timemodified=NOW)
    school.push("new_section", **SECTION, timemodified=NOW)
    school.now = day(100)
    yield school
    school.database.close()


def day(number: float) -> int:
    return NOW + int(number * DAY)


def enrol(school: School, told: float, **more: Any) -> Any:
    """Enrol Anna, as it was changed in the Moodle on a day; answer the status."""
    dates = {n: day(more.pop(n)) for n in ("timestart", "timeend") if more.get(n) is not None}
    return school.status("new_enrolment", **PUPIL | dates | more, timemodified=day(told))


def on(school: School, *days: float, who: tuple[str, str, str] = ANNA_THERE) -> list[str]:
    """What somebody is as of some days, and last of all today."""
    asked = [school.enrolments(day(d)).get(who, "") for d in days]
    return [*asked, school.enrolments().get(who, "")]


def since(school: School) -> float:
    """Since which day Anna is what she is now."""
    place = _ids(school)
    return (school.read(lambda c: roster.current(c, *place))["student"].since_unix_s - NOW) / DAY


def _ids(school: School) -> tuple[int, int]:
    anna = next(p for p in school.people() if p["idnumber"] == "1")
    return int(str(school.sections()[0]["id"])), int(str(anna["id"]))


@pytest.mark.requirement("1.3")
def test_pending_before_its_start_and_over_from_its_end(term: School) -> None:
    assert enrol(term, 90, timestart=110, timeend=120) == "created"
    assert on(term, 89, 90, 109.99, 110, 119.99, 120, 500) == ["", "p", "p", "a", "a", "en", "en", "p"]  # fmt: skip
    for now, code, day_of in ((109, "p", 90), (110, "a", 110), (119, "a", 110), (121, "en", 120)):
        term.now = day(now)
        assert (on(term)[-1], since(term)) == (code, day_of)
    assert on(term, 95, 115, 125) == ["p", "a", "en", "en"]


@pytest.mark.requirement("1.3")
def test_it_begins_at_its_start_though_it_was_told_later(term: School) -> None:
    enrol(term, 90, timestart=50)
    assert on(term, 49, 50, 89, 91) == ["", "a", "a", "a", "a"]
    assert since(term) == 50
    # Moved earlier it counts, moved later it leaves what was so.
    assert enrol(term, 92, timestart=40) == "updated"
    assert on(term, 39, 40, 51, 93) == ["", "a", "a", "a", "a"]
    enrol(term, 94, timestart=60)
    assert on(term, 39, 40, 55, 95) == ["", "a", "a", "a", "a"]
    # Moved into what is to come it waits again, from then on.
    enrol(term, 96, timestart=120)
    assert on(term, 95, 97, 119, 121) == ["a", "p", "p", "a", "p"]


def test_what_was_over_when_it_was_first_told_was_over_then(term: School) -> None:
    enrol(term, 90, timestart=40, timeend=60)
    assert on(term, 39, 40, 59, 60, 89) == ["", "a", "a", "en", "en", "en"]
    assert since(term) == 60


@pytest.mark.requirement("1.3")
@pytest.mark.parametrize("later", [{"timeend": 200}, {}, {"timeend": 2_147_483_647}])
def test_a_later_end_or_none_makes_it_active_again(term: School, later: dict[str, Any]) -> None:
    enrol(term, 30, timestart=20, timeend=40)
    assert on(term, 39, 41) == ["a", "en", "en"]
    if later.get("timeend", 0) > 1_000:
        later = {}
        assert term.status(
            "new_enrolment", **PUPIL, timestart=day(20), timeend=2_147_483_647, timemodified=day(50)
        ) == "updated"  # fmt: skip
    else:
        assert enrol(term, 50, timestart=20, **later) == "updated"
    # Yesterday stays: it was over from 40 to 50.
    assert on(term, 39, 41, 49, 50) == ["a", "en", "en", "a", "a"]
    assert on(term, 201)[0] == ("en" if later else "a")


@pytest.mark.requirement("1.3")
def test_a_withdrawal_and_a_persons_entry_stand(term: School) -> None:
    enrol(term, 30, timestart=20, timeend=60)
    term.push("end_enrolment", sectionid="5", userid="1", timemodified=day(50))
    assert on(term, 49, 51, 61) == ["a", "wn", "wn", "wn"]
    # Back again, with the same dates as before: that enrolment ended.
    enrol(term, 55, timestart=20, timeend=60)
    assert on(term, 51, 56, 61) == ["wn", "a", "en", "en"]
    written(term, "ps", 58)
    assert on(term, 59, 61) == ["ps", "ps", "ps"]
    written(term, "a", 62)
    assert on(term, 61, 63, 500) == ["ps", "a", "a", "a"]


def test_whoever_is_taken_out_after_the_end_did_not_withdraw(term: School) -> None:
    enrol(term, 30, timestart=20, timeend=60)
    term.push("end_enrolment", sectionid="5", userid="1", timemodified=day(70))
    assert on(term, 59, 61, 71) == ["a", "en", "en", "en"]
    # Before its begin it is a withdrawal: nothing shall make it active.
    enrol(term, 80, timestart=120)
    term.push("end_enrolment", sectionid="5", userid="1", timemodified=day(85))
    assert on(term, 81, 86, 121) == ["p", "wn", "wn", "wn"]


def test_whoever_is_out_already_is_not_taken_out_once_more(term: School) -> None:
    enrol(term, 90)
    term.push("end_enrolment", **PUPIL, timemodified=day(95))
    assert term.status("end_enrolment", **PUPIL) == "unchanged"  # said again, without a time
    assert enrol(term, 97) == "updated"  # and this was on its way meanwhile
    assert on(term, 96, 98) == ["wn", "a", "a"]


def written(school: School, code: str, at: float | None = None, text: str = "") -> None:
    with school.database.write() as connection:
        by_hand.set_state(
            connection,
            Author("carl", school.now),
            *_ids(school),
            "student",
            code,
            text=text,
            effective_unix_s=None if at is None else day(at),
        )


def test_an_earlier_stay_is_not_reached(term: School) -> None:
    enrol(term, 30)
    term.push("end_enrolment", sectionid="5", userid="1", timemodified=day(40))
    enrol(term, 60, timestart=20)
    assert on(term, 21, 31, 41, 59, 61) == ["", "a", "wn", "wn", "a", "a"]


@pytest.mark.requirement("1.3")
def test_the_order_of_arrival_does_not_matter(tmp_path: Path) -> None:
    told: list[tuple[str, dict[str, Any]]] = [
        ("new_enrolment", {**PUPIL, "timestart": day(20), "timeend": day(60), "timemodified": day(30)}),
        ("new_enrolment", {**PUPIL, "timestart": day(10), "timemodified": day(45)}),
        ("end_enrolment", {"sectionid": "5", "userid": "1", "timemodified": day(50)}),
        ("new_enrolment", {**PUPIL, "timestart": day(55), "timeend": day(70), "status": "suspended",
                           "timemodified": day(52)}),
    ]  # fmt: skip
    asked = (9, 10, 25, 46, 51, 53, 56, 71)
    for number, order in enumerate(itertools.permutations(told)):
        school = School.open(f"sqlite:///{tmp_path / f'{number}.sqlite'}")
        for event, data in (("fetch_user", ANNA), ("new_section", SECTION)):
            school.push(event, **data, timemodified=NOW)
        school.now = day(100)
        school.push_all(list(order))
        assert on(school, *asked) == ["", "a", "a", "a", "wn", "p", "s", "en", "en"]
        school.database.close()


@pytest.mark.requirement("1.3")
def test_policies_say_how_far_dates_hold(term: School) -> None:
    def taught(told: float) -> list[str]:
        term.push("new_enrolment", sectionid="5", userid="9", role="teacher", timestart=day(150),
                  timeend=day(160), timemodified=day(told))  # fmt: skip
        return on(term, told, 155, 161, who=TOM_THERE)[:3]

    assert taught(90) == ["p", "a", "a"]
    enrol(term, 90, timestart=150, timeend=160)
    each = {
        "hold": ["p", "a", "en"],
        "ignore start": ["a", "a", "en"],
        "ignore end": ["p", "a", "a"],
        "ignore": ["a", "a", "a"],
    }
    for told, (policy, expected) in enumerate(each.items(), 91):
        rules = {"dates_students": policy, "dates_teachers": policy}
        (wwwroot, source), *_ = term.sources.items()
        term.sources[wwwroot] = source._replace(policy=PeerPolicy.from_stored(rules))
        assert taught(told) == expected
        enrol(term, told, timestart=150, timeend=160)
        assert on(term, told, 155, 161)[:3] == expected
    # What was told under another policy keeps that one.
    assert on(term, 90.5, 90.9)[:2] == ["p", "p"]


def test_suspended_and_active_are_words_too(term: School) -> None:
    enrol(term, 90, status="suspended", timestart=95)
    assert on(term, 91, 96) == ["p", "s", "s"]
    enrol(term, 97, status="active", timestart=95)
    assert on(term, 96, 98) == ["s", "a", "a"]


def test_a_repeat_is_no_news_and_other_dates_are(term: School) -> None:
    assert enrol(term, 90, timestart=110, timeend=120) == "created"
    assert enrol(term, 90, timestart=110, timeend=120) == "unchanged"
    untimed = {**PUPIL, "timestart": day(110), "timeend": day(120)}
    assert term.status("new_enrolment", **untimed) == "unchanged"
    assert term.status("new_enrolment", **untimed | {"timeend": day(130)}) == "updated"
    term.now = day(125)
    assert on(term) == ["a"]


@pytest.mark.requirement("R53")
def test_a_code_given_later_leaves_the_day_of_the_withdrawal(term: School) -> None:
    enrol(term, 30)
    term.push("end_enrolment", sectionid="5", userid="1", timemodified=day(50))
    written(term, "wp", text="Moved to another school.")
    assert (since(term), on(term, 49, 51, 99)) == (50, ["a", "wn", "wn", "wp"])
    assert _exported(term) == {"beginDate": _day(30), "endDate": _day(51)}
    written(term, "wf", 40)
    assert on(term, 39, 41, 51) == ["a", "wf", "wf", "wp"]
    assert since(term) == 40
    written(term, "wp", 70)
    assert since(term) == 70
    term.push("new_assessment", **QUIZ, timemodified=day(20))
    term.push("new_grade", **GRADE, timemodified=day(30))
    assert on(term, 39, 41, 71) == ["a", "wf", "wp", "wp"]


@pytest.mark.requirement("R53")
def test_a_code_given_for_a_day_moves_the_withdrawal(term: School) -> None:
    enrol(term, 30)
    term.push("end_enrolment", sectionid="5", userid="1", timemodified=day(50))
    written(term, "wp", 60)
    assert (since(term), on(term, 51, 59, 60)) == (60, ["wn", "wn", "wp", "wp"])


def _day(number: int) -> str:
    return datetime.fromtimestamp(day(number), UTC).date().isoformat()


def _exported(school: School) -> dict[str, str]:
    """When Anna came and went, as a package tells others."""
    today = datetime.fromtimestamp(school.now, UTC).date()
    with school.database.read() as connection:
        reading = Reading(connection, "1.1", "School", ZoneInfo("UTC"), today)
        (row,) = list(enrolments(reading))
    return {name: row[name] for name in ("beginDate", "endDate")}


def test_a_package_tells_when_it_ended_by_its_date(term: School) -> None:
    enrol(term, 30, timestart=20, timeend=60)
    assert _exported(term) == {"beginDate": _day(20), "endDate": _day(60 + 1)}


@pytest.mark.requirement("1.3")
def test_who_is_a_student_here_goes_by_the_dates(term: School) -> None:
    enrol(term, 90, timestart=110, timeend=120)
    _section, anna = _ids(term)
    for now, role in ((100, "other"), (111, "student"), (121, "other")):
        term.now = day(now)
        assert term.read(lambda c: school_roles.of_person(c, anna)) == (role,)
        with term.database.read() as connection:
            assert school_roles.may(connection, anna, [role])


def test_dates_that_are_none_say_nothing(term: School) -> None:
    enrol(term, 90)
    for told, nothing in ((91, 0), (92, ""), (93, None)):
        data = {**PUPIL, "timestart": nothing, "timeend": nothing, "timemodified": day(told)}
        term.push("new_enrolment", **data)
        assert on(term, 500) == ["a", "a"]
