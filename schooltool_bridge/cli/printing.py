"""Commands that print a report of many students: report print, prints, printed, cancel.

Source: RULES 1.8, R70, R78.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from sqlalchemy.engine import Connection

from mnet.language import speaking
from peers import audit
from schooltool_bridge.cli.shared import ROW_ID, Command, CommandError, common, moment
from schooltool_bridge.common.days import iso
from schooltool_bridge.common.rows import Row
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_section
from schooltool_bridge.reports import print_runs, report
from schooltool_bridge.reports.pdf import SIZES
from schooltool_bridge.reports.print_runs import SCHOOL, SECTION, TERM, Run, Wanted
from schooltool_bridge.server.app import App

BAR_CHARS = 30
_FILE = click.argument("file", metavar="FILE.pdf", type=click.Path(path_type=Path))
_COLUMNS = ("id", "report", "subject", "state", "students", "printed", "failed", "started_at")


@click.command("print")
@click.argument("name", metavar="REPORT")
@_FILE
@click.option("--section", metavar="ID", help="Of the students of this section.")
@click.option("--term", metavar="TITLE", help="Of the students of this term.")
@click.option("--school", is_flag=True, help="Of all students.")
@click.option("--issue", is_flag=True, help="Hand each out with a number.")
@click.option("--at", help="As of the end of this day, or of this moment.")
@click.option("--paper", type=click.Choice(list(SIZES)), default="a4")
@common
def print_(
    command: Command,
    name: str,
    file: Path,
    section: str | None,
    term: str | None,
    school: bool,  # noqa: FBT001 - click's
    issue: bool,  # noqa: FBT001 - click's
    at: str | None,
    paper: str,
) -> None:
    """Print a report of many students into one PDF; Ctrl-C ends it, what was printed stays.

    Ends with status 1 when somebody could not be printed; the file has the others.
    """
    if sum((section is not None, term is not None, school)) != 1:
        raise click.UsageError("Say of whom: --section, --term or --school.")
    at_unix_s = moment(at, command.settings.zone)
    with command.app() as app, speaking(command.settings.language):
        with app.database.read() as connection:
            place, place_id = _place(connection, section, term)
        wanted = Wanted(name, place, place_id, at_unix_s, issue, paper)
        author = Author(audit.COMMAND_LINE, int(app.clock()))
        _finish(command, app, app.printing.begin(author, wanted), file)


@click.command("prints")
@click.option("--limit", type=click.IntRange(1, print_runs.MAX_LISTED), default=50)
@common
def prints(command: Command, limit: int) -> None:
    """List what was printed of many students, newest first."""
    with command.app() as app, app.database.read() as connection:
        rows = [_row(connection, run) for run in print_runs.list_runs(connection, limit)]
    command.show_table(rows, _COLUMNS, "Nothing was printed yet; see: mnet-peer report print.")


@click.command("printed")
@click.argument("run_id", metavar="ID", type=ROW_ID)
@_FILE
@common
def printed(command: Command, run_id: int, file: Path) -> None:
    """Write what was printed into a file again; what was killed is gone on with first."""
    with command.app() as app, speaking(command.settings.language):
        with app.database.read() as connection:
            run = print_runs.get(connection, run_id)
        if run.state == print_runs.RUNNING:
            taken = app.printing.take_up(run_id)
            if taken is None:
                raise CommandError(f"It is under way: {run.done} of {run.total} students.")
            run = taken
        _finish(command, app, run, file)


@click.command("cancel")
@click.argument("run_id", metavar="ID", type=ROW_ID)
@common
def cancel(command: Command, run_id: int) -> None:
    """End a printing that is under way; what was printed stays."""
    with command.app() as app:
        run = app.printing.cancel(run_id)
        with app.database.read() as connection:
            row = _row(connection, run)
    command.show(row, f"{run.state}: {run.printed} of {run.total} printed.")


def _place(connection: Connection, section: str | None, term: str | None) -> tuple[str, int | None]:
    if section is not None:
        return SECTION, find_section(connection, section)
    if term is not None:
        return TERM, report.term().read(connection, term)
    return SCHOOL, None


def _finish(command: Command, app: App, run: Run, file: Path) -> None:
    """Print what is left, and write the file."""
    shows = not command.as_json and sys.stderr.isatty()
    try:
        run = app.printing.finish(run, _bar if shows else lambda _run: None)
    except KeyboardInterrupt:
        run = app.printing.cancel(run.id)
    if shows:
        click.echo(err=True)
    if run.printed:
        file.write_bytes(app.printing.pdf(run.id)[1])
    with app.database.read() as connection:
        row = _row(connection, run)
        failed = print_runs.sheets(connection, run.id, print_runs.FAILED)
    row["could_not_be_printed"] = [{"name": s.name, "reason": s.reason} for s in failed]

    def text() -> None:
        where = f" into {file}" if run.printed else ""
        click.echo(f"{run.id}: {run.printed} of {run.total} students printed{where}.")
        for sheet in failed:
            click.echo(f"{sheet.name}: {sheet.reason}")

    command.show(row, text)
    if run.state != print_runs.DONE:
        raise CommandError(f"It was {run.state}; what was printed stays.")
    if failed:
        raise CommandError(f"{len(failed)} could not be printed.")


def _bar(run: Run) -> None:
    done = BAR_CHARS * run.done // run.total if run.total else BAR_CHARS
    line = f"\r[{'#' * done}{'-' * (BAR_CHARS - done)}] {run.done} of {run.total} students"
    click.echo(f"{line:<79}", err=True, nl=False)


def _row(connection: Connection, run: Run) -> Row:
    wanted = run.wanted
    issued = print_runs.sheets(connection, run.id, print_runs.PRINTED) if wanted.is_issued else ()
    return {
        "id": run.id,
        "report": wanted.report,
        "place": wanted.place,
        "subject": run.subject,
        "at": iso(wanted.at_unix_s or 0),
        "issued": wanted.is_issued,
        "numbers": [sheet.number for sheet in issued],
        "state": run.state,
        "students": run.total,
        "printed": run.printed,
        "failed": run.failed,
        "by": run.by_actor,
        "started_at": iso(run.started_unix_s),
        "ended_at": None if run.ended_unix_s is None else iso(run.ended_unix_s),
    }
