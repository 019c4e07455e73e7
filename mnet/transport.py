"""Bytes to a peer and back: HTTP POST and GET with time-outs, no redirects, bounded answers.

No compression is asked for and none is taken; bytes are counted as they come off the wire, before
anything reads them. Knows nothing of the protocol inside. Blocking, for worker threads; the reactor
runs elsewhere. Source: PROTOCOL.md section 9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from hyperlink import URL
from OpenSSL import SSL
from treq.content import collect
from twisted.internet import defer
from twisted.internet.abstract import isIPAddress
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import connectionDone
from twisted.internet.ssl import CertificateOptions
from twisted.internet.threads import blockingCallFromThread
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import (
    URI,
    Agent,
    BrowserLikePolicyForHTTPS,
    FileBodyProducer,
    HTTPConnectionPool,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IPolicyForHTTPS
from zope.interface import implementer

from mnet.call_errors import CannotReach
from mnet.protocol import MAX_MESSAGE_BYTES
from mnet.stored_sentences import english

CONNECT_TIMEOUT_S = 10.0
OK = 200
# Before an answer's body: its status line and headers, and any answers in between (status 100).
MAX_HEAD_BYTES = 128 * 1024
# A body may come in chunks, with marks between them that are no more than itself.
MOST_FOR_A_BYTE = 2
# Longer than any wwwroot with a page's path behind it.
MAX_HEADER_CHARS = 1000
# Customary; nobody checks it, and a Mahara's logs stay readable.
USER_AGENT = "Moodle"
OWN_USER_AGENT = "mnet-peer"
SUCCESS = range(200, 300)
SERVER_ERROR = 500
_TOO_SLOW = (defer.TimeoutError, defer.CancelledError, ConnectingCancelledError)


@dataclass(frozen=True, slots=True)
class Page:
    """An HTTP answer as it came, whatever its status."""

    status: int
    location: str
    date: str
    body: bytes

    def good(self, url: str) -> bytes:
        """Return the body of the answer that `url` gave; raises CannotReach unless it is a 200."""
        if self.status == OK:
            return self.body
        if self.location:
            message = english(
                "%(url)s answered with HTTP status %(status)s to %(target)s; a peer answers with "
                "200. Is the address exactly the site's own (http or https, with or without www)?",
                url=url,
                status=self.status,
                target=self.location,
            )
        elif self.status >= SERVER_ERROR:  # the address is right: something behind it is in trouble
            message = english(
                "%(url)s answered with HTTP status %(status)s: the site, or a proxy in front of "
                "it, is in trouble or in maintenance.",
                url=url,
                status=self.status,
            )
        else:
            message = english(
                "%(url)s answered with HTTP status %(status)s; a peer answers with 200. Is the "
                "address exactly the site's own (http or https, with or without www)?",
                url=url,
                status=self.status,
            )
        raise CannotReach(
            message,
            reason="status",
            status=self.status,
            location=self.location,
        )


class _TooLarge(Exception):
    """The answer is over the limit."""


class _Packed(Exception):
    """The answer is compressed, or encoded otherwise."""


@dataclass(slots=True)
class _Meter:
    """How much one request's connection brought, and how much it may."""

    received_bytes: int = 0
    most_bytes: int = MAX_HEAD_BYTES

    @property
    def is_over(self) -> bool:
        return self.received_bytes > self.most_bytes


class _Counting(ProtocolWrapper):
    """A connection that ends once it has brought more than it may."""

    factory: _CountingFactory

    def dataReceived(self, data: bytes) -> None:
        meter = self.factory.meter
        meter.received_bytes += len(data)
        if meter.is_over:
            self.abortConnection()
        else:
            super().dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(Failure(_TooLarge()) if self.factory.meter.is_over else reason)


class _CountingFactory(WrappingFactory):
    protocol = _Counting
    noisy = False

    def __init__(self, wrapped: Any, meter: _Meter) -> None:
        super().__init__(wrapped)
        self.meter = meter


