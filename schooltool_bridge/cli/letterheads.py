"""Commands about the letterhead: letterhead show, set.

Source: RULES 1.8, R70.
"""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy.engine import Connection

from peers import audit
from schooltool_bridge.cli.shared import Command, common
from schooltool_bridge.common.rows import Row
from schooltool_bridge.history.author import Author
from schooltool_bridge.reports import letterheads
from schooltool_bridge.reports.paper import Letterhead


@click.group()
def letterhead() -> None:
    """What stands on top of papers that are handed out, and where they are signed."""


@letterhead.command("show")
@common
def show(command: Command) -> None:
    """Show the letterhead."""
    with command.app() as app, app.database.read() as connection:
        row = _row(connection)
    command.show(row, lambda: _print(row))


@letterhead.command("set")
@click.option("--address", "address", multiple=True, help="A line of the address; once for each.")
@click.option("--sign", "signatures", multiple=True, help="What stands under a line to sign on.")
@click.option("--logo", type=click.Path(path_type=Path), help="A PNG, JPEG, GIF or WebP.")
@click.option("--no-logo", is_flag=True, help="Have no logo.")
@common
def set_(
    command: Command,
    address: tuple[str, ...],
    signatures: tuple[str, ...],
    logo: Path | None,
    no_logo: bool,  # noqa: FBT001 - click's
) -> None:
    """Change the letterhead; what is not named stays, and an empty text takes its part away."""
    if logo is not None and no_logo:
        raise click.UsageError("Say either --logo or --no-logo.")
    file = b"" if no_logo else logo.read_bytes() if logo is not None else None
    with command.app() as app:
        author = Author(audit.COMMAND_LINE, int(app.clock()))
        with app.database.write() as connection:
            letterheads.change(
                connection,
                author,
                address="\n".join(address) if address else None,
                signatures="\n".join(signatures) if signatures else None,
                logo=file,
            )
            row = _row(connection)
    command.show(row, lambda: _print(row))


def _row(connection: Connection) -> Row:
    found = letterheads.current(connection) or Letterhead()
    return {
        "address": list(found.address),
        "signatures": list(found.signatures),
        "has_logo": bool(found.logo),
    }


def _print(row: Row) -> None:
    for name, value in row.items():
        words = ", ".join(value) if isinstance(value, list) else "yes" if value else "no"
        click.echo(f"{name.replace('_', ' ')}: {words or 'none'}")
