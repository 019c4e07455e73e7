"""Commands about a peer's new sections that wait for a person: waiting, approve, decline.

Source: RULES 1.8, 1.12.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from peers import audit
from schooltool_bridge.cli.peers import known_peer
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.days import iso
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.hand import new_sections
from schooltool_bridge.hand.new_sections import NewSection
from schooltool_bridge.history.author import Author
from schooltool_bridge.server.app import App

_PEER = click.option("--peer", "peer_wwwroot", help="Only of this peer.")
_ALL = click.option("--all", "all_of_them", is_flag=True, help="All that wait, instead of IDs.")
_WHY = click.option("--why", default="", help="The reason, for the audit trail.")
_IDS = click.argument("section_ids", metavar="[ID]...", nargs=-1)


@click.command("waiting")
@_PEER
@common
def waiting(command: Command, peer_wwwroot: str | None) -> None:
    """List new sections that wait for a decision, and those that are kept out."""
    with command.app() as app:
        found, out = _found(app, peer_wwwroot)
    rows = [_row(one) for one in (*found, *out)]
    columns = ("peer", "section", "name", "teacher", "decision", "since", "events", "by")
    command.show_table(rows, columns, "No section waits for a decision.")


@click.command("approve")
@_IDS
@_ALL
@_PEER
@_WHY
@common
def approve(
    command: Command,
    section_ids: tuple[str, ...],
    *,
    all_of_them: bool,
    peer_wwwroot: str | None,
    why: str,
) -> None:
    """Take new sections in with all that waited for them; also one that was kept out.

    ID is what `section waiting` shows.
    """
    _decide(command, section_ids, peer_wwwroot, why, all_of_them=all_of_them, is_approval=True)


@click.command("decline")
@_IDS
@_ALL
@_PEER
@_WHY
@common
def decline(
    command: Command,
    section_ids: tuple[str, ...],
    *,
    all_of_them: bool,
    peer_wwwroot: str | None,
    why: str,
) -> None:
    """Never take these new sections in; `section approve` undoes it.

    ID is what `section waiting` shows.
    """
    _decide(command, section_ids, peer_wwwroot, why, all_of_them=all_of_them, is_approval=False)


def _decide(
    command: Command,
    section_ids: Sequence[str],
    peer_wwwroot: str | None,
    why: str,
    *,
    all_of_them: bool,
    is_approval: bool,
) -> None:
    if all_of_them == bool(section_ids):
        raise click.UsageError("Give the sections' IDs, or --all.")
    with command.app() as app:
        found, out = _found(app, peer_wwwroot)
        possible = [*found, *out] if is_approval else found
        chosen = found if all_of_them else [_one(possible, text) for text in section_ids]
        author = Author(audit.COMMAND_LINE, int(app.clock()), why)
        try:
            done = app.admitting.decide(chosen, author, approve=is_approval)
        except Refused as problem:
            raise CommandError(str(problem)) from None
    row = {
        "approved" if is_approval else "declined": [one.idnumber for one in done.sections],
        "released": done.released,
    }
    names = ", ".join(one.name for one in done.sections)
    text = f"Kept out: {names}."
    if is_approval:
        text = f"Taken in: {names}; {done.released} events that waited left the inbox."
        syncs = [
            f"mnet-peer sync run {one.wwwroot} --section {one.idnumber}"
            for one in done.sections
            if one.declined_by is not None
        ]
        text = "\n".join(
            [text, *(["Now have what was left out meanwhile:"] if syncs else []), *syncs]
        )
    command.show(row, text)


def _found(app: App, peer_wwwroot: str | None) -> tuple[list[NewSection], list[NewSection]]:
    with app.database.read() as connection:
        found, out = new_sections.waiting(connection), new_sections.declined(connection)
    if peer_wwwroot is None:
        return found, out
    wwwroot = known_peer(app, peer_wwwroot).wwwroot
    return [o for o in found if o.wwwroot == wwwroot], [o for o in out if o.wwwroot == wwwroot]


def _one(possible: Sequence[NewSection], text: str) -> NewSection:
    hits = [one for one in possible if text in one.names]
    if not hits:
        raise CommandError(
            f"No section {text!r} waits for a decision; see: mnet-peer section waiting."
        )
    if len(hits) > 1:
        peers = " and ".join(sorted(one.wwwroot for one in hits))
        raise CommandError(f"{text!r} waits from {peers}; say which one: --peer WWWROOT.")
    return hits[0]


def _row(one: NewSection) -> dict[str, object]:
    return {
        "peer": one.wwwroot,
        "section": one.idnumber,
        "name": one.name,
        "teacher": one.teacher,
        "decision": _decision(one),
        "since": iso(one.since_unix_s),
        "events": one.waiting,
        "by": one.declined_by,
    }


def _decision(one: NewSection) -> str:
    if one.declined_by is None:
        return "waiting"
    return "unlinked" if one.is_unlinked else "declined"
