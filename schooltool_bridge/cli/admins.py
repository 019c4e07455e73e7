"""Commands about admin accounts: list, add, role, reset-password, remove. No page is here.

Each change stands in the audit trail. Source: RULES 1.8 (admin).
"""

from __future__ import annotations

import click

from mnet.language import N_
from peers import accounts, audit
from peers.accounts import MANAGER, ROLES
from peers.web import throttle
from schooltool_bridge.cli.shared import Command, common
from schooltool_bridge.common.days import iso
from schooltool_bridge.sign_on import door


@click.group()
def admin() -> None:
    """Look after admin accounts."""


@admin.command("list")
@common
def admin_list(command: Command) -> None:
    """List the admin accounts."""
    with command.app() as app, app.database.read() as connection:
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
