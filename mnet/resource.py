"""The web resource: read the body under a limit, hop to a worker thread, write the answer.

Knows paths but no protocol. Source: PROTOCOL.md section 1 (addresses); RULES 1.2.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import unquote_to_bytes

import structlog
from twisted.web.http import Request as HttpRequest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from mnet.batching import Batches, Steps
from mnet.connection_shares import Kind, RequestShares
from mnet.database import Database
from mnet.exchange import Answer
from mnet.logs import log_failure
from mnet.protocol import APPLICATIONS
from mnet.slow_work import SlowWork
from mnet.workers import Workers

TEXT = b"text/plain; charset=utf-8"
OK = 200
READ = (b"GET", b"HEAD")
# Threads that take calls, several at once: one for each processor, and one that waits for the disk.
CALL_THREADS = len(os.sched_getaffinity(0)) + 1

log = structlog.get_logger("http")


# What proxies say of whom they speak for; a request with one of these came through a proxy.
_FORWARDED = ("X-Forwarded-For", "X-Real-IP", "Forwarded")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks for a page, as far as the connection and its headers tell."""

    # The network address; one that a trusted proxy speaks for, where it is trusted.
    sender: str
    # Somebody on this machine, and not a proxy on this machine for somebody elsewhere.
    is_local: bool
    cookies: Mapping[bytes, bytes] = field(default_factory=dict)


Page = Callable[[Visitor], Answer]


class PeerResource(Resource):
    """Everything that a peer calls, below the wwwroot's path and below the root alike.

    (A proxy in front may or may not cut the wwwroot's path off.)
    """

    isLeaf = True

    def __init__(
        self,
        *,
        path: str,
        steps_of: Callable[[bytes, str], Steps[Answer]],
        database: Database,
        certificate_pem: Callable[[], str],
        pages: Mapping[str, Page],
        instant: Mapping[str, Callable[[], Answer]],
        reactor: Any,
        workers: Workers,
        slow_work: SlowWork,
        trusted_proxies: frozenset[str] = frozenset(),
        others: Resource | None = None,
    ) -> None:
        """Serve below `path`; `pages` are further GET pages, `others` answers all the rest.

        What waits for other sites is done in `slow_work`. For whoever is on this machine, `instant`
        pages are answered at once, out of memory.
        """
        super().__init__()
        self._prefix = path.rstrip("/").encode()
        self._others = others
        self._trusted_proxies = trusted_proxies
        self._steps_of = steps_of
        self._reactor = reactor
        self._workers = workers
        self._slow_work = slow_work
        self._batches = Batches[Request, Answer](
            database,
            workers,
            self._send,
            CALL_THREADS if database.is_sqlite else workers.count,
            slow_work,
            has_left,
        )
        prefixes = {"", path.rstrip("/")}
        servers = {p + a.server for p in prefixes for a in APPLICATIONS.values()}
        self._servers = frozenset(s.encode() for s in servers)
        gets = dict(pages)
        for application in APPLICATIONS.values():
            gets[application.public_key] = lambda _visitor: Answer(
                certificate_pem().encode(), content_type=TEXT
            )
        self._pages = {(p + page).encode(): make for p in prefixes for page, make in gets.items()}
        self._shares = RequestShares()
        self._instant = {(p + at).encode(): make for p in prefixes for at, make in instant.items()}

    def render(self, request: Request) -> bytes | int:
        """Answer POSTs to the protocol's path and GETs of the few pages; 4xx for the rest."""
        request.setHeader(b"Server", b"mnet-peer")
        request.setHeader(b"X-Content-Type-Options", b"nosniff")
        instant = self._instant.get(request.path)
        if instant and request.method in READ and _is_local(request, self._trusted_proxies):
            _finish(request, instant())
            return NOT_DONE_YET
        return self._answer(request) if self._take_share(request) else _busy(request)

    def _answer(self, request: Request) -> bytes | int:
        if request.path in self._servers:
            if request.method != b"POST":
                return _refuse(request, 405, b"This address takes MNet calls by POST.\n")
            return self._call(request)
        page = self._pages.get(request.path)
        if page is None and self._others is not None:
            return self._hand_on(request, self._others)
        if page is None:
            return _refuse(request, 404, b"There is nothing at this address.\n")
        if request.method not in READ:
            return _refuse(request, 405, b"Only GET is served here.\n")
        visitor = Visitor(
            sender_of(request, self._trusted_proxies),
            _is_local(request, self._trusted_proxies),
            dict(request.received_cookies),
        )
        self._in_thread(request, lambda: page(visitor))
        return NOT_DONE_YET

    def _take_share(self, request: Any) -> bool:
        """Count a request until the answer has left (mnet/http_limits.py gives it back)."""
        kind: Kind = "call" if request.path in self._servers else "page"
        if not self._shares.take(kind):
            return False
        request.when_over(partial(self._shares.leave, kind))
        return True

    def _hand_on(self, request: Request, others: Resource) -> bytes | int:
        """Let the other pages answer, as if the wwwroot's path were not there."""
        if self._prefix and (request.path + b"/").startswith(self._prefix + b"/"):
            segments = [unquote_to_bytes(part) for part in request.path[1:].split(b"/")]
            own = self._prefix.count(b"/")
            request.prepath, request.postpath = segments[:own], segments[own:] or [b""]
        answer: bytes | int = others.render(request)
        return answer

    def _call(self, request: Request) -> int:
        content = request.content
        assert content is not None
        # Read here: once the connection is lost, nobody may touch the content any more.
        body = content.read()
        sender = sender_of(request, self._trusted_proxies)
        self._batches.submit(request, self._steps_of(body, sender))
        return NOT_DONE_YET

    def _send(self, ended: list[tuple[Request, Answer | None]]) -> None:
        """Send answers, all with one word to the reactor; then comes what they leave to do."""
        self._reactor.callFromThread(_finish_all, ended)
        for _request, answer in ended:
            for afterwards in answer.afterwards if answer else ():
                self._slow_work.after(self._workers, afterwards)

    def _in_thread(self, request: Request, work: Callable[[], Answer]) -> None:
        def run() -> None:
            if has_left(request):
                return
            try:
                answer = work()
            except Exception as problem:  # noqa: BLE001 - whatever it is, others go on
                log_failure(log, problem)
                answer = None
            self._reactor.callFromThread(_finish, request, answer)

        self._workers.submit(run)


