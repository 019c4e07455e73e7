"""The command that joins two assessments of a section, and takes them apart.

Source: RULES 1.5, 1.8, R65.
"""

from __future__ import annotations

import click

from peers import audit
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.points import decimal_text
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.gradebook import grid
from schooltool_bridge.hand import joining
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_section
from schooltool_bridge.history.snapshot import SectionSnapshot


@click.command("join-assessments")
@click.argument("section_id", metavar="ID")
@click.argument("ours", metavar="HAND")
@click.argument("theirs", metavar="MOODLE")
@click.option("--peer", "peer_wwwroot", help="Of this peer, when several have that section.")
@click.option("--segment", help="Of several parts (segments) of the section this one.")
@click.option("--preview", is_flag=True, help="Only say which grades would count.")
@click.option("--apart", is_flag=True, help="Undo it: they are two again.")
@click.option("--why", default="", help="For the audit trail.")
@common
def join_assessments(
    command: Command,
    section_id: str,
    ours: str,
    theirs: str,
    peer_wwwroot: str | None,
    segment: str | None,
    preview: bool,  # noqa: FBT001 - click's
    apart: bool,  # noqa: FBT001 - click's
    why: str,
) -> None:
    """Say that assessment HAND, made here by hand, is the Moodle's assessment MOODLE.

    The Moodle's stays; what was entered by hand counts before what the Moodle says.
    """
    if preview and apart:
        raise click.UsageError("--preview and --apart do not go together.")
    with command.app() as app:
        author = Author(audit.COMMAND_LINE, int(app.clock()), why)
        try:
            with app.database.read() if preview else app.database.write() as connection:
                found = find_section(connection, section_id, peer_wwwroot, segment)
                snapshot = grid.section_of(connection, found)
                theirs_id = item_of(snapshot, theirs)
                if apart:
                    # Gone from the gradebook, it is named by our id alone.
                    ours_id = int(ours) if ours.isascii() and ours.isdigit() else 0
                    released = joining.take_apart(connection, author, found, ours_id, theirs_id)
                elif preview:
                    done = joining.plan(snapshot, item_of(snapshot, ours), theirs_id)
                else:
                    done = joining.join(
                        connection, author, found, item_of(snapshot, ours), theirs_id
                    )
        except Refused as problem:
            raise CommandError(str(problem)) from None
    if apart:
        message = f"They are two again; {released} entries by hand went back."
        command.show({"applied": True, "released": released}, message)
        return
    command.show(_json(done, is_applied=not preview), _text(done, is_applied=not preview))


def item_of(snapshot: SectionSnapshot, wanted: str) -> int:
    """Find an assessment by its shared idnumber or our own id; raises CommandError."""
    shared = {i.id for i in snapshot.items if i.name_for_scripts == wanted}
    found = shared | {i.id for i in snapshot.items if str(i.id) == wanted}
    if not found:
        raise CommandError(f"There is no assessment {wanted!r} in {snapshot.name}.")
    if len(found) > 1:
        listed = " and ".join(str(i) for i in sorted(found))
        raise CommandError(f"{wanted!r} could be the assessments with our ids {listed}.")
    return found.pop()


def _json(plan: joining.Plan, *, is_applied: bool) -> dict[str, object]:
    return {
        "applied": is_applied,
        "hand": {"id": str(plan.ours.id), "name": plan.ours.name},
        "moodle": {
            "id": str(plan.theirs.id),
            "assessment": plan.theirs.name_for_scripts,
            "name": plan.theirs.name,
        },
        "grades": [
            {
                "person_id": str(cell.person_id),
                "by_hand": decimal_text(cell.by_hand.points),
                "excepted": cell.by_hand.excepted,
                "moodle": decimal_text(cell.theirs.points) if cell.theirs else None,
                "goes_over": cell.goes_over,
            }
            for cell in plan.cells
        ],
        "untouched": plan.untouched,
    }


def _text(plan: joining.Plan, *, is_applied: bool) -> str:
    over = sum(cell.goes_over for cell in plan.cells)
    names = f"“{plan.ours.name}” and “{plan.theirs.name}” are one"
    done = f"{names} now" if is_applied else f"{names}, once it is done without --preview"
    return (
        f"{done}: {over} grades entered by hand count there, {plan.untouched} grades of the "
        "Moodle's stay as they are."
    )
