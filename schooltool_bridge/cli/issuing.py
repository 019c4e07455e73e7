"""Commands about issued reports: report issue, issued, reprint.

Source: RULES 1.8 (the form of commands), R70, R71.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import click

from mnet import language
from peers import audit
from schooltool_bridge.cli.closing import refusals_as_errors
from schooltool_bridge.cli.shared import Command, CommandError, common, moment
from schooltool_bridge.common.days import iso
from schooltool_bridge.common.rows import Row
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_person
from schooltool_bridge.reports import issuing
from schooltool_bridge.reports.issuing import Issued, Office
from schooltool_bridge.reports.pdf import SIZES, PdfError

_FILE = click.argument("file", metavar="FILE.pdf", type=click.Path(path_type=Path))
_COLUMNS = ("number", "title", "at", "issued_at", "by")


@click.command("issue")
@click.argument("kind", metavar="REPORT")
@click.argument("person_id", metavar="PERSON")
@_FILE
@click.option("--at", help="As of the end of this day, or of this moment.")
@click.option("--paper", type=click.Choice(list(SIZES)), default="a4")
@common
def issue_report(
    command: Command, kind: str, person_id: str, file: Path, at: str | None, paper: str
) -> None:
    """Issue a report: number it, keep its very bytes, and write them to a file."""
    settings = command.settings
    at_unix_s = moment(at, settings.zone)
    office = Office(settings.name, settings.zone, paper, settings.home)
    try:
        with refusals_as_errors(), command.app() as app, language.speaking(settings.language):
            author = Author(audit.COMMAND_LINE, int(app.clock()))
            with app.database.read() as connection:
                who = find_person(connection, person_id)
            # Written before the commit: what cannot be written is not issued.
            found = issuing.issue_to(
                app.database, author, kind, who, at_unix_s, office, partial(_write, file)
            )
    except PdfError as problem:
        raise CommandError(str(problem)) from None
    message = f"Issued {found.title} as {found.number}; its SHA-256 is {found.sha256}."
    command.show(_row(found), message)


@click.command("issued")
@click.option("--person", "person_id", help="Only of this person.")
@click.option("--number", default="", help="A number, or a part of one.")
@click.option("--limit", type=click.IntRange(1, issuing.MAX_LISTED), default=100)
@common
def issued_list(command: Command, person_id: str | None, number: str, limit: int) -> None:
    """List the reports that were issued, the latest first."""
    with command.app() as app, app.database.read() as connection:
        who = find_person(connection, person_id) if person_id is not None else None
        found, _total = issuing.listed(connection, person_id=who, number=number, limit=limit)
        rows = [_row(each) for each in found]
    command.show_table(rows, _COLUMNS, "No report was issued yet; see: mnet-peer report issue.")


@click.command("reprint")
@click.argument("number")
@_FILE
@common
def reprint(command: Command, number: str, file: Path) -> None:
    """Write an issued report to a file again: the very bytes that were handed out."""
    with refusals_as_errors(), command.app() as app, app.database.read() as connection:
        found, made = issuing.pdf_of(connection, number)
        row = _row(found)
    _write(file, made)
    command.show(row, f"Wrote {found.title}, {found.number}.")


@click.command("check")
@_FILE
@common
def check_report(command: Command, file: Path) -> None:
    """Tell whether a PDF is one that was issued here, and unchanged; exit status 1 when not."""
    try:
        with file.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as problem:
        raise CommandError(f"{file} cannot be read: {problem.strerror}.") from None
    with command.app() as app, app.database.read() as connection:
        found = issuing.by_digest(connection, sha256)
    if found is None:
        raise CommandError(f"{file} was not issued here, or was changed since.")
    command.show(_row(found), f"It is {found.title}, {found.number}, unchanged.")


def _row(one: Issued) -> Row:
    return {
        "number": one.number,
        "kind": one.kind,
        "title": one.title,
        "person_id": str(one.person_id),
        "at": iso(one.at_unix_s),
        "issued_at": iso(one.issued_unix_s),
        "by": one.by_actor,
        "sha256": one.sha256,
    }


def _write(file: Path, made: bytes) -> None:
    try:
        file.write_bytes(made)
    except OSError as problem:
        raise CommandError(
            f"{file} cannot be written: {problem.strerror}. Choose another place."
        ) from None
