"""Filing sections under a course and a term, linking them, and segments that follow each other."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from peers import audit
from peers.changes import NotPossible
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.school import filing
from schooltool_bridge.school.chains import Links, check_link
from schooltool_bridge.store.model import assessment, enrolment
from schooltool_bridge.store.model_school import section_filing
from tests.helpers.school import School
from tests.schooltool_bridge.school.ordering import (
    A,
    B,
    add_term,
    add_year,
    change,
    filed,
)


def filings(school: School) -> list[tuple[Any, ...]]:
    history = section_filing.c
    with school.database.read() as connection:
        columns = (history.section_id, history.course_id, history.term_id, history.previous_id)
        return [
            tuple(r)
            for r in connection.execute(
                sa.select(*columns, history.by_actor, history.why).order_by(history.id)
            )
        ]


@pytest.mark.requirement("R43")
def test_sections_are_filed_many_at_once_and_back_and_nothing_is_lost(ordered: School) -> None:
    ordered.push("fetch_user", idnumber="1", username="anna", firstname="Anna", lastname="B")
    ordered.push("new_enrolment", sectionid="5", userid="1", role="student")
    ordered.push("new_assessment", sectionid="5", idnumber="q", name="Quiz", pointval=10)
    ordered.push("new_grade", assessmentid="q", userid="1", points_earned=7)
    before = ordered.dump()
    moved = change(ordered, filing.file, [1, 2, 2], course_id=1, term_id=1, why="autumn")
    assert moved == 2
    assert change(ordered, filing.file, [1, 2], course_id=1, term_id=1) == 0
    assert filed(ordered)[:2] == [(1, 1, 1, None), (2, 1, 1, None)]
    assert change(ordered, filing.file, [1], course_id=None, term_id=None) == 1
    assert filings(ordered) == [
        (1, 1, 1, None, "anna", "autumn"),
        (2, 1, 1, None, "anna", "autumn"),
        (1, None, None, None, "anna", ""),
    ]
    after = ordered.dump()
    after["history"].pop("section_filing", None)
    before["history"].pop("section_filing", None)
    assert after == before
    with ordered.database.read() as connection:
        entry = audit.entries(connection)[0]
    assert (entry.subject, entry.detail) == (
        "section 1",
        {"before": "BIO-1, Autumn 2026, 2026/27", "after": "Ongoing"},
    )


@pytest.mark.requirement("R43")
@pytest.mark.parametrize(
    ("ids", "course", "term", "says"),
    [
        ([], 1, 1, "Choose a section first"),
        ([1, 99], 1, 1, "no section 99"),
        ([1], 1, None, "Choose a term too"),
        ([1], None, 1, "Choose a course too"),
        ([1], 9, 1, "no such course"),
        ([1], 1, 9, "no such term"),
        (list(range(1, 500)), 1, 1, "At most 400"),
    ],
)
def test_a_wrong_filing_moves_nothing(
    ordered: School, ids: list[int], course: int | None, term: int | None, says: str
) -> None:
    with pytest.raises((NotPossible, NotThere)) as refused:
        change(ordered, filing.file, ids, course_id=course, term_id=term)
    assert says in str(refused.value)
    assert all(row[1:3] == (None, None) for row in filed(ordered))
    assert not filings(ordered)


@pytest.mark.requirement("R45")
def test_linked_sections_follow_each_other_in_one_year(ordered: School) -> None:
    change(ordered, filing.link, 2, 1)
    change(ordered, filing.file, [1], course_id=1, term_id=1)
    with pytest.raises(NotPossible, match=r"'Section 6' continues 'Section 5'.*not right after"):
        change(ordered, filing.file, [2], course_id=1, term_id=3)
    with pytest.raises(NotPossible, match="not right after"):
        change(ordered, filing.file, [2, 3], course_id=1, term_id=1)
    assert filed(ordered)[1:] == [(2, None, None, 1), (3, None, None, None)]
    change(ordered, filing.file, [2], course_id=1, term_id=2)
    change(ordered, filing.file, [3], course_id=1, term_id=2)
    with pytest.raises(NotPossible, match="continued by another one"):
        change(ordered, filing.link, 3, 1)
    with pytest.raises(NotPossible, match="not right after"):
        change(ordered, filing.link, 3, 2)
    next_year = add_year(ordered, "2027/28", date(2027, 9, 1), date(2028, 7, 1))
    late = add_term(ordered, next_year, "Autumn 2027", date(2027, 9, 1), date(2027, 12, 20))
    change(ordered, filing.file, [3], course_id=1, term_id=late)
    with pytest.raises(NotPossible, match="lie in one year, not in 2026/27 and 2027/28"):
        change(ordered, filing.link, 3, 2)
    change(ordered, filing.link, 2, None, why="was a slip")
    assert filings(ordered)[-1] == (2, 1, 2, None, "anna", "was a slip")


def test_loops_are_refused(ordered: School) -> None:
    change(ordered, filing.link, 2, 1)
    change(ordered, filing.link, 3, 2)
    assert change(ordered, filing.link, 3, 2) is False
    for of, to in ((1, 1), (1, 3), (1, 2)):
        with pytest.raises(NotPossible, match=r"itself|loop|continued by another"):
            change(ordered, filing.link, of, to)
    assert [row[3] for row in filed(ordered)] == [None, 1, 2]


@pytest.mark.requirement("R45")
def test_segments_are_linked_by_themselves_in_their_order(ordered: School) -> None:
    for segment in ("10", "2"):
        ordered.push("new_section", idnumber="8", name="Maths", segment=segment)
    ordered.push("new_section", B, idnumber="8", name="Other", segment="3")
    with ordered.database.read() as connection:
        links = filing.links(connection)
    assert links.chain(4) == links.chain(5) == [5, 4]
    assert links.chain(6) == [6], "the same number of another peer is another thing"
    with pytest.raises(NotPossible, match="earlier segment already"):
        change(ordered, filing.link, 4, 1)
    change(ordered, filing.link, 5, 1)
    change(ordered, filing.file, [5], course_id=1, term_id=2)
    with pytest.raises(NotPossible, match="A later segment cannot be in Autumn 2026"):
        change(ordered, filing.file, [4], course_id=1, term_id=1)
    with ordered.database.read() as connection:
        assert filing.links(connection).chain(4) == [1, 5, 4]


@pytest.mark.requirement("R45")
@given(
    asked=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=30),
    segments=st.dictionaries(st.integers(1, 7), st.just(None)),
)
def test_links_never_make_a_loop_and_chains_always_end(
    asked: list[tuple[int, int]], segments: dict[int, None]
) -> None:
    by_segment = {s: s - 1 for s in segments}
    by_hand: dict[int, int] = {}
    for of, to in asked:
        try:
            check_link(Links(by_segment, by_hand), of, to)
        except NotPossible:
            continue
        by_hand[of] = to
    links = Links(by_segment, by_hand)
    for start in range(8):
        seen = [start]
        while (before := links.previous(seen[-1])) is not None:
            assert before not in seen, "a loop"
            seen.append(before)
        assert len(links.following(start)) <= 1
        chain = links.chain(start)
        assert len(set(chain)) == len(chain)
        assert chain[: chain.index(start) + 1] == seen[::-1]
        assert all(links.chain(other) == chain for other in chain)


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.requirement("R45")
@pytest.mark.parametrize(
    ("zone", "when", "segment"),
    [
        ("UTC", "2026-09-01T00:00", "1"),
        ("UTC", "2026-12-20T23:59:59", "1"),
        ("UTC", "2026-12-21T00:00", "3"),  # between terms: the highest
        ("UTC", "2027-01-07T00:00", "2"),
        ("UTC", "1999-01-01T00:00", "3"),
        # The last evening of the term at school is the next day in UTC.
        ("America/Los_Angeles", "2026-12-21T05:00", "1"),
        ("UTC", "2026-12-21T05:00", "3"),
    ],
)
def test_an_event_without_segment_goes_to_the_one_whose_term_holds_it(
    ordered: School, zone: str, when: str, segment: str
) -> None:
    ordered.now = at("2027-07-01T00:00")
    for number in ("1", "2", "3"):
        ordered.push("new_section", idnumber="9", name=f"Part {number}", segment=number)
    ordered.push("fetch_user", idnumber="1", username="anna", firstname="Anna", lastname="B")
    change(ordered, filing.file, [4], course_id=1, term_id=1)
    change(ordered, filing.file, [5], course_id=1, term_id=2)
    ordered.sources[A] = ordered.sources[A]._replace(zone=ZoneInfo(zone))
    ordered.push(
        "new_enrolment", sectionid="9", userid="1", role="student", timemodified=at(when)
    )  # fmt: skip
    ordered.push(
        "new_assessment", sectionid="9", idnumber="q", name="Quiz", pointval=1, timemodified=at(when)
    )  # fmt: skip
    with ordered.database.read() as connection:
        wanted = 3 + int(segment)
        assert connection.execute(sa.select(enrolment.c.section_id)).scalar() == wanted
        assert connection.execute(sa.select(assessment.c.section_id)).scalar() == wanted


def test_a_segment_that_is_named_counts_and_a_time_beyond_calendars_is_refused(
    ordered: School,
) -> None:
    for number in ("1", "2"):
        ordered.push("new_section", idnumber="9", name="Part", segment=number)
    ordered.push("fetch_user", idnumber="1", username="anna", firstname="Anna", lastname="B")
    change(ordered, filing.file, [4], course_id=1, term_id=1)
    ordered.now = at("2027-07-01T00:00")
    pupil = {"sectionid": "9", "userid": "1", "role": "student"}
    ordered.push("new_enrolment", **pupil, segment="2", timemodified=at("2026-10-01T00:00"))
    code, text = ordered.fault("new_enrolment", **pupil, timemodified=2**50)
    assert (code, "timemodified" in text) == (8400, True)
    with ordered.database.read() as connection:
        assert connection.execute(sa.select(enrolment.c.section_id)).scalars().all() == [5]
    ordered.push("new_section", idnumber="9", name="Anew", timemodified=at("2026-12-01T00:00"))
    assert [s["name"] for s in ordered.sections() if s["idnumber"] == "9"] == ["Anew", "Part"]
