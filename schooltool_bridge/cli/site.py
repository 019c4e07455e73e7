"""Commands about this site: init, serve, check, key, database.

Source: RULES 1.8, R14.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from sqlalchemy.exc import ArgumentError

from keys import protect, rotation
from keys.keyring import LoadedKey
from mnet import settings as settings_file
from mnet.database import Database
from mnet.engines import is_sqlite_url
from mnet.language import SOURCE, shipped
from mnet.settings import (
    PASSPHRASE_FILE,
    Settings,
    SettingsError,
)
from peers import accounts, audit, bootstrap
from schooltool_bridge.cli.shared import Command, CommandError, common, print_table
from schooltool_bridge.common.days import iso
from schooltool_bridge.school import zone_change
from schooltool_bridge.server import first_steps, health
from schooltool_bridge.server.app import App, in_reactor
from schooltool_bridge.store import backups, storage

FIRST_ADMIN = "admin"


@click.command()
@click.option("--wwwroot", required=True, help="This site's address, as its peers will call it.")
@click.option("--name", default="Our school", show_default=True, help="Its name.")
@click.option("--timezone", default="UTC", show_default=True, help="Such as Europe/Paris.")
@click.option(
    "--language",
    type=click.Choice(shipped()),
    default=SOURCE,
    show_default=True,
    help="Of pages, mail and reports.",
)
@click.option("--database-url", default="", help="postgresql://...; a SQLite file if not said.")
@click.option("--admin", "admin_name", default=FIRST_ADMIN, show_default=True)
@click.option(
    "--admin-password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the admin's password here; else one is made and printed once.",
)
@common
def init(
    command: Command,
    wwwroot: str,
    name: str,
    timezone: str,
    language: str,
    database_url: str,
    admin_name: str,
    admin_password_file: Path | None,
) -> None:
    """Make the data folder: settings, database, first key pair and an admin."""
    home = command.home
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise CommandError(f"{home} exists already and is not empty; choose another with --home.")
    values = {
        "wwwroot": wwwroot,
        "name": name,
        "timezone": timezone,
        "language": language,
        "database_url": database_url,
    }
    settings = settings_file.check(home, values, "init")
    password = admin_password_file.read_text("utf-8").strip() if admin_password_file else None
    made = password or accounts.one_time_password()
    accounts.check_password(made)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    try:
        fingerprint = _make(settings, admin_name, made, one_time=password is None)
    except BaseException:
        for file in home.iterdir():  # all of it is ours, and half of it helps nobody
            file.unlink()
        raise
    result = {"home": str(home), "wwwroot": settings.wwwroot, "fingerprint": fingerprint}
    if password is None:
        result |= {"admin": admin_name, "one_time_password": made}
    text = f"Made {home} for {settings.wwwroot}\nCertificate SHA-256: {fingerprint}\n"
    if password is None:
        text += f"Admin: {admin_name}   one-time password (shown only now): {made}\n"
    command.show(result, text + "Next: mnet-peer serve")


def _make(settings: Settings, admin_name: str, password: str, *, one_time: bool) -> str:
    """Fill a new data folder; return our certificate's fingerprint."""
    if not is_sqlite_url(settings.database):
        # The rows lie on a server that others administer, so keys are locked by a passphrase.
        passphrase = accounts.one_time_password().encode() + b"\n"
        protect.write_secret(settings.home / PASSPHRASE_FILE, passphrase)
    with App(settings) as app:
        storage.upgrade(app.database)
        app.make_key()
        with app.database.write() as connection:
            accounts.add(
                connection, admin_name, password, one_time=one_time, now_unix_s=int(app.clock())
            )
        fingerprint = app.custody.keyring().current.fingerprint
    settings_file.write(settings)  # last: a folder with settings is a whole one
    return fingerprint


