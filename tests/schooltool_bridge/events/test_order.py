"""Repeating, reordering or doubling the events of a term leaves the same store."""

from __future__ import annotations

import itertools
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.helpers.school import NOW, School

PEOPLE, SECTIONS, ITEMS = ("1", "2", "9"), ("5", "6"), ("7", "8")
Event = tuple[str, dict[str, Any]]

people = st.sampled_from(PEOPLE)
sections = st.sampled_from(SECTIONS)
items = st.sampled_from(ITEMS)
roles = st.sampled_from(["student", "teacher"])
dates = st.sampled_from([0, 0, 0, *(NOW + second for second in (-9, 1, 3, 5, 99))])
points = st.sampled_from([None, 0, 5, "7.50", 68, 99])


def an_event() -> st.SearchStrategy[Event]:
    """One event of a term. A person's username has a number of its own, so nobody swaps names."""
    return st.one_of(
        st.builds(
            lambda i, n: ("fetch_user", {"idnumber": i, "username": f"u{i}.{n}", "firstname": f"F{n}",
                                         "lastname": "L"}),
            people, st.integers(0, 2),
        ),
        st.builds(
            lambda i, n, t: ("new_section", {"idnumber": i, "segment": 1, "name": n, "teacheridnumber": t}),
            sections, st.sampled_from(["A", "B"]), st.sampled_from(["", *PEOPLE]),
        ),
        st.builds(
            lambda s, p, r, x, b, e: ("new_enrolment", {"sectionid": s, "userid": p, "role": r,
                                                        "status": x, "timestart": b, "timeend": e}),
            sections, people, roles, st.sampled_from([0, "suspended"]), dates, dates,
        ),
        st.builds(
            lambda s, p, r: ("end_enrolment", {"sectionid": s, "userid": p, "role": r}),
            sections, people, st.sampled_from(["", "student", "teacher"]),
        ),
        st.builds(
            lambda s, i, n: ("new_assessment", {"sectionid": s, "idnumber": i, "name": n, "pointval": 68}),
            sections, items, st.sampled_from(["Q", "R"]),
        ),
        st.builds(
            lambda i, p, x, a, e: ("new_grade", {"assessmentid": i, "userid": p, "points_earned": x,
                                                 "excepted": e, **a}),
            items, people, points,
            st.sampled_from([{}, {"attempt_num": 1}, {"attempt_num": 2}, {"attempt_num": 3}]),
            st.booleans(),
        ),
        st.builds(lambda i: ("delete_section", {"idnumber": i}), sections),
        st.builds(lambda i: ("delete_assessment", {"idnumber": i}), items),
        st.builds(
            lambda i, p, a: ("delete_grade", {"assessmentid": i, "userid": p, **a}),
            items, people, st.sampled_from([{}, {"attempt_num": 1}, {"attempt_num": 2}]),
        ),
    )  # fmt: skip


@st.composite
def a_term(draw: st.DrawFn) -> list[Event]:
    """Events in the order in which they happened, each with its time and running number."""
    drawn = draw(st.lists(an_event(), min_size=1, max_size=25))
    times = sorted(draw(st.integers(0, 5)) for _ in drawn)  # many in the same second
    # From 1: nought is no number, and what has none is told apart from a repetition by nothing.
    return [
        (event, {**data, "timemodified": NOW + time, "seq": seq})
        for seq, ((event, data), time) in enumerate(zip(drawn, times, strict=True), 1)
    ]


def store_after(pushed: list[Event], *, clamp: bool = False) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        policy = {"out_of_range": "clamp"} if clamp else {}
        school = School.open(f"sqlite:///{Path(folder) / 's.sqlite'}", **policy)
        school.now += 100  # nothing of it is still to come
        school.push_all(pushed)
        dump = school.dump()
        school.database.close()
    return dump


