"""A store with peers, events pushed into it, and everything that it then holds, for comparison."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import Database, metadata
from mnet.faults import Fault, TryAgainLater
from mnet.xmlrpc import Value
from peers import store
from peers.policy import PeerPolicy
from schooltool_bridge.cli import lists
from schooltool_bridge.events import receiving as events
from schooltool_bridge.events.applied import Source
from schooltool_bridge.events.inbox import OPEN
from schooltool_bridge.history.finding import find_section
from tests.helpers.migrated import fill

T = TypeVar("T")

A, B = "http://moodle.example.org", "http://other.example.org"
ANNA: dict[str, Any] = {
    "idnumber": 1,
    "username": "anna",
    "firstname": "Anna",
    "lastname": "Ōquist – Ünï",
}
TOM: dict[str, Any] = {
    "idnumber": "9",
    "username": "tom",
    "firstname": "Tom",
    "lastname": "T",
    "email": "",
}
SECTION: dict[str, Any] = {"idnumber": 5, "name": "Algebra", "segment": 1}
PUPIL: dict[str, Any] = {"sectionid": "5", "userid": "1", "role": "student"}
QUIZ: dict[str, Any] = {"sectionid": "5", "idnumber": 7, "name": "Quiz", "pointval": 68}
GRADE: dict[str, Any] = {"assessmentid": 7, "userid": 1, "points_earned": 62}

NOW = 1_795_000_000
US = "http://sis.example.org"


@dataclass
class School:
    """Pushes events as one of its peers; time passes by a second with each."""

    database: Database
    now: int = NOW
    sources: dict[str, Source] = field(default_factory=dict)
    # A story told at once: each event arrives when it happened, were that later.
    is_story: bool = False

    def __post_init__(self) -> None:
        """What the store is asked about now, it answers by this school's clock."""
        self.database.clock = lambda: self.now

    @classmethod
    def open(cls, url: str, *wwwroots: str, **policy: Any) -> School:
        school = cls(Database(url))
        fill(school.database)
        for wwwroot in wwwroots or ("http://moodle.example.org",):
            with school.database.write() as connection:
                peer_id = store.add(
                    connection,
                    wwwroot=wwwroot,
                    name="M",
                    application="moodle",
                    state=store.ENABLED,
                    now_unix_s=NOW,
                )
                stored = {name: str(value) for name, value in policy.items()}
                store.set_columns(connection, peer_id, policy=stored)
            school.sources[wwwroot] = Source(
                peer_id,
                wwwroot,
                US,
                PeerPolicy.from_stored(stored),
                enabled=True,
                names_addressee=False,
            )
        return school

    def source(self, peer: str | None) -> Source:
        return self.sources[peer] if peer else next(iter(self.sources.values()))

    def push(self, event: str, peer: str | None = None, **data: Any) -> dict[str, Value]:
        """Push one event; raises its Fault after committing, as the exchange does."""
        self.now += 1
        if self.is_story:
            self.now = max(self.now, data.get("timemodified") or 0)
        failure: Fault | None = None
        with self.database.write() as connection:
            try:
                received = events.receive(connection, self.source(peer), event, data, self.now)
            except TryAgainLater:
                raise
            except Fault as fault:
                failure = fault
        if failure is not None:
            raise failure
        left = received.left
        while left:
            with self.database.write() as connection:
                left = events.come_again(connection, self.source(peer), left).left
        return received.answer

    def push_all(self, pushed: list[tuple[str, dict[str, Any]]], peer: str | None = None) -> None:
        """Push events whatever their answers are."""
        for event, data in pushed:
            try:
                self.push(event, peer, **data)
            except Fault:
                continue

    def status(self, event: str, peer: str | None = None, **data: Any) -> Any:
        return self.push(event, peer, **data)["status"]

    def fault(self, event: str, peer: str | None = None, **data: Any) -> tuple[int, str]:
        try:
            answer = self.push(event, peer, **data)
        except Fault as fault:
            return fault.code, fault.text
        raise AssertionError(f"no fault but {answer}")

    def begin_term(self) -> School:
        """Anna sits in Algebra, which has a quiz."""
        for event, data in (
            ("fetch_user", ANNA),
            ("new_section", SECTION),
            ("new_enrolment", PUPIL),
            ("new_assessment", QUIZ),
        ):
            assert self.status(event, **data) == "created"
        return self

    def read(self, question: Callable[[Connection], T]) -> T:
        with self.database.read() as connection:
            return question(connection)

    def people(self) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            return lists.people(connection)

    def sections(self) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            return lists.all_sections(connection)

    def enrolments(self, at: int | None = None) -> dict[tuple[str, str, str], str]:
        with self.database.read() as connection:
            rows: list[dict[str, Any]] = lists.enrolments(connection, at_unix_s=at)
        return {(r["section"], r["person"], r["role"]): r["code"] for r in rows}

    def grades(self, section: str = "5", at: int | None = None) -> dict[tuple[Any, Any], Any]:
        with self.database.read() as connection:
            found = find_section(connection, section)
            rows = lists.grades(connection, found, at)
        return {(r["assessment"], r["person"]): r["points"] for r in rows}

    def inbox(self, *statuses: str) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            return lists.inbox_list(connection, statuses or OPEN)

    def dump(self) -> dict[str, Any]:
        """What the store holds, without our ids and the times of arrival."""
        with self.database.read() as connection:
            rows: list[dict[str, Any]] = lists.inbox_list(connection, ("held", "conflict"))
            waiting = [(r["event"], r["status"], sorted(r["waiting_for"])) for r in rows]
            return {
                "people": _sorted(_without(lists.people(connection), "id")),
                "sections": _sorted(_without(lists.all_sections(connection), "id")),
                "enrolments": lists.enrolments(connection),
                "grades": _sorted(
                    [
                        row
                        for s in lists.all_sections(connection)
                        for row in _without(
                            lists.grades(connection, int(str(s["id"]))), "recorded_at"
                        )
                    ]
                ),
                "waiting": sorted(waiting),
                "history": _histories(connection),
            }

    def counts(self) -> dict[str, int]:
        with self.database.read() as connection:
            return {
                t.name: connection.execute(sa.select(sa.func.count()).select_from(t)).scalar_one()
                for t in metadata.sorted_tables
                if not t.name.startswith(("inbox", "call_journal"))
            }


def _without(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    for row in rows:
        del row[name]
        for key in ("links", "teachers"):
            if key in row:
                row[key] = _sorted(row[key])
    return rows


def _sorted(rows: list[Any]) -> list[Any]:
    return sorted(rows, key=lambda r: json.dumps(r, sort_keys=True, default=str))


def _histories(connection: sa.Connection) -> dict[str, list[Any]]:
    """Each history's rows as (time, number, what was said), in their order."""
    skipped = {
        "id",
        "recorded_unix_s",
        "link_id",
        "section_id",
        "assessment_id",
        "grade_id",
        "person_id",
    }
    found = {}
    for table in metadata.sorted_tables:
        if table.name.endswith("_history"):
            rows = connection.execute(sa.select(table)).mappings()
            said = [{k: v for k, v in row.items() if k not in skipped} for row in rows]
            found[table.name] = _sorted(said)
    return found
