"""Settings: one frozen dataclass, read from settings.toml in the data folder and the environment.

An error names the file, the key and the remedy. Secrets are not settings: passphrases and
passwords stand in files of their own. Source: RULES 1.8; manual/settings.md.
"""

from __future__ import annotations

import functools
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from mnet import language, mail_url
from mnet.language import _
from mnet.mail_url import BadMail
from mnet.protocol import BadWwwroot, check_wwwroot
from mnet.refusal import Refusal

FILE = "settings.toml"
PASSPHRASE_FILE = "key-passphrase"  # noqa: S105 - the file's name
SMTP_PASSWORD_FILE = "smtp-password"  # noqa: S105 - the same
WEBHOOK_SECRET_FILE = "webhook-secret"  # noqa: S105 - the same
ENVIRONMENT = "MNET_PEER_"
MAX_KEY_DAYS = 3650
# A peer that may be silent for longer than a month is not watched at all.
MAX_SILENT_HOURS = 24 * 31
MAX_HELD_LIMIT = 100_000
NEVER = -1
LAST_HOUR = 23
MAX_BACKUPS_KEPT = 400
MAX_BACKUP_DAYS = 400
# Longer than any number that a setting takes; keeps int() from reading a book.
_NUMBER_DIGITS = 9
_HOURS = range(NEVER, LAST_HOUR + 1)
MAX_NAME_CHARS = 200
_WORDS = {"true": True, "yes": True, "false": False, "no": False}


# What a server takes up at once, and what from its next start on; both in pages, too. The others
# stand in the file or the environment alone.
AT_ONCE = frozenset({
    "mail_to", "mail_from", "smtp_url", "webhook_url", "summary_hour", "summary_when_well",
    "quiet_hours", "silent_hours", "held_limit", "backup_hour", "backups_kept", "backup_days",
})  # fmt: skip
AT_START = frozenset({"name", "timezone", "language"})
CHANGEABLE = AT_ONCE | AT_START


class SettingsError(Refusal):
    """A setting is missing or wrong; the text names the place, the setting and the remedy."""

    def __init__(self, rest: str, field: str = "", where: str = "") -> None:
        """Make the sentence of `where`, the setting `field` and what is to be said of it."""
        self.rest = rest
        self.where = where
        named = f"{field} {rest}" if field else rest
        super().__init__(f"{where}: {named}." if where else f"{named}.", field)


# Makes the error about a setting, of its name and what is wrong with it.
_Wrong = Callable[[str, str], SettingsError]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the server and every command need to know; see manual/settings.md."""

    home: Path
    wwwroot: str
    name: str
    timezone: str = "UTC"
    database_url: str = ""
    key_days: int = 28
    # Addresses of proxies whose X-Forwarded-For is believed (for the log); comma-separated.
    trusted_proxies: str = ""
    # Who gets the notices (manual/notices.md); addresses with commas.
    mail_to: str = ""
    mail_from: str = ""
    smtp_url: str = ""
    webhook_url: str = ""
    # The hour of the school's clock at which the daily summary leaves; -1 never.
    summary_hour: int = 7
    summary_when_well: bool = True
    silent_hours: int = 24
    held_limit: int = 20
    # From which hour to which (22-6) only what is urgent is sent at once; empty: at any hour.
    quiet_hours: str = ""
    # The hour of the school's clock at which a server makes a backup; -1 never.
    backup_hour: int = NEVER
    # How many of those made into the data folder are kept.
    backups_kept: int = 7
    # The last backup may be so many days old; 0: however old.
    backup_days: int = 7
    # What pages, mail and reports are written in (manual/languages.md).
    language: str = language.SOURCE

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
        return self._secret(PASSPHRASE_FILE)

    @property
    def smtp_password(self) -> bytes | None:
        """The password for the mail server, when the data folder has one."""
        return self._secret(SMTP_PASSWORD_FILE)

    @property
    def webhook_secret(self) -> bytes | None:
        """What signs the webhook's messages, when the data folder has it."""
        return self._secret(WEBHOOK_SECRET_FILE)

    @property
    def sender(self) -> str:
        """Whom our mail comes from."""
        return self.mail_from or f"mnet-peer@{urlsplit(self.wwwroot).hostname}"

    @property
    def quiet(self) -> tuple[int, int] | None:
        """The hours from which to which only what is urgent is sent at once."""
        start, dash, end = self.quiet_hours.partition("-")
        return (int(start), int(end)) if dash else None

    def _secret(self, name: str) -> bytes | None:
        try:
            return (self.home / name).read_bytes().strip() or None
        except FileNotFoundError:
            return None


