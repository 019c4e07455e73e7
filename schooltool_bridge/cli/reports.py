"""Commands that print reports: one for each that there is, and section-history of several parts.

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
from mnet.refusal import Refusal
from schooltool_bridge.cli.lazy_group import LazyGroup
from schooltool_bridge.cli.shared import Command, CommandError, common, home_of, moment
from schooltool_bridge.common.rows import Row
from schooltool_bridge.history.finding import (
    find_parts,
    find_person,
    find_section,
    segment_of,
)
from schooltool_bridge.reports import history_lines, registry, section_history, show
from schooltool_bridge.reports.paper import Paper, csv_bytes
from schooltool_bridge.reports.pdf import SIZES, PdfError, make_pdf
from schooltool_bridge.reports.report import PERSON, SCHOOL, SECTION, Asked, Report
from schooltool_bridge.reports.section_history import KINDS
from schooltool_bridge.school import labels

# In a file or pipe lines are this long, so that few cells wrap.
PIPED_CHARS = 240
# Where the group keeps the data folder of its command.
_HOME = "data folder of reports"
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


class Reports(LazyGroup):
    """The group `report`: a command for each report that there is, beside those written here."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Look in the data folder that stands behind the command, too."""
        ctx.meta[_HOME] = _home_behind(args) or home_of(ctx)
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command's name."""
        return sorted({*super().list_commands(ctx), *registry.names(_home(ctx))})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; of a report it is made of what the report says of itself."""
        found = super().get_command(ctx, cmd_name)
        if found is not None or cmd_name not in registry.names(_home(ctx)):
            return found
        try:
            return _command_of(cmd_name, registry.find(_home(ctx), cmd_name))
        except Refusal as problem:
            raise CommandError(str(problem)) from problem


def _home(ctx: click.Context) -> Path:
    return ctx.meta.get(_HOME) or home_of(ctx)


def _home_behind(args: list[str]) -> Path | None:
    """Return what --home says among the arguments of a command that is not known yet."""
    for at, word in enumerate(args):
        name, equals, value = word.partition("=")
        if name == "--home" and (equals or args[at + 1 : at + 2]):
            return Path(value if equals else args[at + 1]).absolute()
    return None


@click.group(cls=Reports)
def report() -> None:
    """Reports: of a student, a section, the whole school; each with --csv and --pdf."""


def _command_of(name: str, kind: Report[Any]) -> click.Command:
    """Make a report's command: whom it is about, its choices, and the files."""

    @_files
    @common
    def run(command: Command, **given: Any) -> None:
        _run(command, kind, given)

    if kind.has_day:
        run = click.option("--at", help="As of the end of this day, or of this moment.")(run)
    for choice in reversed(kind.choices):
        default = f" ({choice.default})" if choice.default else ""
        run = click.option(f"--{choice.name.replace('_', '-')}", help=f"{choice.title}{default}.")(
            run
        )
    if kind.subject != SCHOOL:
        run = click.argument("about", metavar=kind.subject.upper())(run)
    return click.command(name, help=kind.about)(run)


def _run(command: Command, kind: Report[Any], given: dict[str, Any]) -> None:
    settings = command.settings
    at_unix_s = moment(given.get("at"), settings.zone)
    with command.app() as app, app.database.read() as connection:
        about_id = _ABOUT[kind.subject](connection, given.get("about", ""))
        choices = kind.chosen(connection, {c.name: given[c.name] or "" for c in kind.choices})
        now_unix_s = int(app.clock())
        asked = Asked(connection, about_id, at_unix_s, now_unix_s, settings.zone, choices)
        # Scripts read English, people their own language, in which what is read is worded.
        value = kind.value(kind.read(asked), asked) if command.as_json else None
        with language.speaking(settings.language):
            made = kind.made(asked)
    with language.speaking(settings.language):
        _print(command, value, made, given["pdf"], given["csv"], given["paper"])


_ABOUT: dict[str, Callable[[Connection, str], int]] = {
    PERSON: find_person,
    SECTION: find_section,
    SCHOOL: lambda _connection, _text: 0,
}


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
