"""Bytes to a peer and back: HTTP POST and GET with time-outs, no redirects, bounded answers.

Knows nothing of the protocol inside. Blocking, for worker threads; the reactor runs elsewhere.
Source: PROTOCOL.md section 9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from OpenSSL import SSL
from treq.client import HTTPClient
from treq.content import collect
from twisted.internet import defer
from twisted.internet.abstract import isIPAddress
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import CertificateOptions
from twisted.internet.threads import blockingCallFromThread
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from mnet.outbound import CannotReach
from mnet.protocol import MAX_MESSAGE_BYTES
from mnet.retelling import english

CONNECT_TIMEOUT_S = 10.0
OK = 200
# Longer than any wwwroot with a page's path behind it.
MAX_HEADER_CHARS = 1000
# Customary; nobody checks it, and a Mahara's logs stay readable.
USER_AGENT = "Moodle"
OWN_USER_AGENT = "mnet-peer"
SUCCESS = range(200, 300)


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
            said = english(
                "%(url)s answered with HTTP status %(status)s to %(target)s; a peer answers with "
                "200. Is the address exactly the site's own (http or https, with or without www)?",
                url=url,
                status=self.status,
                target=self.location,
            )
        else:
            said = english(
                "%(url)s answered with HTTP status %(status)s; a peer answers with 200. Is the "
                "address exactly the site's own (http or https, with or without www)?",
                url=url,
                status=self.status,
            )
        raise CannotReach(
            said,
            reason="status",
            status=self.status,
            location=self.location,
        )


class _TooLarge(Exception):
    """The answer is over the limit."""


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
        pool = HTTPConnectionPool(reactor, persistent=False)
        self._clients = {
            verify: HTTPClient(Agent(reactor, policy, connectTimeout=CONNECT_TIMEOUT_S, pool=pool))
            for verify, policy in (
                (True, BrowserLikePolicyForHTTPS()),
                (False, _AnyCertificate()),
            )
        }

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
        client = self._clients[verify_tls]

        def ask() -> defer.Deferred[Any]:
            if body is None:
                return client.get(url, allow_redirects=False)
            headers = Headers({"Content-Type": ["text/xml"], "User-Agent": [USER_AGENT]})
            return client.post(url, data=body, headers=headers, allow_redirects=False)

        return self._ask(ask, url, timeout_s)

    def post_json(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float
    ) -> None:
        """Send JSON to an address that is no peer's, over verified TLS; raises CannotReach.

        Any status of success will do, and what it says is dropped. Failures name the host only,
        since the rest of such an address often is a secret.
        """
        named = {"Content-Type": "application/json", "User-Agent": OWN_USER_AGENT, **headers}
        wanted = Headers({name: [value] for name, value in named.items()})
        host = urlsplit(url).hostname or ""
        answer = self._ask(
            lambda: self._clients[True].post(url, data=body, headers=wanted, allow_redirects=False),
            host,
            timeout_s,
        )
        if answer.status not in SUCCESS:
            said = english(
                "%(host)s answered with HTTP status %(status)s.", host=host, status=answer.status
            )
            raise CannotReach(said, reason="status")

    def _ask(self, ask: Callable[[], defer.Deferred[Any]], url: str, timeout_s: float) -> Page:
        def start() -> Any:
            return defer.ensureDeferred(_receive(ask())).addTimeout(timeout_s, self._reactor)

        try:
            page: Page = blockingCallFromThread(self._reactor, start)
        except defer.TimeoutError:
            text = english(
                "%(url)s did not answer within %(most)s s.", url=url, most=round(timeout_s)
            )
            raise CannotReach(text, reason="time") from None
        except DNSLookupError:
            text = english("The name in %(url)s is not known (DNS).", url=url)
            raise CannotReach(text, reason="name") from None
        except ConnectError as problem:
            text = english("No connection to %(url)s: %(why)s", url=url, why=problem)
            raise CannotReach(text, reason="connection") from None
        except _TooLarge:
            text = english("%(url)s answered with more than the limit of 8 MiB.", url=url)
            raise CannotReach(text, reason="size") from None
        except Exception as problem:  # noqa: BLE001 - whatever a network can do to us
            text = english("%(url)s could not be asked: %(why)s", url=url, why=_reason(problem))
            raise CannotReach(text) from None
        return page


async def _receive(sending: defer.Deferred[Any]) -> Page:
    response = await sending
    parts: list[bytes] = []
    received_bytes = 0

    def take(data: bytes) -> None:
        nonlocal received_bytes
        received_bytes += len(data)
        if received_bytes > MAX_MESSAGE_BYTES:
            raise _TooLarge  # treq closes the connection
        parts.append(data)

    def header(name: bytes) -> str:
        value: bytes = response.headers.getRawHeaders(name, [b""])[0]
        text = value[:MAX_HEADER_CHARS].decode("ascii", "replace")
        return "".join(c for c in text if c.isprintable())

    location, date = header(b"location"), header(b"date")
    await collect(response, take)
    return Page(response.code, location, date, b"".join(parts))


def _reason(problem: Exception) -> str:
    reasons = getattr(problem, "reasons", None)  # ResponseNeverReceived wraps what happened
    if reasons and isinstance(reasons[0], Failure):
        return reasons[0].getErrorMessage() or type(reasons[0].value).__name__
    return str(problem) or type(problem).__name__
