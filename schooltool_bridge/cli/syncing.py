"""Commands for full syncs: run one, list those that were, show what one found.

Source: RULES 1.8, 1.10.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from mnet.stored_sentences import localized
from peers import audit
from schooltool_bridge.cli.peers import known_peer, stored_peer
from schooltool_bridge.cli.shared import ROW_ID, Command, CommandError, common
from schooltool_bridge.full_sync import confirming, run_lists, runs
from schooltool_bridge.full_sync.carrying import carry_out
from schooltool_bridge.full_sync.runs import Run, Wanted
from schooltool_bridge.full_sync.taking_back import take_back
from schooltool_bridge.full_sync.walking import ENTITIES
from schooltool_bridge.history.finding import find_parts, find_person
from schooltool_bridge.server.app import App, in_reactor

MAX_LISTED = 1000
BAR_CHARS = 30


@click.group()
def sync() -> None:
    """Full syncs: a peer lists all that it has."""


@sync.command("run")
@click.argument("wwwroot")
@click.option("--only", metavar="ENTITY,...", help=f"Only these kinds: {', '.join(ENTITIES)}.")
@click.option("--section", "section_text", metavar="ID", help="Only what is about this section.")
@click.option("--person", "person_text", metavar="ID", help="Only what is about this person.")
@click.option("--preview", is_flag=True, help="Apply nothing; say what would be.")
@click.option("--confirm", "confirm", metavar="DIFF-ID", type=ROW_ID, help="Apply a difference.")
@common
def run(
    command: Command,
    wwwroot: str,
    only: str | None,
    section_text: str | None,
    person_text: str | None,
    preview: bool,  # noqa: FBT001 - click's
    confirm: int | None,
) -> None:
    """Ask the peer at WWWROOT for all that it has, and bring it here.

    Ends with status 1 unless it is done: what it says is missing may have to be confirmed.
    """
    if confirm is not None and (preview or only or section_text or person_text):
        raise click.UsageError("--confirm goes with no other choice.")
    with command.app() as app:
        peer = known_peer(app, wwwroot)
        if confirm is None:
            wanted = _wanted(app, wwwroot, only, section_text, person_text, preview)
        else:
            with app.database.read() as connection:
                wanted = confirming.wanted(connection, peer.id, confirm)
        shows = not command.as_json and sys.stderr.isatty()
        progress = _bar if shows else lambda _run: None
        begun = app.full_sync.begin(peer, wanted, audit.COMMAND_LINE)
        ended = in_reactor(lambda: carry_out(app.full_sync, begun, progress))
        if shows:
            click.echo(err=True)
    row = run_lists.run_row(ended)
    command.show(row, lambda: _show_counts(ended))
    if ended.state != runs.DONE:
        raise CommandError(_why(ended))


def _wanted(
    app: App,
    wwwroot: str,
    only: str | None,
    section_text: str | None,
    person_text: str | None,
    preview: bool,  # noqa: FBT001 - click's
) -> Wanted:
    kinds = tuple(part.strip() for part in (only or "").split(",") if part.strip())
    if unknown := set(kinds) - set(ENTITIES):
        raise click.UsageError(
            f"--only takes {', '.join(ENTITIES)}, not {', '.join(sorted(unknown))}."
        )
    with app.database.read() as connection:
        parts = find_parts(connection, section_text, wwwroot) if section_text else []
        person_id = find_person(connection, person_text) if person_text else None
    return Wanted(kinds, parts[-1] if parts else None, person_id, is_preview=preview)


def _bar(run: Run) -> None:
    done = BAR_CHARS * run.percent // 100
    line = f"\r[{'#' * done}{'-' * (BAR_CHARS - done)}] {run.percent} %"
    if now := [e for e in ENTITIES if e in run.walks][-1:]:
        walk = run.walks[now[0]]
        line += f", {now[0]}: {walk.came} of about {max(walk.estimate, walk.came)}"
    click.echo(f"{line:<79}", err=True, nl=False)


def _show_counts(run: Run) -> None:
    for entity in ENTITIES:
        counted = [f"{n} {name}" for name, n in run.counts[entity].items() if n]
        click.echo(f"{entity}: {', '.join(counted) or 'none'}")
    click.echo(f"Full sync {run.id} with {run.peer}: {run.state}")


def _why(run: Run) -> str:
    reason = localized(run.reason)
    if run.state == runs.WAITING:
        return (
            f"Nothing was withdrawn or marked as missing yet. {reason} "
            f"See: mnet-peer sync show {run.id}. "
            f"Then: mnet-peer sync run {run.peer} --confirm {run.id}"
        )
    return reason


@sync.command("list")
@click.option("--peer", "wwwroot", metavar="WWWROOT", help="Only with this peer.")
@click.option("--limit", type=click.IntRange(1, MAX_LISTED), default=50, show_default=True)
@common
def list_(command: Command, wwwroot: str | None, limit: int) -> None:
    """List full syncs, newest first."""
    with command.app() as app:
        peer_id = stored_peer(app, wwwroot).id if wwwroot else None
        with app.database.read() as connection:
            found = runs.list_runs(connection, peer_id, limit)
    rows = [run_lists.run_row(r) for r in found]
    columns = ("id", "peer", "state", "started_at", "ended_at", "reason")
    command.show_table(rows, columns, "There was no full sync yet.")


@sync.command("show")
@click.argument("run_id", metavar="ID", type=ROW_ID)
@common
def show(command: Command, run_id: int) -> None:
    """Show a full sync and what it found, by name."""
    with command.app() as app, app.database.read() as connection:
        found = runs.get(connection, run_id)
        rows = run_lists.rows_with_names(connection, runs.rows_of(connection, run_id))
    value: dict[str, Any] = {**run_lists.run_row(found), "rows": rows}

    def text() -> None:
        _show_counts(found)
        if found.reason:
            click.echo(localized(found.reason))
        columns = ("id", "entity", "outcome", "name", "reason")
        command.show_table(rows, columns, "It changed nothing.")

    command.show(value, text)


@sync.command("take-back")
@click.argument("run_id", metavar="ID", type=ROW_ID)
@click.argument("row_ids", metavar="ROW...", type=ROW_ID, nargs=-1, required=True)
@common
def take_back_(command: Command, run_id: int, row_ids: tuple[int, ...]) -> None:
    """Take assessments and grades back that full sync ID missed: those of the rows named."""
    with command.app() as app:
        taken = take_back(app.full_sync, run_id, row_ids, audit.COMMAND_LINE)
    command.show({"taken_back": taken}, f"Took {taken} back.")
