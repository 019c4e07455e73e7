"""Events that come together are applied as they would be one by one: same answers, same rows."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mnet.database import metadata
from schooltool_bridge.events import receiving as events
from schooltool_bridge.events import together
from schooltool_bridge.hand import merging
from schooltool_bridge.history.author import Author
from tests.helpers.school import NOW, US, School

PEOPLE, SECTIONS, ITEMS = ("u1", "u2", "u3", "u4"), ("s1", "s2"), ("a1", "a2")
Pushed = list[dict[str, Any]]


def _event(event: str, /, **data: Any) -> dict[str, Any]:
    return {"event": event, "data": {k: v for k, v in data.items() if v is not None}}


def _beginning() -> Pushed:
    """People, sections, places and items that most of what follows is about."""
    found = [
        _event("fetch_user", idnumber=who, username=f"n{n}", firstname="A", lastname="B",
               moodleid=10 + n, timemodified=NOW - 900)
        for n, who in enumerate(PEOPLE, 1)
    ]  # fmt: skip
    found += [
        _event("new_section", idnumber=name, name=name, moodleid=20 + n, teacheridnumber="u4",
               timemodified=NOW - 800)
        for n, name in enumerate(SECTIONS, 1)
    ]  # fmt: skip
    for section in SECTIONS:
        found += [
            _event("new_enrolment", sectionid=section, userid=who, role="student",
                   timemodified=NOW - 700)
            for who in PEOPLE[:2]
        ]  # fmt: skip
    found += [
        _event("new_assessment", sectionid="s1", idnumber=item, name=item, moodleid=30 + n,
               pointval=10, timemodified=NOW - 600)
        for n, item in enumerate(ITEMS, 1)
    ]  # fmt: skip
    return found


def _maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from((None, *values))


USERS = st.sampled_from((*PEOPLE, *PEOPLE, "u5", "U1", "#11", "#15"))
COURSES = st.sampled_from((*SECTIONS, *SECTIONS, "s3", "#21", "#23"))
WORKS = st.sampled_from((*ITEMS, *ITEMS, "a3", "#31"))
WHEN: dict[str, st.SearchStrategy[Any]] = {
    "timemodified": _maybe(NOW - 700, NOW - 100, NOW - 99, NOW + 50),
    "seq": _maybe(0, 1, 2, 3),
    "to": st.sampled_from((US, US, US, "", "http://else.example.org")),
}


def _kind(event: str, /, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda data: _event(event, **data), st.fixed_dictionaries({**fields, **WHEN}))


ENROLMENTS = st.one_of(
    _kind(
        "new_enrolment", sectionid=COURSES, userid=USERS, segment=_maybe("1", "2"),
        role=st.sampled_from(("student", "student", "teacher", "cook")),
        status=_maybe("suspended"), timestart=_maybe(NOW - 1000, NOW + 60),
        timeend=_maybe(NOW - 50, NOW + 90),
    ),
    _kind("end_enrolment", sectionid=COURSES, userid=USERS, role=_maybe("student", "teacher")),
)  # fmt: skip
GRADES = st.one_of(
    _kind(
        "new_grade", assessmentid=WORKS, userid=USERS, attempt_num=_maybe(1, 2),
        points_earned=st.sampled_from((3, 8, "8.0", "", "x", 99)),
        excepted=_maybe(True),
    ),
    _kind("delete_grade", assessmentid=WORKS, userid=USERS, attempt_num=_maybe(1)),
)  # fmt: skip
PERSONS = st.builds(
    lambda who, data: _event("fetch_user", **who, **data),
    st.sampled_from(
        [
            *({"idnumber": f"u{n}", "username": f"n{n}", "moodleid": 10 + n} for n in range(1, 6)),
            {"idnumber": "u1", "username": "n6", "moodleid": 11},
            {"idnumber": "u7", "username": "n2", "moodleid": 17},
            {"idnumber": "#18", "username": "n8"},
            {"idnumber": "U1", "username": "N1"},
            {"username": "n3"},
        ]
    ),
    st.fixed_dictionaries(
        {
            "firstname": st.sampled_from("AC"),
            "lastname": st.just("B"),
            "town": _maybe("Rome"),
            **WHEN,
        }
    ),
)
COURSE_EVENTS = st.one_of(
    _kind(
        "new_section", idnumber=COURSES, name=st.sampled_from(("s1", "Algebra")),
        segment=_maybe("1", "2"), teacheridnumber=_maybe("u4", "u1", "u5"),
        moodleid=_maybe(21, 22, 23),
    ),
    _kind("delete_section", idnumber=COURSES),
)  # fmt: skip
WORK_EVENTS = st.one_of(
    _kind(
        "new_assessment", sectionid=COURSES, idnumber=WORKS, name=st.sampled_from(("a1", "Quiz")),
        pointval=st.sampled_from((10, 20)), moodleid=_maybe(31, 32),
    ),
    _kind("delete_assessment", idnumber=WORKS),
)  # fmt: skip
# Runs of one kind, as they come from a Moodle, with others between.
PUSH = st.lists(
    st.one_of(
        *(st.lists(kind, min_size=1, max_size=12)
          for kind in (ENROLMENTS, GRADES, PERSONS, COURSE_EVENTS, WORK_EVENTS))
    ),
    min_size=1, max_size=4,
).map(lambda runs: [event for run in runs for event in run])  # fmt: skip


# To look for a smaller example takes longer than to read this one.
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


class Twin:
    """One of two stores that are told the same."""

    def __init__(self, file: Path, *, is_together: bool) -> None:
        self.school = School.open(f"sqlite:///{file}")
        self.is_together = is_together
        self.source = self.school.source(None)

    def push(self, pushed: Pushed, now: int) -> Any:
        """Push; return all that comes of it."""
        self.school.now = now
        first = together.first if self.is_together else lambda *_some: (0, [])
        with mock.patch.object(together, "first", first), self.school.database.write() as found:
            push = events.receive_part(found, events.Push(self.source), pushed, now)
            told = [push]
            while events.is_left(push, pushed):
                push = events.receive_part(found, push, pushed, now)
                told.append(push)
        self.source = push.source
        return told

    def merge(self, kept: str, merged: str) -> None:
        with self.school.database.write() as connection:
            ids = {row["idnumber"]: int(row["id"]) for row in self.school.people()}
            merging.merge(connection, Author("clerk", self.school.now), ids[kept], ids[merged])

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        with self.school.database.read() as connection:
            return {
                t.name: [tuple(r) for r in connection.execute(t.select().order_by(*t.primary_key))]
                for t in metadata.sorted_tables
                if t.name != "store_revision"
            }


@pytest.mark.requirement("R5", "R6")
@given(pushes=st.lists(PUSH, min_size=1, max_size=3), is_merged=st.booleans())
@settings(max_examples=30, phases=_PHASES, suppress_health_check=[HealthCheck.too_slow])
def test_many_together_are_as_one_by_one(pushes: list[Pushed], is_merged: bool) -> None:
    with TemporaryDirectory() as folder:
        twins = [
            Twin(Path(folder) / f"{name}.sqlite", is_together=name == "many")
            for name in ("many", "each")
        ]
        for number, pushed in enumerate([_beginning(), *pushes, *pushes]):
            answers = [twin.push(pushed, NOW + number) for twin in twins]
            assert answers[0] == answers[1]
            if is_merged and number == 1:
                for twin in twins:
                    twin.merge("u1", "u3")
        first, second = (twin.rows() for twin in twins)
        for table, rows in first.items():
            assert rows == second[table], table
        for twin in twins:
            twin.school.database.close()
