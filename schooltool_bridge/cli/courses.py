"""Commands about a Moodle's courses: peer courses, enrolled, enrol, unenrol.

Each asks the Moodle live, through its service mnet_enrol. Source: RULES 1.2, 1.8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from peers import audit
from schooltool_bridge.cli.peers import iso_or_none, known_peer
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.refusals import NotThere
from schooltool_bridge.history.finding import find_person
from schooltool_bridge.remote_enrolment.courses import Courses, Listed, RemoteCourse
from schooltool_bridge.remote_enrolment.enrolling import (
    MAX_AT_ONCE,
    Done,
    Enrolling,
    InCourse,
    who_is_there,
)
from schooltool_bridge.server.app import App, in_reactor

MAX_SHOWN = 5


@click.command("courses")
@click.argument("wwwroot")
@common
def courses(command: Command, wwwroot: str) -> None:
    """List the courses that the Moodle at WWWROOT offers to this site."""
    with command.app() as app:
        asked = Courses(app.outbound, known_peer(app, wwwroot))
        listed = in_reactor(asked.available)
    _warn(listed.unread)
    rows: list[dict[str, object]] = [
        {
            "id": str(c.id),
            "fullname": c.fullname,
            "shortname": c.shortname,
            "idnumber": c.idnumber,
            "category": c.category,
            "starts": iso_or_none(c.starts_unix_s),
            "role": c.role,
        }
        for c in listed.items
    ]
    empty = (
        "It offers no courses to this site. Over there, add MNet remote enrolments to a course's "
        "enrolment methods, for this site or for all hosts."
    )
    command.show_table(rows, ("id", "fullname", "shortname", "category", "starts"), empty)


@click.command("enrolled")
@click.argument("wwwroot")
@click.argument("course")
@common
def enrolled(command: Command, wwwroot: str, course: str) -> None:
    """List who of this site's people is in COURSE of the Moodle at WWWROOT.

    COURSE is its id there, its idnumber or its short name.
    """
    with command.app() as app:
        there, unread = in_reactor(_Course(app, wwwroot, course).who)
    _warn(unread)
    rows: list[dict[str, object]] = [
        {
            "person": str(who.person_id) if who.person_id else None,
            "username": who.username,
            "name": who.name,
            "role": one.role,
            "plugin": one.plugin,
            "since": iso_or_none(one.since_unix_s),
        }
        for who in there
        for one in who.enrolments
    ]
    columns = ("person", "username", "name", "role", "plugin", "since")
    command.show_table(rows, columns, "Nobody of ours is in this course.")


@click.command("enrol")
@click.argument("wwwroot")
@click.argument("course")
@click.argument("people", metavar="PERSON...", nargs=-1, required=True)
@common
def enrol(command: Command, wwwroot: str, course: str, people: tuple[str, ...]) -> None:
    """Enrol each PERSON in COURSE of the Moodle at WWWROOT.

    Who is new there gets an account, with name and email address. The exit status is 1 when
    somebody could not be enrolled.
    """
    _check_number(people)
    with command.app() as app:
        with app.database.read() as connection:
            ids = [find_person(connection, text) for text in people]
        found = _Course(app, wwwroot, course)
        done = in_reactor(lambda: found.enrolling.enrol(found.course.id, ids))
    _show(command, done)


@click.command("unenrol")
@click.argument("wwwroot")
@click.argument("course")
@click.argument("people", metavar="PERSON...", nargs=-1, required=True)
@common
def unenrol(command: Command, wwwroot: str, course: str, people: tuple[str, ...]) -> None:
    """Take each PERSON out of COURSE of the Moodle at WWWROOT.

    Only enrolments made through the network can be taken away from here. PERSON may also be the
    user name that `peer enrolled` shows. The exit status is 1 when somebody is still in.
    """
    _check_number(people)
    with command.app() as app:
        found = _Course(app, wwwroot, course)

        def work() -> list[Done]:
            there, _unread = found.who()
            chosen = [_one_there(app, there, text) for text in people]
            return found.enrolling.unenrol(found.course.id, dict.fromkeys(chosen))

        done = in_reactor(work)
    _show(command, done)


@dataclass(slots=True)
class _Course:
    """One course of one peer, looked up when it is first needed, since that is a call."""

    app: App
    wwwroot: str
    named: str
    _course: RemoteCourse | None = None
    _enrolling: Enrolling | None = None

    @property
    def enrolling(self) -> Enrolling:
        """What changes it."""
        if self._enrolling is None:
            app, peer = self.app, known_peer(self.app, self.wwwroot)
            asked = Courses(app.outbound, peer)
            self._enrolling = Enrolling(
                app.database, app.site, peer, asked, audit.COMMAND_LINE, app.clock
            )
        return self._enrolling

    @property
    def course(self) -> RemoteCourse:
        """The course itself; raises CommandError when none or several are named so."""
        if self._course is None:
            self._course = find_course(self.enrolling.courses.available(), self.named)
        return self._course

    def who(self) -> tuple[list[InCourse], int]:
        """Return who of ours is in it, and how many entries could not be read."""
        listed = self.enrolling.courses.enrolments(self.course.id)
        with self.app.database.read() as connection:
            return who_is_there(connection, listed.items), listed.unread


def find_course(listed: Listed[RemoteCourse], text: str) -> RemoteCourse:
    """Return the offered course of this idnumber, short name or id; raises CommandError."""
    hits = [c for c in listed.items if text in (c.idnumber, c.shortname, str(c.id))]
    if len(hits) == 1:
        return hits[0]
    if hits:
        named = "; ".join(f"{c.fullname!r} (id {c.id})" for c in hits[:MAX_SHOWN])
        raise CommandError(f"{text!r} fits several courses: {named}. Name one by its id.")
    raise CommandError(
        f"No course {text!r} is offered to this site; see: mnet-peer peer courses WWWROOT. A "
        "course is offered when MNet remote enrolments stands among its enrolment methods."
    )


def _one_there(app: App, there: Sequence[InCourse], text: str) -> InCourse:
    problem: NotThere | None = None
    person_id = None
    try:
        with app.database.read() as connection:
            person_id = find_person(connection, text)
    except NotThere as not_there:
        problem = not_there
    hits = [w for w in there if person_id is not None and w.person_id == person_id]
    hits = hits or [w for w in there if w.username == text]
    if hits:
        return hits[0]
    raise CommandError(
        str(problem)
        if problem
        else f"{text!r} is not in this course; see: mnet-peer peer enrolled."
    )


def _check_number(people: Sequence[str]) -> None:
    if len(people) > MAX_AT_ONCE:
        raise CommandError(
            f"At most {MAX_AT_ONCE} people at once, please; these are {len(people)}."
        )


def _warn(unread: int) -> None:
    if unread:
        click.echo(f"Warning: {unread} further entries were unreadable or too many.", err=True)


def _show(command: Command, done: Sequence[Done]) -> None:
    rows = [
        {
            "person": str(one.person_id) if one.person_id else None,
            "username": one.username,
            "name": one.name,
            "ok": one.ok,
            "detail": one.text,
        }
        for one in done
    ]
    command.show(rows, lambda: _print(done))
    failed = sum(not one.ok for one in done)
    if failed:
        click.echo(f"mnet-peer: {failed} of {len(done)} could not be done.", err=True)
        click.get_current_context().exit(1)


def _print(done: Sequence[Done]) -> None:
    for one in done:
        click.echo(f"{one.name or one.username or 'somebody'}: {one.text}")
