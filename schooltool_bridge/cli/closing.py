"""Commands that close a term or a section, show what came afterwards, and accept it.

Source: RULES 1.8 (the form of commands), R70, R71.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from peers import audit
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.common.rows import Row
from schooltool_bridge.history import identity
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_parts, find_person, find_section
from schooltool_bridge.reports.paper import plain_number
from schooltool_bridge.school import closing, final_marks, labels, lookup, scores, years
from schooltool_bridge.school.filing import MAX_WHY_CHARS
from schooltool_bridge.school.final_marks import Final, Standing
from schooltool_bridge.school.written import several_lines
from schooltool_bridge.server.app import App
from schooltool_bridge.store.model import section

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
_COLUMNS = (
    "section", "name", "person", "mark", "percent", "code", "new_mark", "new_percent", "new_code",
)  # fmt: skip
_JOINED_COLUMNS = ("section", "name", "person", "percent", "code")
_NOTHING = "Nothing is proposed: the records say what the final marks say."
_MARKS = click.option("--marks", required=True, help='A score system, such as "Letter grades".')
_YEAR = click.option("--year", "year_title", help="Of this school year, when several have it.")
_PEER = click.option("--peer", "peer_wwwroot", help="Of this peer, when several have that id.")
_SEGMENT = click.option("--segment", help="Of several parts (segments) of a section this one.")
_WHY = click.option("--why", required=True, help="The reason, which stays in the records.")


@contextmanager
def refusals_as_errors() -> Iterator[None]:
    """Turn a refusal into the one line of a command that failed."""
    try:
        yield
    except Refused as problem:
        raise CommandError(str(problem)) from problem


def _chosen(function: F) -> F:
    """Give a command the options that choose among proposals."""
    for option in (
        click.option("--person", "person_id", help="Only of this person."),
        click.option("--all", "everybody", is_flag=True, help="All that is proposed."),
    ):
        function = option(function)
    return function


@click.command("close")
@click.argument("title")
@_YEAR
@_MARKS
@common
def close_term(command: Command, title: str, year_title: str | None, marks: str) -> None:
    """Close a term: store the final marks of all its sections, which transcripts show from then on.

    Grades may still come; what they would change is proposed: term proposals. Closing a closed
    term stores the marks of those alone who joined since.
    """
    with refusals_as_errors(), command.app() as app, app.database.write() as connection:
        term = years.find_term(connection, title, year_title)
        system = scores.find(connection, marks)
        again = term.closed_unix_s is not None
        seen = closing.preview(connection, final_marks.of_term(term.id), only_joined=again)
        stored = closing.close_term(connection, _author(app), term.id, system.id)
    row = {
        "term": term.title,
        "year": term.year_title,
        "marks": system.title,
        "sections": seen.sections,
        "students": seen.students,
        "stored": stored,
        "without": seen.without,
        "uncoded": seen.uncoded,
        "waiting": seen.waiting,
    }
    message = f"Closed {term.full_title}: {stored} final marks of {seen.students} student(s) "
    message += f"in {seen.sections} section(s); {seen.without} of them empty, nothing being graded."
    if seen.uncoded:
        message += f" {seen.uncoded} withdrawal(s) have no code yet."
    if seen.waiting:
        message += f" {seen.waiting} event(s) still wait: mnet-peer inbox list."
    command.show(row, message)


@click.command("reopen")
@click.argument("title")
@_YEAR
@_WHY
@common
def reopen_term(command: Command, title: str, year_title: str | None, why: str) -> None:
    """Open a closed term again, to close it anew; its final marks stand until then."""
    with refusals_as_errors(), command.app() as app, app.database.write() as connection:
        term = years.find_term(connection, title, year_title)
        closing.reopen_term(connection, _author(app, why), term.id)
    row = {"term": term.title, "year": term.year_title}
    command.show(row, f"{term.full_title} is open again; its final marks stand until you close it.")


@click.command("proposals")
@click.argument("title")
@_YEAR
@common
def term_proposals(command: Command, title: str, year_title: str | None) -> None:
    """List where the records of a term now say something else than the final marks."""
    with command.app() as app, app.database.read() as connection:
        term = years.find_term(connection, title, year_title)
        _show_proposals(command, connection, final_marks.of_term(term.id))


@click.command("joined")
@click.argument("title")
@_YEAR
@common
def term_joined(command: Command, title: str, year_title: str | None) -> None:
    """List who joined a term's sections since they were closed, and has no final mark.

    Closing it once more stores these marks, and changes no other.
    """
    with command.app() as app, app.database.read() as connection:
        term = years.find_term(connection, title, year_title)
        _show_joined(command, connection, final_marks.of_term(term.id))


@click.command("accept")
@click.argument("title")
@_YEAR
@click.option("--section", "section_id", help="Only of this section.")
@_PEER
@_chosen
@_WHY
@common
def accept_term(
    command: Command,
    title: str,
    year_title: str | None,
    section_id: str | None,
    peer_wwwroot: str | None,
    person_id: str | None,
    everybody: bool,  # noqa: FBT001 - click's
    why: str,
) -> None:
    """Take what is proposed in a term as the final marks: --all, of a section, or of a person."""
    if everybody == (section_id is not None or person_id is not None):
        raise CommandError("Say --all, or whose marks: --section, --person.")
    with refusals_as_errors(), command.app() as app, app.database.write() as connection:
        term = years.find_term(connection, title, year_title)
        wanted = final_marks.of_term(term.id)
        if section_id is not None:
            parts = find_parts(connection, section_id, peer_wwwroot)
            wanted = wanted.where(section.c.id.in_(parts))
        accepted = _accept(connection, _author(app, why), wanted, person_id)
    command.show({"accepted": accepted}, f"{accepted} final mark(s) changed.")


@click.command("close")
@click.argument("section_id", metavar="ID")
@_PEER
@_SEGMENT
@_MARKS
@common
def close_section(
    command: Command, section_id: str, peer_wwwroot: str | None, segment: str | None, marks: str
) -> None:
    """Close one section, such as an ongoing one: store its students' final marks.

    Later it stores the marks of those alone who joined since, and changes no other.
    """
    with refusals_as_errors(), command.app() as app, app.database.write() as connection:
        found = find_section(connection, section_id, peer_wwwroot, segment)
        system = scores.find(connection, marks)
        stored = closing.close_section(connection, _author(app), found, system.id)
    row = {"section": str(found), "marks": system.title, "stored": stored}
    command.show(row, f"Stored {stored} final mark(s).")


@click.command("proposals")
@click.argument("section_id", metavar="ID")
@_PEER
@_SEGMENT
@common
def section_proposals(
    command: Command, section_id: str, peer_wwwroot: str | None, segment: str | None
) -> None:
    """List where the records of a section now say something else than its final marks."""
    with command.app() as app, app.database.read() as connection:
        found = find_section(connection, section_id, peer_wwwroot, segment)
        _show_proposals(command, connection, final_marks.of_section(found))


@click.command("joined")
@click.argument("section_id", metavar="ID")
@_PEER
@_SEGMENT
@common
def section_joined(
    command: Command, section_id: str, peer_wwwroot: str | None, segment: str | None
) -> None:
    """List who joined a section since it was closed, and has no final mark.

    Closing it once more stores these marks, and changes no other.
    """
    with command.app() as app, app.database.read() as connection:
        found = find_section(connection, section_id, peer_wwwroot, segment)
        _show_joined(command, connection, final_marks.of_section(found))


@click.command("accept")
@click.argument("section_id", metavar="ID")
@_PEER
@_SEGMENT
@_chosen
@_WHY
@common
def accept_section(
    command: Command,
    section_id: str,
    peer_wwwroot: str | None,
    segment: str | None,
    person_id: str | None,
    everybody: bool,  # noqa: FBT001 - click's
    why: str,
) -> None:
    """Take what is proposed in a section as the final marks: --all, or of a person."""
    if everybody == (person_id is not None):
        raise CommandError("Say --all, or whose mark: --person.")
    with refusals_as_errors(), command.app() as app, app.database.write() as connection:
        found = find_section(connection, section_id, peer_wwwroot, segment)
        wanted = final_marks.of_section(found)
        accepted = _accept(connection, _author(app, why), wanted, person_id)
    command.show({"accepted": accepted}, f"{accepted} final mark(s) changed.")


def _accept(
    connection: Connection, author: Author, wanted: sa.Select[tuple[int]], person_id: str | None
) -> int:
    if person_id is None:
        return closing.accept_where(connection, author, wanted)
    who = identity.root(connection, find_person(connection, person_id))
    return closing.accept_where(connection, author, wanted, lambda p: p.final.person_id == who)


def _author(app: App, why: str = "") -> Author:
    why = several_lines(why, "The reason", limit=MAX_WHY_CHARS)
    return Author(audit.COMMAND_LINE, int(app.clock()), why)


def _show_proposals(
    command: Command, connection: Connection, wanted: sa.Select[tuple[int]]
) -> None:
    since = final_marks.since(connection, wanted)
    rows = [
        {
            **row,
            "mark": p.final.mark,
            "percent": plain_number(p.final.percent),
            "code": p.final.code,
            "new_mark": p.mark,
            "new_percent": plain_number(p.percent),
            "new_code": p.code,
        }
        for p, row in _named(connection, since.proposals, lambda p: p.final)
    ]
    command.show_table(rows, _COLUMNS, _NOTHING)
    if since.joined and not command.as_json:
        count = len({s.person_id for s in since.joined})
        click.echo(
            f"{count} student(s) joined since the closing and have no final mark: see joined."
        )


def _show_joined(command: Command, connection: Connection, wanted: sa.Select[tuple[int]]) -> None:
    rows = [
        {**row, "percent": plain_number(s.percent), "code": s.code}
        for s, row in _named(connection, final_marks.since(connection, wanted).joined, lambda s: s)
    ]
    command.show_table(rows, _JOINED_COLUMNS, "Nobody joined since the closing.")


def _named(
    connection: Connection, some: Iterable[T], cell_of: Callable[[T], Final | Standing]
) -> Iterator[tuple[T, Row]]:
    """Give each of some with its section and its person, as scripts name them."""
    cells = [(one, cell_of(one)) for one in some]
    people = labels.people(connection, (at.person_id for _one, at in cells))
    ids = sorted({at.section_id for _one, at in cells})
    sections = {s.id: s for s in lookup.by_ids(connection, ids)}
    for one, at in cells:
        of = sections[at.section_id]
        yield (
            one,
            {
                "section": of.idnumber or str(of.id),
                "name": of.name,
                "person": people[at.person_id].name_for_scripts,
            },
        )
