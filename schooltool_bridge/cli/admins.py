"""Commands about admin accounts: list, add, role, reset-password, remove. No page is here.

Each change stands in the audit trail. Source: RULES 1.8 (admin).
"""

from __future__ import annotations

import click
from sqlalchemy.engine import Connection

from mnet.language import N_
from peers import accounts, audit
from peers.accounts import MANAGER, ROLES
from peers.web import throttle
from schooltool_bridge.cli.shared import Command, common
from schooltool_bridge.common.days import iso
from schooltool_bridge.server.app import App


@click.group()
def admin() -> None:
    """Look after admin accounts."""


@admin.command("list")
@common
def admin_list(command: Command) -> None:
    """List the admin accounts."""
    with App(command.settings) as app, app.database.read() as connection:
        rows: list[dict[str, object]] = [
            {
                "name": a.username,
                "role": a.role,
                "one_time": a.one_time,
                "created": iso(a.created_unix_s),
            }
            for a in accounts.all_accounts(connection)
        ]
    command.show_table(rows, ("name", "role", "one_time", "created"), "There are no admins.")


@admin.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default=MANAGER, show_default=True)
@common
def admin_add(command: Command, name: str, role: str) -> None:
    """Add an admin with a one-time password."""
    name, made = name.strip(), accounts.one_time_password()
    with App(command.settings) as app, app.database.write() as connection:
        now = int(app.clock())
        accounts.add(connection, name, made, one_time=True, now_unix_s=now, role=role)
        _note(connection, N_("account added"), name, now, role=role)
    _tell_password(command, name, made)


@admin.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@common
def admin_role(command: Command, name: str, role: str) -> None:
    """Change what an admin may do."""
    with App(command.settings) as app, app.database.write() as connection:
        found = accounts.by_name(connection, name)
        accounts.set_role(connection, name, role)
        _note(connection, N_("role changed"), found.username, int(app.clock()), role=role)
    command.show(
        {"admin": found.username, "role": role}, f"{found.username} has the role {role} now."
    )


@admin.command("reset-password")
@click.argument("name")
@common
def reset_password(command: Command, name: str) -> None:
    """Give an admin a new one-time password; signs them out, and they need not wait."""
    made = accounts.one_time_password()
    with App(command.settings) as app, app.database.write() as connection:
        found = accounts.by_name(connection, name)
        accounts.reset_password(connection, name, made, one_time=True)
        throttle.forgive(connection, accounts.name_key(found.username))
        _note(connection, N_("password reset"), found.username, int(app.clock()))
    _tell_password(command, found.username, made)


@admin.command("remove")
@click.argument("name")
@common
def admin_remove(command: Command, name: str) -> None:
    """Remove an admin; whoever is signed in with that name is out at once."""
    with App(command.settings) as app, app.database.write() as connection:
        found = accounts.by_name(connection, name)
        accounts.remove(connection, name)
        _note(connection, N_("account removed"), found.username, int(app.clock()))
    command.show({"admin": found.username, "removed": True}, f"{found.username} is removed.")


def _note(connection: Connection, action: str, subject: str, now: int, **detail: object) -> None:
    audit.record(
        connection,
        actor=audit.COMMAND_LINE,
        action=action,
        subject=subject,
        detail=detail,
        now_unix_s=now,
    )


def _tell_password(command: Command, name: str, password: str) -> None:
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
    with App(command.settings) as app, app.database.read() as connection:
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
    command.show_table(rows, ("at", "actor", "action", "subject"), "Nothing was changed yet.")