@pytest.mark.requirement("R89")
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(term=a_term(), data=st.data())
def test_the_order_of_arrival_does_not_matter(term: list[Event], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(term))
    doubled = data.draw(st.lists(st.sampled_from(term), max_size=5))
    clamp = data.draw(st.booleans())
    assert store_after([*shuffled, *doubled], clamp=clamp) == store_after(term, clamp=clamp)


def test_every_order_of_a_small_term_leaves_the_same_store() -> None:
    told: list[Event] = [
        ("fetch_user", {"idnumber": 1, "username": "a", "firstname": "A", "lastname": "B"}),
        ("new_section", {"idnumber": 5, "name": "S", "segment": 1, "teacheridnumber": 1}),
        ("end_enrolment", {"sectionid": 5, "userid": 1}),
        ("new_assessment", {"sectionid": 5, "idnumber": 7, "name": "Q", "pointval": 9}),
        ("new_grade", {"assessmentid": 7, "userid": 1, "points_earned": 3}),
    ]
    term = [(e, {**d, "timemodified": NOW + n, "seq": n}) for n, (e, d) in enumerate(told)]
    expected = store_after(term)
    assert expected["enrolments"][0]["code"] == "w"
    for order in itertools.permutations(term):
        assert store_after(list(order)) == expected


class GradebookMachine(RuleBasedStateMachine):
    """A gradebook against the simplest model: the last word on each attempt, the highest counts."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.school = School.open(f"sqlite:///{Path(self.folder.name) / 's.sqlite'}")
        for person in PEOPLE:
            self.school.push(
                "fetch_user", idnumber=person, username=person, firstname="A", lastname="B"
            )
        self.school.push("new_section", idnumber="5", name="S", segment="1")
        for item in ITEMS:
            self.school.push("new_assessment", sectionid="5", idnumber=item, name="Q", pointval=68)
        self.attempts: dict[tuple[str, str], dict[int, Any]] = {}
        self.enrolled: dict[tuple[str, str], bool] = {}

    def teardown(self) -> None:
        self.school.database.close()
        self.folder.cleanup()

    @rule(
        item=items, person=people, number=st.integers(1, 3), given=st.sampled_from([None, 0, 5, 99])
    )
    def grade(self, item: str, person: str, number: int, given: int | None) -> None:
        self.school.push(
            "new_grade", assessmentid=item, userid=person, attempt_num=number, points_earned=given
        )
        self.attempts.setdefault((item, person), {})[number] = given

    @rule(item=items, person=people)
    def take_back(self, item: str, person: str) -> None:
        if (item, person) in self.attempts:
            self.school.push("delete_grade", assessmentid=item, userid=person)
            self.attempts[item, person] = {}
        else:
            assert self.school.fault("delete_grade", assessmentid=item, userid=person)[0] == 8404

    @rule(person=people, role=roles)
    def enrol(self, person: str, role: str) -> None:
        self.school.push("new_enrolment", sectionid="5", userid=person, role=role)
        self.enrolled[person, role] = True

    @rule(person=people, role=roles)
    def end(self, person: str, role: str) -> None:
        if (person, role) in self.enrolled:
            self.school.push("end_enrolment", sectionid="5", userid=person, role=role)
            self.enrolled[person, role] = False
        else:
            assert (
                self.school.fault("end_enrolment", sectionid="5", userid=person, role=role)[0]
                == 8404
            )

    @invariant()
    def grades_agree(self) -> None:
        expected = {key: told[max(told)] for key, told in self.attempts.items() if told}
        assert self.school.grades() == expected

    @invariant()
    def enrolments_agree(self) -> None:
        graded = {
            p for (_i, p), told in self.attempts.items() if told and told[max(told)] is not None
        }
        ended = {True: "w", False: "wn"}
        assert self.school.enrolments() == {
            ("5", person, role): "a" if active else ended[person in graded]
            for (person, role), active in self.enrolled.items()
        }


TestGradebook = pytest.mark.requirement("R72", "R73", "R74")(GradebookMachine.TestCase)
TestGradebook.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
