"""A Moodle whose users go over to us, and their browsers."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.moodle import Moodle
from tests.site import Site
from tests.visitor import Page, Visitor, over_http

AGENT = "Mozilla/5.0 (X11; Linux) Gecko"
SERVICES = ("--publish", "schooltool,sso_sp", "--subscribe", "schooltool,sso_idp")
LAND = "/auth/mnet/land.php"
TERESA = {"username": "teresa", "firstname": "Teresa", "lastname": "Ōquist", "email": "t@x.org"}


def befriend(site: Site, moodle: Moodle, *services: str, application: str = "moodle") -> None:
    """Register a Moodle, with the services for its users to come here."""
    site.run("peer", "add", moodle.wwwroot, "--yes", "--application", application)
    site.run("peer", "services", moodle.wwwroot, *(services or SERVICES))


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
    return str(page.tree.xpath("//main//code/text()")[-1]).split()[0]


def person_id(site: Site, username: str) -> str:
    return next(p["id"] for p in site.run("person", "list") if p["username"] == username)


def soon(condition: Callable[[], object]) -> None:
    """Wait for what is done after an answer."""
    for _attempt in range(200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")
