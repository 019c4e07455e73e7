"""What the pages of the record say of events and calls, whatever a peer sent."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peers.calls import Call
from peers.web.view import MAX_ID
from schooltool_bridge.events import kinds
from schooltool_bridge.web import filters, words

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
KNOWN = st.sampled_from([
    "idnumber", "username", "firstname", "name", "userid", "sectionid", "assessmentid",
    "timemodified",
])  # fmt: skip


def call(outcome: str, reason: str = "", direction: str = "in") -> Call:
    return Call(1, 1, "http://m.example.org", direction, "x", outcome, reason, "c", 5, 0)


@given(
    st.sampled_from(list(kinds.BY_NAME)) | st.text(), st.dictionaries(KNOWN, ANYTHING) | ANYTHING
)
def test_whatever_was_sent_is_said_in_short_lines_that_print(event: str, payload: object) -> None:
    rows = words.field_rows(payload)
    assert len(rows) <= words.MAX_FIELDS
    said = [words.event_title(event), words.about(event, payload), words.waits_for(event)]
    for text in [*said, *(r.name for r in rows), *(r.text for r in rows)]:
        assert text.isprintable()
        assert len(text) <= words.MAX_VALUE_CHARS + 1


@pytest.mark.parametrize(
    ("event", "payload", "said"),
    [
        ("fetch_user", {"firstname": "Ada", "lastname": "L", "idnumber": 7}, "Ada L (7)"),
        ("fetch_user", {"username": "ada"}, "ada"),
        ("new_section", {"name": "Biology", "idnumber": "5"}, "Biology (5)"),
        ("new_section", {"idnumber": "5"}, "5"),
        ("new_enrolment", {"userid": "1", "sectionid": "5"}, "person 1 in section 5"),
        ("new_grade", {"userid": "1", "assessmentid": "q"}, "person 1, assessment q"),
        ("new_grade", {"userid": ["1"], "assessmentid": True}, ""),
        ("new_grade", [], ""),
    ],
)
def test_a_line_says_whom_an_event_is_about(event: str, payload: object, said: str) -> None:
    assert words.about(event, payload) == said


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("user:987234", "person 987234"),
        ("section:5", "section 5"),
        ("assessment:a:b", "assessment a:b"),
        ("enrolment:5/1", "the enrolment of person 1 in section 5"),
        ("grade:q/1", "a grade of person 1 for assessment q"),
        ("username:ada", "the user name ada"),
        ("user:{0}{x}", "person {0}{x}"),
    ],
)
def test_what_an_event_waits_for_is_said_in_words(key: str, said: str) -> None:
    assert words.waits_for(key) == said


def test_times_are_told_from_other_numbers_and_texts_are_cut() -> None:
    rows = words.field_rows(
        {"timemodified": "1795000000", "seq": 1795000000, "timestart": 10**30, "timeend": "soon",
         "name": "a\u202eb\n" + "x" * 9000, "excepted": True, "email": None}
    )  # fmt: skip
    by_name = {r.name: r for r in rows}
    assert by_name["timemodified"].unix_s == 1795000000
    assert [by_name[n].unix_s for n in ("seq", "timestart", "timeend")] == [None] * 3
    assert by_name["name"].text.startswith("a�b x")
    assert by_name["name"].text.endswith("x…")
    assert (by_name["excepted"].text, by_name["email"].text) == ("yes", "(nothing)")


@pytest.mark.parametrize(
    ("made", "said", "in_inbox"),
    [
        (call("created"), ("Created", "good"), False),
        (call("ok"), ("Ok", "good"), False),
        (call("held"), ("Held", "warning"), True),
        (call("held", direction="out"), ("Held", "warning"), False),
        (call("created", "Of 3 events failed 1."), ("Created, in part", "warning"), True),
        (call("fault 8409", "Two of a name."), ("Fault 8409", "urgent"), True),
        (call("fault 8403", "Off."), ("Fault 8403", "urgent"), False),
        (call("fault 7018"), ("Fault 7018", "urgent"), False),
        (call("unreachable", "No.", "out"), ("Unreachable", "urgent"), False),
    ],
)
def test_how_a_call_ended_and_whether_it_left_something_in_the_inbox(
    made: Call, said: tuple[str, str], in_inbox: bool
) -> None:
    assert words.outcome(made) == said
    assert words.fills_inbox(made) is in_inbox


@pytest.mark.parametrize(
    ("duration_ms", "said"), [(None, ""), (0, "0 ms"), (999, "999 ms"), (1000, "1.0 s")]
)
def test_how_long_a_call_took(duration_ms: int | None, said: str) -> None:
    assert words.took(duration_ms) == said


def test_a_day_is_the_schools_own_also_when_the_clocks_change() -> None:
    paris = ZoneInfo("Europe/Paris")

    def hours(day: str) -> float:
        start, end = (filters.day_start(day, paris, days_later=n) for n in (0, 1))
        assert start is not None
        assert end is not None
        return (end - start) / 3600

    assert filters.day_start("2026-11-21", paris) == 1795215600
    assert [hours(d) for d in ("2026-03-29", "2026-10-25", "2026-11-21")] == [23, 25, 24]
    for no_day in ("", "soon", "2026-02-30", "0001-01-01x", "9999-12-31\0"):
        assert filters.day_start(no_day, paris) is None
    assert filters.day_start("9999-12-31", paris, days_later=1) is None


@pytest.mark.parametrize("text", ["", "-1", "x", "²", "2147483648", "9" * 40, "1 "])
def test_what_is_no_id_counts_as_none(text: str) -> None:
    assert filters.row_id(text) is None
    assert filters.row_id("2147483647") == MAX_ID
