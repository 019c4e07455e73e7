"""Printing a report of many students: what was asked, how far it is, whom it could not print.

A run is a row, and each student of it another; whoever is at it renews a lease with each student,
so that a run that was killed is gone on with and nobody is printed twice. Source: RULES R70, R78.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import insert_one, one_at_a_time
from mnet.language import N_, _
from peers import audit
from schooltool_bridge.common.refusals import NotThere, Refused
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.enrolled_at import students_at_each
from schooltool_bridge.reports.issuing import NUMBERS
from schooltool_bridge.school.labels import School, people, section_names
from schooltool_bridge.store.model import person, section
from schooltool_bridge.store.model_reports import print_run, print_sheet

SECTION, TERM, SCHOOL = PLACES = ("section", "term", "school")
RUNNING, DONE, CANCELLED = "running", "done", "cancelled"
WAITING, PRINTED, FAILED = "waiting", "printed", "failed"
# Longer than one student takes: reading, and typesetting with its time limit, a few times over.
LEASE_S = 300
# What was not issued is kept so long after its run; then it is printed anew.
KEEP_S = 14 * 24 * 3600
MAX_LISTED = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be printed, of whom."""

    # A report's name, and what is chosen for it.
    report: str
    place: str
    place_id: int | None = None
    # The moment that it shows; None: now.
    at_unix_s: int | None = None
    is_issued: bool = False
    size: str = "a4"
    choices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """One time of printing; `wanted.at_unix_s` is never None."""

    id: int
    wanted: Wanted
    # What the place was called.
    subject: str
    # running | done | cancelled
    state: str
    by_actor: str
    started_unix_s: int
    ended_unix_s: int | None
    # How many students there are, and how many of them are printed, or could not be.
    total: int
    printed: int
    failed: int

    @property
    def done(self) -> int:
        """How many it is through with."""
        return self.printed + self.failed

    @property
    def percent(self) -> int:
        """How far it is."""
        return 100 * self.done // self.total if self.total else 100


@dataclass(frozen=True, slots=True)
class Sheet:
    """A student of a run."""

    id: int
    person_id: int
    # In a list: last name, first name.
    name: str
    # waiting | printed | failed
    state: str
    reason: str
    # Of an issued one; else empty.
    number: str


class Lost(Exception):
    """Somebody else is at this run now, or it was cancelled."""


def begin(connection: Connection, author: Author, wanted: Wanted, holder: str) -> Run:
    """Begin a run for all students of a place; raises Refused and NotThere."""
    now_unix_s = author.now_unix_s
    at_unix_s = now_unix_s if wanted.at_unix_s is None else wanted.at_unix_s
    wanted = replace(wanted, at_unix_s=at_unix_s)
    subject = _subject(connection, wanted)
    who = _students(connection, wanted, at_unix_s)
    if not who:
        raise Refused("place", _("There is no student in %(place)s on that day.", place=subject))
    _forget_old(connection, now_unix_s)
    values = {
        "report": wanted.report,
        "choices": dict(wanted.choices),
        "place": wanted.place,
        "place_id": wanted.place_id,
        "subject": subject,
        "at_unix_s": at_unix_s,
        "is_issued": wanted.is_issued,
        "size": wanted.size,
        "state": RUNNING,
        "by_actor": author.actor,
        "started_unix_s": now_unix_s,
        "holder": holder,
        "held_until_unix_s": now_unix_s + LEASE_S,
    }
    run_id = insert_one(connection, sa.insert(print_run).values(values))
    empty = {"run_id": run_id, "state": WAITING, "reason": "", "number": "", "pdf": b""}
    connection.execute(sa.insert(print_sheet), [{**empty, "person_id": i} for i in who])
    audit.record(
        connection,
        actor=author.actor,
        action=N_("reports of many printed"),
        subject=subject,
        detail={"students": len(who), "issued": wanted.is_issued},
        now_unix_s=now_unix_s,
    )
    return get(connection, run_id)


