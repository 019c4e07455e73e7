"""Whatever happens over there, whatever fails on the way: nobody is lost, nothing comes twice."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mnet.call_errors import CannotReach
from mnet.xmlrpc import FaultResponse
from schooltool_bridge.cli import lists
from schooltool_bridge.full_sync import runs
from schooltool_bridge.hand import enrolments as by_hand
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_person, find_section
from tests.helpers.listing import (
    assessment,
    enrolment,
    grade,
    listing_site,
    totals,
    user,
)

PEOPLE = st.integers(1, 4)
SECTIONS = st.integers(1, 2)
HOUR_S = 3600
OPEN = ("a", "s")
TAKEN = 0


class Killed(BaseException):
    """As kill -9."""


def fail(_page: int) -> Any:
    raise CannotReach("no")


def kill(_page: int) -> Any:
    raise Killed


FAILURES: dict[str, Any] = {
    "unreachable": fail,
    "killed": kill,
    "fault": lambda _page: FaultResponse(8400, "no such cursor", None),
    "nonsense": lambda _page: {"items": "all of them"},
    "empty": lambda _page: {
        "items": [], "next": "", "count": 0, "taken_at": 1, "scope": "all", "complete": 1
    },
    "cut": lambda _page: {
        "items": [], "next": "", "count": 0, "taken_at": TAKEN, "scope": "all", "complete": 0
    },
}  # fmt: skip


class Story(RuleBasedStateMachine):
    """A Moodle and we: what it lists is the truth, but for what is decided here by hand."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.site = listing_site(Path(self.folder.name))
        self.site.lister.most = 2
        self.site.lister.small_school(4)
        assert self.site.run().state == runs.DONE
        # Who is in which section by hand, in whatever state.
        self.by_hand: dict[tuple[str, str], str] = {}
        self.ended = self.open()

    def teardown(self) -> None:
        if hasattr(self, "site"):
            self.site.rig.app.database.close()
            self.folder.cleanup()

    def codes(self) -> dict[tuple[str, str], str]:
        with self.site.rig.app.database.read() as connection:
            rows: list[dict[str, Any]] = lists.enrolments(connection)
        return {(r["section"], r["person"]): r["code"] for r in rows}

    def open(self) -> set[tuple[str, str]]:
        return {place for place, code in self.codes().items() if code in OPEN}

    def listed(self) -> set[tuple[str, str]]:
        return {(i["sectionid"], i["userid"]) for i in self.site.lister.data["enrolments"]}

    @property
    def now(self) -> int:
        return int(self.site.rig.clock.now)

    @rule(section=SECTIONS, person=PEOPLE, suspended=st.booleans())
    def enrol(self, section: int, person: int, suspended: bool) -> None:
        """Enrolled over there, or changed; with its real time, or an old one as a restore has."""
        self.unenrol(section, person)
        status = "suspended" if suspended else "active"
        more: dict[str, Any] = {"timemodified": self.now} if suspended else {}
        self.site.lister.data["enrolments"].append(
            enrolment(section, person, status=status, **more)
        )

    @rule(section=SECTIONS, person=PEOPLE)
    def unenrol(self, section: int, person: int) -> None:
        self.site.lister.drop("enrolments", sectionid=f"s{section}", userid=f"u{person}")
        # As a Moodle does.
        self.site.lister.drop("grades", assessmentid=f"a{section}", userid=f"u{person}")

    @rule(section=SECTIONS, person=PEOPLE, points=st.integers(0, 12))
    def give_grade(self, section: int, person: int, points: int) -> None:
        self.site.lister.drop("grades", assessmentid=f"a{section}", userid=f"u{person}")
        self.site.lister.data["grades"].append(
            grade(section, person, points, timemodified=self.now)
        )

    @rule(person=PEOPLE, there=st.booleans())
    def keep_user(self, person: int, there: bool) -> None:
        self.site.lister.drop("users", idnumber=f"u{person}")
        if there:
            self.site.lister.data["users"].append(user(person))

    @rule(section=SECTIONS, there=st.booleans())
    def keep_assessment(self, section: int, there: bool) -> None:
        self.site.lister.drop("assessments", idnumber=f"a{section}")
        if there:
            self.site.lister.data["assessments"].append(assessment(section, section))

    @rule(
        section=SECTIONS,
        person=PEOPLE,
        code=st.sampled_from(["a", "a", "ps", "wp"]),
        leaves=st.booleans(),
    )
    def decide_by_hand(self, section: int, person: int, code: str, leaves: bool) -> None:
        if leaves:
            self.unenrol(section, person)
        with self.site.rig.app.database.write() as connection:
            who = find_person(connection, f"u{person}")
            where = find_section(connection, f"s{section}")
            author = Author("clerk", self.now)
            by_hand.set_state(connection, author, where, who, "student", code, text=str(self.now))
        self.by_hand[f"s{section}", f"u{person}"] = code

    @rule(
        kind=st.sampled_from(list(FAILURES)),
        entity=st.sampled_from(["enrolments", "enrolments", "users", "sections", "grades"]),
        page=st.integers(1, 2),
    )
    def fail_in_a_walk(self, kind: str, entity: str, page: int) -> None:
        """A run that something befalls on some page withdraws nobody, unless it came through."""
        self.site.rig.clock.now += HOUR_S
        before, asked = self.open(), len(self.site.lister.asked)

        def befall(of: str, *_asked: object) -> Any:
            pages = [e for e, _c, _l in self.site.lister.asked[asked:] if e == entity]
            is_now = of == entity and len(pages) >= page
            return FAILURES[kind](page) if is_now else None

        global TAKEN  # noqa: PLW0603 - of the answers that are made up
        TAKEN = self.now - 300
        self.site.lister.before = befall
        try:
            run = self.site.run()
        except Killed:
            run = None
        self.site.lister.before = None
        came_through = run is not None and run.state == runs.DONE
        if not came_through:
            # An incomplete run may judge the kinds whose walks were whole.
            gone = before - self.open()
            assert not gone & self.listed()
        self.ended = self.open()

    @rule()
    def look(self) -> None:
        """A preview applies nothing."""
        self.site.rig.clock.now += HOUR_S
        before = self.tables()
        self.site.run(is_preview=True)
        assert self.tables() == before

    @rule()
    def sync(self) -> None:
        """A run that comes through, confirmed where it asks: both sides are equal."""
        self.site.rig.clock.now += HOUR_S
        # A Moodle tells of by hand what it always told: that changes nothing here.
        run = self.site.run()
        if run.state == runs.WAITING:
            run = self.site.confirm(run)
        assert run.state == runs.DONE, run.reason
        codes, listed = self.codes(), self.listed()
        for place, code in codes.items():
            if place in self.by_hand:
                continue
            assert (code in OPEN) == (place in listed), (place, code)
        before = self.tables()
        again = self.site.run()
        assert again.state == runs.DONE, again.reason
        assert not {"created", "updated", "restored", "withdrawn"} & totals(again).keys()
        assert self.tables() == before

    def tables(self) -> dict[str, Any]:
        dump = self.site.rig.dump()
        return {
            name: rows
            for name, rows in dump.items()
            if not name.startswith(("sync_r", "sync_seen"))
        }

    @invariant()
    def nothing_by_hand_is_touched(self) -> None:
        if not hasattr(self, "site") or not self.by_hand:
            return
        codes, listed = self.codes(), self.listed()
        for place, code in self.by_hand.items():
            # A later word of the Moodle's may say otherwise, as an event of it may; never a list
            # that leaves somebody out.
            if place not in listed:
                assert codes[place] == code, place


TestStory = pytest.mark.requirement("R82", "R83", "1.10")(Story.TestCase)
TestStory.settings = settings(
    max_examples=20,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
