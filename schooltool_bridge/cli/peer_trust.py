"""Commands about trust in peers: verify, keys and strangers that wait, addresses, label.

The changes themselves stand in peers/changes.py, what is looked at in peers/verify.py.
Source: RULES 1.8, R15-R18, R20.
"""

from __future__ import annotations

from pathlib import Path

import click

from keys.certificate import load
from peers import audit, changes, store, typed
from peers.audit import By
from peers.policy import PeerPolicy
from peers.verify_rules import Report
from schooltool_bridge.cli.peers import (
    confirm,
    found_site,
    known_peer,
    peer_row,
    stored_peer,
)
from schooltool_bridge.cli.shared import Command, common
from schooltool_bridge.common.days import iso
from schooltool_bridge.server.app import in_reactor


@click.command()
@click.argument("wwwroot")
@common
def verify(command: Command, wwwroot: str) -> None:
    """Look whether a peer and this site understand each other, step by step.

    Every step that fails says what to do; the exit status is then 1.
    """
    with command.app() as app:
        peer = known_peer(app, wwwroot)
        report = in_reactor(lambda: app.verify(peer))
    shown = {"ok": report.ok, "steps": [step.for_programs() for step in report.steps]}
    command.show(shown, lambda: _print_report(report))
    if not report.ok:
        click.get_current_context().exit(1)


def _print_report(report: Report) -> None:
    for step in report.steps:
        if not step.was_tried:
            click.secho(f"- {step.name}: {step.detail}", dim=True)
            continue
        mark, colour = ("\N{CHECK MARK}", "green") if step.ok else ("\N{BALLOT X}", "red")
        click.echo(f"{click.style(mark, fg=colour)} {step.name}: {step.detail}")
        if step.remedy:
            click.echo(f"    -> {step.remedy}")
    click.echo("All is well." if report.ok else "Something is wrong; see the crosses above.")


@click.command()
@click.option("--dismiss", metavar="WWWROOT", help="Drop one of them; it may knock again.")
@common
def pending(command: Command, dismiss: str | None) -> None:
    """List sites that sent us a key swap and wait for a decision."""
    with command.app() as app:
        if dismiss is not None:
            with app.database.write() as connection:
                changes.dismiss_pending(
                    connection,
                    By(audit.COMMAND_LINE, int(app.clock())),
                    wwwroot=typed.wwwroot(dismiss),
                )
        with app.database.read() as connection:
            rows: list[dict[str, object]] = [
                {
                    "wwwroot": p.wwwroot,
                    "application": p.application,
                    "fingerprint": load(p.pem).fingerprint,
                    "seen": iso(p.seen_unix_s),
                }
                for p in store.pending(connection)
            ]
    columns = ("wwwroot", "application", "fingerprint", "seen")
    command.show_table(rows, columns, "Nobody is waiting.")


@click.command("accept-key")
@click.argument("wwwroot")
@click.option("--fingerprint", required=True, help="SHA-256 of the new certificate, in hex.")
@common
def accept_key(command: Command, wwwroot: str, fingerprint: str) -> None:
    """Believe the new key that a peer has on offer."""
    with command.app() as app:
        stored = stored_peer(app, wwwroot)
        with app.database.write() as connection:
            changes.accept_key(
                connection,
                By(audit.COMMAND_LINE, int(app.clock())),
                stored.id,
                fingerprint=typed.fingerprint(fingerprint),
            )
        row = peer_row(app, stored.wwwroot)
    command.show(row, f"{stored.wwwroot} is now known by its new key.")


@click.command()
@click.argument("wwwroot")
@click.argument("address")
@click.option("--remove", is_flag=True, help="Take the address away again.")
@common
def alias(command: Command, wwwroot: str, address: str, remove: bool) -> None:  # noqa: FBT001 - click's
    """Let a peer be known under one more ADDRESS."""
    address = typed.wwwroot(address)
    with command.app() as app:
        stored = stored_peer(app, wwwroot)
        now_unix_s = int(app.clock())
        with app.database.write() as connection:
            if remove:
                changes.remove_alias(
                    connection, By(audit.COMMAND_LINE, now_unix_s), stored.id, wwwroot=address
                )
            else:
                changes.add_alias(
                    connection,
                    By(audit.COMMAND_LINE, now_unix_s),
                    stored.id,
                    wwwroot=address,
                    our_wwwroot=app.settings.wwwroot,
                )
    message = "no longer" if remove else "also"
    command.show(
        {"wwwroot": stored.wwwroot, "alias": None if remove else address},
        f"{stored.wwwroot} is {message} {address} now.",
    )


@click.command()
@click.argument("wwwroot")
@click.argument("new_wwwroot")
@click.option(
    "--fingerprint", help="Move only when the certificate's SHA-256 is this; no question."
)
@click.option(
    "--certificate",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take the new certificate from a file instead of asking the site.",
)
@common
def rename(
    command: Command,
    wwwroot: str,
    new_wwwroot: str,
    fingerprint: str | None,
    certificate: Path | None,
) -> None:
    """Move a peer to NEW_WWWROOT (to https, without www) with all that it brought.

    Its old address stays known as an alias. The certificate that it has at the new address must
    be confirmed.
    """
    new_wwwroot = typed.wwwroot(new_wwwroot)
    with command.app() as app:
        stored = stored_peer(app, wwwroot)
        if new_wwwroot not in stored.aliases:
            with app.database.read() as connection:
                changes.check_free(connection, new_wwwroot, app.settings.wwwroot, removed_too=True)
        verify_tls = PeerPolicy.from_stored(stored.policy).tls == "verify"
        found = found_site(app, new_wwwroot, stored.application, certificate, verify_tls=verify_tls)
        confirm(found, fingerprint, ask=not fingerprint)
        with app.database.write() as connection:
            changes.rename_peer(
                connection,
                By(audit.COMMAND_LINE, int(app.clock())),
                stored.id,
                wwwroot=new_wwwroot,
                our_wwwroot=app.settings.wwwroot,
                certificate=found.certificate,
            )
        row = peer_row(app, new_wwwroot)
    command.show(row, f"{stored.wwwroot} is {new_wwwroot} now; the old address stays its alias.")


@click.command()
@click.argument("wwwroot")
@click.argument("label", type=click.Choice(changes.LABELS))
@common
def label(command: Command, wwwroot: str, label: str) -> None:
    """Say whether a peer is one for production or for tests."""
    with command.app() as app:
        stored = stored_peer(app, wwwroot)
        with app.database.write() as connection:
            changes.set_label(
                connection, By(audit.COMMAND_LINE, int(app.clock())), stored.id, label=label
            )
    command.show({"wwwroot": stored.wwwroot, "label": label}, f"{stored.wwwroot} is for {label}.")
