"""HTTP under limits: body size, time for a whole request, number of connections.

Twisted bounds header lines and idle time; this adds what it leaves open. Nothing here knows
the protocol inside. Source: PROTOCOL.md section 3 (limits).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import IResource
from twisted.web.server import Request, Site

from mnet.protocol import MAX_MESSAGE_BYTES

# A Moodle sends its whole request at once and gives up after 60 s itself.
REQUEST_DEADLINE_S = 30
IDLE_TIMEOUT_S = 60
# Each may hold a body in a temporary file; a school has a handful of peers.
MAX_CONNECTIONS = 256


class BoundedChannel(HTTPChannel):
    """A connection on which each request must arrive whole within a deadline."""

    _deadline: IDelayedCall | None = None
    site: Any
    transport: Any

    def connectionMade(self) -> None:
        """Start the clock for the first request."""
        super().connectionMade()
        self._start_clock()

    def dataReceived(self, data: bytes) -> None:
        """Start the clock at the first byte of a further request."""
        if self._deadline is None and not self._handlingRequest:
            self._start_clock()
        super().dataReceived(data)

    def allContentReceived(self) -> None:
        """Stop the clock: the request is here, and our own work has its own bounds."""
        self._stop_clock()
        super().allContentReceived()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Let go of the clock and the factory's place."""
        self._stop_clock()
        super().connectionLost(reason)
        self.site.open_connections -= 1

    def _start_clock(self) -> None:
        self._deadline = self.callLater(REQUEST_DEADLINE_S, self._too_slow)

    def _stop_clock(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        self.transport.write(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n")
        self.loseConnection()


class BoundedRequest(Request):
    """A request whose body is refused as soon as it is too large."""

    # No form is parsed: MNet bodies come with any content type, also a form's.
    _received_bytes = 0
    _refused = False

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

    def _refuse(self) -> None:
        if self._refused:
            return
        self._refused = True
        channel: Any = self.channel
        channel.transport.write(
            b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        )
        channel.loseConnection()


class BoundedSite(Site):
    """A site of bounded connections."""

    protocol: Any = BoundedChannel
    open_connections = 0

    def __init__(self, resource: IResource, reactor: Any) -> None:
        """Serve `resource`; no access log, since the exchange writes its own line."""
        super().__init__(
            resource,
            requestFactory=BoundedRequest,
            timeout=IDLE_TIMEOUT_S,
            parsePOSTFormSubmission=False,
            reactor=reactor,
        )

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Take a connection, or close it when there are too many."""
        if self.open_connections >= MAX_CONNECTIONS:
            return None
        channel = super().buildProtocol(addr)
        self.open_connections += 1
        return channel

    def log(self, _request: object) -> None:
        """Keep no access log; a call's own log line says more."""
