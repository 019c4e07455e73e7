"""The list of who fails: by percent, by mark, by state; whole, and by few statements."""

from __future__ import annotations

from decimal import Decimal

import pytest
import sqlalchemy as sa

from schooltool_bridge.history import as_of, reached
from schooltool_bridge.reports import standing
from schooltool_bridge.reports.kinds import failing
from schooltool_bridge.store.model import section
from tests.helpers.any_day_comparing import percents_of
from tests.helpers.report_story import (
    ADA,
    BOB,
    CLEO,
    ZONE,
    by_hand,
    enrol,
    file_under_a_term,
    final,
    graded,
    item,
    on,
)
from tests.helpers.school import School


def test_the_failing_list_goes_by_percent_by_mark_and_by_state(school: School) -> None:
    enrol(school, "algebra", CLEO, 1)
    for who, points in ((ADA, 10), (BOB, 15), (CLEO, 5)):
        graded(school, "quiz", who, points, 12)

    def listed(at: int | None = None) -> list[tuple[str, str]]:
        with school.database.read() as connection:
            found = failing.read(connection, below=failing.DEFAULT_BELOW, term_id=None, at_unix_s=at, now_unix_s=school.now)  # fmt: skip
        return [(f.person.firstname, f.reason) for f in found.lines]

    assert listed() == [("Cleo", "below 60 %"), ("Ada", "below 60 %")]
    assert listed(on(11)) == []
    final(school, ADA, "A", "95", day=30)
    final(school, BOB, "F", "40", day=30)
    school.push("end_enrolment", sectionid="algebra", userid=CLEO, timemodified=on(40))
    assert listed() == [("Bob", "final mark")]
    final(school, ADA, "A", "59.5", day=41)
    assert listed() == [("Bob", "final mark"), ("Ada", "below 60 %")], "whatever the mark says"


def test_a_failing_list_too_long_for_a_page_is_whole_in_its_csv(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failing, "MAX_LINES", 1)
    monkeypatch.setattr(standing, "ROWS_AT_ONCE", 1)
    for who in (ADA, BOB):
        graded(school, "essay", who, 1, 20)
    with school.database.read() as connection:
        found = failing.read(connection, below=Decimal(101), term_id=None, at_unix_s=None, now_unix_s=school.now)  # fmt: skip
    assert len(found.lines) > 1
    paper = failing.paper_of(found, ZONE)
    ((*_, shown, _mark, _why),), (*_, of_csv, _mark, _why) = (
        paper.tables[0].rows,
        paper.flat.rows[0],
    )
    assert (shown, of_csv) == ("1.25 %", Decimal("1.25"))
    assert len(paper.flat.rows) == len(found.lines)
    assert f"the first 1 of {len(found.lines)}" in paper.tables[0].note


def test_the_failing_list_is_the_same_however_much_is_read_at_once(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(6):
        school.push("new_section", idnumber=f"s{n}", name=f"S{n}")
        enrol(school, f"s{n}", ADA, 1)
        school.push("new_assessment", sectionid=f"s{n}", idnumber=f"i{n}", name="I", pointval=10)
        graded(school, f"i{n}", ADA, 3, 4)

    def listed() -> list[str]:
        with school.database.read() as connection:
            found = failing.read(connection, below=failing.DEFAULT_BELOW, term_id=None, at_unix_s=None, now_unix_s=school.now)  # fmt: skip
        return [f"{f.snapshot.name} {f.person.firstname}" for f in found.lines]

    together = listed()
    assert together[-6:] == [f"S{n} Ada" for n in range(6)]
    for at_once in (1, 5):
        monkeypatch.setattr(standing, "ROWS_AT_ONCE", at_once)
        assert listed() == together


@pytest.mark.requirement("R75", "R76")
def test_what_is_added_up_is_what_is_folded_cell_by_cell(school: School) -> None:
    file_under_a_term(school)  # with weights from day 20 on
    item(school, "extra", "Extra", 10, 3, extra_credit=True)
    item(school, "long", "Long", 30, 3)
    for what, who, points, day in (
        ("quiz", ADA, 10, 12), ("quiz", BOB, 15, 12), ("essay", ADA, 70.5, 14),
        ("extra", ADA, 3, 15), ("long", ADA, "8.3333333333", 15), ("long", BOB, 29.99999, 16),
        ("quiz", ADA, 12, 25),  # again, later
    ):  # fmt: skip
        graded(school, what, who, points, day)
    graded(school, "essay", BOB, 20, 15, excepted=True)
    by_hand(school, "long", BOB, "12.345", 30, "looked again")
    item(school, "essay", "Essay", 100, 35)  # is worth more now
    every = sa.select(section.c.id)
    with school.database.read() as connection:
        for when in (None, 1, 11, 12, 13, 15, 18, 21, 26, 31, 36):
            moment = None if when is None else on(when)
            one_by_one = as_of.of_sections(connection, every, moment)
            added_up = reached.of_sections(connection, every, moment)
            assert {s.snapshot.id: s.percents for s in added_up} == {
                s.id: percents_of(s) for s in one_by_one
            }, when
            if when is None:
                assert len({p for s in added_up for p in s.percents.values()}) > 2
