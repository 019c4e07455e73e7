"""HTTP under limits: body size, time for a whole request, number of connections.

Twisted bounds header lines and idle time; this adds what it leaves open. Nothing here knows
the protocol inside. Source: PROTOCOL.md section 3 (limits).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import connectionDone
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from mnet.connection_shares import (
    MAX_CONNECTIONS,
    MAX_JUST_COME,
    PATIENCE_S,
    address_group,
    first_to_go,
)
from mnet.protocol import MAX_MESSAGE_BYTES

# A Moodle sends its whole request at once and gives up after 60 s itself.
REQUEST_DEADLINE_S = 30
IDLE_TIMEOUT_S = 60
ABORT_S = 5

# Seen by a person whose browser sent a file; a peer reads the number alone.
_TOO_LARGE_TEXT = (
    f"This is too large: at most {MAX_MESSAGE_BYTES // 1024**2} MB are taken at once. Nothing was "
    "changed. Go back and send a smaller one, or its parts one by one.\n"
).encode()
_TOO_LARGE = (
    b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
    b"Content-Length: %d\r\n\r\n%s"
) % (len(_TOO_LARGE_TEXT), _TOO_LARGE_TEXT)


class BoundedChannel(HTTPChannel):
    """A connection on which each request must arrive whole within a deadline.

    The site looks over its connections once a second, which costs less than a timer for each.
    """

    site: Any
    transport: Any
    # When it became quiet, or when the request began that is still arriving.
    since_s = 0.0
    is_arriving = False
    # Whether it ever sent a whole request, and where it comes from.
    has_asked = False
    address = ""

    def connectionMade(self) -> None:
        """Start the clock for the first request."""
        super().connectionMade()
        self.address = address_group(str(getattr(self.transport.getPeer(), "host", "")))
        self.since_s = self.site.reactor.seconds()
        self.site.channels.add(self)

    def dataReceived(self, data: bytes) -> None:
        """Start the clock at the first byte of a request."""
        if not self.is_arriving and not self._handlingRequest:
            self.is_arriving = True
            self.since_s = self.site.reactor.seconds()
        super().dataReceived(data)

    def allContentReceived(self) -> None:
        """Stop the clock: the request is here, and our own work has its own bounds."""
        self.is_arriving = False
        self.has_asked = True
        super().allContentReceived()

    def requestDone(self, request: Request) -> None:
        """Begin to wait for a further request."""
        self.since_s = self.site.reactor.seconds()
        super().requestDone(request)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Give back the share of the site."""
        self.site.channels.discard(self)
        super().connectionLost(reason)

    @property
    def is_waiting(self) -> bool:
        """Whether no request of it is being answered."""
        return not self._handlingRequest

    def make_room(self) -> None:
        """End the connection at once: another one takes over."""
        self.site.channels.discard(self)
        self.transport.abortConnection()

    def close_if_late(self, now_s: float) -> None:
        """End the connection when its request does not arrive, or none comes for long."""
        if self._handlingRequest:
            return
        limit_s = REQUEST_DEADLINE_S if self.is_arriving else IDLE_TIMEOUT_S
        if now_s - self.since_s < limit_s:
            return
        if self.is_arriving:
            self.transport.write(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
        # What is written may never be read by this one, so the close is not waited for either.
        self.transport.loseConnection()
        self.site.reactor.callLater(ABORT_S, self.transport.abortConnection)


class BoundedRequest(Request):
    """A request whose body is refused as soon as it is too large."""

    # No form is parsed: MNet bodies come with any content type, also a form's.
    _received_bytes = 0
    _refused = False
    _at_end: tuple[Callable[[], object], ...] = ()
    _is_over = False
    # The caller went away; there is nobody to answer.
    is_gone = False

    def connectionLost(self, reason: Failure) -> None:
        """Note that nobody waits any more."""
        self.is_gone = True
        self._end()
        super().connectionLost(reason)

    def finish(self) -> None:
        """Send the rest of the answer, and give back what it held while it was under way."""
        self._end()
        super().finish()

    def when_over(self, work: Callable[[], object]) -> None:
        """Do `work` when the answer has left or nobody waits for it any more; at once if so."""
        if self._is_over:
            work()
        else:
            self._at_end = (*self._at_end, work)

    def gotLength(self, length: int | None) -> None:
        """Refuse at once what announces itself too large."""
        super().gotLength(length)
        if length is not None and length > MAX_MESSAGE_BYTES:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        """Count what arrives and drop it once it is too much."""
        self._received_bytes += len(data)
        if self._received_bytes > MAX_MESSAGE_BYTES:
            self._refuse()
        elif not self._refused:
            super().handleContentChunk(data)

    def process(self) -> None:
        """Answer, unless the request was refused already."""
        if not self._refused:
            super().process()

    def _end(self) -> None:
        self._is_over = True
        works, self._at_end = self._at_end, ()
        for work in works:
            work()

    def _refuse(self) -> None:
        if self._refused:
            return
        self._refused = True
        channel: Any = self.channel
        channel.transport.write(_TOO_LARGE)
        channel.loseConnection()


class BoundedSite(Site):
    """A site of bounded connections."""

    protocol: Any = BoundedChannel

    def __init__(self, resource: IResource, reactor: Any) -> None:
        """Serve `resource`; no access log, since the exchange writes its own line."""
        super().__init__(
            resource,
            requestFactory=BoundedRequest,
            timeout=None,  # our own clock sees to it
            parsePOSTFormSubmission=False,
            reactor=reactor,
        )
        self.channels: set[BoundedChannel] = set()
        self._late_check = LoopingCall(self._close_late)
        self._late_check.clock = reactor

    def startFactory(self) -> None:
        """Begin to check the connections each second."""
        super().startFactory()
        self._late_check.start(1.0, now=False)

    def stopFactory(self) -> None:
        """End it."""
        self._late_check.stop()
        super().stopFactory()

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Take a connection; when there are too many, one goes that waits, or else this one."""
        while len(self.channels) >= MAX_CONNECTIONS:
            waiting = [channel for channel in self.channels if channel.is_waiting]
            has_room = len(self.channels) < MAX_JUST_COME
            closed = first_to_go(waiting, self.reactor.seconds(), PATIENCE_S if has_room else 0.0)
            if closed is not None:
                closed.make_room()
            elif waiting and has_room:
                break
            else:
                return None
        return super().buildProtocol(addr)

    def log(self, _request: object) -> None:
        """Keep no access log; a call's own log line says more."""

    def _close_late(self) -> None:
        now_s = self.reactor.seconds()
        for channel in list(self.channels):
            channel.close_if_late(now_s)
