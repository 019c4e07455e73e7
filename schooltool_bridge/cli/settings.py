"""Commands about settings: list, set, unset. A change here wins over settings.toml, as in a page.

Source: RULES 1.8; manual/settings.md.
"""

from __future__ import annotations

import click

from mnet import settings as settings_file
from mnet.settings import AT_START
from peers import audit
from peers.audit import By
from schooltool_bridge.cli.shared import Command, common
from schooltool_bridge.server.app import App
from schooltool_bridge.store import storage, stored_settings


@click.group()
def settings() -> None:
    """See all settings and where each comes from, or change one."""


@settings.command("list")
@common
def settings_list(command: Command) -> None:
    """List the settings; what was changed in a page wins over settings.toml."""
    with command.app() as app:
        with app.database.read() as connection:
            kept = stored_settings.stored(connection)
        found = stored_settings.sources(command.home, kept)
        rows: list[dict[str, object]] = [
            {"name": name, "value": stored_settings.shown(name, app.settings), "from": source}
            for name, source in found.items()
        ]
    command.show_table(rows, ("name", "value", "from"), "")


# A value may be -1.
@settings.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("value")
@common
def settings_set(command: Command, name: str, value: str) -> None:
    """Change a setting in the store, where it wins over settings.toml."""
    _change(command, name, value)


@settings.command("unset")
@click.argument("name")
@common
def settings_unset(command: Command, name: str) -> None:
    """Let settings.toml say again what holds."""
    _change(command, name, None)


def _change(command: Command, name: str, value: str | None) -> None:
    of_file = settings_file.read(command.home)
    with App(of_file) as app:
        storage.require_current(app.database)
        by = By(audit.COMMAND_LINE, int(app.clock()))
        with app.database.write() as connection:
            changed = stored_settings.change(connection, by, of_file, {name: value})
            kept = stored_settings.stored(connection)
    now = stored_settings.shown(name, stored_settings.with_stored(of_file, kept))
    later = " It holds from the next start of the server on." if name in AT_START else ""
    done = f"{name} is {now!r} now.{later}" if changed else f"{name} is {now!r} already."
    value_of = {"name": name, "value": now, "changed": bool(changed)}
    command.show(value_of, done)
