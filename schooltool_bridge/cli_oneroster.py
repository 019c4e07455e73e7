"""Commands that bring data out and in: export oneroster, import oneroster.

Source: requirements 1.8.
"""

from __future__ import annotations

from pathlib import Path

import click

from schooltool_bridge.app import App
from schooltool_bridge.cli_site import progress_shown
from schooltool_bridge.command import Command, CommandError, common
from schooltool_bridge.oneroster import checking, tables
from schooltool_bridge.oneroster.export import export
from schooltool_bridge.oneroster.reading import Package


@click.group("export")
def export_group() -> None:
    """Write the records for other systems."""


@export_group.command("oneroster")
@click.argument("target", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--version", type=click.Choice(list(tables.TABLES)), default=tables.V1_1, show_default=True
)
@common
def export_oneroster(command: Command, target: Path, version: str) -> None:
    """Write everything as OneRoster CSV into DIR, a new folder, or a zip when it ends in .zip."""
    settings = command.settings
    with App(settings) as app, progress_shown(command) as show:
        done = export(app.database, settings, target, version, int(app.clock()), show)
    lines = [
        f"Wrote {target} (keep it as safe as the school's grades): "
        + ", ".join(f"{count} {name}" for name, count in done.rows.items())
        + "."
    ]
    if done.grades_left_out:
        lines.append(
            f"{done.grades_left_out} grades were left out: their student is not in the section's "
            "enrolments, and the format has no place for such a grade."
        )
    if done.grades_beyond_worth:
        lines.append(
            f"{done.grades_beyond_worth} grades are more than their assessment is worth (extra "
            "credit) and stand there so; some readers refuse that."
        )
    value = {
        "to": str(target),
        "version": version,
        "rows": dict(done.rows),
        "grades_left_out": done.grades_left_out,
        "grades_beyond_worth": done.grades_beyond_worth,
    }
    command.show(value, "\n".join(lines))


@click.group("import")
def import_group() -> None:
    """Take in records from other systems."""


@import_group.command("oneroster")
@click.argument("file", metavar="FILE|DIR", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--check", "only_check", is_flag=True, help="Only judge it, by the standard's letter."
)
@common
def import_oneroster(command: Command, file: Path, only_check: bool) -> None:  # noqa: FBT001 - click's
    """Take in a OneRoster package (1.1 or 1.2, CSV): a zip, or a folder."""
    with Package(file) as package:
        report = checking.check(package, strict=only_check)
    value = {
        "ok": report.ok,
        "version": report.version,
        "rows": report.rows,
        "problems": [_shown(p) for p in report.problems],
        "more_problems": report.more,
    }
    lines = [str(p) for p in report.problems]
    lines += [f"and {report.more} more"] if report.more else []
    command.show(value, "\n".join(lines) or f"{file} is a OneRoster {report.version} package.")
    if not report.ok:
        raise CommandError(f"{file} has problems; see above.")


def _shown(problem: checking.Problem) -> dict[str, object]:
    return {
        "file": problem.file,
        "row": problem.row,
        "column": problem.column,
        "message": problem.message,
    }