@click.command()
@click.option(
    "--listen",
    help="Such as tcp:8900:interface=127.0.0.1; if not said, the port of a wwwroot on this "
    "machine, else 8900.",
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True)
@common
def serve(command: Command, listen: str | None, workers: int) -> None:
    """Serve peers until stopped."""
    from schooltool_bridge.cli import serving as server  # noqa: PLC0415 - only here is the reactor installed

    settings = command.settings
    with App(settings) as app:
        storage.require_current(app.database)
        was = zone_change.begin(app.database, settings.timezone, int(app.clock()))
    if was is not None:
        click.echo(health.zone_words(was, settings.timezone), err=True)
    server.serve(settings, listen or server.listen_for(settings.wwwroot), workers)


@click.command()
@common
def check(command: Command) -> None:
    """Check settings, database, keys, cipher and clock; say what to do about each."""
    steps = list(_checks(command))
    ok = all(step["ok"] for step in steps)
    lines = [
        f"{'ok  ' if s['ok'] else 'FAIL'} {s['name']}: {s['detail']}"
        + ("" if s["ok"] else f"\n     -> {s['remedy']}")
        for s in steps
    ]
    command.show({"ok": ok, "steps": steps}, "\n".join(lines))
    if not ok:
        raise CommandError("Something needs your hand; see above.")


@click.command("first-steps")
@common
def steps(command: Command) -> None:
    """Show what a new site still needs, each step judged by what is there."""
    with command.app() as app, app.database.read() as connection:
        done, all_steps = first_steps.done(connection), first_steps.steps(connection)
    rows: list[dict[str, object]] = [
        {"step": s.key, "done": done[s.key], "title": s.title, "page": s.path} for s in all_steps
    ]
    command.show_table(rows, ("done", "title", "page"), "")


def _checks(command: Command) -> Iterator[health.Step]:
    try:
        settings = command.settings
    except SettingsError as problem:
        yield health.step("settings", ok=False, detail=str(problem), remedy="Follow that advice.")
        return
    with App(settings) as app:
        yield from health.steps(app.parts)


@click.group()
def key() -> None:
    """Look at our key pair, or renew it."""


@key.command("show")
@common
def key_show(command: Command) -> None:
    """Show our certificate, its end and the archived keys."""
    with command.app() as app:
        keyring = app.custody.keyring()
        now = int(app.clock())
    current = keyring.current
    value = {
        **_key(current),
        "expiry": rotation.judge_expiry(current.not_after_unix_s, now),
        "certificate": current.certificate_pem,
        "archived": [_key(k) for k in keyring.archived],
    }
    archived = "".join(
        f"archived: {k.fingerprint} (until {iso(k.not_after_unix_s)})\n" for k in keyring.archived
    )
    command.show(
        value,
        f"SHA-256: {current.fingerprint}\nvalid until: {iso(current.not_after_unix_s)}\n"
        f"{archived}{current.certificate_pem.rstrip()}",
    )


@key.command("rotate")
@common
def key_rotate(command: Command) -> None:
    """Make a new key pair; peers learn it with their next call."""
    with command.app() as app:
        app.rotate_key(audit.COMMAND_LINE)
        current = app.custody.keyring().current
    command.show(_key(current), f"New key; certificate SHA-256: {current.fingerprint}")


def _key(loaded: LoadedKey) -> dict[str, object]:
    return {
        "fingerprint": loaded.fingerprint,
        "created": iso(loaded.created_unix_s),
        "expires": iso(loaded.not_after_unix_s),
    }


@click.group("database")
def database() -> None:
    """Upgrade, back up, restore or move the database."""


@database.command()
@common
def upgrade(command: Command) -> None:
    """Bring the database up to this program's version; backs up first."""
    settings = command.settings
    with App(settings) as app:
        saved = storage.upgrade_safely(app.database, settings.home)
    value = {"schema": storage.HEAD, "backup": str(saved) if saved else None}
    command.show(
        value,
        f"The database has schema {storage.HEAD}." + (f" Backup: {saved}" if saved else ""),
    )


