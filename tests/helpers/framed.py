"""Asking the frame for pages, and what every answer of it must keep to."""

from __future__ import annotations

from typing import Any

from peers import accounts
from peers.web import sessions
from peers.web.frame import Frame
from peers.web.headers import HEADERS
from peers.web.sessions import COOKIE
from peers.web.view import Route
from peers.web.wire import FORM_TYPE, Raw
from schooltool_bridge.web.pages import frame_of
from tests.helpers.rig import START_UNIX_S, Rig
from tests.helpers.visitor import Page, Visitor, in_memory

PASSWORD = "correct horse battery"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def signed_in(rig: Rig, role: str, name: str = "") -> Visitor:
    """A browser that is signed in, without the trouble of signing in."""
    name = name or f"a {role}"
    with rig.app.database.write() as connection:
        if not accounts.is_taken(connection, accounts.name_key(name)):
            accounts.add(
                connection, name, PASSWORD, one_time=False, now_unix_s=START_UNIX_S, role=role
            )
        found = accounts.by_name(connection, name)
        token = sessions.start(connection, found.id, START_UNIX_S)
    return Visitor(in_memory(frame_of(rig.app)), {COOKIE: token})


def ask(frame: Frame, route: Route, raw: Raw, **parts: Any) -> Page:
    sent = frame.answer(route, raw, parts)
    return Page(sent.status, sent.headers, sent.body)


def raw(method: str, path: str, cookie: str = "", body: bytes = b"", **headers: str) -> Raw:
    lower = {"host": "sis.example.org", "content-type": FORM_TYPE, "cookie": cookie}
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return Raw(method, path, "", {**lower, **more}, body, "198.51.100.7")


def assert_safe(answer: Page) -> None:
    """Headers that every answer carries, each once; nothing inline in a page."""
    for name, value in HEADERS.items():
        assert [v for n, v in answer.headers if n.lower() == name.lower()] == [value]
    assert answer.header("Cache-Control")
    if not answer.body or not answer.header("Content-Type").startswith("text/html"):
        return
    tree = answer.tree
    assert [e for e in tree.iter("script") if not e.get("src") or (e.text or "").strip()] == []
    assert not list(tree.iter("style", "base", "iframe", "object", "embed"))
    attributes = {name.lower() for e in tree.iter() if isinstance(e.tag, str) for name in e.attrib}
    assert not {name for name in attributes if name.startswith("on") or name == "style"}
    for element in tree.iter():
        for name in ("href", "src", "action", "formaction"):
            scheme = (element.get(name) or "").strip().lower().partition(":")[0]
            assert scheme not in {"javascript", "data", "vbscript"}
    for form in tree.iter("form"):
        if form.get("method", "get").lower() == "post":
            assert form.xpath(".//input[@name='form_token']/@value") != [""]
