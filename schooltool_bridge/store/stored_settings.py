"""Settings that were changed in a page or by a command: they win over settings.toml.

The environment wins over both. Each lies in the store under its own name; all of them are checked
together before one is kept, and each change stands in the audit trail, a secret address without
what is secret in it. Source: manual/settings.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from mnet import settings as settings_file
from mnet.database import Database
from mnet.language import N_, _
from mnet.settings import CHANGEABLE, Settings, SettingsError
from peers.audit import By
from schooltool_bridge.store.model_notices import site_memory
from schooltool_bridge.store.site_memory import forget, one_writer, recall_all, remember

PAGE, FROM_ENVIRONMENT, FILE, DEFAULT = "page", "environment", "settings.toml", "default"
# Part of it often is a secret: a webhook's path, a database's password.
HIDDEN = frozenset({"webhook_url", "database_url"})
_PREFIX = "setting "


def read(home: Path) -> Settings:
    """Read the settings of a data folder, with what was changed in the store; raises SettingsError.

    A store that is not there yet, or cannot be used, changes nothing.
    """
    of_file = settings_file.read(home)
    database = Database(of_file.database)
    try:
        if database.file is not None and not database.file.exists():
            return of_file
        with database.read() as connection:
            if not sa.inspect(connection).has_table(site_memory.name):
                return of_file
            kept = stored(connection)
    except (SQLAlchemyError, OSError):
        return of_file
    finally:
        database.close()
    return with_stored(of_file, kept)


def stored(connection: Connection) -> dict[str, object]:
    """Return what was changed, by the setting's name."""
    found = recall_all(connection, _PREFIX)
    by_name = {name.removeprefix(_PREFIX): kept for name, kept in found.items()}
    return {n: kept["value"] for n, kept in by_name.items() if n in CHANGEABLE and "value" in kept}


def with_stored(
    of_file: Settings, kept: Mapping[str, object], environment: Mapping[str, str] = os.environ
) -> Settings:
    """Return settings with what was changed; raises SettingsError where they do not fit."""
    wins = {n: value for n, value in kept.items() if not _is_of_environment(n, environment)}
    where = (
        f"the settings changed in a page ({', '.join(wins)}; `mnet-peer settings unset NAME` "
        "takes one back)"
    )
    return settings_file.changed(of_file, wins, where) if wins else of_file


def sources(
    home: Path, kept: Mapping[str, object], environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return where each setting comes from: PAGE, FROM_ENVIRONMENT, FILE or DEFAULT."""
    in_file = settings_file.keys_of(home)
    return {
        name: FROM_ENVIRONMENT
        if _is_of_environment(name, environment)
        else PAGE
        if name in kept
        else FILE
        if name in in_file
        else DEFAULT
        for name in settings_file.names()
    }


def change(
    connection: Connection,
    by: By,
    of_file: Settings,
    wanted: Mapping[str, object | None],
    environment: Mapping[str, str] = os.environ,
) -> list[str]:
    """Keep changes, None for what the file says, and return the names of those that differ.

    Raises SettingsError naming the setting; then nothing is changed.
    """
    for name in wanted:
        if name not in settings_file.names():
            raise SettingsError(_("there is no setting %(name)s", name=name))
    one_writer(connection)
    kept = stored(connection)
    try:
        before = with_stored(of_file, kept, environment)
    except SettingsError:
        # The file was changed since; this may mend it.
        before = of_file
    differs = {
        name: value
        for name, value in wanted.items()
        if (name in kept if value is None else str(value) != _text(getattr(before, name)))
    }
    for name in differs:
        if name not in CHANGEABLE:
            raise SettingsError(
                _("stands in the file alone; change it there, in settings.toml"), name
            )
        if _is_of_environment(name, environment):
            raise SettingsError(_("is set by the environment; change it there"), name)
    for name, value in differs.items():
        kept.pop(name, None)
        kept |= {} if value is None else {name: value}
    after = settings_file.changed(of_file, kept, "")
    for name, value in differs.items():
        if value is None:
            forget(connection, _PREFIX + name)
        else:
            remember(connection, _PREFIX + name, {"value": getattr(after, name)})
        detail = {"before": shown(name, before), "after": shown(name, after)}
        by.note(connection, N_("setting changed"), name, detail)
    return [*differs]


def shown(name: str, settings: Settings) -> str:
    """Return a setting as people may read it: of a secret address only its host."""
    value = _text(getattr(settings, name))
    if name in HIDDEN and value:
        return f"{urlsplit(value).scheme}://{urlsplit(value).hostname or ''}/…"
    return value


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_of_environment(name: str, environment: Mapping[str, str]) -> bool:
    return name in settings_file.of_environment(environment)
