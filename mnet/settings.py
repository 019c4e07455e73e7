"""Settings: one frozen dataclass, read from settings.toml in the data folder and the environment.

An error names the file, the key and the remedy. Secrets are not settings: passphrases and
passwords stand in files of their own. Source: RULES 1.8; manual/settings.md.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from mnet import language, mail_url
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
# Longer than any number that a setting takes; keeps int() from reading a book.
_NUMBER_DIGITS = 9
_WORDS = {"true": True, "yes": True, "false": False, "no": False}


class SettingsError(Refusal):
    """A setting is missing or wrong; the text names the place and the remedy."""


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
    days = _number(values, where, "key_days", "of days", range(1, MAX_KEY_DAYS + 1))
    url = str(values.get("database_url", ""))
    if url and not url.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise SettingsError(f"{where}: database_url begins with sqlite:/// or postgresql://.")
    proxies = str(values.get("trusted_proxies", ""))
    return Settings(
        home,
        wwwroot,
        str(values["name"]),
        timezone,
        url,
        days,
        proxies,
        language=_language(values, where),
        **_sending(values, where),
    )


def _language(values: Mapping[str, object], where: str) -> str:
    """Check the language; raises SettingsError."""
    chosen = str(values.get("language", language.SOURCE))
    if chosen not in language.shipped():
        known = ", ".join(language.shipped())
        raise SettingsError(f"{where}: language {chosen!r} is none of {known}.")
    return chosen


def _sending(values: Mapping[str, object], where: str) -> dict[str, Any]:
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
            raise SettingsError(f"{where}: {key} {problem}.") from None
    for key, other in (("mail_to", "smtp_url"), ("smtp_url", "mail_to")):
        if texts[key] and not texts[other]:
            raise SettingsError(
                f"{where}: {other} is missing; {key} needs it. Add it, or remove {key}."
            )
    word = str(values.get("summary_when_well", True)).casefold()
    if word not in _WORDS:
        raise SettingsError(f"{where}: summary_when_well is true or false.")
    return {
        **texts,
        "summary_when_well": _WORDS[word],
        "summary_hour": _number(
            values, where, "summary_hour", "of the hour", range(NEVER, LAST_HOUR + 1)
        ),
        "silent_hours": _number(
            values, where, "silent_hours", "of hours", range(1, MAX_SILENT_HOURS + 1)
        ),
        "held_limit": _number(values, where, "held_limit", "of events", range(MAX_HELD_LIMIT + 1)),
    }


def _number(values: Mapping[str, object], where: str, key: str, what: str, allowed: range) -> int:
    default = next(f.default for f in fields(Settings) if f.name == key)
    text = str(values.get(key, default))
    digits = text.removeprefix("-")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= _NUMBER_DIGITS
    if not is_number or int(text) not in allowed:
        raise SettingsError(
            f"{where}: {key} is a number {what} from {allowed[0]} to {allowed[-1]}."
        )
    return int(text)


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