def has_left(request: HttpRequest) -> bool:
    """Tell whether whoever asked went away, so that there is nobody to answer."""
    return bool(getattr(request, "is_gone", False))


def sender_of(request: Request, trusted_proxies: frozenset[str]) -> str:
    """The address a request came from; a forwarded one only when a trusted proxy says so."""
    address = str(getattr(request.getClientAddress(), "host", ""))
    if address in trusted_proxies:
        lines = request.requestHeaders.getRawHeaders("X-Forwarded-For", [])
        last = ",".join(lines).rpartition(",")[2].strip()
        return last[:64] if last.isprintable() and last else address
    return address


def _is_local(request: Request, trusted_proxies: frozenset[str]) -> bool:
    """Tell whether a request comes from this machine, all the way.

    A proxy beside us connects from here too, so whatever it says of whom it speaks for must name
    this machine as well, and be believed.
    """
    address = str(getattr(request.getClientAddress(), "host", ""))
    headers = request.requestHeaders
    forwarded = [
        a for h in _FORWARDED for line in headers.getRawHeaders(h, []) for a in line.split(",")
    ]
    if forwarded and address not in trusted_proxies:
        return False
    return all(_is_loopback(a.strip()) for a in (address, *forwarded))


def _is_loopback(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def _finish_all(ended: list[tuple[Request, Answer | None]]) -> None:
    for request, answer in ended:
        try:
            _finish(request, answer)
        except Exception as problem:  # noqa: BLE001 - whatever it is, others go on
            log_failure(log, problem)


def _finish(request: Request, answer: Answer | None) -> None:
    if has_left(request):
        return
    if answer is None:
        request.setResponseCode(503)
        answer = Answer(b"This did not work; please try again later.\n", content_type=TEXT)
    elif answer.status != OK:
        request.setResponseCode(answer.status)
    request.setHeader(b"Content-Type", answer.content_type)
    request.setHeader(b"Content-Length", b"%d" % len(answer.body))
    if request.method != b"HEAD":
        request.write(answer.body)
    request.finish()


def _busy(request: Request) -> bytes:
    request.setHeader(b"Retry-After", b"10")
    return _refuse(request, 503, b"Too much is asked here at the moment; please try again soon.\n")


def _refuse(request: Request, status: int, text: bytes) -> bytes:
    request.setResponseCode(status)
    request.setHeader(b"Content-Type", TEXT)
    return text