def _subject(connection: Connection, wanted: Wanted) -> str:
    if wanted.place == SECTION:
        return section_names(connection, wanted.place_id or 0)[1]
    if wanted.place == TERM:
        if wanted.place_id not in School(connection).terms:
            raise NotThere(_("There is no such term."))
        return School(connection).filed(wanted.place_id)
    return _("the whole school")


def _students(connection: Connection, wanted: Wanted, at_unix_s: int) -> list[int]:
    """Return who was enrolled by then and neither left nor was put there in error; by name."""
    among = sa.select(section.c.id)
    if wanted.place == SECTION:
        among = among.where(section.c.id == wanted.place_id)
    if wanted.place == TERM:
        among = among.where(section.c.term_id == wanted.place_id)
    meanings = School(connection).meanings
    found = set()
    # Whoever names a section means it, deleted or not.
    is_named = wanted.place == SECTION
    there = students_at_each(connection, among, [at_unix_s], also_deleted=is_named)
    for at_each in there.values():
        for who, state in at_each[0].items():
            means = meanings[state.code]
            # Of the school those alone who are there; of a section or term also who completed it.
            completed = means.passed or means.failed or means.is_over
            if means.holds or (completed and not means.left and wanted.place != SCHOOL):
                found.add(who)
    return [p.id for p in sorted(people(connection, found).values(), key=lambda p: p.list_order)]


def hold(connection: Connection, run_id: int, holder: str, now_unix_s: int) -> None:
    """Renew the lease; raises Lost when the run is somebody else's now, or over."""
    mine = (print_run.c.id == run_id, print_run.c.holder == holder, print_run.c.state == RUNNING)
    values = {"held_until_unix_s": now_unix_s + LEASE_S}
    if not connection.execute(sa.update(print_run).where(*mine).values(values)).rowcount:
        raise Lost(run_id)


def take(connection: Connection, run_id: int, holder: str, now_unix_s: int) -> bool:
    """Take up a run that somebody left; False when somebody is at it, or it is over."""
    one_at_a_time(connection, NUMBERS)
    free = sa.and_(print_run.c.id == run_id, print_run.c.state == RUNNING, _is_left(now_unix_s))
    values = {"holder": holder, "held_until_unix_s": now_unix_s + LEASE_S}
    return bool(connection.execute(sa.update(print_run).where(free).values(values)).rowcount)


def let_go(connection: Connection, holder: str) -> None:
    """Let others take up at once what somebody is at."""
    mine = (print_run.c.holder == holder, print_run.c.state == RUNNING)
    connection.execute(sa.update(print_run).where(*mine).values(held_until_unix_s=0))


def left(connection: Connection, now_unix_s: int) -> list[int]:
    """Return the runs that somebody began and nobody is at any more."""
    query = sa.select(print_run.c.id).where(print_run.c.state == RUNNING, _is_left(now_unix_s))
    return list(connection.execute(query.order_by(print_run.c.id)).scalars())


def _is_left(now_unix_s: int) -> sa.ColumnElement[bool]:
    until = print_run.c.held_until_unix_s
    # Nobody was given more than this: what lies further ahead is from a clock set back.
    return sa.or_(until <= now_unix_s, until > now_unix_s + LEASE_S)


def next_sheet(connection: Connection, run_id: int) -> Sheet | None:
    """Return the first student who is still to be printed."""
    found = _sheets(connection, _SHEETS.where(_of(run_id), print_sheet.c.state == WAITING).limit(1))
    return found[0] if found else None


def note_printed(connection: Connection, sheet_id: int, number: str, pdf: bytes) -> None:
    """Keep what was printed; raises Lost when somebody else did it or it is not wanted any more."""
    waiting = (print_sheet.c.id == sheet_id, print_sheet.c.state == WAITING)
    values = {"state": PRINTED, "number": number, "pdf": pdf}
    if not connection.execute(sa.update(print_sheet).where(*waiting).values(values)).rowcount:
        raise Lost(sheet_id)