@implementer(IStreamClientEndpoint)
class _Counted:
    """A way to a host whose connection counts what it brings."""

    def __init__(self, way: Any, meter: _Meter) -> None:
        self._way = way
        self._meter = meter

    def connect(self, protocolFactory: IProtocolFactory) -> Any:  # noqa: N803 - Twisted's
        made = self._way.connect(_CountingFactory(protocolFactory, self._meter))
        return made.addCallback(lambda counting: counting.wrappedProtocol)


@implementer(IAgentEndpointFactory)
class _Ways:
    """Finds the way to a host for one request, with TLS as a policy wants it."""

    def __init__(self, reactor: Any, policy: Any, meter: _Meter) -> None:
        self._reactor = reactor
        self._policy = policy
        self._meter = meter

    def endpointForURI(self, uri: URI) -> Any:
        host = uri.host.decode("ascii")
        way: Any = HostnameEndpoint(self._reactor, host, uri.port, CONNECT_TIMEOUT_S)
        if uri.scheme == b"https":
            way = wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), way)
        return _Counted(way, self._meter)


@implementer(IPolicyForHTTPS)
class _AnyCertificate:
    """TLS without verification, for a peer whose policy says so."""

    def creatorForNetloc(self, hostname: bytes, _port: int) -> Any:
        return _Unverified(hostname)


@implementer(IOpenSSLClientConnectionCreator)
class _Unverified:
    def __init__(self, hostname: bytes) -> None:
        self._hostname = hostname

    def clientConnectionForTLS(self, tlsProtocol: Any) -> SSL.Connection:  # noqa: ARG002, N803 - Twisted's
        connection = SSL.Connection(CertificateOptions(verify=False).getContext(), None)
        if not isIPAddress(self._hostname.decode("ascii")):
            connection.set_tlsext_host_name(self._hostname)  # one server may hold many sites
        return connection


