"""Whether all is well here: settings, database, keys, file modes, cipher, clock; with remedies.

Looks only, changes nothing, asks no peer. For the command `check` and the support bundle.
Source: RULES 1.8 (check), R14.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import ARC4
from cryptography.hazmat.primitives.ciphers import Cipher

from keys import protect
from mnet import settings as settings_file
from mnet.database import Database
from mnet.faults import Fault
from mnet.language import N_, _
from mnet.refusal import Refusal
from mnet.settings import (
    PASSPHRASE_FILE,
    SMTP_PASSWORD_FILE,
    WEBHOOK_SECRET_FILE,
    Settings,
)
from mnet.stored_sentences import english
from schooltool_bridge.common.days import iso
from schooltool_bridge.school import zone_change
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.store import storage, stored_settings

# Before this moment no key of ours was ever made: a clock that says so is wrong.
EARLIEST_CLOCK_UNIX_S = 1_790_000_000

# A step's name, whether it is ok, what was seen, and what to do when it is not.
Step = dict[str, object]


def steps(parts: Parts) -> Iterator[Step]:
    """Look at one thing after the other; what fails is a step that says so, never an error."""
    yield step(
        N_("settings"),
        detail=_(
            "%(wwwroot)s in %(home)s", wwwroot=parts.settings.wwwroot, home=parts.settings.home
        ),
    )
    yield from _store(parts)
    yield from _files(parts.settings, parts.database)
    yield _cipher()
    now = int(parts.clock())
    yield step(
        N_("clock"),
        ok=now > EARLIEST_CLOCK_UNIX_S,
        detail=iso(now),
        remedy=_("Set this machine's clock (NTP); Moodles refuse answers from their future."),
    )


def _zone(parts: Parts) -> str:
    """Say before the next start that days will be read in another zone."""
    zone = parts.settings.timezone
    with parts.database.read() as connection:
        was = zone_change.before(connection, zone)
    return zone if was is None else zone_words(was, zone)


def _changed_in_pages(parts: Parts) -> str:
    """Say which settings win over settings.toml, since somebody changed them in a page."""
    with parts.database.read() as connection:
        kept = sorted(stored_settings.stored(connection))
    return ", ".join(kept) or _("none")


def zone_words(was: str, zone: str) -> str:
    """Say what another time zone does."""
    return _(
        "Days begin and end in %(zone)s from the next start on, and no more in %(was)s: reports "
        "about a past day may count what happened near midnight to another day. Set timezone back "
        "to %(was)s if that is not wanted.",
        zone=zone,
        was=was,
    )


def step(name: str, *, ok: bool = True, detail: str = "", remedy: str = "") -> Step:
    """Make a step in the shape that scripts rely on; a good one has no remedy."""
    return {"name": name, "ok": ok, "detail": detail, "remedy": "" if ok else remedy}


def _store(parts: Parts) -> Iterator[Step]:
    looks: dict[str, Callable[[Parts], str]] = {
        N_("database"): _database_state,
        N_("keys"): _key_state,
        N_("time zone"): _zone,
        N_("settings changed in pages"): _changed_in_pages,
    }
    for name, look in looks.items():
        try:
            yield step(name, detail=look(parts))
        except (Fault, Refusal) as problem:
            yield step(name, ok=False, detail=str(problem), remedy=_("Follow that advice."))
        except Exception as problem:  # noqa: BLE001 - whatever a database driver raises
            text = str(problem).splitlines()[0]
            yield step(
                name,
                ok=False,
                detail=text,
                remedy=_("See that the database runs and database_url is right."),
            )


def _files(settings: Settings, database: Database) -> Iterator[Step]:
    secrets = (PASSPHRASE_FILE, SMTP_PASSWORD_FILE, WEBHOOK_SECRET_FILE)
    files = [settings.home / name for name in (settings_file.FILE, *secrets)]
    files += [database.file] if database.file else []
    for file in files:
        if file.exists():
            problem = protect.too_open(file)
            yield step(
                english("mode of %(file)s", file=file.name),
                ok=problem is None,
                detail=problem or _("only its owner may read it"),
                remedy=f"chmod 600 {file}",
            )


def _cipher() -> Step:
    try:
        Cipher(ARC4(b"0123456789abcdef"), mode=None).encryptor().update(b"x")
    except UnsupportedAlgorithm:
        return step(
            N_("legacy cipher"),
            ok=False,
            detail=_("RC4 is switched off in the cryptography library"),
            remedy=_("Unset CRYPTOGRAPHY_OPENSSL_NO_LEGACY; MNet has no other cipher."),
        )
    return step(N_("legacy cipher"), detail=_("RC4 works"))


def _database_state(parts: Parts) -> str:
    storage.require_current(parts.database)
    kind = "SQLite" if parts.database.is_sqlite else "PostgreSQL"
    return _("%(kind)s, schema %(schema)s", kind=kind, schema=storage.HEAD)


def _key_state(parts: Parts) -> str:
    key_now = parts.custody.keyring().current
    ends = iso(key_now.not_after_unix_s)
    return _("%(fingerprint)s, until %(ends)s", fingerprint=key_now.fingerprint, ends=ends)
