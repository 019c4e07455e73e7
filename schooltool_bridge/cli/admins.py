"""Commands about admin accounts: list, add, role, reset-password, remove. No page is here.

Each change stands in the audit trail. Source: RULES 1.8 (admin).
"""

from __future__ import annotations

import click
from sqlalchemy.engine import Connection

from mnet.language import N_, speaking
from peers import account_links, account_sign_on, accounts, audit, store
from peers.accounts import MANAGER, ROLES
from peers.web import throttle
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.common.days import iso
from schooltool_bridge.notices import password_mail
from schooltool_bridge.notices.channels import NotSent
from schooltool_bridge.sign_on import door


@click.group()
def admin() -> None:
    """Look after admin accounts."""


@admin.command("list")
@common
def admin_list(command: Command) -> None:
    """List the admin accounts."""
    with command.app() as app, app.database.read() as connection:
        ways = account_sign_on.ways(connection)
        rows: list[dict[str, object]] = [
            {
                "name": a.username,
                "role": a.role,
                "one_time": a.one_time,
                "created": iso(a.created_unix_s),
                "email": a.email,
                "from": [f"{way.username} at {way.wwwroot}" for way in ways.get(a.id, [])],
            }
            for a in accounts.all_accounts(connection)
        ]
    columns = ("name", "role", "one_time", "created", "email", "from")
    command.show_table(rows, columns, "There are no admins.")


@admin.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default=MANAGER, show_default=True)
@common
def admin_add(command: Command, name: str, role: str) -> None:
    """Add an admin with a one-time password."""
    name, made = name.strip(), accounts.one_time_password()
    with command.app() as app, app.database.write() as connection:
        now = int(app.clock())
        door.keep_apart(connection, name)
        accounts.add(connection, name, made, one_time=True, now_unix_s=now, role=role)
        audit.By(audit.COMMAND_LINE, now).note(
            connection, N_("account added"), name, {"role": role}
        )
    _show_password(command, name, made)


@admin.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@common
def admin_role(command: Command, name: str, role: str) -> None:
    """Change what an admin may do."""
    with command.app() as app, app.database.write() as connection:
        found = accounts.by_name(connection, name)
        accounts.set_role(connection, name, role)
        audit.By(audit.COMMAND_LINE, int(app.clock())).note(
            connection, N_("role changed"), found.username, {"role": role}
        )
    command.show(
        {"admin": found.username, "role": role}, f"{found.username} has the role {role} now."
    )


@admin.command("reset-password")
@click.argument("name")
@common
def reset_password(command: Command, name: str) -> None:
    """Give an admin a new one-time password; signs them out, and they need not wait."""
    made = accounts.one_time_password()
    with command.app() as app, app.database.write() as connection:
        found = accounts.by_name(connection, name)
        accounts.reset_password(connection, name, made, one_time=True)
        throttle.forgive(connection, accounts.name_key(found.username))
        audit.By(audit.COMMAND_LINE, int(app.clock())).note(
            connection, N_("password reset"), found.username, {}
        )
    _show_password(command, found.username, made)


@admin.command("remove")
@click.argument("name")
@common
def admin_remove(command: Command, name: str) -> None:
    """Remove an admin; whoever is signed in with that name is out at once."""
    with command.app() as app, app.database.write() as connection:
        found = accounts.by_name(connection, name)
        accounts.remove(connection, name)
        audit.By(audit.COMMAND_LINE, int(app.clock())).note(
            connection, N_("account removed"), found.username, {}
        )
    command.show({"admin": found.username, "removed": True}, f"{found.username} is removed.")


@admin.command("email")
@click.argument("name")
@click.argument("address", default="")
@common
def admin_email(command: Command, name: str, address: str) -> None:
    """Say where a link for a forgotten password goes; without ADDRESS nowhere."""
    with command.app() as app, app.database.write() as connection:
        accounts.set_email(
            connection, audit.By(audit.COMMAND_LINE, int(app.clock())), name, address
        )
        found = accounts.by_name(connection, name)
    value = {"admin": found.username, "email": found.email}
    command.show(value, f"{found.username}: {found.email or 'no address'}")