def note_failed(connection: Connection, sheet_id: int, reason: str) -> None:
    """Keep why somebody could not be printed."""
    waiting = (print_sheet.c.id == sheet_id, print_sheet.c.state == WAITING)
    values = {"state": FAILED, "reason": reason}
    connection.execute(sa.update(print_sheet).where(*waiting).values(values))


def end(connection: Connection, run_id: int, state: str, now_unix_s: int) -> None:
    """Let a run end that is under way; what it printed stays."""
    running = (print_run.c.id == run_id, print_run.c.state == RUNNING)
    values = {"state": state, "ended_unix_s": now_unix_s, "holder": "", "held_until_unix_s": 0}
    connection.execute(sa.update(print_run).where(*running).values(values))


def get(connection: Connection, run_id: int) -> Run:
    """Return a run; raises NotThere."""
    found = _runs(connection, _RUNS.where(print_run.c.id == run_id))
    if not found:
        raise NotThere(_("Nothing of the number %(id)s was printed.", id=run_id))
    return found[0]


def list_runs(connection: Connection, limit: int = 50) -> list[Run]:
    """Return runs, newest first."""
    return _runs(connection, _RUNS.order_by(print_run.c.id.desc()).limit(min(limit, MAX_LISTED)))


def sheets(connection: Connection, run_id: int, state: str) -> list[Sheet]:
    """Return a run's students in one state, in their order."""
    return _sheets(connection, _SHEETS.where(_of(run_id), print_sheet.c.state == state))


def _forget_old(connection: Connection, now_unix_s: int) -> None:
    """Let go of papers that were not issued and lie here for long."""
    old = sa.select(print_run.c.id).where(print_run.c.ended_unix_s < now_unix_s - KEEP_S)
    mine = (print_sheet.c.run_id.in_(old), print_sheet.c.pdf != b"")
    connection.execute(sa.update(print_sheet).where(*mine).values(pdf=b""))


def _of(run_id: int) -> sa.ColumnElement[bool]:
    return print_sheet.c.run_id == run_id


def _count(state: str | None = None) -> sa.ScalarSelect[int]:
    mine = [print_sheet.c.run_id == print_run.c.id]
    if state is not None:
        mine.append(print_sheet.c.state == state)
    return sa.select(sa.func.count()).select_from(print_sheet).where(*mine).scalar_subquery()


_RUNS: sa.Select[Any] = sa.select(
    print_run,
    _count().label("total"),
    _count(PRINTED).label("printed"),
    _count(FAILED).label("failed"),
)
_SHEETS: sa.Select[Any] = (
    sa.select(
        print_sheet.c.id,
        print_sheet.c.person_id,
        print_sheet.c.state,
        print_sheet.c.reason,
        print_sheet.c.number,
        person.c.firstname,
        person.c.lastname,
        person.c.username,
    )
    .join_from(print_sheet, person, person.c.id == print_sheet.c.person_id)
    .order_by(print_sheet.c.id)
)


def _runs(connection: Connection, query: sa.Select[Any]) -> list[Run]:
    return [
        Run(
            id=r.id,
            wanted=Wanted(
                r.report, r.place, r.place_id, r.at_unix_s, r.is_issued, r.size, r.choices
            ),
            subject=r.subject,
            state=r.state,
            by_actor=r.by_actor,
            started_unix_s=r.started_unix_s,
            ended_unix_s=r.ended_unix_s,
            total=r.total,
            printed=r.printed,
            failed=r.failed,
        )
        for r in connection.execute(query).all()
    ]


def _sheets(connection: Connection, query: sa.Select[Any]) -> list[Sheet]:
    found = []
    for r in connection.execute(query):
        both = ", ".join(n for n in (r.lastname.strip(), r.firstname.strip()) if n)
        found.append(Sheet(r.id, r.person_id, both or r.username, r.state, r.reason, r.number))
    return found
