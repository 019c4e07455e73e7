"""Bytes to a peer and back: HTTP POST and GET with time-outs, no redirects, bounded answers.

Knows nothing of the protocol inside. Blocking, for worker threads; the reactor runs elsewhere.
Source: PROTOCOL.md section 9.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

from OpenSSL import SSL
from treq.client import HTTPClient
from treq.content import collect
from twisted.internet import defer
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.ssl import CertificateOptions
from twisted.internet.threads import blockingCallFromThread
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from mnet.outbound import CannotReach
from mnet.protocol import MAX_MESSAGE_BYTES

CONNECT_TIMEOUT_S = 10.0
OK = 200
# Customary; nobody checks it, and a Mahara's logs stay readable.
USER_AGENT = "Moodle"
OWN_USER_AGENT = "mnet-peer"
SUCCESS = range(200, 300)

Receive = Callable[[defer.Deferred[Any], str], Coroutine[Any, Any, bytes]]


class _TooLarge(Exception):
    """The answer is over the limit."""


@implementer(IPolicyForHTTPS)
class _AnyCertificate:
    """TLS without verification, for a peer whose policy says so."""

    def creatorForNetloc(self, _hostname: bytes, _port: int) -> Any:
        return _Unverified()


class _Unverified:
    def clientConnectionForTLS(self, _protocol: Any) -> Any:
        options = CertificateOptions(verify=False)
        return SSL.Connection(options.getContext(), None)


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
        headers = Headers({"Content-Type": ["text/xml"], "User-Agent": [USER_AGENT]})
        return self._exchange(
            url,
            lambda client: client.post(url, data=body, headers=headers, allow_redirects=False),
            verify_tls=verify_tls,
            timeout_s=timeout_s,
        )

    def get(self, url: str, *, verify_tls: bool, timeout_s: float) -> bytes:
        """Fetch a page; raises CannotReach."""
        return self._exchange(
            url,
            lambda client: client.get(url, allow_redirects=False),
            verify_tls=verify_tls,
            timeout_s=timeout_s,
        )

    def post_json(
        self, url: str, body: bytes, headers: dict[str, str], *, timeout_s: float
    ) -> None:
        """Send JSON to an address that is no peer's, over verified TLS; raises CannotReach.

        Any status of success will do, and what it says is dropped. Failures name the host only,
        since the rest of such an address often is a secret.
        """
        wanted = Headers({"Content-Type": ["application/json"], "User-Agent": [OWN_USER_AGENT]})
        for name, value in headers.items():
            wanted.setRawHeaders(name, [value])
        self._exchange(
            urlsplit(url).hostname or "",
            lambda client: client.post(url, data=body, headers=wanted, allow_redirects=False),
            verify_tls=True,
            timeout_s=timeout_s,
            receive=_receive_any_success,
        )

    def _exchange(
        self,
        url: str,
        send: Callable[[HTTPClient], defer.Deferred[Any]],
        *,
        verify_tls: bool,
        timeout_s: float,
        receive: Receive | None = None,
    ) -> bytes:
        def start() -> Any:
            receiving = (receive or _receive)(send(self._clients[verify_tls]), url)
            answer = defer.ensureDeferred(receiving)
            return answer.addTimeout(timeout_s, self._reactor)

        try:
            result: Any = blockingCallFromThread(self._reactor, start)
        except CannotReach:
            raise
        except defer.TimeoutError:
            raise CannotReach(f"{url} did not answer within {timeout_s:.0f} s.") from None
        except DNSLookupError:
            raise CannotReach(f"The name in {url} is not known (DNS).") from None
        except ConnectError as problem:
            raise CannotReach(f"No connection to {url}: {problem}") from None
        except _TooLarge:
            raise CannotReach(f"{url} answered with more than the limit of 8 MiB.") from None
        except Exception as problem:  # noqa: BLE001 - whatever a network can do to us
            raise CannotReach(f"{url} could not be asked: {_reason(problem)}") from None
        return bytes(result)


async def _receive(sending: defer.Deferred[Any], url: str) -> bytes:
    response = await sending
    if response.code != OK:
        where = response.headers.getRawHeaders(b"location", [b""])[0].decode("ascii", "replace")
        to = f" to {where}" if where else ""
        raise CannotReach(
            f"{url} answered with HTTP status {response.code}{to}; a peer answers with 200. "
            "Is the address exactly the site's own (http or https, with or without www)?"
        )
    return await _body(response)


async def _receive_any_success(sending: defer.Deferred[Any], url: str) -> bytes:
    response = await sending
    if response.code not in SUCCESS:
        raise CannotReach(f"{url} answered with HTTP status {response.code}.")
    return await _body(response)


async def _body(response: Any) -> bytes:
    parts: list[bytes] = []
    received_bytes = 0

    def take(data: bytes) -> None:
        nonlocal received_bytes
        received_bytes += len(data)
        if received_bytes > MAX_MESSAGE_BYTES:
            raise _TooLarge  # treq closes the connection
        parts.append(data)

    await collect(response, take)
    return b"".join(parts)


def _reason(problem: Exception) -> str:
    reasons = getattr(problem, "reasons", None)  # ResponseNeverReceived wraps what happened
    if reasons and isinstance(reasons[0], Failure):
        return reasons[0].getErrorMessage() or type(reasons[0].value).__name__
    return str(problem) or type(problem).__name__
