"""Settings: one frozen dataclass, read from settings.toml in the data folder and the environment.

An error names the file, the key and the remedy. Secrets are not settings: passphrases stand in
files of their own. Source: requirements 1.8.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from mnet.protocol import BadWwwroot, check_wwwroot

FILE = "settings.toml"
PASSPHRASE_FILE = "key-passphrase"  # noqa: S105 - the file's name
ENVIRONMENT = "MNET_PEER_"
MAX_KEY_DAYS = 3650


class SettingsError(Exception):
    """A setting is missing or wrong; the text names the place and the remedy."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server and every command need to know; see README, "Settings"."""

    home: Path
    wwwroot: str
    name: str
    timezone: str = "UTC"
    database_url: str = ""
    key_days: int = 28
    # Addresses of proxies whose X-Forwarded-For is believed (for the log); comma-separated.
    trusted_proxies: str = ""

    @property
    def database(self) -> str:
        """The database's URL; a SQLite file in the data folder unless one is set."""
        return self.database_url or f"sqlite:///{self.home / 'mnet-peer.sqlite'}"

    @property
    def zone(self) -> ZoneInfo:
        """The school's time zone, in which a day begins and ends."""
        return ZoneInfo(self.timezone)

    @property
    def passphrase(self) -> bytes | None:
        """The passphrase of our private keys, when the data folder has one."""
        try:
            return (self.home / PASSPHRASE_FILE).read_bytes().strip() or None
        except FileNotFoundError:
            return None


def read(home: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of a data folder; the environment (MNET_PEER_NAME, ...) wins.

    Raises SettingsError.
    """
    file = home / FILE
    try:
        stored = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"There is no data folder at {home}. Make one with: mnet-peer init --wwwroot URL, "
            "or name yours with --home DIR or MNET_PEER_HOME."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{file} is not valid TOML: {problem}") from None
    names = {f.name for f in fields(Settings)} - {"home"}
    for key in stored:
        if key not in names:
            raise SettingsError(f"{file}: there is no setting {key!r}; remove it.")
    values = dict(stored)
    for name in names:
        if (text := environment.get(ENVIRONMENT + name.upper())) is not None:
            values[name] = text
    return check(home, values, str(file))


def check(home: Path, values: Mapping[str, object], where: str) -> Settings:
    """Make Settings of raw values; raises SettingsError naming `where`, key and remedy."""
    for key in ("wwwroot", "name"):
        if not values.get(key):
            raise SettingsError(f"{where}: {key} is missing; add it.")
    try:
        wwwroot = check_wwwroot(str(values["wwwroot"]))
    except BadWwwroot as problem:
        raise SettingsError(f"{where}: wwwroot: {problem}") from None
    timezone = str(values.get("timezone", "UTC"))
    if timezone not in available_timezones():
        raise SettingsError(
            f"{where}: timezone {timezone!r} is not known; use one like Europe/Paris."
        )
    days = str(values.get("key_days", 28))
    if not days.isdigit() or not 1 <= int(days) <= MAX_KEY_DAYS:
        raise SettingsError(f"{where}: key_days is a number of days from 1 to {MAX_KEY_DAYS}.")
    url = str(values.get("database_url", ""))
    if url and not url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise SettingsError(f"{where}: database_url begins with sqlite:/// or postgresql://.")
    proxies = str(values.get("trusted_proxies", ""))
    return Settings(home, wwwroot, str(values["name"]), timezone, url, int(days), proxies)


def write(settings: Settings) -> None:
    """Write settings.toml into the data folder (mode 0600)."""
    lines = [
        f"{f.name} = {_toml(getattr(settings, f.name))}"
        for f in fields(Settings)
        if f.name != "home" and getattr(settings, f.name) != f.default
    ]
    file = settings.home / FILE
    file.touch(mode=0o600)
    file.write_text("\n".join(lines) + "\n", "utf-8")


def _toml(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'
