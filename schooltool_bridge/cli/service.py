"""Commands that make this server a service, and undo it: service install, remove.

Source: RULES 1.8, R14; manual/operating.md.
"""

from __future__ import annotations

import pwd
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from mnet import settings as settings_file
from schooltool_bridge.cli.shared import Command, CommandError, common
from schooltool_bridge.server import service_files
from schooltool_bridge.server.service_files import Done

ROOT = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default="/",
    help="A folder that stands for /, for whoever makes packages.",
)
REPLACE = click.option(
    "--replace", is_flag=True, help="Also a file that somebody changed; it is kept as .old."
)
MAX_PORT = 65535


@click.group()
def service() -> None:
    """Make this server a service of systemd, behind nginx."""


@service.command()
@click.option("--user", default="", help="Whose service it is; if not said, the data folder's.")
@click.option("--port", type=click.IntRange(1, MAX_PORT), default=8900, show_default=True)
@click.option("--dry-run", is_flag=True, help="Only print the files.")
@REPLACE
@ROOT
@common
def install(
    command: Command,
    user: str,
    port: int,
    dry_run: bool,  # noqa: FBT001 - click's
    replace: bool,  # noqa: FBT001 - click's
    root: Path,
) -> None:
    """Write the systemd unit and nginx's file that the manual shows, with this site's places."""
    settings = settings_file.read(command.home)
    wanted = service_files.files(
        settings, user=user or _owner(command.home), program=_program(), port=port, root=root
    )
    if dry_run:
        value = [{"file": str(f.path), "text": f.text} for f in wanted]
        command.show(value, "\n".join(f"{f.path}:\n\n{f.text}" for f in wanted).rstrip())
        return
    # Where one of the two is not installed, its folder is not there.
    there = [file for file in wanted if file.path.parent.is_dir()]
    if not there:
        raise CommandError("There is neither systemd nor nginx here; see --dry-run.")
    done = service_files.install(there, replace=replace)
    missing = [file.path for file in wanted if file not in there]
    lines = [f"{path}: not written, since {path.parent} is not there." for path in missing]
    if "127.0.0.1" not in settings.trusted_proxies and len(wanted) > 1:
        lines.append("trusted_proxies does not name 127.0.0.1: all visitors count as one address.")
    lines.append(
        "Next, as root: systemctl daemon-reload && systemctl enable --now mnet-peer"
        + ("; nginx -t && systemctl reload nginx" if len(wanted) > 1 else "")
    )
    _show(command, done, lines)


@service.command()
@REPLACE
@ROOT
@common
def remove(command: Command, replace: bool, root: Path) -> None:  # noqa: FBT001 - click's
    """Remove what `service install` wrote."""
    done = service_files.remove(service_files.places(root), replace=replace)
    was_there = any(one.outcome == "removed" for one in done)
    then = "Before, or now: systemctl disable --now mnet-peer; then systemctl daemon-reload"
    _show(command, done, [then] if was_there else [])


def _owner(home: Path) -> str:
    """Return the user to whom the data folder belongs."""
    owner = home.stat().st_uid
    if not owner:
        raise CommandError(
            f"{home} belongs to root, and a service runs as nobody special: chown -R it to a user "
            "of its own, or name one with --user."
        )
    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        raise CommandError(f"{home} belongs to nobody here; name a user with --user.") from None


def _program() -> Path:
    """Return the installed command that runs now."""
    found = Path(sys.executable).with_name("mnet-peer")
    if not found.exists():
        raise CommandError(f"There is no {found}; install this program first.")
    return found


def _show(command: Command, done: Sequence[Done], lines: Sequence[str]) -> None:
    value = [
        {
            "file": str(one.path),
            "outcome": one.outcome,
            "kept": str(one.kept) if one.kept else None,
        }
        for one in done
    ]
    told = [
        f"{one.path}: {one.outcome}" + (f" (what was there: {one.kept})" if one.kept else "")
        for one in done
    ]
    command.show(value, "\n".join([*told, *lines]))
