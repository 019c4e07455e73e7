"""A Moodle whose users go over to us, and their browsers."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from keys.certificate import load
from mnet import settings
from peers import store
from schooltool_bridge.cli import lists
from schooltool_bridge.server.app import App
from schooltool_bridge.sign_on import rights
from schooltool_bridge.sign_on.rights import Change
from tests.helpers.moodle import Moodle
from tests.helpers.site import Site
from tests.helpers.visitor import Page, Visitor, over_http

AGENT = "Mozilla/5.0 (X11; Linux) Gecko"
# What we publish and what we subscribe to.
SERVICES = (("schooltool", "sso_sp"), ("schooltool", "sso_idp"))
LAND = "/auth/mnet/land.php"
COOKIE = "mnet_peer_person"
SIS = "schooltool/sis.php/"
TERESA = {"username": "teresa", "firstname": "Teresa", "lastname": "Ōquist", "email": "t@x.org"}


def befriend(site: Site, moodle: Moodle, *, application: str = "moodle") -> int:
    """Register a Moodle with the services for its users to come here; return our id of it."""
    certificate, now = load(moodle.fake.pair.certificate_pem), int(time.time())
    with app_of(site) as app, app.database.write() as connection:
        peer_id = store.add(
            connection, wwwroot=moodle.wwwroot, name="Hill Moodle", application=application,
            state=store.ENABLED, now_unix_s=now,
        )  # fmt: skip
        store.set_certificate(
            connection, peer_id, pem=certificate.pem, fingerprint=certificate.fingerprint,
            origin="file", now_unix_s=now,
        )  # fmt: skip
        store.set_services(connection, peer_id, publish=SERVICES[0], subscribe=SERVICES[1])
    site.wait_until_seen()
    return peer_id


def app_of(site: Site) -> App:
    """The site's parts in this process, beside its server."""
    return App(settings.read(site.home))


def site_in(folder: Path, *init_options: str) -> Site:
    return Site(folder / "home", *init_options)


def sha1(agent: str) -> str:
    return hashlib.sha1(agent.encode("latin-1"), usedforsecurity=False).hexdigest()


def visit(moodle: Moodle, user: Any = None, agent: str = AGENT, **more: str) -> dict[str, str]:
    """Let a user of the Moodle jump; return what the browser brings to the landing address."""
    token = secrets.token_hex(20)
    moodle.visits[token] = (sha1(agent), user or TERESA)
    return {"token": token, "idp": moodle.wwwroot, "wantsurl": "/me", **more}


def browser(site: Site) -> Visitor:
    return Visitor(over_http(site.port))


def land(visitor: Visitor, brought: Any, *, path: str = LAND, agent: str = AGENT) -> Page:
    query = brought if isinstance(brought, str) else urlencode(brought)
    return visitor.get(f"{path}?{query}", **{"User-Agent": agent})


def code_of(page: Page) -> str:
    """The code on a page that lets nobody in."""
    found: str = page.tree.xpath("//main//code/text()")[-1]
    return found.split(maxsplit=1)[0]


def person_id(site: Site, username: str) -> str:
    with app_of(site) as app, app.database.read() as connection:
        return next(str(p["id"]) for p in lists.people(connection) if p["username"] == username)


def shown(site: Site, person: str) -> dict[str, Any]:
    """A person as lists show them, with the right of each link; by our id."""
    with app_of(site) as app, app.database.read() as connection:
        row = next(p for p in lists.people(connection) if p["id"] == person)
        return {**row, "sign_on": rights.rights_of(connection, int(person))}


def set_right(site: Site, person: str, *, allowed: bool = True, peer: str | None = None) -> None:
    with app_of(site) as app, app.database.write() as connection:
        change = Change("test", int(time.time()))
        rights.set_right(connection, change, int(person), peer, allowed=allowed)


def set_services(
    site: Site, peer_id: int, publish: Iterable[str], subscribe: Iterable[str]
) -> None:
    with app_of(site) as app, app.database.write() as connection:
        store.set_services(connection, peer_id, publish=publish, subscribe=subscribe)
    site.wait_until_seen()


def set_state(site: Site, peer_id: int, state: str) -> None:
    with app_of(site) as app, app.database.write() as connection:
        store.set_state(connection, peer_id, state)
    site.wait_until_seen()


def soon(condition: Callable[[], object]) -> None:
    """Wait for what is done after an answer."""
    for _attempt in range(200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def user(name: str, **more: str) -> dict[str, str]:
    return {**TERESA, "username": name, "firstname": name.title(), **more}


def fresh() -> str:
    return f"user{secrets.token_hex(4)}"


def is_in(page: Page) -> bool:
    return page.status == 303 and COOKIE in page.set_cookies


def push(site: Site, moodle: Moodle, **data: object) -> None:
    pem = pem_of(site)
    body = moodle.fake.request(pem, SIS + "fetch_user", [data])  # type: ignore[list-item] # what a test makes up
    moodle.fake.open(site.post(body))


def allowed(site: Site, moodle: Moodle, name: str) -> str:
    """A person who landed once and got the right; returns our id."""
    assert land(browser(site), visit(moodle, user(name))).status == 403
    found = person_id(site, name)
    set_right(site, found)
    return found


def pem_of(site: Site) -> str:
    with app_of(site) as app:
        return app.custody.keyring().certificate_pem
