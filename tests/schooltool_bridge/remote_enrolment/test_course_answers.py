"""What Moodles answer about their courses: every shape is read, or refused in one way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnet import xmlrpc
from mnet.xmlrpc import MethodResponse
from schooltool_bridge.remote_enrolment.courses import (
    MAX_COURSES,
    MAX_NAME_CHARS,
    CoursesError,
    read_courses,
    read_enrolments,
)
from schooltool_bridge.web.courses_pages import by_category
from tests.helpers.course_host import course
from tests.helpers.recorded import MESSAGES
from tests.helpers.strategies import texts, values

_row_values = values | st.sampled_from(["2", 2, "0", "-1", "9" * 30, "mnet", "guest", True, ""])
rows = st.lists(
    st.dictionaries(
        st.sampled_from(
            ["remoteid", "fullname", "shortname", "sortorder", "startdate", "cat_id", "cat_name",
             "username", "name", "enrol", "timemodified", "summaryformat"]
        ),
        _row_values, max_size=8,
    )
    | _row_values,
    max_size=6,
)  # fmt: skip


def outcome(read: Callable[[Any], Any], answer: Any) -> Any:
    """What was read, or why it was not: any other error fails the test."""
    try:
        return read(answer)
    except CoursesError as problem:
        return f"{problem.kind}: {problem}"


@given(values | rows | st.dictionaries(texts, _row_values) | st.none())
def test_whatever_a_moodle_answers_is_read_or_refused_in_one_way(answer: Any) -> None:
    for read in (read_courses, read_enrolments):
        listed: Any = outcome(read, answer)
        if isinstance(listed, str):
            assert listed
            continue
        assert listed.unread >= 0
        for item in listed.items:
            for name in item.__slots__:
                value = getattr(item, name)
                assert not isinstance(value, str) or (
                    len(value) <= MAX_NAME_CHARS and value.isprintable()
                )


@given(rows)
def test_a_list_and_a_struct_keyed_by_anything_say_the_same(listed: list[Any]) -> None:
    keyed = {f"key {n}": row for n, row in enumerate(listed)}
    for read in (read_courses, read_enrolments):
        assert outcome(read, listed) == outcome(read, keyed)


@pytest.mark.parametrize("answer", [False, None, "", [], {}])
def test_nothing_in_any_words_is_no_course_and_nobody(answer: Any) -> None:
    assert read_courses(answer).items == ()
    assert read_enrolments(answer).items == ()


@pytest.mark.parametrize("answer", [True, 7, "courses", b"x", 1.5, ["x"], {"a": "b"}, [{"x": 1}]])
def test_what_is_no_list_is_refused(answer: Any) -> None:
    for read in (read_courses, read_enrolments):
        with pytest.raises(CoursesError, match="no list of"):
            read(answer)


def test_a_course_without_an_id_is_counted_and_the_others_stand() -> None:
    listed = read_courses([course(2, "A", "a"), {**course(3, "B", "b"), "remoteid": "x"}, "?"])
    assert [c.id for c in listed.items] == [2]
    assert listed.unread == 2


def test_more_courses_than_any_school_has_are_cut_and_told() -> None:
    listed = read_courses([course(n + 1, "A", "a") for n in range(MAX_COURSES + 7)])
    assert (len(listed.items), listed.unread) == (MAX_COURSES, 7)


def test_names_lose_what_is_invisible_and_what_is_too_long() -> None:
    long = course(2, "ab\u202ec\n\x07d" + "x" * 9999, "s", startdate=str(10**17), cat_id="-4")
    (read,) = read_courses([long]).items
    assert read.fullname.startswith("ab c dxxx")
    assert len(read.fullname) == MAX_NAME_CHARS
    assert (read.starts_unix_s, read.category_id) == (None, 0)


def test_the_moodles_own_order_stays_in_and_between_categories() -> None:
    given_rows = [course(5, "E", "e", 9), course(2, "B", "b", 1), course(3, "C", "c", 9)]
    found = by_category(read_courses(given_rows).items)
    assert [(c.name, [x.id for x in c.courses]) for c in found] == [
        ("Year 1", [2]), ("Year 9", [3, 5]),
    ]  # fmt: skip


def test_one_person_may_stand_there_in_several_ways_and_the_guest_is_nobody() -> None:
    answer: Any = [
        {"username": "ada", "enrol": "mnet", "name": "", "shortname": "student", "timemodified": 5},
        {"username": "ada", "enrol": "manual", "name": "Teacher", "shortname": "t"},
        {"username": "guest", "enrol": "guest"},
        {"shortname": "student"},
    ]
    listed = read_enrolments(answer)
    assert [(e.username, e.plugin, e.role, e.since_unix_s) for e in listed.items] == [
        ("ada", "manual", "Teacher", None), ("ada", "mnet", "student", 5),
    ]  # fmt: skip
    assert listed.unread == 1


def test_a_moodle_1_9_says_no_course_in_words() -> None:
    with pytest.raises(CoursesError, match="no such course") as caught:
        read_enrolments("no course")
    assert caught.value.code == 5012


RECORDED = [
    m for m in MESSAGES
    if m.side == "response" and m.payload and "enrol/mnet/" in (m.facts["method"] or "")
    and not m.facts.get("fault")
]  # fmt: skip


@pytest.mark.requirement("R1")
@pytest.mark.parametrize("message", RECORDED, ids=lambda m: m.label)
def test_what_real_moodles_answered_is_read(message: Any) -> None:
    response = xmlrpc.read_response(message.payload)
    assert isinstance(response, MethodResponse)
    method = message.facts["method"].rpartition("/")[2]
    if method == "available_courses":
        listed = read_courses(response.value)
        assert listed.items
        assert not listed.unread
        assert all(c.starts_unix_s == 1790000000 and not c.is_old for c in listed.items)
        assert any(
            "\N{LATIN CAPITAL LETTER U WITH DIAERESIS}nï" in c.fullname
            or c.fullname == "History 7A"
            for c in listed.items
        )
    elif method == "course_enrolments":
        assert all(e.is_ours and e.role == "student" for e in read_enrolments(response.value).items)
    elif method in {"enrol_user", "unenrol_user"}:
        assert response.value is True


def test_there_are_recordings_of_every_method_that_we_call() -> None:
    methods = {m.facts["method"].rpartition("/")[2] for m in RECORDED}
    assert methods >= {"available_courses", "course_enrolments", "enrol_user", "unenrol_user"}
