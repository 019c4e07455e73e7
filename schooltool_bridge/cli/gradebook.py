"""Commands about gradebooks: the assessments of a section from a spreadsheet.

Source: RULES 1.8, R63.
"""

from __future__ import annotations

from pathlib import Path

import click

from peers import audit
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.gradebook import entering, spreadsheet, upload, upload_assessments
from schooltool_bridge.gradebook.reading import read_tables, too_large
from schooltool_bridge.gradebook.spreadsheet import BadSheet
from schooltool_bridge.gradebook.upload import HasProblems, Plan
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_section


@click.command("import-assessments")
@click.argument("section_id", metavar="ID")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--peer", "peer_wwwroot", help="Of this peer, when several have that section.")
@click.option("--segment", help="Of several parts (segments) of the section this one.")
@click.option("--preview", is_flag=True, help="Only say what would change.")
@common
def import_assessments(
    command: Command,
    section_id: str,
    file: Path,
    peer_wwwroot: str | None,
    segment: str | None,
    preview: bool,  # noqa: FBT001 - click's
) -> None:
    """Add or change a section's assessments as an .xlsx or .csv file lists them.

    Nothing is changed while anything in the file is wrong.
    """
    tables = _read(file)
    with command.app() as app:
        with app.database.read() as connection:
            found = find_section(connection, section_id, peer_wwwroot, segment)
            plan = upload_assessments.plan(connection, found, tables)
        is_applied = not preview and not plan.failed
        if is_applied:
            try:
                with app.database.write() as connection:
                    entering.lock(connection, found)
                    plan = upload_assessments.plan(connection, found, tables)
                    author = Author(audit.COMMAND_LINE, int(app.clock()), f"from {file.name}")
                    upload.write(connection, author, plan, shown=None)
            except (HasProblems, Refused) as problem:
                raise CommandError(str(problem)) from problem
    command.show(
        _json(plan, is_applied=is_applied), lambda: _print_plan(plan, is_applied=is_applied)
    )
    if plan.failed:
        _fail(file, plan)


def _read(file: Path) -> list[spreadsheet.Table]:
    """Read a file within limits; raises CommandError."""
    try:
        size_bytes = file.stat().st_size
        if size_bytes > spreadsheet.MAX_FILE_BYTES:
            raise CommandError(f"{file.name}: {too_large(size_bytes)}")
        return read_tables(file.read_bytes())
    except OSError as problem:
        raise CommandError(f"{file.name} cannot be read: {problem.strerror}.") from None
    except BadSheet as problem:
        raise CommandError(f"{file.name}: {problem}") from None


def _json(plan: Plan, *, is_applied: bool) -> dict[str, object]:
    return {
        **plan.counts,
        "applied": is_applied,
        "changes": [{"kind": c.kind, "what": c.what, "facts": [*c.facts]} for c in plan.changes],
        "new_worksheets": plan.new_sheets,
        "ignored_columns": plan.ignored,
        "errors": [
            {"sheet": p.sheet, "row": p.row, "column": p.column, "message": p.text}
            for p in plan.problems
        ],
    }


def _print_plan(plan: Plan, *, is_applied: bool) -> None:
    for problem in plan.problems:
        click.echo(f"{problem.location}: {problem.text}")
    for change in plan.changes:
        click.echo(f"{change.kind}: {change.what} ({', '.join(change.facts)})")
    click.echo(", ".join(f"{count} {name}" for name, count in plan.counts.items()) + ".")
    if not plan.failed:
        click.echo("Done." if is_applied else "Nothing was changed; this is a preview.")


def _fail(file: Path, plan: Plan) -> None:
    first = plan.problems[0]
    more = f" (and {plan.failed - 1} more)" if plan.failed > 1 else ""
    raise CommandError(
        f"{file.name}: {first.location}: {first.text}{more} Nothing was changed; correct the file."
    )
