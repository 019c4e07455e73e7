"""Commands for support: the record of calls, what is shared with a peer, and a bundle.

Source: RULES 1.8, R14, R90.
"""

from __future__ import annotations

from pathlib import Path

import click

from keys import protect
from peers import calls as journal
from peers import store, typed
from peers.calls import Call
from schooltool_bridge.cli.peers import known_peer
from schooltool_bridge.cli.shared import ROW_ID, Command, CommandError, common
from schooltool_bridge.common.days import iso
from schooltool_bridge.people.sharing import Item, sharing
from schooltool_bridge.server.bundle import make_bundle

COLUMNS = ("id", "at", "peer", "direction", "method", "outcome", "duration_ms", "reason")


@click.group()
def calls() -> None:
    """The calls that came and went."""


@calls.command("list")
@click.option("--peer", "wwwroot", metavar="WWWROOT", help="Only of this peer.")
@click.option("--method", help="Only of this method: its name, or what stands behind the last /.")
@click.option("--failed", is_flag=True, help="Only those that failed, wholly or in part.")
@click.option("--limit", type=click.IntRange(1, journal.MAX_LIMIT), default=50, show_default=True)
@common
def list_(
    command: Command,
    wwwroot: str | None,
    method: str | None,
    failed: bool,  # noqa: FBT001 - click's
    limit: int,
) -> None:
    """List calls, newest first."""
    with command.app() as app, app.database.read() as connection:
        peer_id = None
        if wwwroot is not None:
            stored = store.find(connection, typed.wwwroot(wwwroot))
            if stored is None:
                raise CommandError(f"There is no peer {wwwroot}; see: mnet-peer peer list.")
            peer_id = stored.id
        found = journal.find(
            connection,
            peer_id=peer_id,
            method=method,
            outcome=journal.ANY_FAILED if failed else None,
            limit=limit,
        )
    command.show_table([_row(c) for c in found], COLUMNS, "There are no such calls.")


@calls.command("show")
@click.argument("call_id", metavar="ID", type=ROW_ID)
@common
def show(command: Command, call_id: int) -> None:
    """Show one call."""
    with command.app() as app, app.database.read() as connection:
        found = journal.one(connection, call_id)
    if found is None:
        raise CommandError(f"There is no call {call_id}; see: mnet-peer calls list.")
    row = _row(found)
    shown = (
        f"{name.replace('_', ' ')}: {'-' if value in (None, '') else value}"
        for name, value in row.items()
    )
    command.show(row, "\n".join(shown))


@click.command()
@click.argument("file", metavar="FILE.zip", type=click.Path(dir_okay=False, path_type=Path))
@common
def bundle(command: Command, file: Path) -> None:
    """Write what somebody who helps needs to know into FILE.zip; nothing secret or personal."""
    if file.exists():
        raise CommandError(f"{file} exists already; name another file.")
    with command.app() as app:
        data = make_bundle(app.parts)
    try:
        protect.write_secret(file, data)
    except OSError as problem:
        raise CommandError(f"{file} cannot be written: {problem.strerror}.") from problem
    command.show(
        {"file": str(file), "bytes": len(data)},
        f"Wrote {file}. It holds no keys, passwords, names or grades; look into it before you "
        "pass it on.",
    )


def _row(call: Call) -> dict[str, object]:
    return {
        "id": str(call.id),
        "peer": call.peer,
        "direction": call.direction,
        "method": call.method,
        "outcome": call.outcome,
        "reason": call.reason,
        "correlation": call.correlation,
        "duration_ms": call.duration_ms,
        "at": iso(call.at_unix_s),
    }


@click.command("sharing")
@click.argument("wwwroot")
@common
def sharing_of(command: Command, wwwroot: str) -> None:
    """Show which personal data goes to a peer and comes from it."""
    with command.app() as app:
        peer = known_peer(app, wwwroot)
        found = sharing(peer.services, peer.policy, enabled=peer.enabled)
    lines = [
        f"{way}: {', '.join(item.fields)} ({item.about}, {item.call}): {item.why}"
        for way, items in (("goes there", found.sent), ("comes from there", found.received))
        for item in items
    ]
    shown = {"sent": [*map(_shared, found.sent)], "received": [*map(_shared, found.received)]}
    command.show(shown, "\n".join(lines) or "Nothing is shared.")


def _shared(item: Item) -> dict[str, object]:
    return {
        "call": item.call,
        "fields": item.fields,
        "about": item.about,
        "why": item.why,
        "kept": item.retention,
    }