def read(home: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of a data folder; the environment (MNET_PEER_NAME, ...) wins.

    Raises SettingsError.
    """
    file = home / FILE
    values = _of_file(home)
    for name in names():
        if (text := environment.get(ENVIRONMENT + name.upper())) is not None:
            values[name] = text
    return check(home, values, str(file))


def names() -> tuple[str, ...]:
    """Return the names of all settings."""
    return tuple(f.name for f in fields(Settings) if f.name != "home")


def of_environment(environment: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Return which settings the environment says."""
    return frozenset(name for name in names() if ENVIRONMENT + name.upper() in environment)


def keys_of(home: Path) -> frozenset[str]:
    """Return which settings stand in the file; raises SettingsError."""
    return frozenset(_of_file(home))


def changed(settings: Settings, values: Mapping[str, object], where: str) -> Settings:
    """Return settings with other values for some; raises SettingsError naming `where`."""
    own = {name: getattr(settings, name) for name in names()}
    return check(settings.home, own | dict(values), where)


def _of_file(home: Path) -> dict[str, object]:
    file = home / FILE
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"There is no data folder at {home}. Make one with: mnet-peer init --wwwroot URL, "
            "or name yours with --home DIR or MNET_PEER_HOME"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SettingsError(f"{file} is not valid TOML: {problem}") from None
    for key in values:
        if key not in names():
            raise SettingsError(f"{file}: there is no setting {key!r}; remove it")
    return values


def check(home: Path, values: Mapping[str, object], where: str) -> Settings:
    """Make Settings of raw values; raises SettingsError naming `where`, key and remedy."""

    def wrong(key: str, rest: str) -> SettingsError:
        return SettingsError(rest, key, where)

    for key in ("wwwroot", "name"):
        if not str(values.get(key) or "").strip():
            raise wrong(key, _("is missing; add it"))
    try:
        wwwroot = check_wwwroot(str(values["wwwroot"]))
    except BadWwwroot as problem:
        raise SettingsError(f"wwwroot: {str(problem).rstrip('.')}", "", where) from None
    name = str(values["name"]).strip()
    if len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise wrong("name", _("has at most %(most)s printable characters", most=MAX_NAME_CHARS))
    timezone = str(values.get("timezone", "UTC"))
    if timezone not in zones():
        said = _("%(value)s is not known; use one like Europe/Paris", value=repr(timezone))
        raise wrong("timezone", said)
    url = str(values.get("database_url", ""))
    if url and not url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise wrong("database_url", "begins with sqlite:/// or postgresql://")
    chosen = str(values.get("language", language.SOURCE))
    if chosen not in language.shipped():
        known = ", ".join(language.shipped())
        raise wrong(
            "language", _("%(value)s is none of %(known)s", value=repr(chosen), known=known)
        )
    return Settings(
        home,
        wwwroot,
        name,
        timezone,
        url,
        _number(values, wrong, "key_days", range(1, MAX_KEY_DAYS + 1)),
        str(values.get("trusted_proxies", "")),
        language=chosen,
        backup_hour=_number(values, wrong, "backup_hour", _HOURS),
        backups_kept=_number(values, wrong, "backups_kept", range(1, MAX_BACKUPS_KEPT + 1)),
        backup_days=_number(values, wrong, "backup_days", range(MAX_BACKUP_DAYS + 1)),
        **_sending(values, wrong),
    )


@functools.cache
def zones() -> frozenset[str]:
    """Return the names of all time zones; looking for them takes a while, the first time."""
    return frozenset(available_timezones())


def _sending(values: Mapping[str, object], wrong: _Wrong) -> dict[str, Any]:
    """Check who gets the notices, and how; raises SettingsError."""
    texts = {
        key: str(values.get(key, "")).strip()
        for key in ("mail_to", "mail_from", "smtp_url", "webhook_url")
    }
    checks: dict[str, Callable[[str], object]] = {
        "mail_to": mail_url.addresses,
        "mail_from": mail_url.address,
        "smtp_url": mail_url.mail_server,
        "webhook_url": mail_url.check_hook,
    }
    for key, look in checks.items():
        try:
            if texts[key]:
                look(texts[key])
        except BadMail as problem:
            raise wrong(key, str(problem)) from None
    for key, other in (("mail_to", "smtp_url"), ("smtp_url", "mail_to")):
        if texts[key] and not texts[other]:
            raise wrong(
                other,
                _("is missing; %(other)s needs it. Add it, or remove %(other)s", other=key),
            )
    word = str(values.get("summary_when_well", True)).casefold()
    if word not in _WORDS:
        raise wrong("summary_when_well", "is true or false")
    quiet = "".join(str(values.get("quiet_hours", "")).split())
    if quiet and not _is_hours(quiet):
        said = _("is two hours from 0 to 23, such as 22-6, or nothing")
        raise wrong("quiet_hours", said)
    return {
        **texts,
        "quiet_hours": quiet,
        "summary_when_well": _WORDS[word],
        "summary_hour": _number(values, wrong, "summary_hour", _HOURS),
        "silent_hours": _number(values, wrong, "silent_hours", range(1, MAX_SILENT_HOURS + 1)),
        "held_limit": _number(values, wrong, "held_limit", range(MAX_HELD_LIMIT + 1)),
    }


def _is_hours(text: str) -> bool:
    start, dash, end = text.partition("-")
    hours = (_whole(start), _whole(end))
    return bool(dash) and start != end and all(h in range(LAST_HOUR + 1) for h in hours)


def _whole(text: str) -> int | None:
    digits = text.removeprefix("-")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= _NUMBER_DIGITS
    return int(text) if is_number else None


def _number(values: Mapping[str, object], wrong: _Wrong, key: str, allowed: range) -> int:
    default = next(f.default for f in fields(Settings) if f.name == key)
    number = _whole(str(values.get(key, default)).strip())
    if number is None or number not in allowed:
        raise wrong(
            key, _("is a number from %(least)s to %(most)s", least=allowed[0], most=allowed[-1])
        )
    return number


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
        return str(value).lower()  # true and false, as TOML writes them
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'
