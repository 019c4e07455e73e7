"""Commands that print reports: report progress, transcript, section-history.

Source: requirements 1.8, R69-R73.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from schooltool_bridge import queries
from schooltool_bridge.app import App
from schooltool_bridge.command import Command, CommandError, common, moment
from schooltool_bridge.reports import progress, show, transcript
from schooltool_bridge.reports.paper import Paper, csv_bytes
from schooltool_bridge.reports.pdf import SIZES, PdfError, make_pdf

F = TypeVar("F", bound=Callable[..., Any])


def _files(function: F) -> F:
    """Give a report's command the options for files."""
    for option in (
        click.option("--pdf", type=click.Path(path_type=Path), help="Write a PDF to this file."),
        click.option("--csv", type=click.Path(path_type=Path), help="Write a CSV to this file."),
        click.option("--paper", type=click.Choice(list(SIZES)), default="a4", help="For the PDF."),
    ):
        function = option(function)
    return function


@click.group()
def report() -> None:
    """Reports: a student's progress, a transcript, what happened in a section."""


@report.command("progress")
@click.argument("person_id", metavar="PERSON")
@click.option("--at", help="As of the end of this day, or of this moment.")
@_files
@common
def report_progress(
    command: Command, person_id: str, at: str | None, pdf: Path | None, csv: Path | None, paper: str
) -> None:
    """Show a student's sections, assessments and percentages, now or on any day."""
    settings = command.settings
    at_unix_s = moment(at, settings.zone)
    with App(settings) as app, app.database.read() as connection:
        found = progress.read(
            connection,
            queries.find_person(connection, person_id),
            at_unix_s,
            int(app.clock()),
            settings.zone,
        )
    made = progress.paper_of(found, settings.zone)
    _print(command, progress.as_json(found), made, pdf, csv, paper)


@report.command("transcript")
@click.argument("person_id", metavar="PERSON")
@_files
@common
def report_transcript(
    command: Command, person_id: str, pdf: Path | None, csv: Path | None, paper: str
) -> None:
    """Show every section that a person ever took, with final marks and withdrawals."""
    settings = command.settings
    with App(settings) as app, app.database.read() as connection:
        found = transcript.read(
            connection, queries.find_person(connection, person_id), int(app.clock())
        )
    made = transcript.paper_of(found, settings.zone)
    _print(command, transcript.as_json(found), made, pdf, csv, paper)


def _print(
    command: Command, value: object, made: Paper, pdf: Path | None, csv: Path | None, size: str
) -> None:
    try:
        if pdf is not None:
            pdf.write_bytes(make_pdf(made, school=command.settings.name, size=size))
        if csv is not None:
            csv.write_bytes(csv_bytes(made.flat))
    except PdfError as problem:
        raise CommandError(str(problem)) from None
    except OSError as problem:
        raise CommandError(
            f"{problem.filename} cannot be written: {problem.strerror}. Choose another place."
        ) from None
    command.show(value, lambda: show.on_terminal(made, Console(highlight=False, markup=False)))
