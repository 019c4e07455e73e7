"""The school's own order: years, terms and courses; what is refused and what is kept."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peers import audit
from peers.changes import NotPossible
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.school import courses, filing, spans, years
from schooltool_bridge.school.spans import Span
from tests.helpers.school import School
from tests.schooltool_bridge.school.ordering import (
    AUTUMN,
    SPRING,
    add_course,
    add_term,
    add_year,
    change,
)


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
