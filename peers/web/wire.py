"""Between Twisted and the frame: a request read off the wire, its page made by a worker, sent.

Which page it is and who may see it is the frame's business. Source: manual/pages.md.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote

from twisted.web.server import NOT_DONE_YET, Request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from mnet.connection_shares import SlowPages
from mnet.language import _
from mnet.resource import has_left
from mnet.slow_work import SlowWork
from mnet.workers import Workers
from peers.web import form_with_files
from peers.web.view import FormLimits, PageError, Route, UploadedFile

FORM_TYPE = "application/x-www-form-urlencoded"
Fields = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Raw:
    """A request as it came, read on the reactor's thread."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    sender: str


@dataclass(frozen=True, slots=True)
class Sent:
    """An answer ready for the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    afterwards: tuple[Callable[[], object], ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A page that may be seen and waits for another site: in whose share, and its two answers."""

    who: Hashable
    go_on: Callable[[], Sent]
    say_busy: Callable[[], Sent]


def cookies_of(header: str) -> dict[str, str]:
    """Read cookies; the first of a name is the one for the nearest path.

    By hand, since SimpleCookie drops all of them for one odd one of a neighbour on our host.
    """
    found: dict[str, str] = {}
    for piece in header.split(";"):
        name, _equals, value = piece.partition("=")
        found.setdefault(name.strip(), value.strip())
    return found


def form_of(raw: Raw, limits: FormLimits) -> tuple[Fields, dict[str, UploadedFile]]:
    """Read a form's fields and files; none of any other request. Raises PageError."""
    if raw.method != "POST":
        return {}, {}
    content_type = raw.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind != FORM_TYPE and not (limits.takes_files and kind == form_with_files.TYPE):
        raise PageError(_("Only forms are taken here."), 400)
    if len(raw.body) > limits.max_bytes:
        raise PageError(_("The form holds more than this page takes."), 400)
    files: dict[str, UploadedFile] = {}
    try:
        if kind == FORM_TYPE:
            text = raw.body.decode("utf-8")
            form = parse_qs(text, keep_blank_values=True, max_num_fields=limits.max_fields)
        else:
            form, files = form_with_files.read(raw.body, content_type, limits.max_fields)
    except ValueError:
        raise PageError(_("The form could not be read."), 400) from None
    if any("\0" in text for name, values in form.items() for text in (name, *values)):
        raise PageError(_("The form holds a character that cannot be kept."), 400)
    return form, files


def raw_of(request: Request, sender: str) -> Raw:
    """Read a request of Twisted's, with those headers alone that pages look at."""
    wanted = (
        "cookie", "content-type", "sec-fetch-site", "origin", "host", "user-agent", "referer",
    )  # fmt: skip
    found = {name: request.getHeader(name.encode()) for name in wanted}
    headers = {name: value.decode("latin-1") for name, value in found.items() if value}
    path, _mark, query = request.uri.decode("latin-1").partition("?")
    assert request.content is not None
    request.content.seek(0)
    return Raw(
        method=_method(request),
        path=unquote(path),
        query=query,
        headers=headers,
        body=request.content.read(),
        sender=sender,
    )


Serve = Callable[..., None]


class Pages:
    """All pages, for Twisted: finds the one that is asked for by Werkzeug's rules.

    Nothing of a request refers to itself here, so that it is gone when it is answered: of what many
    ask at once, garbage collection would hold up everybody else.
    """

    def __init__(
        self,
        routes: Iterable[tuple[Route, Serve]],
        nowhere: Callable[[Request, HTTPException | None], bytes],
    ) -> None:
        """Take what serves each route, and what answers when there is none."""
        self._rules = Map(
            [Rule(route.rule, methods=route.methods, endpoint=serve) for route, serve in routes]
        )
        self._nowhere = nowhere

    def render(self, request: Request) -> bytes | int:
        """Let a page answer; 404 or 405 where there is none, or the address is no text."""
        try:
            path = "/" + b"/".join(request.postpath or ()).decode()
            asked = self._rules.bind("", path_info=path, default_method=_method(request))
            serve, parts = asked.match()
        except UnicodeError:
            return self._nowhere(request, None)
        except HTTPException as problem:
            return self._nowhere(request, problem)
        serve(request, **parts)
        return NOT_DONE_YET


def _method(request: Request) -> str:
    return str(request.method.decode("latin-1"))


def on_worker(
    begin: Callable[[Route, Raw, Mapping[str, Any]], Sent | Waiting],
    route: Route,
    reactor: Any,
    workers: Workers,
    slow_work: SlowWork,
    slow_pages: SlowPages,
    sender_of: Callable[[Any], str],
) -> Serve:
    """Make what serves a route: it reads the request and hops to a worker thread.

    A page that waits for another site goes on in `slow_work` once it is known who may see it, if
    its address has not too many of them already.
    """

    # A request that knows when it is over (mnet/http_limits.py).
    def serve(request: Any, **parts: Any) -> None:
        raw = raw_of(request, sender_of(request))

        def finish(sent: Sent) -> None:
            if not has_left(request):
                request.write(send(request, sent))
                request.finish()

        def deliver(sent: Sent) -> None:
            reactor.callFromThread(finish, sent)
            for afterwards in sent.afterwards:
                slow_work.after(workers, afterwards)

        def work() -> None:
            if has_left(request):
                return
            begun = begin(route, raw, parts)
            if isinstance(begun, Sent):
                deliver(begun)
                return
            # Counted only now, and only while it waits: what is answered at once takes no share.
            leave = slow_pages.take(raw.sender)
            gone = partial(has_left, request)
            if leave is not None and _waits(slow_work, begun, deliver, leave, gone):
                reactor.callFromThread(request.when_over, leave)
            else:
                deliver(begun.say_busy())

        workers.submit(work)

    return serve


def _waits(
    slow_work: SlowWork,
    begun: Waiting,
    deliver: Callable[[Sent], None],
    leave: Callable[[], None],
    gone: Callable[[], bool],
) -> bool:
    """Let a page go on when it is its turn, and count it out then; False when there is no room."""

    def work() -> None:
        try:
            deliver(begun.go_on())
        finally:
            leave()

    if slow_work.submit(begun.who, work, gone):
        return True
    leave()
    return False


def send(request: Request, sent: Sent) -> bytes:
    """Set status and headers of Twisted's answer; return the body."""
    request.setResponseCode(sent.status)
    for name in {name for name, _value in sent.headers}:
        values = [value for other, value in sent.headers if other == name]
        request.responseHeaders.setRawHeaders(name, values)
    request.responseHeaders.setRawHeaders("Content-Length", [str(len(sent.body))])
    return sent.body
