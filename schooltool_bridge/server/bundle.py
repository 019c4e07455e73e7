"""The support bundle: what somebody who helps needs to know, as a zip; nothing secret or personal.

Each member is made for it from named facts, never a table or file as a whole: no keys, tokens,
passwords, names, user names, grades or payloads. What others wrote goes in only as far as it is
a word that we know ourselves. Works also when the database does not. Source: RULES R14.
"""

from __future__ import annotations

import io
import json
import platform
import re
import ssl
import sys
import zipfile
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.backends.openssl import backend
from sqlalchemy.engine import URL, Connection

from keys.certificate import load
from mnet import outcomes
from mnet.engines import POSTGRESQL, SQLITE, is_sqlite_url
from mnet.settings import Settings
from peers import calls, store
from peers.calls import Call
from peers.model import peer_check
from schooltool_bridge.common.days import iso, local
from schooltool_bridge.events.methods import KNOWN_METHODS
from schooltool_bridge.server import health
from schooltool_bridge.server.parts import VERSION, Parts
from schooltool_bridge.store import storage
from schooltool_bridge.store.model import assessment, enrolment, grade, inbox, person, section

LAST_CALLS = 200
COUNTED = (person, section, enrolment, assessment, grade)
# A release as Moodles and Maharas write it, such as "4.5.1 (Build: 20250113)".
_RELEASE = re.compile(r"[0-9][0-9.]{0,20}(dev|rc[0-9]*|beta|alpha)?\+?( \(Build: [0-9]{8}\))?")
_SETTINGS = ("wwwroot", "timezone", "key_days", "trusted_proxies")
_README = """Support bundle of mnet-peer {version}, made {at}.

versions.json   of this program, Python, OpenSSL, the database, the libraries, the schema
settings.json   how this site is set up; no passwords
checks.json     what "mnet-peer check" says
peers.json      addresses, fingerprints, key expiries, services, last checks
counts.json     how many of everything
calls.json      the last {calls} calls: when, which way, method, outcome

It holds no private keys, tokens, passwords, names, user names or grades. Look into it before you
pass it on.
"""


def make_bundle(parts: Parts) -> bytes:
    """Return the bundle as the bytes of a zip file; a part that cannot be made says so in it."""
    members: dict[str, Callable[[], object]] = {
        "versions.json": lambda: _versions(parts),
        "settings.json": lambda: _settings(parts.settings, parts.database.url),
        "checks.json": lambda: list(health.steps(parts)),
        "peers.json": lambda: _read(parts, _peers),
        "counts.json": lambda: _read(parts, _counts),
        "calls.json": lambda: _read(parts, _calls),
    }
    now = local(parts.clock(), UTC)
    readme = _README.format(version=VERSION, at=iso(int(parts.clock())), calls=LAST_CALLS)
    made = {"README.txt": readme}
    for name, make in members.items():
        made[name] = json.dumps(_part(make), ensure_ascii=False, indent=2, default=str) + "\n"
    hide = _hidden(parts)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in made.items():
            member = zipfile.ZipInfo(name, now.timetuple()[:6])
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, hide(text).encode())
    return packed.getvalue()


def _part(make: Callable[[], object]) -> object:
    try:
        return make()
    except Exception as problem:  # noqa: BLE001 - a broken database is why bundles are asked for
        # Its kind only: a driver's text may hold what was asked with.
        return {"could not be read": type(problem).__name__}


def _read(parts: Parts, make: Callable[[Connection], object]) -> object:
    with parts.database.read() as connection:
        return make(connection)


def _hidden(parts: Parts) -> Callable[[str], str]:
    """Return what takes our secrets and the path of the data folder out of every text."""
    secrets = [str(parts.database.url.password or ""), (parts.settings.passphrase or b"").decode()]
    # As they stand within JSON.
    found = {json.dumps(s, ensure_ascii=False)[1:-1] for s in secrets if s}
    home = json.dumps(str(parts.settings.home), ensure_ascii=False)[1:-1]

    def hide(text: str) -> str:
        for secret in found:
            text = text.replace(secret, "***")
        return text.replace(home, "(data folder)")

    return hide


