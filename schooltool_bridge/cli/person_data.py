"""Commands about a person's data: person export and erase; and person staff, who may see others'.

Source: RULES R38, R58, R77; manual/personal-data.md.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from keys.protect import OWNER_ONLY
from peers import audit
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand.people import STAFF
from schooltool_bridge.history import identity
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_person
from schooltool_bridge.people import erasing, person_export, staff_roles
from schooltool_bridge.people.erasing_words import GOES, MIND, STAYS
from schooltool_bridge.server.app import App, in_reactor

NONE = "none"


@click.command("staff")
@click.argument("person_id", metavar="ID")
@click.option("--role", required=True, type=click.Choice([*STAFF, NONE]))
@common
def staff(command: Command, person_id: str, role: str) -> None:
    """Let a person see every student on their own pages, as counselor or principal."""
    with command.app() as app, app.database.write() as connection:
        found = find_person(connection, person_id)
        try:
            staff_roles.give(connection, _author(app), found, "" if role == NONE else role)
        except Refused as problem:
            raise CommandError(str(problem)) from None
    command.show({"id": str(found), "role": role}, f"Person {found}: {role}.")


@click.command("export")
@click.argument("person_id", metavar="ID")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@common
def export(command: Command, person_id: str, file: Path) -> None:
    """Write everything held about a person into a new zip file."""
    if file.exists():
        raise CommandError(f"{file} exists already; choose another name or remove it.")
    with command.app() as app, app.database.write() as connection:
        found = find_person(connection, person_id)
        data, _name = person_export.make(connection, _author(app), found, site=app.settings.name)
        try:
            # Nobody else on this machine reads it.
            with os.fdopen(
                os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb"
            ) as out:
                out.write(data)
        except OSError as problem:
            raise CommandError(f"{file} cannot be written: {problem.strerror}.") from None
    command.show(
        {"id": str(found), "file": str(file), "bytes": len(data)},
        f"{file} holds everything about person {found}; it is as secret as they are.",
    )


@click.command("erase")
@click.argument("person_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do it; without it the command only says what it would.")
@common
def erase(command: Command, person_id: str, yes: bool) -> None:  # noqa: FBT001 - click's
    """Take away who a person was; dates, codes and marks stay."""
    with command.app() as app:
        with app.database.read() as connection:
            found = find_person(connection, person_id)
            seen = erasing.preview(connection, found)
        if not yes:
            command.show({"id": str(seen.person_id), "erased": False}, _in_words(seen))
            raise CommandError(
                f"Nothing was erased. To do it: mnet-peer person erase {seen.person_id} --yes"
            )
        with app.database.write() as connection:
            works = [
                work
                for row_id in identity.everybody(connection, found)
                for work in app.signing_off.sign_out_everywhere(connection, row_id)
            ]
            try:
                erased = erasing.erase(connection, _author(app), found)
            except Refused as problem:
                raise CommandError(str(problem)) from None
        if works:
            in_reactor(lambda: [work() for work in works])
    command.show(
        {"id": str(erased), "erased": True},
        f"Person {erased} is erased. " + " ".join(MIND[1:3]),
    )


def _in_words(seen: erasing.Preview) -> str:
    def listed(title: str, words: tuple[str, ...]) -> str:
        return "\n".join([title, *(f"  - {w}" for w in words)])

    return "\n".join(
        [
            f"Of {seen.name} ({seen.username}, id {seen.person_id})",
            listed("would go:", GOES),
            listed("would stay:", STAYS),
            listed("Mind:", MIND),
        ]
    )


def _author(app: App) -> Author:
    return Author(audit.COMMAND_LINE, int(app.clock()))
