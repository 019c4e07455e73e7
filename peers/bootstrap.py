"""Finding out about a remote site, and about its new key: what is asked, not what is believed.

Source: RULES R15, R20; PROTOCOL.md sections 5 (keyswap) and 6 (new keys).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from keys.certificate import PeerCertificate, check_subject, load
from mnet.call_errors import BadAnswer, CallError, RemoteFault
from mnet.outbound import Outbound
from mnet.protocol import APPLICATIONS, Application, KeyCame
from mnet.transport import OK, Transport
from peers import clocks
from peers.registry import Peer, Registry
from peers.site_name import name_of

PAGE_TIMEOUT_S = 10.0
MAX_NAME_CHARS = 80  # a Moodle keeps no longer one
REFRESH_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a site sends about itself; nothing of it is proven."""

    wwwroot: str
    name: str
    application: Application
    certificate: PeerCertificate
    # Its clock less ours; None when it did not tell.
    clock_offset_s: float | None = None


def discover(
    outbound: Outbound[Peer],
    transport: Transport,
    wwwroot: str,
    *,
    application: str | None,
    verify_tls: bool,
) -> Found:
    """Ask a site for its certificate and name; without `application` both types are tried.

    Raises CallError when it cannot be asked, keys.certificate.BadCertificate when what it gives
    out cannot be its own.
    """
    wanted = [APPLICATIONS[application]] if application else list(APPLICATIONS.values())
    problem: CallError | None = None
    for candidate in wanted:
        try:
            pem = outbound.keyswap(wwwroot, candidate, verify_tls=verify_tls)
        except CallError as failed:
            problem = problem or failed
            continue
        certificate = load(pem)
        check_subject(certificate, wwwroot)
        name, clock_offset_s = _first_page(transport, wwwroot, candidate, verify_tls=verify_tls)
        return Found(wwwroot, name, candidate, certificate, clock_offset_s)
    assert problem is not None
    raise problem


def _first_page(
    transport: Transport, wwwroot: str, application: Application, *, verify_tls: bool
) -> tuple[str, float | None]:
    """Return the name on the site's first page, or its wwwroot, and how far its clock is off."""
    asked_unix_s = time.time()
    try:
        page = transport.send(wwwroot + "/", None, verify_tls=verify_tls, timeout_s=PAGE_TIMEOUT_S)
    except CallError:
        return wwwroot, None
    offset_s = clocks.of_date(page.date, asked_unix_s, time.time())
    name = name_of(page.body, application) if page.status == OK else ""
    return name[:MAX_NAME_CHARS] or wwwroot, offset_s


def ask_for_key(outbound: Outbound[Peer], registry: Registry, peer: Peer) -> None:
    """Ask whether a peer has a new key, which it has to prove with its old one (section 6).

    A plain keyswap only tells whether there is anything to prove; the proof is the 7025 that a
    call sealed to the old key brings. Without it the way that the certificate came decides
    (peers/trust.py).
    """
    if outbound.rests(peer):
        return
    verify_tls = peer.policy.tls == "verify"
    try:
        pem = outbound.keyswap(peer.wwwroot, peer.application, verify_tls=verify_tls)
    except CallError:
        return
    let_prove(outbound, registry, peer, pem)


def greet(outbound: Outbound[Peer], registry: Registry, peer: Peer) -> str:
    """Call a peer once so that both sides hold each other's keys; return why that failed, or ""."""
    ask_for_key(outbound, registry, peer)
    known = registry.by_id(peer.id) or peer
    try:
        outbound.call(known, "system/listServices", [], timeout_s=REFRESH_TIMEOUT_S)
    except CallError as problem:
        return str(problem)
    return ""


def let_prove(outbound: Outbound[Peer], registry: Registry, peer: Peer, pem: str) -> None:
    """Have a peer prove the certificate that a keyswap with it just brought."""
    if pem.split() == peer.certificate.pem.split():
        return
    try:
        outbound.call(peer, "system/listServices", [], timeout_s=REFRESH_TIMEOUT_S)
    except (BadAnswer, RemoteFault):
        current = registry.by_id(peer.id)
        if current and current.certificate.fingerprint == peer.certificate.fingerprint:
            registry.take_key(peer, pem, came=_came(peer))
    except CallError:
        return


def _came(peer: Peer) -> KeyCame:
    """Say what a keyswap with a peer is worth."""
    is_verified = peer.wwwroot.startswith("https://") and peer.policy.tls == "verify"
    return KeyCame.VERIFIED_TLS if is_verified else KeyCame.KEYSWAP