@admin.command("invite")
@click.argument("name")
@click.option("--mail", "by_mail", is_flag=True, help="Send the link to the account's address.")
@common
def admin_invite(command: Command, name: str, *, by_mail: bool) -> None:
    """Make a link by which an admin chooses a password; it opens once."""
    with command.app() as app:
        now = int(app.clock())
        with app.database.write() as connection:
            if by_mail and not accounts.by_name(connection, name).email:
                raise CommandError(f"{name} has no mail address: mnet-peer admin email.")
            if by_mail and not password_mail.is_set_up(app.settings):
                raise CommandError("This site sends no mail: see smtp_url in the settings.")
            link = account_links.invite(connection, audit.By(audit.COMMAND_LINE, now), name)
        if by_mail:
            with speaking(app.settings.language):
                try:
                    password_mail.send(app.settings, app.site, link, now)
                except NotSent as problem:
                    raise CommandError(str(problem)) from None
        shown_link = password_mail.address_of(app.site, link)
    value: dict[str, object] = {"admin": link.username, "ends": iso(link.ends_unix_s)}
    if by_mail:
        done = f"The invitation is on its way to {link.email}."
        command.show(value | {"mailed_to": link.email}, done)
        return
    until = f"opens once until {iso(link.ends_unix_s)} (shown only now)"
    command.show(value | {"link": shown_link}, f"{link.username}: {shown_link}\n{until}")


@admin.command("allow-login")
@click.argument("name")
@click.option("--peer", "wwwroot", required=True, help="Where they come from.")
@click.option("--user", "username", required=True, help="Their user name there.")
@common
def admin_allow(command: Command, name: str, wwwroot: str, username: str) -> None:
    """Let an admin come in from a peer, under a user name of that peer."""
    with command.app() as app, app.database.write() as connection:
        by = audit.By(audit.COMMAND_LINE, int(app.clock()))
        account_sign_on.allow(connection, by, name, _peer_id(connection, wwwroot), username)
    value = {"admin": name, "peer": wwwroot, "user": username, "allowed": True}
    command.show(value, f"{name} may come in as {username} from {wwwroot}.")


@admin.command("deny-login")
@click.argument("name")
@click.option("--peer", "wwwroot", required=True, help="Where they come from.")
@click.option("--user", "username", required=True, help="Their user name there.")
@common
def admin_deny(command: Command, name: str, wwwroot: str, username: str) -> None:
    """Let an admin come in so no more; who is signed in as that account is out."""
    with command.app() as app, app.database.write() as connection:
        by = audit.By(audit.COMMAND_LINE, int(app.clock()))
        account_sign_on.deny(connection, by, name, _peer_id(connection, wwwroot), username)
    value = {"admin": name, "peer": wwwroot, "user": username, "allowed": False}
    command.show(value, f"{name} does not come in as {username} from {wwwroot} any more.")


def _peer_id(connection: Connection, wwwroot: str) -> int:
    found = store.find(connection, wwwroot)
    if found is None or found.state == store.DELETED:
        raise CommandError(f"There is no peer {wwwroot}.")
    return found.id


def _show_password(command: Command, name: str, password: str) -> None:
    command.show(
        {"admin": name, "one_time_password": password},
        f"{name}: one-time password (shown only now): {password}",
    )


@click.group("audit")
def audit_group() -> None:
    """See what admins, commands and the server changed."""


@audit_group.command("list")
@click.option("--subject", help="Only about this peer (its address) or account (its name).")
@click.option("--limit", type=click.IntRange(1, audit.MAX_ENTRIES), default=50, show_default=True)
@common
def audit_list(command: Command, subject: str | None, limit: int) -> None:
    """List the audit trail, newest first."""
    with command.app() as app, app.database.read() as connection:
        rows: list[dict[str, object]] = [
            {
                "at": iso(entry.at_unix_s),
                "actor": entry.actor,
                "action": entry.action,
                "subject": entry.subject,
                "detail": dict(entry.detail),
            }
            for entry in audit.entries(connection, subject=subject, limit=limit)
        ]
    empty = "Nothing was changed yet." if subject is None else "Nothing in the trail is about that."
    command.show_table(rows, ("at", "actor", "action", "subject"), empty)
