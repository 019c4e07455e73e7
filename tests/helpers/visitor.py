"""A browser by hand for tests: it keeps cookies and fills forms. No script runs in it.

It visits a real server over HTTP, or a frame in memory, where a test holds the clock.
"""

from __future__ import annotations

import functools
import http.client
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2.bccache import Bucket, BytecodeCache
from lxml import html
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from peers.web.frame import Frame
from peers.web.wire import FORM_TYPE, Raw

SENDER = "198.51.100.7"
SAME = {"Sec-Fetch-Site": "same-origin"}
Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def tree(self) -> Any:
        return html.fromstring(self.body)

    def header(self, name: str) -> str:
        return next((v for n, v in self.headers if n.lower() == name.lower()), "")

    @property
    def location(self) -> str:
        return self.header("Location")

    @property
    def set_cookies(self) -> dict[str, str]:
        """Each cookie's whole line, by its name."""
        lines = [v for n, v in self.headers if n.lower() == "set-cookie"]
        return {line.partition("=")[0]: line for line in lines}

    @property
    def form_token(self) -> str:
        found: list[str] = self.tree.xpath("//input[@name='form_token']/@value")
        return found[-1]

    def message(self, kind: str = "problem") -> str:
        return " ".join("".join(e.itertext()) for e in self.tree.find_class(kind)).strip()


Ask = Callable[[str, str, Headers, bytes], Page]


@dataclass
class Visitor:
    """Somebody with a browser; `ask` carries a request."""

    ask: Ask
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, method: str = "GET", **headers: str) -> Page:
        return self._keep(self.ask(method, path, self._headers(headers), b""))

    def post(self, path: str, fields: Mapping[str, Any] | bytes, headers: Headers = SAME) -> Page:
        """Send a form as it is given."""
        data = fields if isinstance(fields, bytes) else urlencode(fields, doseq=True).encode()
        with_type = {"Content-Type": FORM_TYPE, **headers}
        return self._keep(self.ask("POST", path, self._headers(with_type), data))

    def send(self, path: str, *, page: str = "", **fields: Any) -> Page:
        """Load the page with the form, fill it in and send it."""
        token = self.get(page or path).form_token
        return self.post(path, {"form_token": token, **fields})

    def sign_in(self, name: str, password: str, **fields: Any) -> Page:
        return self.send("/", username=name, password=password, **fields)

    def _headers(self, headers: Headers) -> dict[str, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Cookie": cookie, **headers} if cookie else dict(headers)

    def _keep(self, page: Page) -> Page:
        for line in page.set_cookies.values():
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return page


def over_http(port: int, prefix: str = "") -> Ask:
    """Ask a real server on this machine, where paths stand below `prefix`."""

    def ask(method: str, path: str, headers: Headers, body: bytes) -> Page:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(method, prefix + path, body or None, dict(headers))
        answer = connection.getresponse()
        page = Page(answer.status, answer.getheaders(), answer.read())
        connection.close()
        return page

    return ask


def in_memory(frame: Frame, sender: str = SENDER, *, waits: bool = False) -> Ask:
    """Ask a frame as its worker threads do; with `waits` also what is left for after the answer."""
    rules = _rules(tuple((r.rule, r.methods) for r in frame.routes))
    frame._jinja.bytecode_cache = _compiled(frame._spoken)
    site = urlsplit(frame.wwwroot)

    def ask(method: str, path: str, headers: Headers, body: bytes) -> Page:
        where, _, query = path.partition("?")
        found: tuple[int, Mapping[str, Any]]
        try:
            found = rules.bind(site.netloc).match(where, method)
        except HTTPException as problem:
            return Page(problem.code or 0, [], b"")
        lower = {"host": site.netloc, **{n.lower(): v for n, v in headers.items()}}
        raw = Raw(method, frame.prefix + where, query, lower, body, sender)
        sent = frame.answer(frame.routes[found[0]], raw, found[1])
        for work in sent.afterwards if waits else ():
            work()
        return Page(sent.status, sent.headers, sent.body)

    return ask


@functools.cache
def _rules(routes: tuple[tuple[str, tuple[str, ...]], ...]) -> Map:
    """Routes' places by their addresses; putting these together takes longer than a page."""
    return Map(
        [Rule(rule, methods=methods, endpoint=n) for n, (rule, methods) in enumerate(routes)]
    )


class _Compiled(BytecodeCache):
    """Templates compiled once a process, where every frame would compile its own."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], Any] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key, bucket.checksum] = bucket.code


@functools.cache
def _compiled(_language: str) -> _Compiled:
    """One for each language: what is constant is translated when it is compiled."""
    return _Compiled()


def filled(rule: str) -> str:
    """An address for a rule with parts, such as /admin/accounts/1."""
    return re.sub(r"<(?:(\w+)[^:>]*:)?\w+>", lambda m: "1" if m[1] == "int" else "x", rule)
