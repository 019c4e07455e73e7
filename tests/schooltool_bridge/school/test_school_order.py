"""The school's own order: years, terms, courses, filing, links; what is refused and what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from peers import audit
from peers.changes import NotPossible
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import courses, filing, spans, years
from schooltool_bridge.school.chains import Links, check_link
from schooltool_bridge.school.spans import Span
from schooltool_bridge.store.model import assessment, enrolment, section
from schooltool_bridge.store.model_school import section_filing
from tests.helpers.school import NOW, School

A, B = "http://moodle.example.org", "http://other.example.org"
AUTUMN = (date(2026, 9, 1), date(2026, 12, 20))
WINTER = (date(2027, 1, 7), date(2027, 3, 31))
SPRING = (date(2027, 4, 12), date(2027, 7, 2))


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = School.open(database_url, A, B)
    yield school
    school.database.close()


@pytest.fixture
def ordered(school: School) -> School:
    """A year of three terms, a course, and three sections."""
    year = add_year(school)
    for title, days in (("Autumn 2026", AUTUMN), ("Winter", WINTER), ("Spring", SPRING)):
        add_term(school, year, title, *days)
    add_course(school, "BIO-1", "Biology")
    for number in ("5", "6", "7"):
        school.push("new_section", idnumber=number, name=f"Section {number}")
    return school


def change(school: School, do: Callable[..., Any], *given: Any, **named: Any) -> Any:
    with school.database.write() as connection:
        author = Author("anna", NOW, named.pop("why", ""))
        return do(connection, author, *given, **named)


def add_year(
    school: School, title: str = "2026/27", first: date = AUTUMN[0], last: date = SPRING[1]
) -> int:
    found: int = change(school, years.add_year, title=title, first_day=first, last_day=last)
    return found


def add_term(school: School, year: int, title: str, first: date, last: date) -> int:
    found: int = change(
        school, years.add_term, year_id=year, title=title, first_day=first, last_day=last
    )
    return found


def add_course(school: School, code: str, title: str = "A course", **more: str) -> int:
    found: int = change(school, courses.add, code=code, title=title, **more)
    return found


def filed(school: School) -> list[tuple[Any, ...]]:
    with school.database.read() as connection:
        columns = (section.c.id, section.c.course_id, section.c.term_id, section.c.previous_id)
        return [tuple(r) for r in connection.execute(sa.select(*columns).order_by(section.c.id))]


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


@pytest.mark.requirement("R41", "R42")
@pytest.mark.parametrize(
    ("title", "first", "last", "says"),
    [
        ("", date(2027, 9, 1), date(2028, 7, 1), "The title is missing"),
        ("T" * 256, date(2027, 9, 1), date(2028, 7, 1), "longer than 255"),
        ("a\x00b", date(2027, 9, 1), date(2028, 7, 1), "cannot be printed"),
        ("2026/27", date(2027, 9, 1), date(2028, 7, 1), "There is a school year '2026/27' already"),
        ("Next", date(2028, 7, 1), date(2027, 9, 1), "would end on 1 Sep 2027, before its first"),
        ("Next", date(1026, 9, 1), date(1027, 7, 1), "out of reason"),
        ("Next", date(2027, 9, 1), date(2029, 9, 1), "longer than two years"),
        ("Next", SPRING[1], date(2028, 7, 1), "overlaps 2026/27 (1 Sep 2026 - 2 Jul 2027)"),
    ],
)
def test_a_wrong_year_is_refused_by_a_sentence(
    school: School, title: str, first: date, last: date, says: str
) -> None:
    add_year(school)
    with pytest.raises(NotPossible) as refused:
        add_year(school, title, first, last)
    assert says in str(refused.value)
    with school.database.read() as connection:
        assert [y.title for y in years.all_years(connection)] == ["2026/27"]


@pytest.mark.requirement("R41", "R42")
@pytest.mark.parametrize(
    ("title", "first", "last", "says"),
    [
        ("AUTUMN 2026", *SPRING, "There is a term of 2026/27 'Autumn 2026' already"),
        ("Late", date(2026, 12, 20), date(2026, 12, 23), "overlaps Autumn 2026 (1 Sep - 20 Dec 2026)"),
        ("Late", date(2027, 7, 1), date(2027, 8, 1), "does not lie inside 2026/27"),
        ("Late", date(2027, 6, 1), date(2027, 5, 1), "before its first day"),
    ],
)  # fmt: skip
def test_a_wrong_term_is_refused_naming_the_other_one(
    school: School, title: str, first: date, last: date, says: str
) -> None:
    year = add_year(school)
    add_term(school, year, "Autumn 2026", *AUTUMN)
    with pytest.raises(NotPossible) as refused:
        add_term(school, year, title, first, last)
    assert says in str(refused.value)


def test_years_and_terms_are_changed_found_and_removed(school: School) -> None:
    year = add_year(school)
    term = add_term(school, year, "Autumn 2026", *AUTUMN)
    with pytest.raises(NotPossible, match="does not lie inside"):
        change(
            school,
            years.change_year,
            year,
            title="2026/27",
            first_day=date(2026, 10, 1),
            last_day=SPRING[1],
        )
    with pytest.raises(NotPossible, match="has terms: Autumn 2026"):
        change(school, years.remove_year, year)
    change(
        school,
        years.change_term,
        term,
        title="Fall",
        first_day=AUTUMN[0],
        last_day=date(2026, 12, 1),
    )
    with school.database.read() as connection:
        holding = years.current_term(connection, date(2026, 12, 1))
        assert holding is not None
        assert holding.full_title == "Fall, 2026/27"
        assert years.current_term(connection, date(2026, 12, 2)) is None
        assert years.find_term(connection, " fall ", "2026/27").id == term
        with pytest.raises(NotThere, match="there are: 'Fall, 2026/27'"):
            years.find_term(connection, "Autumn")
    change(school, years.remove_term, term)
    change(school, years.remove_year, year)
    with school.database.read() as connection:
        assert not years.all_years(connection)
        done = [(e.actor, e.action) for e in audit.entries(connection)]
    assert done == [
        ("anna", f"{what}")
        for what in ("year removed", "term removed", "term changed", "term added", "year added")
    ]


DAYS = st.dates(date(2026, 1, 1), date(2026, 3, 1))


@pytest.mark.requirement("R41", "R42")
@given(spans_asked=st.lists(st.tuples(DAYS, st.integers(0, 20)), max_size=12))
def test_spans_that_are_let_in_never_share_a_day(spans_asked: list[tuple[date, int]]) -> None:
    kept: list[Span] = []
    days: set[date] = set()
    for number, (first, length) in enumerate(spans_asked):
        span = Span(str(number), first, first + timedelta(length))
        own = {first + timedelta(n) for n in range(length + 1)}
        try:
            spans.check_apart(span, kept)
        except NotPossible:
            assert own & days, "refused without need"
            continue
        assert not own & days
        kept.append(span)
        days |= own


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"code": "bio-1"}, "There is a course 'BIO-1' already"),
        ({"code": " "}, "The code is missing"),
        ({"code": "X", "title": ""}, "The title is missing"),
        ({"code": "X", "credits_text": "-1"}, "'-1' is no number of 0 or more"),
        ({"code": "X", "credits_text": "1e3"}, "is no number"),
        ({"code": "X", "credits_text": "0.00001"}, "out of reason"),
        ({"code": "X", "description": "d" * 5001}, "longer than 5000"),
    ],
)
def test_a_wrong_course_is_refused(school: School, fields: dict[str, str], says: str) -> None:
    add_course(school, "BIO-1")
    with pytest.raises(NotPossible) as refused:
        add_course(school, **{"title": "T", **fields})
    assert says in str(refused.value)


@pytest.mark.requirement("R41", "R42")
def test_a_course_is_changed_and_goes_only_while_unused(ordered: School) -> None:
    with ordered.database.read() as connection:
        bio = courses.find(connection, "bio-1")
    change(ordered, courses.change, bio.id, code="BIO-2", title="Biology", credits_text="1.50")
    with ordered.database.read() as connection:
        assert courses.one(connection, bio.id).credits == "1.5"
        term = years.all_terms(connection)[0]
    change(ordered, filing.file, [1], course_id=bio.id, term_id=term.id)
    for remove, own in ((courses.remove, bio.id), (years.remove_term, term.id)):
        with pytest.raises(NotPossible, match=r"1 section\(s\)"):
            change(ordered, remove, own)
    change(ordered, filing.file, [1], course_id=None, term_id=None)
    for remove, own in ((courses.remove, bio.id), (years.remove_term, term.id)):
        with pytest.raises(NotPossible, match="history names it"):
            change(ordered, remove, own)


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
