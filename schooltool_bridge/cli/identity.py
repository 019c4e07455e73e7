"""Commands about who is who: person add, change, merge, unmerge; inbox resolve.

Each stands in the audit trail with its reason, and holds at once, in a running server too.
Source: RULES 1.4, 1.8 (person, inbox), R39b.
"""

from __future__ import annotations

from dataclasses import asdict

import click

from mnet.language import N_
from peers import audit
from schooltool_bridge.cli.shared import ROW_ID, Command, CommandError, common
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import merging, people
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_person, find_record
from schooltool_bridge.server.app import App, end_at_peers

_why = click.option("--why", default="", help="The reason, for the history.")


@click.command("add")
@click.option("--username", required=True, help="The user name here.")
@click.option("--firstname", required=True)
@click.option("--lastname", required=True)
@click.option("--idnumber", default="", help="The shared ID number.")
@click.option("--email", default="")
@_why
@common
def add(command: Command, why: str, **names: str) -> None:
    """Add a person whom no Moodle brings."""
    with command.app() as app:
        try:
            with app.database.write() as connection:
                author = _author(app, why)
                wanted = Names(**names)
                made = people.add(connection, author, wanted)
                people.note_in_trail(connection, author, made, N_("person added"))
        except Refused as problem:
            raise CommandError(str(problem)) from None
        released = app.resolving.brought_by_hand([wanted])
    command.show(
        {"id": str(made), "released": released},
        f"{names['firstname']} {names['lastname']} has id {made}.{_came(released)}",
    )


@click.command("change")
@click.argument("person_id", metavar="ID")
@click.option("--username", help="The user name here.")
@click.option("--firstname")
@click.option("--lastname")
@click.option("--idnumber", help="The shared ID number; empty takes it away.")
@click.option("--email")
@_why
@common
def change(command: Command, person_id: str, why: str, **given: str | None) -> None:
    """Correct a person's names; from then on no Moodle changes them."""
    with command.app() as app:
        try:
            with app.database.write() as connection:
                found = find_person(connection, person_id)
                before = people.names_of(connection, found)
                changes = {name: value for name, value in given.items() if value is not None}
                names = Names(**{**asdict(before), **changes})
                author = _author(app, why)
                is_changed = people.change(connection, author, found, names)
                if is_changed:
                    people.note_in_trail(connection, author, found, N_("person corrected"))
        except Refused as problem:
            raise CommandError(str(problem)) from None
        released = app.resolving.brought_by_hand([names, before] if is_changed else [])
    text = f"Person {found} is corrected." if is_changed else f"Person {found} is so already."
    command.show(
        {"id": str(found), "changed": is_changed, "released": released}, text + _came(released)
    )


@click.command("merge")
@click.argument("kept_id", metavar="ID")
@click.argument("merged_id", metavar="ID")
@_why
@common
def merge(command: Command, kept_id: str, merged_id: str, why: str) -> None:
    """Make two records one person: the first stands for both from now on.

    Nothing is lost or moved, so it can be undone: mnet-peer person unmerge ID.
    """
    with command.app() as app:
        try:
            with app.database.write() as connection:
                kept = find_record(connection, kept_id)
                merged = find_record(connection, merged_id)
                visits = merging.merge(connection, _author(app, why), kept, merged)
        except Refused as problem:
            raise CommandError(str(problem)) from None
        end_at_peers(app, visits)
    command.show(
        {"id": str(kept), "merged": str(merged)},
        f"Person {kept} stands for {merged} as well now. To undo it: "
        f"mnet-peer person unmerge {merged}",
    )


@click.command("unmerge")
@click.argument("merged_id", metavar="ID")
@_why
@common
def unmerge(command: Command, merged_id: str, why: str) -> None:
    """Let a record that was merged stand for itself again."""
    with command.app() as app:
        try:
            with app.database.write() as connection:
                merged = find_record(connection, merged_id)
                visits = merging.undo(connection, _author(app, why), merged)
        except Refused as problem:
            raise CommandError(str(problem)) from None
        end_at_peers(app, visits)
    command.show({"id": str(merged)}, f"Person {merged} is somebody of their own again.")


@click.command("resolve")
@click.argument("inbox_id", metavar="ID", type=ROW_ID)
@click.option("--one-person", is_flag=True, help="All who could be meant are one person.")
@click.option("--keep-apart", is_flag=True, help="The Moodle names somebody of their own.")
@click.option("--keep", "kept_id", metavar="ID", help="With --one-person: who stands for all.")
@click.option(
    "--keep-percentage", is_flag=True, help="Another maximum: grades by hand keep their percentage."
)
@click.option(
    "--keep-points", is_flag=True, help="Another maximum: the points of before were meant."
)
@_why
@common
def resolve(
    command: Command,
    inbox_id: int,
    *,
    one_person: bool,
    keep_apart: bool,
    kept_id: str | None,
    keep_percentage: bool,
    keep_points: bool,
    why: str,
) -> None:  # fmt: skip - one option a line says nothing more
    """Decide what the inbox asks: who is who, or what points mean under another maximum.

    A conflict about people is applied, and what waited for it.
    """
    if [one_person, keep_apart, keep_percentage, keep_points].count(True) != 1:
        raise click.UsageError(
            "Give --one-person or --keep-apart, or of another maximum --keep-percentage or "
            "--keep-points."
        )
    if keep_percentage or keep_points:
        _resolve_points(command, inbox_id, keep_points=keep_points, why=why)
        return
    with command.app() as app:
        kept = None
        if kept_id is not None:
            with app.database.read() as connection:
                kept = find_person(connection, kept_id)
        try:
            done = app.resolving.decide(
                inbox_id, author=_author(app, why), keep_apart=keep_apart, kept_id=kept
            )
        except Refused as problem:
            how = " That is: --keep ID." if problem.field == "kept" else ""
            raise CommandError(f"{problem}{how}") from None
        end_at_peers(app, done.visits)
    status, reason = done.entry.status, done.entry.reason
    command.show(
        {"id": str(inbox_id), "status": status, "released": done.released},
        f"Event {inbox_id} is {status} now{f': {reason}' if reason else '.'}{_came(done.released)}",
    )


def _resolve_points(command: Command, inbox_id: int, *, keep_points: bool, why: str) -> None:
    with command.app() as app:
        try:
            done = app.resolving.decide_points(
                inbox_id, author=_author(app, why), keep_points=keep_points
            )
        except Refused as problem:
            raise CommandError(str(problem)) from None
    asked = done.asked
    message = (
        f"{done.entered} grades of “{asked.name}” are entered anew as points of {asked.now:f}."
        if keep_points
        else f"{len(asked.cells)} grades of “{asked.name}” keep their percentage of {asked.now:f}."
    )
    command.show(
        {"id": str(inbox_id), "status": done.entry.status, "entered": done.entered},
        f"Event {inbox_id} is {done.entry.status} now. {message}",
    )


def _came(released: int) -> str:
    return f" {released} more that waited for it came in too." if released else ""


def _author(app: App, why: str) -> Author:
    return Author(audit.COMMAND_LINE, int(app.clock()), why)
