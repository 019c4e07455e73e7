"""Commands about what people may: person allow-login, deny-login, allow-jump, and the like.

Each change stands in the audit trail and holds at once, in a running server too.
Source: RULES 1.7, 1.8 (person), R28-R30.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from mnet.language import speaking
from peers import accounts, audit
from peers.policy import SCHOOL_ROLES
from schooltool_bridge.cli import lists
from schooltool_bridge.cli.peers import stored_peer
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.days import iso
from schooltool_bridge.history.finding import find_person
from schooltool_bridge.notices import password_mail
from schooltool_bridge.notices.channels import NotSent
from schooltool_bridge.people import bulk_rights, people_list
from schooltool_bridge.people.bulk_rights import Order
from schooltool_bridge.people.people_list import PeopleFilter
from schooltool_bridge.server.app import App, end_at_peers
from schooltool_bridge.sign_on import invitations, jump_rights, rights
from schooltool_bridge.sign_on.rights import Change

_person = click.argument("person_id", metavar="ID", required=False)
_role = click.option(
    "--role",
    type=click.Choice(SCHOOL_ROLES),
    help="With --all: whoever is that now, by the enrolments that are active.",
)
_all = click.option("--all", "everybody", is_flag=True, help="Many at once, in place of ID.")
_only_peer = click.option("--peer", "peer_wwwroot", help="Only from this peer.")
_to_peer = click.option("--peer", "peer_wwwroot", required=True, help="The peer to go over to.")


@click.command("allow-login")
@_person
@_only_peer
@_role
@_all
@common
def allow_login(command: Command, **which: Any) -> None:
    """Let a person sign in, from the peers that brought them so far; or many with --all."""
    _set_right(command, Which(**which), allowed=True)


@click.command("deny-login")
@_person
@_only_peer
@_role
@_all
@common
def deny_login(command: Command, **which: Any) -> None:
    """Take the right to sign in; whoever is signed in by it is signed out."""
    _set_right(command, Which(**which), allowed=False)


@click.command("allow-jump")
@_person
@_to_peer
@_role
@_all
@common
def allow_jump(command: Command, **which: Any) -> None:
    """Let a person go over to a peer again; or many with --all."""
    _set_jump_right(command, Which(**which), allowed=True)


@click.command("deny-jump")
@_person
@_to_peer
@_role
@_all
@common
def deny_jump(command: Command, **which: Any) -> None:
    """Keep a person from going over to a peer; whoever is there is signed out."""
    _set_jump_right(command, Which(**which), allowed=False)


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
    with command.app() as app:
        with app.database.write() as connection:
            found = find_person(connection, person_id)
            visits = rights.set_password(connection, _change(app), found, made)
            row = next(r for r in lists.people(connection) if r["id"] == str(found))
        end_at_peers(app, visits)
    username = str(row["username"])
    shown = {"id": str(found), "username": username}
    text = f"{username} has this password now."
    if password_file is None:
        shown["password"] = made
        text = f"User name {username}, password {made} (shown this once)."
    if not row["can_login"]:
        text += f" To let them sign in: mnet-peer person allow-login {found}"
    command.show(shown, text)


@click.command("invite")
@click.argument("person_id", metavar="ID")
@click.option("--mail", "by_mail", is_flag=True, help="Send the link to the person's address.")
@common
def invite(command: Command, person_id: str, *, by_mail: bool) -> None:
    """Make a link by which a person chooses a password and may sign in; it opens once."""
    with command.app() as app:
        if by_mail and not password_mail.is_set_up(app.settings):
            raise CommandError("This site sends no mail: see smtp_url in the settings.")
        with app.database.write() as connection:
            link = invitations.invite(connection, _change(app), find_person(connection, person_id))
            if by_mail and not link.email:
                raise CommandError(f"No email address of {link.username} is known.")
        if by_mail:
            with speaking(app.settings.language):
                try:
                    password_mail.send(app.settings, app.site, link, int(app.clock()))
                except NotSent as problem:
                    raise CommandError(str(problem)) from None
        address = password_mail.address_of(app.site, link)
    shown: dict[str, object] = {"id": str(link.person_id), "username": link.username}
    shown |= {"ends": iso(link.ends_unix_s), "mailed_to": link.email if by_mail else None}
    if by_mail:
        command.show(shown, f"The invitation is on its way to {link.email}.")
        return
    until = f"opens once until {iso(link.ends_unix_s)} (shown only now)"
    command.show(shown | {"link": address}, f"For {link.username}, {until}:\n{address}")


@dataclass(frozen=True, slots=True)
class Which:
    """Whom a command is about: one person, or many."""

    person_id: str | None
    peer_wwwroot: str | None
    role: str | None
    everybody: bool

    def __post_init__(self) -> None:
        """See that it is one or the other; raises click.UsageError."""
        if self.everybody == (self.person_id is not None):
            raise click.UsageError("Give the ID of a person, or --all for many; not both.")
        if self.role and not self.everybody:
            raise click.UsageError("--role is for many people: add --all.")


def _set_right(command: Command, which: Which, *, allowed: bool) -> None:
    if which.person_id is None:
        right = bulk_rights.BOTH if which.peer_wwwroot is None else bulk_rights.LINK
        _set_many(command, which, right, allowed=allowed)
        return
    with command.app() as app:
        with app.database.write() as connection:
            found = find_person(connection, which.person_id)
            done = rights.set_right(
                connection, _change(app), found, which.peer_wwwroot, allowed=allowed
            )
        end_at_peers(app, done.visits)
    may = "may" if allowed else "may no longer"
    # One of our own people, whom no peer brought, has a password or nothing.
    ways = f"from: {', '.join(done.peers)}" if done.peers else "here by their own password"
    command.show({"id": str(found), "can_login": allowed, "peers": done.peers},
                 f"Person {found} {may} sign in {ways}.")  # fmt: skip


def _set_jump_right(command: Command, which: Which, *, allowed: bool) -> None:
    if which.person_id is None:
        _set_many(command, which, bulk_rights.GO, allowed=allowed)
        return
    with command.app() as app:
        peer = stored_peer(app, which.peer_wwwroot or "")
        with app.database.write() as connection:
            found = find_person(connection, which.person_id)
            visits = jump_rights.set_one(connection, _change(app), found, peer, allowed=allowed)
        end_at_peers(app, visits)
    may = "may go over to" if allowed else "may not go over to"
    command.show({"id": str(found), "can_jump": allowed, "peer": peer.wwwroot},
                 f"Person {found} {may} {peer.wwwroot}.")  # fmt: skip


def _set_many(command: Command, which: Which, right: str, *, allowed: bool) -> None:
    with command.app() as app:
        peer = stored_peer(app, which.peer_wwwroot) if which.peer_wwwroot else None
        order = Order(right, allowed, peer.id if peer else None)
        with app.database.write() as connection:
            ids = people_list.ids(connection, PeopleFilter(role=which.role or ""))
            chosen_by = {"filter": f"role {which.role}" if which.role else "all"}
            done = bulk_rights.carry_out(connection, _change(app), order, ids, chosen_by)
        end_at_peers(app, done.visits)
    shown = {
        "people": done.people,
        "links": done.links,
        "role": which.role,
        "peer": peer.wwwroot if peer else None,
        "allowed": allowed,
    }
    may = "may" if allowed else "may no longer"
    if right == bulk_rights.GO:
        command.show(shown, f"{done.people} people {may} go over to {which.peer_wwwroot}.")
        return
    from_where = which.peer_wwwroot or "the peers that brought them so far, and by password"
    command.show(
        shown, f"{done.people} people {may} sign in from {from_where} ({done.links} links)."
    )


def _change(app: App) -> Change:
    return Change(audit.COMMAND_LINE, int(app.clock()))


def _first_line(file: Path) -> str:
    try:
        return file.read_text().partition("\n")[0]
    except (OSError, UnicodeDecodeError) as problem:
        raise CommandError(f"{file} cannot be read: {problem}.") from None