class Transport:
    """Sends requests from worker threads through the reactor."""

    def __init__(self, reactor: Any) -> None:
        """Use `reactor`, which must be running in another thread."""
        self._reactor = reactor
        self._pool = HTTPConnectionPool(reactor, persistent=False)
        self._policies = {True: BrowserLikePolicyForHTTPS(), False: _AnyCertificate()}

    def post(self, url: str, body: bytes, *, verify_tls: bool, timeout_s: float) -> bytes:
        """Send `body` and return the answer's body; raises CannotReach."""
        return self.send(url, body, verify_tls=verify_tls, timeout_s=timeout_s).good(url)

    def get(self, url: str, *, verify_tls: bool, timeout_s: float) -> bytes:
        """Fetch a page; raises CannotReach."""
        return self.send(url, None, verify_tls=verify_tls, timeout_s=timeout_s).good(url)

    def send(self, url: str, body: bytes | None, *, verify_tls: bool, timeout_s: float) -> Page:
        """Send `body`, or fetch when it is None, and return the answer whatever its status.

        Raises CannotReach when there is no answer.
        """
        given = {"User-Agent": USER_AGENT} | ({} if body is None else {"Content-Type": "text/xml"})
        return self._ask(self._peer_client(url, body, given, verify_tls=verify_tls), url, timeout_s)

    def post_json(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float
    ) -> None:
        """Send JSON to an address that is no peer's, over verified TLS; raises CannotReach.

        Any status of success will do, and what it says is dropped. Failures name the host only,
        since the rest of such an address often is a secret.
        """
        named = {"Content-Type": "application/json", "User-Agent": OWN_USER_AGENT, **headers}
        host = urlsplit(url).hostname or ""
        answer = self._ask(self._peer_client(url, body, named, verify_tls=True), host, timeout_s)
        if answer.status not in SUCCESS:
            message = english(
                "%(host)s answered with HTTP status %(status)s.", host=host, status=answer.status
            )
            raise CannotReach(message, reason="status")

    def _peer_client(
        self, url: str, body: bytes | None, headers: Mapping[str, str], *, verify_tls: bool
    ) -> Callable[[], defer.Deferred[Page]]:
        def ask() -> defer.Deferred[Page]:
            meter = _Meter()
            ways = _Ways(self._reactor, self._policies[verify_tls], meter)
            sending = Agent.usingEndpointFactory(self._reactor, ways, self._pool).request(
                b"GET" if body is None else b"POST",
                URL.from_text(url).to_uri().to_text().encode("ascii"),
                Headers({name: [value] for name, value in headers.items()}),
                None if body is None else FileBodyProducer(BytesIO(body)),
            )
            return defer.ensureDeferred(_receive(sending, meter))

        return ask

    def _ask(self, ask: Callable[[], defer.Deferred[Page]], url: str, timeout_s: float) -> Page:
        def start() -> Any:
            return ask().addTimeout(timeout_s, self._reactor)

        try:
            page: Page = blockingCallFromThread(self._reactor, start)
        except DNSLookupError:
            text = english("The name in %(url)s is not known (DNS).", url=url)
            raise CannotReach(text, reason="name") from None
        except ConnectError as problem:
            text = english("No connection to %(url)s: %(why)s", url=url, why=problem)
            raise CannotReach(text, reason="connection") from None
        except _Packed:
            text = english(
                "%(url)s answered with compressed data, for which this site did not ask; switch "
                "that off there for such requests.",
                url=url,
            )
            raise CannotReach(text, reason="packed") from None
        except Exception as problem:  # noqa: BLE001 - whatever a network can do to us
            # Twisted wraps what ended a connection.
            if _is_because_of(problem, *_TOO_SLOW):
                text = english(
                    "%(url)s did not answer within %(most)s s.", url=url, most=round(timeout_s)
                )
                raise CannotReach(text, reason="time") from None
            if _is_because_of(problem, _TooLarge):
                text = english("%(url)s answered with more than the limit of 8 MiB.", url=url)
                raise CannotReach(text, reason="size") from None
            text = english("%(url)s could not be asked: %(why)s", url=url, why=_reason(problem))
            raise CannotReach(text) from None
        return page


async def _receive(sending: Any, meter: _Meter) -> Page:
    response = await sending
    parts: list[bytes] = []
    received_bytes = 0

    named = ",".join(response.headers.getRawHeaders("Content-Encoding", []))
    is_packed = any(word.strip().lower() not in ("", "identity") for word in named.split(","))

    def take(data: bytes) -> None:
        nonlocal received_bytes
        if is_packed:
            raise _Packed  # treq closes the connection
        received_bytes += len(data)
        if received_bytes > MAX_MESSAGE_BYTES:
            raise _TooLarge  # treq closes the connection
        parts.append(data)
        meter.most_bytes += MOST_FOR_A_BYTE * len(data)

    def header(name: bytes) -> str:
        value: bytes = response.headers.getRawHeaders(name, [b""])[0]
        text = value[:MAX_HEADER_CHARS].decode("ascii", "replace")
        return "".join(c for c in text if c.isprintable())

    location, date = header(b"location"), header(b"date")
    await collect(response, take)
    return Page(response.code, location, date, b"".join(parts))


def _is_because_of(problem: Exception, *kinds: type[Exception]) -> bool:
    return isinstance(problem, kinds) or any(
        isinstance(reason, Failure) and reason.check(*kinds)
        for reason in getattr(problem, "reasons", None) or ()
    )


def _reason(problem: Exception) -> str:
    reasons = getattr(problem, "reasons", None)  # ResponseNeverReceived wraps what happened
    if reasons and isinstance(reasons[0], Failure):
        return reasons[0].getErrorMessage() or type(reasons[0].value).__name__
    return str(problem) or type(problem).__name__
