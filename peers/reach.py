"""The lowest steps to a site: its name, its port, its TLS. Sends nothing but the handshake.

Blocking, for worker threads; every step is bounded in time. Each raises NoWay, which says what
is wrong and what to do about it.
Source: RULES R17.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

from mnet.stored_sentences import E_, english

# A name server that does not answer keeps nobody waiting longer.
NAME_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 5.0
# A host may have many addresses; the first few tell enough.
MAX_ADDRESSES = 4

# OpenSSL's numbers of what is wrong with a certificate (its x509_vfy.h).
_NOT_YET_VALID, _EXPIRED, _WRONG_NAME, _WRONG_ADDRESS = 9, 10, 62, 64
_SELF_SIGNED = (18, 19)
_UNKNOWN_ISSUER = (2, 20, 21)

_RENEW = E_("Renew the web server's certificate there (for example: certbot renew).")


class NoWay(Exception):
    """A step failed; the text says why, `remedy` what to do."""

    def __init__(self, detail: str, remedy: str) -> None:
        """Keep both sentences."""
        super().__init__(detail)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class TlsFound:
    """A handshake that went well; the end of the web server's certificate when it was checked."""

    version: str
    not_after_unix_s: int | None


def host_and_port(wwwroot: str) -> tuple[str, int]:
    """Return where a wwwroot's server listens."""
    parts = urlsplit(wwwroot)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def resolve(wwwroot: str) -> list[str]:
    """Return the IP addresses of a site's host; raises NoWay."""
    host, port = host_and_port(wwwroot)
    # The system's resolver cannot be told to hurry, so it is left behind when it dawdles.
    answer: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put(list(dict.fromkeys(str(info[4][0]) for info in infos)))
        except OSError as problem:
            answer.put(problem)
        except UnicodeError:  # a label of the name is too long
            answer.put(OSError())

    threading.Thread(target=ask, daemon=True).start()
    try:
        found = answer.get(timeout=NAME_TIMEOUT_S)
    except queue.Empty:
        raise NoWay(
            english(
                "No name server told the address of %(host)s within %(most)s s.",
                host=host,
                most=round(NAME_TIMEOUT_S),
            ),
            english("Look at this machine's name servers (/etc/resolv.conf)."),
        ) from None
    if isinstance(found, OSError) or not found:
        raise NoWay(
            english("The name %(host)s is not known (DNS).", host=host),
            english(
                "Look whether the address is spelt as the site itself spells it; if it is, the "
                "name is missing in the name servers that this machine asks."
            ),
        )
    return found


def connect(wwwroot: str, addresses: list[str]) -> socket.socket:
    """Open a connection to one of a host's addresses; raises NoWay. The caller closes it."""
    port = host_and_port(wwwroot)[1]
    problem: OSError | None = None
    for address in addresses[:MAX_ADDRESSES]:
        try:
            return socket.create_connection((address, port), CONNECT_TIMEOUT_S)
        except OSError as failed:
            problem = problem or failed
    where: dict[str, object] = {"address": addresses[0], "port": port}
    if isinstance(problem, ConnectionRefusedError):
        raise NoWay(
            english("Nothing listens at %(address)s port %(port)s (connection refused).", **where),
            english("Look at the port in the address, and whether the site's web server runs."),
        )
    if isinstance(problem, TimeoutError):
        most = round(CONNECT_TIMEOUT_S)
        raise NoWay(
            english(
                "%(address)s port %(port)s did not answer within %(most)s s.", most=most, **where
            ),
            english("Probably a firewall drops it: let this machine reach that port."),
        )
    why = problem.strerror if problem else english("no address")
    raise NoWay(
        english("No connection to %(address)s port %(port)s: %(our_why)s.", our_why=why, **where),
        english("Look at this machine's network and at firewalls between the two sites."),
    )


def handshake(wwwroot: str, raw: socket.socket, *, verify: bool) -> TlsFound:
    """Shake hands over an open connection, with the host's name checked when `verify`.

    Raises NoWay; closes the connection.
    """
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        with raw, context.wrap_socket(raw, server_hostname=host_and_port(wwwroot)[0]) as tls:
            ends = (tls.getpeercert() or {}).get("notAfter")
            not_after = int(ssl.cert_time_to_seconds(str(ends))) if ends else None
            return TlsFound(tls.version() or "TLS", not_after)
    except ssl.SSLCertVerificationError as problem:
        raise _untrusted(wwwroot, problem) from None
    except (ssl.SSLError, OSError) as problem:
        reason = getattr(problem, "reason", None) or problem.strerror or type(problem).__name__
        raise NoWay(
            english("The port speaks no TLS that we understand (%(why)s).", why=reason),
            english(
                "Look whether https is right in the address, with this port; if it is, let the "
                "web server there offer TLS 1.2 or newer."
            ),
        ) from None


def _untrusted(wwwroot: str, problem: ssl.SSLCertVerificationError) -> NoWay:
    host, code = host_and_port(wwwroot)[0], problem.verify_code
    if code == _EXPIRED:
        return NoWay(english("The web server's TLS certificate has expired."), _RENEW)
    if code == _NOT_YET_VALID:
        return NoWay(
            english("The web server's TLS certificate is not valid yet."),
            english("Look at this machine's clock; if it is right, at the certificate there."),
        )
    if code in (_WRONG_NAME, _WRONG_ADDRESS):
        return NoWay(
            english(
                "The web server's TLS certificate is for another name than %(host)s.", host=host
            ),
            english(
                "Use the address that the site itself uses (with or without www), or get it a "
                "certificate for %(host)s.",
                host=host,
            ),
        )
    unchecked = english(
        "For a site in your own network you may do without the check: mnet-peer peer policy "
        "%(peer)s --set tls=none.",
        peer=wwwroot,
    )
    if code in _SELF_SIGNED:
        return NoWay(
            english("The web server's TLS certificate is self-signed, so nobody vouches for it."),
            english(
                "Get the site a certificate of a known authority (Let's Encrypt is free). "
                "%(our_advice)s",
                our_advice=unchecked,
            ),
        )
    if code in _UNKNOWN_ISSUER:
        return NoWay(
            english(
                "The web server's TLS certificate comes from an authority that this machine does "
                "not know, or the certificates between are missing."
            ),
            english(
                "Let the web server send the full chain (fullchain.pem), or make the authority "
                "known to this machine. %(our_advice)s",
                our_advice=unchecked,
            ),
        )
    return NoWay(
        english(
            "The web server's TLS certificate was refused: %(why)s.", why=problem.verify_message
        ),
        english("Put the certificate there right. %(our_advice)s", our_advice=unchecked),
    )
