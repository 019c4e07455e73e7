"""Verifies a peer, step by step, and says what to do about a step that fails.

Asks the network; what findings mean stands in verify_rules.py. Blocking, for worker threads.
Requests go only to the peer's own wwwroot, bounded in size and time, and follow no redirect.
Nothing is changed, but that a new key of the peer is taken in by the rules of peers/trust.py.
Source: RULES R17; PROTOCOL.md sections 5, 6, 9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC
from functools import partial
from typing import Any

from keys.certificate import BadCertificate, PeerCertificate, check_subject, load
from mnet import moments
from mnet.call_errors import BadAnswer, CallError, CannotReach, RemoteFault
from mnet.outbound import Outbound
from mnet.protocol import APPLICATIONS, SERVICE_SIS
from mnet.stored_sentences import E_, english
from mnet.transport import Transport
from mnet.xmlrpc import Value
from peers import (
    bootstrap,
    clocks,
    menus,
    reach,
    store,
    verify_plugin,
    verify_services,
    verify_sign_on,
)
from peers import verify_rules as rules
from peers.menus import Menus
from peers.registry import Peer, Registry
from peers.verify_clock import clock_step
from peers.verify_rules import SWITCH, RemoteService, Report, Step
from peers.verify_sign_on import SIGN_ON

# Names for programs; people read them in their language.
NAME = E_("name resolution")
TCP, TLS, HTTP, XML_RPC = "TCP", "TLS", "HTTP", "XML-RPC"
SWAP, KEY, CERTIFICATE, CLOCK = E_("keyswap"), E_("key"), E_("certificate"), E_("clock")
SEALED, SERVICES = E_("sealed round trip"), E_("services")
VERSION = E_("remote version")
ORDER = (
    SWITCH, NAME, TCP, TLS, HTTP, XML_RPC, SWAP, KEY, CERTIFICATE, CLOCK, SEALED, SERVICES,
    SIGN_ON, VERSION,
)  # fmt: skip

REQUEST_TIMEOUT_S = 10.0
# What a peer's plugin may call the method that tells its version, by last segment.
VERSION_METHODS = ("site_info", "server_info")
MAX_METHODS = 500
MAX_RELEASE_CHARS = 100


def verify(
    peer: Peer,
    *,
    outbound: Outbound[Peer],
    transport: Transport,
    registry: Registry,
    clock: Callable[[], float],
    before_enabling: bool = False,
) -> Report:
    """Look at a peer in every step of ORDER and report; never raises for what a peer does.

    A step that the ones before make pointless is reported as not tried. `before_enabling` says
    that an admin is still setting the peer up, so that its switch may be off.
    """
    run = _Run(peer, outbound, transport, registry, clock)
    try:
        run.switch(before_enabling=before_enabling)
        run.reach()
        run.page()
        run.keyswap()
        run.round_trip()
        try:
            run.version()
        finally:
            run.compare_services()  # by the release, when it gave one
            run.sign_on()
    except _Stop as stopped:
        run.skip_the_rest(stopped.step)
    steps = tuple(sorted(run.steps, key=lambda step: ORDER.index(step.name)))
    return Report(
        ok=all(step.ok for step in steps),
        steps=steps,
        clock_offset_s=run.clock_offset_s,
        release=run.release,
        services=run.services,
        tls_not_after_unix_s=run.tls_not_after_unix_s,
    )


class _Stop(Exception):
    """A step failed, and what follows cannot go on without it."""

    def __init__(self, step: Step) -> None:
        super().__init__(step.name)
        self.step = step


@dataclass(slots=True)
class _Run:
    """One verification: what was found so far."""

    peer: Peer
    _outbound: Outbound[Peer]
    _transport: Transport
    _registry: Registry
    _clock: Callable[[], float]
    steps: list[Step] = field(default_factory=list)
    services: dict[str, RemoteService] = field(default_factory=dict)
    clock_offset_s: float | None = None
    release: str | None = None
    tls_not_after_unix_s: int | None = None
    _asked_unix_s: float = 0.0
    _date_offset_s: float | None = None

    @property
    def _there(self) -> Menus:
        return menus.of(self.peer.application)

    @property
    def _verifies_tls(self) -> bool:
        return self.peer.policy.tls == "verify"

    @property
    def _peer_client(self) -> Outbound[Peer]:
        """Makes the calls, through a post that reads the peer's time from the answer."""
        return replace(self._outbound, post=self._post)

    def _post(self, url: str, body: bytes, *, verify_tls: bool, timeout_s: float) -> bytes:
        self._asked_unix_s = self._clock()
        page = self._transport.send(url, body, verify_tls=verify_tls, timeout_s=timeout_s)
        self._date_offset_s = clocks.of_date(page.date, self._asked_unix_s, self._clock())
        return page.good(url)

    def _add(self, step: Step, *, is_needed: bool = True) -> None:
        self.steps.append(step)
        if is_needed and not step.ok:
            raise _Stop(step)

    def _well(self, name: str, detail: str) -> None:
        self._add(Step(name, ok=True, detail=detail))

    def _call_failed(self, name: str, problem: CallError) -> None:
        ours, application = self._outbound.site.wwwroot, self.peer.application
        step = rules.call_step(
            name, problem, wwwroot=self.peer.wwwroot, application=application, ours=ours
        )
        self._add(step)

    def skip_the_rest(self, failed: Step) -> None:
        """Report what was not tried."""
        done = {step.name for step in self.steps}
        self.steps += [rules.not_tried(name, failed) for name in ORDER if name not in done]

    def switch(self, *, before_enabling: bool) -> None:
        """Look at our own master switch for the peer."""
        if self.peer.enabled:
            return self._well(SWITCH, english("The peer is enabled."))
        if before_enabling:
            return self._well(SWITCH, english("Not yet; enabling it is the last step."))
        remedy = f"mnet-peer peer enable {self.peer.wwwroot}"
        detail = english("The peer is disabled here, so its events are refused (fault 8403).")
        return self._add(Step(SWITCH, ok=False, detail=detail, remedy=remedy), is_needed=False)

    def reach(self) -> None:
        """Go from the name to a connection."""
        wwwroot, name = self.peer.wwwroot, NAME
        try:
            addresses = reach.resolve(wwwroot)
            self._well(NAME, ", ".join(addresses[: reach.MAX_ADDRESSES]))
            name = TCP
            connection = reach.connect(wwwroot, addresses)
            self._well(TCP, english("port %(port)s is open", port=reach.host_and_port(wwwroot)[1]))
            name = TLS
            with connection:
                if not wwwroot.startswith("https://"):
                    return self._well(TLS, english("Does not apply: the address is plain http."))
                found = reach.handshake(wwwroot, connection, verify=self._verifies_tls)
        except reach.NoWay as problem:
            return self._add(Step(name, ok=False, detail=str(problem), remedy=problem.remedy))
        self.tls_not_after_unix_s = found.not_after_unix_s
        if found.not_after_unix_s is None:
            return self._well(
                TLS,
                english(
                    "%(version)s; certificate not checked (policy tls=none).", version=found.version
                ),
            )
        day = moments.local(found.not_after_unix_s, UTC).date().isoformat()
        message = english(
            "%(version)s, certificate valid until %(day)s", version=found.version, day=day
        )
        return self._well(TLS, message)

    def page(self) -> None:
        """Fetch the first page; only where it leads elsewhere is there no point in going on."""
        wwwroot = self.peer.wwwroot
        try:
            page = self._transport.send(
                wwwroot + "/", None, verify_tls=self._verifies_tls, timeout_s=REQUEST_TIMEOUT_S
            )
        except CannotReach as problem:
            return self._call_failed(HTTP, problem)
        step = rules.page_step(
            HTTP,
            wwwroot,
            status=page.status,
            location=page.location,
            application=self.peer.application,
        )
        return self._add(step, is_needed=bool(page.location))

    def keyswap(self) -> None:
        """Fetch the certificate that the peer gives out and compare it with the one we trust."""
        peer = self.peer
        try:
            pem = self._peer_client.keyswap(
                peer.wwwroot, peer.application, verify_tls=self._verifies_tls
            )
        except RemoteFault as problem:
            self._well(XML_RPC, english("The peer answers in XML-RPC."))
            return self._call_failed(SWAP, problem)
        except BadAnswer as problem:
            if problem.wrong == "no certificate":
                self._well(XML_RPC, english("The peer answers in XML-RPC."))
                return self._call_failed(SWAP, problem)
            return self._call_failed(XML_RPC, problem)
        except CallError as problem:
            return self._call_failed(XML_RPC, problem)
        self._well(XML_RPC, english("The peer answers in XML-RPC."))
        try:
            given = load(pem)
        except BadCertificate as problem:
            remedy = english(self._there.new_key)
            return self._add(
                Step(
                    SWAP,
                    ok=False,
                    detail=rules.clean(problem, rules.MAX_SENTENCE_CHARS),
                    remedy=remedy,
                )
            )
        self._well(SWAP, english("The peer gives out a certificate."))
        self._add(self._key_step(given))
        known = self.peer.certificate
        now_unix_s = int(self._clock())
        step = rules.certificate_step(CERTIFICATE, known, peer.wwwroot, self._there, now_unix_s)
        return self._add(step, is_needed=False)

    def _key_step(self, given: PeerCertificate) -> Step:
        peer, known = self.peer, self.peer.certificate
        if given.fingerprint == known.fingerprint:
            detail = english(
                "The trusted one, SHA-256 %(fingerprint)s", fingerprint=known.fingerprint
            )
            return Step(KEY, ok=True, detail=detail)
        try:
            check_subject(given, peer.wwwroot)
        except BadCertificate as problem:
            return rules.wrong_name(KEY, problem, given, peer.wwwroot, self._there)
        bootstrap.let_prove(self._peer_client, self._registry, peer, given.pem)
        self.peer = self._registry.by_id(peer.id) or peer
        if self.peer.certificate.fingerprint == given.fingerprint:
            detail = english(
                "The peer had a new key, which was proven: SHA-256 %(fingerprint)s",
                fingerprint=given.fingerprint,
            )
            return Step(KEY, ok=True, detail=detail)
        with self._outbound.database.read() as connection:
            stored = store.by_id(connection, peer.id)
        offered = stored.certificate(store.OFFERED) if stored else None
        detail = english(
            "The peer gives out another key than the trusted one: SHA-256 %(given)s instead of "
            "%(known)s.",
            given=given.fingerprint,
            known=known.fingerprint,
        )
        if offered is None or offered.fingerprint != given.fingerprint:
            remedy = english(
                "It still proves itself with the trusted one, so look at proxies and caches "
                "between the two sites; trust nothing new before you know."
            )
        else:
            remedy = english(
                "Compare it with the certificate that the peer shows itself (%(our_place)s). Only "
                "if it is the same: mnet-peer peer accept-key %(peer)s --fingerprint "
                "%(fingerprint)s",
                our_place=english(self._there.show_key),
                peer=peer.wwwroot,
                fingerprint=given.fingerprint,
            )
        return Step(KEY, ok=False, detail=detail, remedy=remedy)

    def round_trip(self) -> None:
        """Make a sealed call; its answer also tells the peer's clock and services."""
        try:
            answered = self._peer_client.ask(
                self.peer, "system/listServices", [], timeout_s=REQUEST_TIMEOUT_S
            )
        except CallError as problem:
            self._add_clock_step(None)
            return self._call_failed(SEALED, problem)
        self._add_clock_step(answered.timestamp_unix_s)
        self._well(SEALED, english("A call was sealed, answered and proven."))
        services = verify_services.remote_services(answered.value)
        if services is None:
            remedy = english("Update the software there; a peer lists its services.")
            step = Step(SERVICES, ok=False, detail=english("The answer is no list."), remedy=remedy)
            return self._add(step, is_needed=False)
        self.services = services
        return None

    def compare_services(self) -> None:
        """See whether both sides ticked the same, where the peer shows what it ticked."""
        if any(step.name == SERVICES for step in self.steps):
            return  # the peer's answer was no list
        ticked, remote = self.peer.services, self.services
        states: dict[str, Any] = {
            "published": ticked.published,
            "subscribed": ticked.subscribed,
            "wwwroot": self.peer.wwwroot,
        }
        wanted = ticked.published | ticked.subscribed
        if self.peer.application is APPLICATIONS["mahara"]:
            step = verify_services.mahara_step(SERVICES, **states, remote=remote)
        elif verify_plugin.is_missing(self.peer.application, wanted, remote):
            step = verify_plugin.missing_step(SERVICES)
        elif lacks := verify_services.left_out(wanted, remote, self.release):
            step = verify_services.lacking_step(SERVICES, lacks, **states)
        else:
            step = verify_services.services_step(SERVICES, **states, remote=remote)
        self._add(step, is_needed=False)

    def sign_on(self) -> None:
        """See whether the peer has signing on switched on, where it is ticked here."""
        fetch = partial(
            self._transport.send,
            body=None,
            verify_tls=self._verifies_tls,
            timeout_s=REQUEST_TIMEOUT_S,
        )
        self._add(verify_sign_on.look(self.peer, fetch, self.release), is_needed=False)

    def _add_clock_step(self, timestamp_unix_s: int | None) -> None:
        # A careful peer never signs a time ahead of the caller's, so ours come back says nothing:
        # then the web server's own Date tells more.
        offset_s = None
        if timestamp_unix_s is not None and timestamp_unix_s != int(self._asked_unix_s):
            offset_s = clocks.distance_s(timestamp_unix_s, self._asked_unix_s, self._clock())
        elif self._date_offset_s is not None:
            offset_s = self._date_offset_s
        elif timestamp_unix_s is not None:
            offset_s = 0.0
        self.clock_offset_s = offset_s
        self._add(clock_step(CLOCK, offset_s), is_needed=False)

    def version(self) -> None:
        """Ask for the peer's version, where its plugin offers to tell it."""
        if SERVICE_SIS not in self.peer.services.subscribed:
            return self._well(
                VERSION,
                english("Not offered: %(service)s is not subscribed here.", service=SERVICE_SIS),
            )
        try:
            path = self._version_method()
            if path is None:
                return self._well(VERSION, english("Not offered."))
            answer = self._peer_client.call(self.peer, path, [], timeout_s=REQUEST_TIMEOUT_S)
        except CallError as problem:
            return self._call_failed(VERSION, problem)
        release_info: dict[str, Value] = answer if isinstance(answer, dict) else {}
        release = (
            release_info.get("moodle") or release_info.get("release") or release_info.get("version")
        )
        self.release = _cleaned(release) or None
        plugin, ours = _cleaned(release_info.get("plugin")), self._outbound.site.version
        step = verify_plugin.version_step(VERSION, self.release, plugin, ours)
        return self._add(step, is_needed=False)

    def _version_method(self) -> str | None:
        answer: Value = self._peer_client.call(
            self.peer, "system/listMethods", [], timeout_s=REQUEST_TIMEOUT_S
        )
        # A Mahara answers with a struct keyed by path.
        paths = list(answer) if isinstance(answer, (list, dict)) else []
        found = [p for p in paths[:MAX_METHODS] if isinstance(p, str)]
        return next((p for p in found if p.rpartition("/")[2] in VERSION_METHODS), None)


def _cleaned(value: Value) -> str:
    return rules.clean(value)[:MAX_RELEASE_CHARS] if value else ""
