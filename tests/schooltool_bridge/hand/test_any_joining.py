"""Whatever is pushed, entered, joined and taken apart: no earlier day is ever said otherwise."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mnet.faults import Fault, NotFound
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events import reading
from schooltool_bridge.events import receiving as events
from schooltool_bridge.hand import (
    assessments,
    deciding,
    enrolments,
    grades,
    joining_sections,
    sections,
    unlinking,
)
from schooltool_bridge.history import as_of, joined
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.snapshot import SectionSnapshot
from schooltool_bridge.store.model import assessment, inbox
from schooltool_bridge.store.model import section as section_table
from tests.helpers.school import ANNA, SECTION, TOM, School

OURS, THEIRS = (1, 2), (3, 4)
NUMBERS = st.sampled_from(["1", "9"])
PEOPLE = st.sampled_from([1, 2])
ROLES = st.sampled_from(["student", "student", "teacher"])
NAMES = st.sampled_from(["Quiz", "quiz", "Essay"])
ITEMS = st.sampled_from(["a", "b"])
POINTS = st.integers(0, 10)
SECTIONS = st.sampled_from(["5", "6"])


class Joining(RuleBasedStateMachine):
    """Two sections made here and two of a Moodle, with what happens to them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.school = School.open(f"sqlite:///{self.folder.name}/store")
        self.said: dict[int, list[SectionSnapshot]] = {}
        # How long the Moodle's events are under way.
        self.behind_s = 0

    @initialize()
    def begin(self) -> None:
        self.users = 0
        for who in (ANNA, TOM):
            self.school.push("fetch_user", **who, moodleid=100 + int(who["idnumber"]))
        with self.school.database.write() as connection:
            for name in ("Algebra I", "Botany I"):
                sections.add(connection, self.head(), name)
        self.push("new_section", **SECTION, teacheridnumber="1")
        self.push("new_section", idnumber="6", name="Botany")

    def head(self) -> Author:
        self.school.now += 1
        return Author("head", self.school.now)

    def push(self, event: str, **data: Any) -> None:
        if self.behind_s:
            data["timemodified"] = self.school.now - self.behind_s
        with suppress(Fault):
            self.school.push(event, **data)

    @rule(section=SECTIONS, who=NUMBERS, role=ROLES, ends=st.booleans())
    def enrolled_there(self, section: str, who: str, role: str, *, ends: bool) -> None:
        event = "end_enrolment" if ends else "new_enrolment"
        self.push(event, sectionid=section, userid=who, role=role)

    @rule(section=SECTIONS, who=st.sampled_from(["", "1", "9"]), gone=st.booleans())
    def section_told(self, section: str, who: str, *, gone: bool) -> None:
        if gone:
            self.push("delete_section", idnumber=section)
        else:
            self.push("new_section", idnumber=section, name="Told", teacheridnumber=who)

    @rule(section=SECTIONS, item=ITEMS, name=NAMES, points=st.sampled_from([10, 20]))
    def item_told(self, section: str, item: str, name: str, points: int) -> None:
        number = f"{section}{item}"
        self.push("new_assessment", sectionid=section, idnumber=number, name=name, pointval=points)

    @rule(section=SECTIONS, item=ITEMS)
    def item_gone(self, section: str, item: str) -> None:
        self.push("delete_assessment", idnumber=f"{section}{item}")

    @rule(section=SECTIONS, item=ITEMS, who=NUMBERS, points=st.none() | POINTS)
    def graded_there(self, section: str, item: str, who: str, points: int | None) -> None:
        self.push("new_grade", assessmentid=f"{section}{item}", userid=who, points_earned=points)

    @rule(section=st.sampled_from([*OURS, *THEIRS]), who=PEOPLE, role=ROLES,
          code=st.sampled_from(["a", "wf"]))  # fmt: skip
    def enrolled_here(self, section: int, who: int, role: str, code: str) -> None:
        with suppress(Refused), self.school.database.write() as connection:
            enrolments.set_state(connection, self.head(), section, who, role, code)

    @rule(section=st.sampled_from([*OURS, *THEIRS]), name=NAMES)
    def item_here(self, section: int, name: str) -> None:
        with suppress(Refused), self.school.database.write() as connection:
            assessments.add(connection, self.head(), section, name, Decimal(10))

    @rule(which=st.integers(0, 5), who=PEOPLE, points=POINTS)
    def graded_here(self, which: int, who: int, points: int) -> None:
        with suppress(Refused), self.school.database.write() as connection:
            ids = connection.execute(sa.select(assessment.c.id)).scalars().all()
            if ids:
                grades.enter(connection, self.head(), ids[which % len(ids)], who, Decimal(points))

    @rule(ours=st.sampled_from(OURS), theirs=st.sampled_from(THEIRS))
    def join(self, ours: int, theirs: int) -> None:
        with suppress(Refused), self.school.database.write() as connection:
            joining_sections.join(connection, self.head(), ours, theirs)

    @rule(section=st.sampled_from([*OURS, *THEIRS]))
    def take_apart(self, section: int) -> None:
        with suppress(Refused), self.school.database.write() as connection:
            joining_sections.take_apart(connection, self.head(), section)

    @rule(who=NUMBERS)
    def a_number_is_somebody_elses_now(self, who: str) -> None:
        """The Moodle gives it to a new user, and a person says that these are two."""
        self.users += 1
        user = {
            "idnumber": who,
            "username": f"new{self.users}",
            "firstname": "New",
            "lastname": "One",
            "moodleid": 200 + self.users,
        }  # fmt: skip - one person
        self.push("fetch_user", **user)
        self.forget_what_waited()
        with suppress(Refused), self.school.database.write() as connection:
            source = self.school.source(None)
            deciding.keep_apart(connection, self.head(), source, reading.read_user(source, user))
        self.let_all_come()

    @rule(who=PEOPLE)
    def unlinked(self, who: int) -> None:
        with suppress(Refused), self.school.database.write() as connection:
            unlinking.unlink_person(connection, self.head(), who, self.school.source(None).peer_id)

    @rule(who=PEOPLE)
    def linked_again(self, who: int) -> None:
        self.forget_what_waited()
        with self.school.database.write() as connection:
            for link in unlinking.cut_links(connection, who, self.school.source(None).peer_id):
                unlinking.link_person_again(connection, self.head(), link.id)
        self.let_all_come()

    def forget_what_waited(self) -> None:
        """What waited counts from when it came, once it is known whom it means."""
        with self.school.database.read() as connection:
            came = sa.select(sa.func.min(inbox.c.received_unix_s))
            first = connection.execute(came.where(inbox.c.status == "held")).scalar()
        self.said = {at: told for at, told in self.said.items() if first is None or at < first}

    def let_all_come(self) -> None:
        for waiting in self.school.inbox("held", "conflict"):
            with suppress(NotFound), self.school.database.write() as connection:
                events.retry(connection, self.school.source(None), int(waiting["id"]))

    @rule()
    def a_day_passes(self) -> None:
        self.said[self.school.now] = self.told(self.school.now)
        self.school.now += 10

    def told(self, at: int | None) -> list[SectionSnapshot]:
        with self.school.database.read() as connection:
            return as_of.of_sections(connection, sa.select(section_table.c.id), at)

    @invariant()
    def no_earlier_day_is_said_otherwise(self) -> None:
        for at, told in self.said.items():
            assert self.told(at) == told

    @invariant()
    def what_is_stored_is_what_is_folded(self) -> None:
        now = self.school.now
        with self.school.database.read() as connection:
            away = set(joined.homes_now(connection))
            items = connection.execute(
                sa.select(assessment.c.id, assessment.c.section_id).where(
                    assessment.c.status == "active"
                )
            ).all()
        folded = self.told(now)
        assert {s.id for s in folded} == {*OURS, *THEIRS} - away
        assert {(i.id, s.id) for s in folded for i in s.items} == {
            (i.id, i.section_id) for i in items
        }
        assert self.school.enrolments() == self.school.enrolments(now)
        for person_id in (1, 2):
            with self.school.database.read() as connection:
                own = as_of.of_person(connection, person_id, now)
            for section in own:
                (whole,) = [s for s in folded if s.id == section.id]
                assert section.items == whole.items
                for (who, role), state in section.enrolments.items():
                    assert whole.enrolments[who, role] == state

    def teardown(self) -> None:
        self.school.database.close()
        self.folder.cleanup()


class Late(Joining):
    """The same with events that arrive late: what is stored stays what is folded."""

    @rule(behind_s=st.integers(0, 40))
    def is_behind(self, behind_s: int) -> None:
        self.behind_s, self.said = behind_s, {}

    @invariant()
    def no_earlier_day_is_said_otherwise(self) -> None:
        """A day of which something is learnt later is said anew, as everywhere."""


Joining.TestCase.settings = Late.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestJoining = pytest.mark.requirement("1.1", "1.4")(Joining.TestCase)
TestLate = pytest.mark.requirement("1.3", "1.4")(Late.TestCase)
