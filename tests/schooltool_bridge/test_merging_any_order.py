"""Pushes, entries by hand, merges and undone merges in any order, against a model of lists.

What a person has is folded from what each of their records was told, for every moment; nothing
remembers that records were ever together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from schooltool_bridge.hand import grades, merging
from schooltool_bridge.hand.author import Author, Refused
from schooltool_bridge.model import grade
from tests.postgres import Cluster
from tests.schooltool_bridge.school import NOW, School

PEOPLE, SECTIONS = (1, 2, 3), ("5", "6")
# Each section has one item: its idnumber, and our id of it.
ITEMS = {"5": ("7", 1), "6": ("8", 2)}

people = st.sampled_from(PEOPLE)
sections = st.sampled_from(SECTIONS)
points = st.sampled_from([None, 1, 5, 68])
# When at the Moodle, and its running number; None: it does not say.
times = st.none() | st.tuples(st.integers(-9, -5), st.integers(0, 2))
Place = tuple[int, int, int]


@dataclass
class Told:
    """What one record was told: its place, then what."""

    enrolled: dict[str, list[tuple[Place, str | None]]] = field(default_factory=dict)
    graded: dict[str, list[tuple[Place, int | None, bool]]] = field(default_factory=dict)
    by_hand: dict[str, list[tuple[Place, int | None, bool]]] = field(default_factory=dict)


class Model:
    """Three records; who stands for whom; what each was told; who was named as teacher."""

    def __init__(self) -> None:
        self.into: dict[int, int] = {}
        self.told = {person: Told() for person in PEOPLE}
        self.teachers: dict[str, list[tuple[Place, str]]] = {s: [] for s in SECTIONS}
        self.arrival = itertools.count()

    def root(self, person: int) -> int:
        while person in self.into:
            person = self.into[person]
        return person

    def rows(self, root: int) -> list[int]:
        return [p for p in PEOPLE if self.root(p) == root]

    def grade(self, root: int, section: str, at: int) -> tuple[bool, int | None]:
        """Whether there is an entry, and its points."""

        def latest(what: str) -> tuple[bool, int | None]:
            every = [
                r for p in self.rows(root) for r in getattr(self.told[p], what).get(section, [])
            ]
            last = max((r for r in every if r[0][0] <= at), key=lambda r: r[0], default=None)
            return (False, None) if last is None or last[2] else (True, last[1])

        by_hand = latest("by_hand")
        return by_hand if by_hand[0] else latest("graded")

    def enrolment(self, root: int, section: str, at: int) -> str | None:
        every = sorted(r for p in self.rows(root) for r in self.told[p].enrolled.get(section, []))
        ended = "w" if self.grade(root, section, at)[1] is not None else "wn"
        code = None
        for place, said in every:
            if place[0] <= at:
                code = said or (ended if code else None)
        return code

    def teaches(self, root: int, section: str, at: int) -> str | None:
        names = {str(p) for p in self.rows(root)}
        code = None
        for place, teacher in sorted(self.teachers[section]):
            if place[0] <= at:
                code = "a" if teacher in names else "w" if code else None
        return code

    def enrolments(self, at: int) -> dict[tuple[str, str, str], str]:
        found = {}
        for root, section in itertools.product(set(map(self.root, PEOPLE)), SECTIONS):
            for role, code in (
                ("student", self.enrolment(root, section, at)),
                ("teacher", self.teaches(root, section, at)),
            ):
                if code:
                    found[section, str(root), role] = code
        return found

    def grades(self, section: str, at: int) -> dict[tuple[str, str], int | None]:
        return {
            (ITEMS[section][0], str(root)): value
            for root in set(map(self.root, PEOPLE))
            for is_there, value in [self.grade(root, section, at)]
            if is_there
        }


class Records(RuleBasedStateMachine):
    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.school = School.open(self.url or f"sqlite:///{Path(self.folder.name) / 's.sqlite'}")
        self.model = Model()
        for person in PEOPLE:
            self.school.push(
                "fetch_user",
                idnumber=person,
                username=f"u{person}",
                firstname="F",
                lastname="L",
                timemodified=1,
            )
        for section, (item, _id) in ITEMS.items():
            self.school.push("new_section", idnumber=section, name="S", timemodified=1)
            self.school.push(
                "new_assessment",
                idnumber=item,
                sectionid=section,
                name="Q",
                pointval=68,
                timemodified=1,
            )

    def teardown(self) -> None:
        self.school.database.close()
        self.folder.cleanup()

    def push(self, event: str, when: tuple[int, int] | None, **data: Any) -> Place:
        """Push an event; return the place that it has."""
        timed: dict[str, Any] = {"timemodified": NOW + when[0], "seq": when[1]} if when else {}
        assert self.school.status(event, **data, **timed) != "held"
        at = (NOW + when[0], when[1]) if when else (self.school.now, -1)
        return (*at, next(self.model.arrival))

    @rule(person=people, section=sections, code=st.sampled_from([0, 1]), when=times)
    def enrol(self, person: int, section: str, code: int, when: tuple[int, int] | None) -> None:
        place = self.push(
            "new_enrolment", when, sectionid=section, userid=person, role="student", status=code
        )
        self._tell(self.model.told[person].enrolled, section, place, "s" if code else "a")

    @rule(person=people, section=sections, when=times)
    def end(self, person: int, section: str, when: tuple[int, int] | None) -> None:
        if section in self.model.told[person].enrolled:
            place = self.push(
                "end_enrolment", when, sectionid=section, userid=person, role="student"
            )
            self._tell(self.model.told[person].enrolled, section, place, None)

    @rule(person=people, section=sections, value=points, when=times)
    def give(
        self, person: int, section: str, value: int | None, when: tuple[int, int] | None
    ) -> None:
        place = self.push(
            "new_grade", when, assessmentid=ITEMS[section][0], userid=person, points_earned=value
        )
        self._tell(self.model.told[person].graded, section, place, value, False)

    @rule(person=people, section=sections, when=times)
    def take_back(self, person: int, section: str, when: tuple[int, int] | None) -> None:
        if section in self.model.told[person].graded:
            place = self.push("delete_grade", when, assessmentid=ITEMS[section][0], userid=person)
            self._tell(self.model.told[person].graded, section, place, None, True)

    @rule(section=sections, person=people, when=times)
    def teach(self, section: str, person: int, when: tuple[int, int] | None) -> None:
        place = self.push("new_section", when, idnumber=section, name="S", teacheridnumber=person)
        same = [
            r for r in self.model.teachers[section] if r[0][:2] == place[:2] and r[1] == str(person)
        ]
        self.model.teachers[section] += [] if same else [(place, str(person))]

    @rule(person=people, section=sections, value=points, released=st.booleans())
    def enter(self, person: int, section: str, value: int | None, released: bool) -> None:
        root = self.model.root(person)
        self.school.now += 1
        author = Author("tina", self.school.now)
        item_id = ITEMS[section][1]
        with self.school.database.write() as connection:
            try:
                if released:
                    changed = grades.release(connection, author, item_id, root)
                else:
                    entered = None if value is None else Decimal(value)
                    changed = grades.enter(connection, author, item_id, root, entered)
            except Refused:
                assert self.model.enrolment(root, section, self.school.now) is None
                return
        if changed:
            place = (self.school.now, -1, next(self.model.arrival))
            self._tell(self.model.told[root].by_hand, section, place, value, released)

    @rule(kept=people, merged=people)
    def merge(self, kept: int, merged: int) -> None:
        model = self.model
        is_possible = kept != merged and kept not in model.into and merged not in model.into
        with self.school.database.write() as connection:
            try:
                merging.merge(connection, self._author(), kept, merged)
            except Refused:
                assert not is_possible
                return
        assert is_possible
        model.into[merged] = kept

    @rule(merged=people)
    def undo(self, merged: int) -> None:
        if merged in self.model.into:
            with self.school.database.write() as connection:
                merging.undo(connection, self._author(), merged)
            del self.model.into[merged]

    @invariant()
    def agrees_for_every_moment(self) -> None:
        for at in (*range(NOW - 10, NOW - 3), self.school.now):
            assert self.school.enrolments(at) == self.model.enrolments(at)
            for section in SECTIONS:
                assert self.school.grades(section, at) == self.model.grades(section, at)

    @invariant()
    def what_is_stored_for_now_agrees(self) -> None:
        now = self.school.now
        assert self.school.enrolments() == self.model.enrolments(now)
        ids = {item_id: (section, item) for section, (item, item_id) in ITEMS.items()}
        with self.school.database.read() as connection:
            rows = connection.execute(sa.select(grade).where(grade.c.exists)).all()
        stored: dict[str, dict[tuple[str, str], int | None]] = {section: {} for section in SECTIONS}
        for row in rows:
            if row.person_id not in self.model.into:
                section, item = ids[row.assessment_id]
                stored[section][item, str(row.person_id)] = (
                    None if row.points is None else int(row.points)
                )
        assert stored == {section: self.model.grades(section, now) for section in SECTIONS}

    def _author(self) -> Author:
        self.school.now += 1
        return Author("carl", self.school.now)

    @staticmethod
    def _tell(rows: dict[str, list[Any]], section: str, place: Place, *said: Any) -> None:
        """Write down what was told, once for each place."""
        mine = rows.setdefault(section, [])
        if not any(r[0][:2] == place[:2] and r[1:] == said for r in mine):
            mine.append((place, *said))


QUICK = settings(
    max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestRecords = Records.TestCase
TestRecords.settings = QUICK


@contextmanager
def emptied(url: str) -> Iterator[type[Records]]:
    """The same machine on a database that is made empty for each run."""

    class OnPostgres(Records):
        def __init__(self) -> None:
            engine = sa.create_engine(url)
            with engine.begin() as connection:
                connection.execute(sa.text("DROP SCHEMA public CASCADE"))
                connection.execute(sa.text("CREATE SCHEMA public"))
            engine.dispose()
            type(self).url = url
            super().__init__()

    yield OnPostgres


def test_the_same_on_postgresql(postgres: Cluster) -> None:
    with emptied(postgres.url("merging")) as machine:
        run_state_machine_as_test(machine, settings=settings(QUICK, max_examples=3))
