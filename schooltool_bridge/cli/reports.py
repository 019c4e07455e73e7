"""Commands that print reports: report progress, transcript, section-history.

Source: RULES 1.8, R69-R73.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from sqlalchemy.engine import Connection

from mnet import language
from schooltool_bridge.cli.lazy_group import LazyGroup
from schooltool_bridge.cli.shared import Command, CommandError, common, moment
from schooltool_bridge.common.rows import Row
from schooltool_bridge.history.finding import find_parts, find_person, segment_of
from schooltool_bridge.reports import (
    history_lines,
    over_time,
    progress,
    section_history,
    show,
    transcript,
)
from schooltool_bridge.reports.paper import Paper, csv_bytes
from schooltool_bridge.reports.pdf import SIZES, PdfError, make_pdf
from schooltool_bridge.reports.section_history import KINDS
from schooltool_bridge.school import labels

# In a file or pipe lines are this long, so that few cells wrap.
PIPED_CHARS = 240
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


@click.group(cls=LazyGroup)
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
    with command.app() as app, app.database.read() as connection:
        found = progress.read(
            connection,
            find_person(connection, person_id),
            at_unix_s,
            int(app.clock()),
            settings.zone,
        )
        with language.speaking(settings.language):
            made = over_time.progress_paper(connection, found, settings.zone)
    with language.speaking(settings.language):
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
    with command.app() as app, app.database.read() as connection:
        found = transcript.read(connection, find_person(connection, person_id), int(app.clock()))
    with language.speaking(settings.language):
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
    width = None if sys.stdout.isatty() else PIPED_CHARS
    console = Console(width=width, highlight=False, markup=False)
    command.show(value, lambda: show.on_terminal(made, console))


@report.command("section-history")
@click.argument("section_id", metavar="ID")
@click.option("--peer", "peer_wwwroot", help="Of this peer, when several have that id.")
@click.option("--person", "person_id", help="Only what is about this person.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only of this kind.")
@_files
@common
def report_section_history(
    command: Command,
    section_id: str,
    peer_wwwroot: str | None,
    person_id: str | None,
    kinds: tuple[str, ...],
    pdf: Path | None,
    csv: Path | None,
    paper: str,
) -> None:
    """Show everything that ever happened in a section, in order; of several parts in all."""
    settings = command.settings
    with command.app() as app, app.database.read() as connection:
        parts = find_parts(connection, section_id, peer_wwwroot)
        who = find_person(connection, person_id) if person_id else None
        # Scripts read English, people their own language, in which the lines are worded when read.
        rows = (
            _history_rows(connection, parts, who, kinds, settings.zone) if command.as_json else None
        )
        with language.speaking(settings.language):
            lines = [
                line if len(parts) == 1 else _in_segment(line, segment)
                for segment, line in _history_of_parts(connection, parts, who, kinds, settings.zone)
            ]
        names = labels.section_names(connection, parts[-1])
        now_unix_s = int(app.clock())
    with language.speaking(settings.language):
        made = history_lines.paper_of(
            lines, name=names[1], short=names[0], now_unix_s=now_unix_s, zone=settings.zone
        )
        _print(command, rows, made, pdf, csv, paper)


def _history_rows(
    connection: Connection,
    parts: list[int],
    person_id: int | None,
    kinds: tuple[str, ...],
    zone: tzinfo,
) -> list[Row]:
    found = _history_of_parts(connection, parts, person_id, kinds, zone)
    rows = history_lines.as_json(line for _segment, line in found)
    return [{**row, "segment": segment} for row, (segment, _line) in zip(rows, found, strict=True)]


def _history_of_parts(
    connection: Connection,
    parts: list[int],
    person_id: int | None,
    kinds: tuple[str, ...],
    zone: tzinfo,
) -> list[tuple[str, history_lines.Line]]:
    """Read the history of all parts in one order, each line with its segment."""
    found = [
        (segment_of(connection, part), line)
        for part in parts
        for line in _history(connection, part, person_id, kinds, zone)
    ]
    if len(parts) > 1:
        found.sort(key=lambda f: (f[1].line_key.effective_unix_s, f[1].line_key.seq))
    return found


def _in_segment(line: history_lines.Line, segment: str) -> history_lines.Line:
    subject = language._("segment %(segment)s", segment=segment)
    return replace(line, subject=f"{line.subject}, {subject}" if line.subject else subject)


def _history(
    connection: Connection,
    section_id: int,
    person_id: int | None,
    kinds: tuple[str, ...],
    zone: tzinfo,
) -> list[history_lines.Line]:
    """Read all of a section's history, page by page."""
    lines: list[history_lines.Line] = []
    while True:
        found = section_history.line_keys(
            connection,
            section_id,
            person_id=person_id,
            kinds=kinds or KINDS,
            after=lines[-1].line_key if lines else None,
        )
        lines += history_lines.read(connection, section_id, found, zone)
        if len(found) < section_history.MAX_LINES:
            return lines
