"""Commands about what peers brought: person, section, enrolment, grade, inbox.

Source: RULES 1.8.
"""

from __future__ import annotations

import click

from peers import audit
from peers.audit import By
from schooltool_bridge.cli import lists
from schooltool_bridge.cli.lazy_group import LazyGroup
from schooltool_bridge.cli.shared import ROW_ID, Command, common, moment
from schooltool_bridge.events import inbox as inbox_store
from schooltool_bridge.history.finding import find_parts, find_person
from schooltool_bridge.sign_on import rights


@click.group(cls=LazyGroup)
def person() -> None:
    """The school's people."""


_NOT_LINKED = click.option(
    "--not-linked", is_flag=True, help="Only those linked with no peer, and why."
)


@person.command("list")
@_NOT_LINKED
@common
def person_list(command: Command, *, not_linked: bool) -> None:
    """List people."""
    with command.app() as app, app.database.read() as connection:
        rows = lists.people(connection)
    known = bool(rows)
    rows = [row for row in rows if row["not_linked"] or not not_linked]
    columns = ("id", "username", "idnumber", "firstname", "lastname", "email", "origin")
    none = "Nobody is known yet; peers push people by fetch_user."
    command.show_table(rows, columns, "Everybody is linked with a peer." if known else none)


@person.command("show")
@click.argument("person_id", metavar="ID")
@common
def person_show(command: Command, person_id: str) -> None:
    """Show a person and where they are enrolled."""
    with command.app() as app, app.database.read() as connection:
        found = find_person(connection, person_id)
        row = next(r for r in lists.people(connection) if r["id"] == str(found))
        row["sign_on"] = rights.rights_of(connection, found)
        row["enrolments"] = lists.enrolments(connection, person_id=found)
    command.show(row, "\n".join(f"{name}: {value}" for name, value in row.items()))


@click.group(cls=LazyGroup)
def section() -> None:
    """The sections (a Moodle's courses)."""


@section.command("list")
@_NOT_LINKED
@common
def section_list(command: Command, *, not_linked: bool) -> None:
    """List sections."""
    with command.app() as app, app.database.read() as connection:
        rows = lists.all_sections(connection)
    known = bool(rows)
    rows = [row for row in rows if row["not_linked"] or not not_linked]
    columns = ("id", "idnumber", "segment", "name", "teachers", "peer", "status")
    none = "There are no sections yet."
    command.show_table(rows, columns, "Every section is linked with a peer." if known else none)


@section.command("show")
@click.argument("section_id", metavar="ID")
@click.option("--peer", "peer_wwwroot", help="Of this peer, when several have that id.")
@common
def section_show(command: Command, section_id: str, peer_wwwroot: str | None) -> None:
    """Show a section with its enrolments; of several parts (segments) all."""
    with command.app() as app, app.database.read() as connection:
        found = find_parts(connection, section_id, peer_wwwroot)
        listed = {r["id"]: r for r in lists.all_sections(connection)}
        row = dict(listed[str(found[-1])])
        if len(found) > 1:
            row["parts"] = [listed[str(part)] for part in found]
        row["assessments"] = [r for part in found for r in lists.assessments(connection, part)]
        row["enrolments"] = [
            r for part in found for r in lists.enrolments(connection, section_id=part)
        ]
    command.show(row, "\n".join(f"{name}: {value}" for name, value in row.items()))


@click.group()
def enrolment() -> None:
    """Who is in which section."""


@enrolment.command("list")
@click.option("--section", "section_id", help="Only of this section.")
@click.option("--person", "person_id", help="Only of this person.")
@click.option("--peer", "peer_wwwroot", help="Of this peer, when several have that section.")
@click.option("--at", help="As of the end of this day, or of this moment.")
@common
def enrolment_list(
    command: Command,
    section_id: str | None,
    person_id: str | None,
    peer_wwwroot: str | None,
    at: str | None,
) -> None:
    """List enrolments, teachers too."""
    settings = command.settings
    at_unix_s = moment(at, settings.zone)
    with command.app() as app, app.database.read() as connection:
        parts: list[int | None] = [None]
        if section_id:
            parts = [*find_parts(connection, section_id, peer_wwwroot)]
        who = find_person(connection, person_id) if person_id else None
        rows = [
            row
            for part in parts
            for row in lists.enrolments(
                connection, section_id=part, person_id=who, at_unix_s=at_unix_s
            )
        ]
    columns = ("section", "segment", "person", "role", "code", "meaning", "since", "note")
    command.show_table(rows, columns, "There are no enrolments.")


@click.group()
def grade() -> None:
    """The grades."""


@grade.command("list")
@click.option("--section", "section_id", required=True)
@click.option("--peer", "peer_wwwroot", help="Of this peer, when several have that section.")
@click.option("--at", help="As of the end of this day, or of this moment.")
@common
def grade_list(command: Command, section_id: str, peer_wwwroot: str | None, at: str | None) -> None:
    """List a section's grades."""
    settings = command.settings
    at_unix_s = moment(at, settings.zone)
    with command.app() as app, app.database.read() as connection:
        found = find_parts(connection, section_id, peer_wwwroot)
        rows = [row for part in found for row in lists.grades(connection, part, at_unix_s)]
    columns = (
        "assessment", "segment", "name", "person", "points", "max", "excepted", "attempt",
        "authority",
    )  # fmt: skip
    command.show_table(rows, columns, "There are no grades.")


@click.group(cls=LazyGroup)
def inbox() -> None:
    """Events that could not be applied."""


@inbox.command("list")
@click.option(
    "--status", type=click.Choice([*inbox_store.OPEN, inbox_store.DECLINED]), help="Only these."
)
@common
def inbox_list(command: Command, status: str | None) -> None:
    """List held, conflicting and rejected events; declined ones by --status."""
    with command.app() as app, app.database.read() as connection:
        rows = lists.inbox_list(connection, [status] if status else inbox_store.OPEN)
    columns = ("id", "peer", "event", "status", "waiting_for", "reason", "received_at")
    command.show_table(rows, columns, "The inbox is empty.")


@inbox.command()
@click.argument("inbox_id", metavar="ID", type=ROW_ID)
@common
def retry(command: Command, inbox_id: int) -> None:
    """Apply an event again."""
    with command.app() as app:
        retried = app.resolving.retry(inbox_id, author=By(audit.COMMAND_LINE, int(app.clock())))
    status = retried.entry.status
    command.show({"id": str(inbox_id), "status": status}, f"Event {inbox_id} is {status} now.")


@inbox.command()
@click.argument("inbox_id", metavar="ID", type=ROW_ID)
@common
def dismiss(command: Command, inbox_id: int) -> None:
    """Take an event out of the inbox."""
    with command.app() as app:
        app.resolving.dismiss(inbox_id, author=By(audit.COMMAND_LINE, int(app.clock())))
    command.show(
        {"id": str(inbox_id), "status": inbox_store.DISMISSED}, f"Event {inbox_id} is dismissed."
    )