def _versions(parts: Parts) -> dict[str, object]:
    return {
        "mnet-peer": VERSION,
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "openssl": {"python": ssl.OPENSSL_VERSION, "cryptography": backend.openssl_version_text()},
        "database": _part(lambda: _database(parts)),
        "schema": _part(lambda: {"is": storage.schema(parts.database), "needed": storage.HEAD}),
        "libraries": _libraries(),
    }


def _database(parts: Parts) -> str:
    if parts.database.is_sqlite:
        return "SQLite " + str(_read(parts, lambda c: c.scalar(sa.text("SELECT sqlite_version()"))))
    return "PostgreSQL " + str(_read(parts, lambda c: c.scalar(sa.text("SHOW server_version"))))


def _libraries() -> dict[str, str]:
    names = [re.split(r"[^A-Za-z0-9._-]", r)[0] for r in requires("mnet-peer") or ()]
    found = {}
    for name in sorted(set(names)):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # only the tests need it
            continue
    return found


def _settings(settings: Settings, url: URL) -> dict[str, object]:
    shown: dict[str, object] = {name: getattr(settings, name) for name in _SETTINGS}
    where = f"{url.host or ''}{f':{url.port}' if url.port else ''}"
    shown["database_url"] = {
        "kind": SQLITE if is_sqlite_url(url) else POSTGRESQL,
        "host": where,
        "has_password": bool(url.password),
        # Values may be secret (a password can stand here too).
        "options": sorted(url.query),
    }
    shown["set"] = [f.name for f in fields(settings) if getattr(settings, f.name) != f.default]
    shown["has_key_passphrase"] = settings.passphrase is not None
    return shown


def _peers(connection: Connection) -> list[dict[str, object]]:
    checks = {row.peer_id: row for row in connection.execute(sa.select(peer_check))}
    return [_peer(p, checks.get(p.id)) for p in store.all_peers(connection)]


def _peer(peer: store.StoredPeer, check: sa.Row[Any] | None) -> dict[str, object]:
    current, offered = peer.certificate(), peer.certificate(store.OFFERED)
    until = load(current.pem).not_after_unix_s if current else None
    shown: dict[str, object] = {
        "wwwroot": peer.wwwroot,
        "aliases": list(peer.aliases),
        "application": peer.application,
        "state": peer.state,
        "dialect": peer.dialect,
        "names_addressee": peer.names_addressee,
        "fingerprint": current.fingerprint if current else None,
        "fingerprint_offered": offered.fingerprint if offered else None,
        "key_expires": iso(until) if until is not None else None,
        "published": sorted(peer.published),
        "subscribed": sorted(peer.subscribed),
        # Which differ from their defaults; a role's name is the peer's own word.
        "policies_set": sorted(peer.policy),
    }
    if check is not None:
        shown["last_check"] = {
            "at": iso(check.at_unix_s),
            "ok": check.ok,
            # Not their details: those may quote what a site said.
            "steps": {str(s.get("name")): bool(s.get("ok")) for s in check.steps},
            "clock_offset_s": check.clock_offset_s,
            "release": _release(check.release),
        }
    return shown


def _release(text: str | None) -> str | None:
    return text if text is None or _RELEASE.fullmatch(text) else "not readable"


def _counts(connection: Connection) -> dict[str, object]:
    counts: dict[str, object] = {
        table.name: connection.scalar(sa.select(sa.func.count()).select_from(table))
        for table in COUNTED
    }
    by_status = sa.select(inbox.c.status, sa.func.count()).group_by(inbox.c.status)
    counts["inbox"] = {row[0]: row[1] for row in connection.execute(by_status)}
    return counts


def _calls(connection: Connection) -> list[dict[str, object]]:
    return [_call(call) for call in calls.find(connection, limit=LAST_CALLS)]


def _call(call: Call) -> dict[str, object]:
    name = call.method.rpartition("/")[2]
    return {
        "id": call.id,
        "peer": call.peer,
        "direction": call.direction,
        # A method that nobody knows could be named anything.
        "method": name if name in KNOWN_METHODS else "other",
        "outcome": call.outcome,
        "reason": outcomes.clean(call.reason),
        "correlation": call.correlation,
        "duration_ms": call.duration_ms,
        "at": iso(call.at_unix_s),
    }
