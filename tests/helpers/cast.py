"""A school in memory with one of every kind of person, each with a name that nothing else has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from peers.web.frame import Frame
from schooltool_bridge.hand import enrolments
from schooltool_bridge.hand import people as by_hand
from schooltool_bridge.history import roster
from schooltool_bridge.history.author import Author
from schooltool_bridge.server.app import App
from schooltool_bridge.sign_on import person_sessions, rights
from schooltool_bridge.sign_on.person_sessions import COOKIE, PersonSession, Start
from schooltool_bridge.store.model import person, section
from schooltool_bridge.web.pages import frame_of
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig, make_rig
from tests.helpers.roaming import AGENT, sha1
from tests.helpers.visitor import Visitor, in_memory

MOODLE = "http://moodle.example.org"
DAY_S = 86400
# When the year began, each section's sheets were filled, and a teacher left.
BEGAN = START_UNIX_S - 60 * DAY_S
GRADED = START_UNIX_S - 40 * DAY_S
LEFT = START_UNIX_S - 20 * DAY_S
# Names that stand nowhere else; the lower one is the user name, and idnumber with "id-" before.
NAMES = {
    "pam": "Pamxq", "pete": "Petevz", "paul": "Paulwk", "tess": "Tessjq", "fred": "Fredkx",
    "theo": "Theozw", "carol": "Carolvq", "prue": "Pruexz", "olga": "Olgawq", "mia": "Miajx",
    "mia2": "Miakz", "err": "Errvx",
}  # fmt: skip
# Who is in which section as what.
PLACES = (
    ("pam", "algebra", "student"), ("pete", "algebra", "student"), ("pete", "biology", "student"),
    ("paul", "biology", "student"), ("mia", "algebra", "student"), ("mia2", "biology", "student"),
    ("tess", "algebra", "teacher"), ("fred", "algebra", "teacher"), ("theo", "biology", "teacher"),
    ("err", "biology", "teacher"),
)  # fmt: skip
POINTS = {
    ("pam", "algebra"): "61.37", ("pete", "algebra"): "62.41", ("pete", "biology"): "63.53",
    ("paul", "biology"): "64.59", ("mia", "algebra"): "65.67", ("mia2", "biology"): "66.71",
}  # fmt: skip


@dataclass
class Cast:
    """The school and its people."""

    rig: Rig
    peer: FakePeer
    frame: Frame
    people: dict[str, int] = field(default_factory=dict)
    sections: dict[str, int] = field(default_factory=dict)

    @property
    def app(self) -> App:
        return self.rig.app

    def push(self, event: str, **data: Any) -> Any:
        return self.rig.call(self.peer, SIS + event, data)

    def session(self, name: str) -> PersonSession:
        """Sign somebody in by their own password."""
        now = int(self.rig.clock())
        with self.app.database.write() as connection:
            token = self._token(connection, name)
            found = person_sessions.find(connection, token, now)
        assert found is not None
        return found

    def browser(self, name: str = "") -> Visitor:
        """A browser with somebody in it; nobody without a name."""
        visitor = Visitor(in_memory(self.frame))
        if name:
            with self.app.database.write() as connection:
                visitor.cookies[COOKIE] = self._token(connection, name)
        return visitor

    def _token(self, connection: sa.Connection, name: str) -> str:
        rights.set_own(connection, [self.people[name]], allowed=True)
        begun = Start(self.people[name], sha1(AGENT), name)
        return person_sessions.start(connection, begun, int(self.rig.clock()))

    def merge(self, gone: str, into: str) -> None:
        """Say that two rows are one person."""
        with self.app.database.write() as connection:
            mine = person.c.id == self.people[gone]
            connection.execute(
                sa.update(person).where(mine).values(merged_into_id=self.people[into])
            )
            for section_id in self.sections.values():
                roster.refold(connection, section_id, self.people[into])


@contextmanager
def cast_in(folder: Path, database_url: str = "") -> Iterator[Cast]:
    rig = make_rig(folder, database_url)
    with rig.app:
        made = Cast(rig, rig.add(MOODLE), frame_of(rig.app))
        _fill(made)
        yield made


def _fill(made: Cast) -> None:
    for name, whole in NAMES.items():
        made.push(
            "fetch_user", idnumber=f"id-{name}", username=name, firstname=whole,
            lastname=f"Of{whole}", email=f"{name}@{whole.lower()}.example", timemodified=BEGAN,
        )  # fmt: skip
    for name in ("algebra", "biology"):
        made.push("new_section", idnumber=name, name=name.title(), timemodified=BEGAN)
    for who, where, role in PLACES:
        made.push(
            "new_enrolment", sectionid=where, userid=f"id-{who}", role=role, timemodified=BEGAN
        )
    for name in ("algebra", "biology"):
        made.push(
            "new_assessment", idnumber=f"quiz-{name}", sectionid=name, name=f"Quiz of {name}",
            pointval=100, timemodified=BEGAN,
        )  # fmt: skip
    for (who, where), points in POINTS.items():
        made.push(
            "new_grade", assessmentid=f"quiz-{where}", userid=f"id-{who}", points_earned=points,
            timemodified=GRADED,
        )  # fmt: skip
    made.push(
        "end_enrolment", sectionid="algebra", userid="id-fred", role="teacher", timemodified=LEFT
    )
    with made.app.database.read() as connection:
        rows = connection.execute(sa.select(person.c.username, person.c.id))
        made.people = {r.username: r.id for r in rows}
        found = connection.execute(sa.select(section.c.idnumber, section.c.id))
        made.sections = {str(r.idnumber): r.id for r in found}
    author = Author("anna", START_UNIX_S)
    with made.app.database.write() as connection:
        by_hand.set_staff_role(connection, author, made.people["carol"], "counselor")
        by_hand.set_staff_role(connection, author, made.people["prue"], "principal")
        enrolments.set_state(
            connection, author, made.sections["biology"], made.people["err"], "teacher", "e"
        )
    made.merge("mia2", "mia")
