"""When a peer's web server's TLS certificate ends: looked up by a handshake, kept in the store.

Only the date is taken and nothing is sent or believed, so a certificate that verifies badly (an
expired one above all) is read like any other. Blocking and bounded; for worker threads.
Source: manual/notices.md.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from urllib.parse import urlsplit

from cryptography import x509
from sqlalchemy.engine import Connection

from schooltool_bridge.notices.facts import TLS_MEMORY
from schooltool_bridge.store.site_memory import one_writer, recall, remember

# For the connection and the handshake together; a name's look-up has its own limit.
HANDSHAKE_TIMEOUT_S = 15.0
HTTPS_PORT = 443


class NoDate(Exception):
    """The end of a certificate could not be found out; the text says why."""


def tls_not_after(wwwroot: str, timeout_s: float = HANDSHAKE_TIMEOUT_S) -> int:
    """Return when the certificate of an https site ends, in unix seconds; raises NoDate."""
    parts = urlsplit(wwwroot)
    host, port = parts.hostname or "", parts.port or HTTPS_PORT
    until_s = time.monotonic() + timeout_s
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            data = _certificate(connection, host, until_s)
        return int(x509.load_der_x509_certificate(data).not_valid_after_utc.timestamp())
    except (OSError, ValueError, x509.InvalidVersion) as problem:
        raise NoDate(f"{host}:{port}: {problem or type(problem).__name__}") from None


def remember_date(
    connection: Connection,
    peer_id: int,
    wwwroot: str,
    *,
    not_after_unix_s: int | None,
    now_unix_s: int,
) -> None:
    """Remember what a look found; when it found nothing, the last date stays."""
    one_writer(connection)
    name = f"{TLS_MEMORY}{peer_id}"
    before = recall(connection, name) or {}
    if not_after_unix_s is None and before.get("wwwroot") == wwwroot:
        not_after_unix_s = before.get("not_after_unix_s")
    found = {
        "wwwroot": wwwroot,
        "not_after_unix_s": not_after_unix_s,
        "looked_unix_s": now_unix_s,
    }
    remember(connection, name, found)


def _certificate(connection: socket.socket, host: str, until_s: float) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection.setblocking(False)  # noqa: FBT003 - a peer that drips bytes has no more time
    with (
        context.wrap_socket(
            connection, server_hostname=host, do_handshake_on_connect=False
        ) as wrapped,
        selectors.DefaultSelector() as selector,
    ):
        selector.register(wrapped, selectors.EVENT_READ)
        while True:
            try:
                wrapped.do_handshake()
                break
            except ssl.SSLWantReadError:
                wanted = selectors.EVENT_READ
            except ssl.SSLWantWriteError:
                wanted = selectors.EVENT_WRITE
            selector.modify(wrapped, wanted)
            left_s = until_s - time.monotonic()
            if left_s <= 0 or not selector.select(left_s):
                raise TimeoutError("no TLS handshake in time")
        return wrapped.getpeercert(binary_form=True) or b""
