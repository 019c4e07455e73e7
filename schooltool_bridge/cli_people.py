"""Commands about who may sign in: person allow-login, deny-login, set-password. No page is here.

Each change stands in the audit trail and holds at once, in a running server too.
Source: requirements 1.7, 1.8 (person), R28-R30.
"""

from __future__ import annotations

from pathlib import Path

import click

from peers import accounts, audit
from schooltool_bridge import queries, rights
from schooltool_bridge.app import App
from schooltool_bridge.command import Command, CommandError, common
from schooltool_bridge.rights import Change


@click.command("allow-login")
@click.argument("person_id", metavar="ID")
@click.option("--peer", "peer_wwwroot", help="Only from this peer.")
@common
def allow_login(command: Command, person_id: str, peer_wwwroot: str | None) -> None:
    """Let a person sign in, from the peers that brought them so far."""
    _set_right(command, person_id, peer_wwwroot, allowed=True)


@click.command("deny-login")
@click.argument("person_id", metavar="ID")
@click.option("--peer", "peer_wwwroot", help="Only from this peer.")
@common
def deny_login(command: Command, person_id: str, peer_wwwroot: str | None) -> None:
    """Take the right to sign in from a person; whoever is signed in by it is signed out."""
    _set_right(command, person_id, peer_wwwroot, allowed=False)


@click.command("set-password")
@click.argument("person_id", metavar="ID")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Take the password from this file's first line; else one is made and shown.",
)
@common
def set_password(command: Command, person_id: str, password_file: Path | None) -> None:
    """Give a person a password for signing in here by themselves."""
    made = _first_line(password_file) if password_file else accounts.one_time_password()
    with App(command.settings) as app, app.database.write() as connection:
        found = queries.find_person(connection, person_id)
        rights.set_password(connection, _change(app), found, made)
        row = next(r for r in queries.people(connection) if r["id"] == str(found))
    username = str(row["username"])
    shown = {"id": str(found), "username": username}
    text = f"{username} has this password now."
    if password_file is None:
        shown["password"] = made
        text = f"User name {username}, password {made} (shown this once)."
    if not row["can_login"]:
        text += f" To let them sign in: mnet-peer person allow-login {found}"
    command.show(shown, text)


def _set_right(
    command: Command, person_id: str, peer_wwwroot: str | None, *, allowed: bool
) -> None:
    with App(command.settings) as app, app.database.write() as connection:
        found = queries.find_person(connection, person_id)
        about = rights.set_right(connection, _change(app), found, peer_wwwroot, allowed=allowed)
    where = ", ".join(about) or "no peer"
    may = "may sign in from" if allowed else "may no longer sign in from"
    command.show({"id": str(found), "can_login": allowed, "peers": about},
                 f"Person {found} {may}: {where}.")  # fmt: skip


def _change(app: App) -> Change:
    return Change(audit.COMMAND_LINE, int(app.clock()))


def _first_line(file: Path) -> str:
    try:
        return file.read_text().partition("\n")[0]
    except (OSError, UnicodeDecodeError) as problem:
        raise CommandError(f"{file} cannot be read: {problem}.") from None
