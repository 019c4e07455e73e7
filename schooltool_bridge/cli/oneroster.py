"""Commands that bring data out and in: export oneroster, import oneroster.

Source: RULES 1.8.
"""

from __future__ import annotations

from pathlib import Path

import click

from peers import audit
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.cli.site import progress_shown
from schooltool_bridge.oneroster import checking, tables
from schooltool_bridge.oneroster.export import export
from schooltool_bridge.oneroster.import_work import OUTCOMES
from schooltool_bridge.oneroster.importing import Imported, import_package
from schooltool_bridge.oneroster.reading import Package
from schooltool_bridge.oneroster.report import Problem
from schooltool_bridge.store import storage


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
    with command.app() as app, progress_shown(command) as show:
        done = export(app.database, settings, target, version, int(app.clock()), show)
    lines = [
        f"Wrote {target} (keep it as safe as the school's grades): "
        + ", ".join(f"{name} {count}" for name, count in done.rows.items())
        + "."
    ]
    if done.grades_left_out:
        lines.append(
            f"Grades left out: {done.grades_left_out}. Their student is not in the section's "
            "enrolments, and the format has no place for such a grade."
        )
    if done.grades_beyond_worth:
        lines.append(
            "Grades above what their assessment is worth (extra credit): "
            f"{done.grades_beyond_worth}. They stand there so; some readers refuse that."
        )
    if done.weighted_sections:
        lines.append(
            "Weights of categories are not in the package, for which the format has no place by "
            f"section. Sections with weights: {done.weighted_sections}."
        )
    value = {
        "to": str(target),
        "version": version,
        "rows": dict(done.rows),
        "grades_left_out": done.grades_left_out,
        "grades_beyond_worth": done.grades_beyond_worth,
        "weighted_sections": done.weighted_sections,
    }
    command.show(value, "\n".join(lines))


@click.group("import")
def import_group() -> None:
    """Take in records from other systems."""


@import_group.command("oneroster")
@click.argument("file", metavar="FILE|DIR", type=click.Path(exists=True, path_type=Path))
@click.option("--preview", is_flag=True, help="Only show what would change.")
@click.option(
    "--check", "only_check", is_flag=True, help="Only judge it, by the standard's letter."
)
@common
def import_oneroster(command: Command, file: Path, preview: bool, only_check: bool) -> None:  # noqa: FBT001 - click's
    """Take in a OneRoster package (1.1 or 1.2, CSV): a zip, or a folder.

    All of it or nothing: as long as there is a problem, nothing changes.
    """
    settings, released = command.settings, 0
    if only_check:
        with Package(file) as package:
            done = Imported(checking.check(package))
    else:
        with command.app() as app, Package(file) as package:
            storage.require_current(app.database)
            with progress_shown(command) as show:
                done = import_package(
                    app.database, settings, package, preview=preview, actor=audit.COMMAND_LINE,
                    now_unix_s=int(app.clock()), progress=show,
                )  # fmt: skip
            if done.applied:
                released = app.resolving.brought_by_hand(done.names, done.memberships)
    report = done.report
    value = {
        "ok": report.ok,
        "applied": done.applied,
        # Events of Moodles that waited for what it brought.
        "released": max(0, released),
        "version": report.version,
        "rows": report.rows,
        "counts": {name: dict(counts) for name, counts in done.counts.items()},
        "problems": [_shown(p) for p in report.problems],
        "more_problems": report.more,
        "warnings": [_shown(p) for p in report.warnings],
        "more_warnings": report.more_warnings,
    }
    command.show(value, "\n".join(_lines(done, released)))
    if not report.ok:
        raise CommandError(f"{file} has problems; nothing was changed.")


def _lines(done: Imported, released: int) -> list[str]:
    """What a person reads: notes, problems, counts, and what came of it."""
    report = done.report
    lines = [f"note: {p}" for p in report.warnings]
    lines += [f"and {report.more_warnings} more notes"] if report.more_warnings else []
    lines += [str(p) for p in report.problems]
    lines += [f"and {report.more} more"] if report.more else []
    for name, counts in done.counts.items():
        message = ", ".join(f"{counts[what]} {what}" for what in OUTCOMES if counts.get(what))
        lines.append(f"{name}: {message}")
    if report.ok and done.applied:
        came = f" {released} more that waited for it came in too." if released > 0 else ""
        lines.append(f"Taken in.{came}")
    elif report.ok and done.counts:
        lines.append("Nothing was changed yet; without --preview it will be.")
    elif report.ok:
        lines.append(f"This is a OneRoster {report.version} package as the standard wants it.")
    return lines


def _shown(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.file,
        "row": problem.row,
        "column": problem.column,
        "message": problem.message,
    }