@database.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@common
def backup(command: Command, file: Path | None) -> None:
    """Write everything into FILE, while the server goes on; without it into the data folder."""
    with App(command.settings) as app, progress_shown(command) as show:
        now = int(app.clock())
        if file is None:
            storage.require_current(app.database)
            file = backups.make(
                app.database, app.settings.home, now, app.settings.backups_kept, show
            )
        else:
            storage.backup(app.database, file, show)
            # A store of another version is saved too: that comes before any upgrade of it.
            if storage.schema(app.database) == storage.HEAD:
                backups.note(app.database, now)
    command.show({"file": str(file)}, f"Wrote {file} (keep it as safe as the school's grades).")


@database.command("backups")
@common
def list_backups(command: Command) -> None:
    """List the backups in the data folder, newest first."""
    with command.app() as app, app.database.read() as connection:
        last_unix_s = backups.last_unix_s(connection)
    found: list[dict[str, object]] = [
        {"file": b.name, "made": iso(b.made_unix_s), "bytes": b.size_bytes}
        for b in backups.listed(command.home)
    ]
    value = {"last": None if last_unix_s is None else iso(last_unix_s), "backups": found}

    def show() -> None:
        click.echo(f"The last backup: {value['last'] or 'never'}")
        print_table(found, ["file", "made", "bytes"], "There is none in the data folder.")

    command.show(value, show)


@database.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def restore(command: Command, file: Path, yes: bool) -> None:  # noqa: FBT001 - click's
    """Replace everything by what FILE holds, make a new key pair and call each peer once.

    What is there now is copied into the data folder's `backups` first.
    """
    settings = command.settings
    if not file.exists():
        raise CommandError(f"There is no file {file}.")
    if not yes:
        click.confirm(
            f"This replaces everything of {settings.wwwroot} by what {file} holds. Go on?",
            abort=True,
            err=True,
        )
    with App(settings) as app:
        with progress_shown(command) as show:
            saved = storage.restore(app.database, file, settings.home, audit.COMMAND_LINE, show)
        app.rotate_key(audit.COMMAND_LINE)
        silent = _greet_all(app)
    backup_note = f"\nWhat was there before: {saved}" if saved else ""
    message = "".join(f"\nNot reached: {wwwroot}: {why}" for wwwroot, why in silent.items())
    later = "\nThey learn the new key with the next call." if silent else ""
    command.show(
        {"file": str(file), "copy": str(saved) if saved else None, "not_reached": silent},
        f"Restored {file}.{backup_note}{message}{later}",
    )


def _greet_all(app: App) -> dict[str, str]:
    """Call each peer that is switched on once, so that keys agree; tell which failed and why."""
    peers = [peer for peer in app.registry.all() if peer.enabled]
    if not peers:
        return {}
    problems = in_reactor(
        lambda: {p.wwwroot: bootstrap.greet(app.outbound, app.registry, p) for p in peers}
    )
    return {wwwroot: problem for wwwroot, problem in problems.items() if problem}


@database.command()
@click.argument("to_url")
@common
def copy(command: Command, to_url: str) -> None:
    """Copy everything into the database at TO_URL (SQLite to PostgreSQL, or back)."""
    try:
        target = Database(to_url)
    except (ArgumentError, ImportError):
        raise CommandError(
            f"{to_url!r} is no database; write sqlite:///FILE or postgresql://USER@HOST/NAME."
        ) from None
    with command.app() as app, progress_shown(command) as show:
        try:
            storage.copy(app.database, target, show)
        finally:
            target.close()
    shown = target.url.render_as_string(hide_password=True)
    command.show({"to": shown}, f"Copied to {shown}; now set database_url in settings.toml.")


@contextmanager
def progress_shown(command: Command) -> Iterator[Callable[[str, int, int], None]]:
    """Show how far a long copy is, on a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, disable=command.as_json or not console.is_terminal) as progress:
        tasks = {}

        def show(table: str, done: int, total: int) -> None:
            if table not in tasks:
                tasks[table] = progress.add_task(table, total=total)
            progress.update(tasks[table], completed=done)

        yield show
