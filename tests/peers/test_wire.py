"""What is between Twisted and the pages: a request is gone when it is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import Request

from mnet.http_limits import BoundedChannel, BoundedRequest, BoundedSite
from mnet.resource import sender_of
from mnet.slow_work import SlowWork
from peers.web.frame import Frame
from peers.web.view import Reply, Route, View
from peers.web.wire import Pages
from tests.helpers.circles import circles


class AtOnce(MemoryReactorClock):
    """A reactor whose only thread is this one."""

    def callFromThread(self, work: Callable[..., object], *parts: object) -> None:  # noqa: N802 - Twisted's name
        """Do it here."""
        work(*parts)


class Here:
    """Workers that work at once."""

    def submit(self, work: Callable[[], object]) -> None:
        """Do it here."""
        work()


class Root(Resource):
    """Pages below the root."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, pages: Pages) -> None:
        super().__init__()
        self._pages = pages

    def render(self, request: Request) -> bytes | int:
        """Let them answer."""
        return self._pages.render(request)


@pytest.fixture
def site(frame: Frame) -> BoundedSite:
    reactor = AtOnce()

    def hello(_view: View, name: str) -> Reply:
        return Reply(body=name.encode(), content_type="text/plain")

    frame.add([Route("/hello/<name>", hello, role=None)])
    here: Any = Here()
    pages = frame.resource(reactor, here, SlowWork(), lambda r: sender_of(r, frozenset()))
    return BoundedSite(Root(pages), reactor)


def answered(site: BoundedSite, method: bytes, path: bytes) -> bytes:
    channel, wire = site.buildProtocol(None), StringTransport()
    channel.makeConnection(wire)
    channel.dataReceived(
        method + b" " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    told = bytes(wire.value())
    channel.connectionLost(Failure(ConnectionDone()))
    return told


@pytest.mark.requirement("R23")
@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        (b"GET", b"/hello/you", b"200", b"you"),
        (b"HEAD", b"/hello/you", b"200", b""),
        (b"GET", b"/hello/%C3%A9", b"200", "é".encode()),
        (b"GET", b"/hello/%ff", b"404", None),
        (b"GET", b"/nowhere", b"404", None),
        (b"PUT", b"/hello/you", b"405", None),
        (b"GET", b"/auth/mnet/land.php?token=x&idp=http://a.example.org&wantsurl=", b"403", None),
    ],
)
def test_a_request_is_gone_when_it_is_answered(
    site: BoundedSite, method: bytes, path: bytes, status: bytes, body: bytes | None
) -> None:
    answered(site, method, path)  # what is loaded or made once
    with circles() as found:
        told = answered(site, method, path)
    assert told.startswith(b"HTTP/1.1 " + status)
    if body is not None:
        assert told.partition(b"\r\n\r\n")[2] == body
    kept = (BoundedRequest, BoundedChannel, Headers)
    assert not [x for x in found if isinstance(x, kept)]
