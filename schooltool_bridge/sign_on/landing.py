"""Service provider: somebody comes from an identity provider with a token, in three steps.

    identify   the peer, by what the browser brought; whom it vouches for, by asking it; who that
               is here (landing_reading.py, landing_person.py)
    decide     may they in (landing_decision.py, pure)
    start      a session, at once or after a question

No page and no HTML. Blocks while the peer is asked. Source: RULES 1.4, 1.7, R24-R30, R33;
PROTOCOL.md section 11.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, OperationalError

from mnet.call_errors import CallError, CannotReach, RemoteFault
from mnet.database import Database, one_at_a_time
from mnet.exchange import Site
from mnet.outbound import Outbound
from mnet.protocol import APPLICATIONS, AUTH_PATH
from mnet.xmlrpc import Value
from peers import accounts, sign_on, store
from peers.policy import PeerPolicy
from peers.registry import Peer, Registry
from peers.sign_on import landing_token
from peers.store import StoredPeer
from peers.web import tokens
from schooltool_bridge.events import receiving as events
from schooltool_bridge.events import releasing
from schooltool_bridge.events.peer_client import PeerClient
from schooltool_bridge.history import school_roles
from schooltool_bridge.sign_on import (
    landing_account,
    landing_person,
    landing_pictures,
    person_sessions,
)
from schooltool_bridge.sign_on.landing_decision import (
    ASK_FIRST,
    LET_IN,
    Provider,
    SignedIn,
    Standing,
    decide,
    refuses,
)
from schooltool_bridge.sign_on.landing_person import Known
from schooltool_bridge.sign_on.landing_reading import Arrival, Vouched, read_vouched
from schooltool_bridge.sign_on.landing_refusals import LandingRefused
from schooltool_bridge.sign_on.landing_throttle import LandingThrottle
from schooltool_bridge.sign_on.person_sessions import PersonSession, Start
from schooltool_bridge.store import errands

# Whoever waits before a blank page clicks again soon; the token lives 30 s in any case.
AUTHORISE_TIMEOUT_S = 15.0
# Long past any session's end at the identity provider, a Mahara's too, whose token lives with it.
TOKEN_MEMORY_S = 30 * 24 * 3600
# Two browsers that bring the same new person meet once; the second try finds them there.
ATTEMPTS = 3
NO_SESSION, TOO_LATE, PROHIBITED = 1, 2, 702

Work = Callable[[], object]

log = structlog.get_logger("sign-on")


class _Coming(NamedTuple):
    """Somebody who is identified: the peer's word, what came with it, who it is here."""

    peer: Peer
    vouched: Vouched
    arrival: Arrival
    brought: events.Received
    who: Known
    # What their browser is signed in as.
    present: PersonSession | None

    @property
    def signed_in(self) -> SignedIn:
        if self.present is None:
            return SignedIn.NOBODY
        is_same = self.present.person_id == self.who.person_id
        return SignedIn.THEMSELVES if is_same else SignedIn.SOMEBODY_ELSE


@dataclass(frozen=True, slots=True)
class Landed:
    """Somebody is let in: at once (`token`), or after a question (`ticket`), then on to `path`."""

    path: str
    name: str
    peer: Peer
    token: str = ""
    ticket: str = ""
    # An admin's session, in place of a person's.
    admin_token: str = ""
    instead_of: PersonSession | None = None
    afterwards: tuple[Callable[[], object], ...] = ()


@dataclass(frozen=True, slots=True)
class Landing:
    """Lets people in; one for the whole process, used by many threads."""

    site: Site
    database: Database
    registry: Registry
    outbound: Outbound[Peer]
    peer_client: PeerClient
    clock: Callable[[], float]
    throttle: LandingThrottle = field(default_factory=LandingThrottle)

    def land(
        self, arrival: Arrival, cookie: str, sender: str, signed_in_as: int | None = None
    ) -> Landed:
        """Let somebody in, or raise LandingRefused.

        `cookie` is the token of a session before, `sender` the browser's network address,
        `signed_in_as` the account that is signed in in it.
        """
        peer = self._provider(arrival.idp)
        vouched = self._ask_who(peer, arrival, sender)
        landed = self._in_one_transaction(
            lambda connection, now: self._walk(
                connection, peer, arrival, vouched, cookie, signed_in_as, now
            ),
            peer,
        )
        if isinstance(landed, LandingRefused):
            raise landed
        return landed

    def _walk(
        self,
        connection: Connection,
        peer: Peer,
        arrival: Arrival,
        vouched: Vouched,
        cookie: str,
        signed_in_as: int | None,
        now: int,
    ) -> Landed:
        """Identify, decide, start a session; raises LandingRefused."""
        stored = self._still_vouches(connection, peer)
        browser = landing_account.Browser(
            signed_in_as, has_person=person_sessions.find(connection, cookie, now) is not None
        )
        admin = landing_account.begin(connection, peer, vouched, arrival, browser, now)
        if admin is not None:
            log.info("admin landed", peer=peer.wwwroot, name=admin.name)
            return Landed(admin.path, admin.name, peer, admin_token=admin.token)
        coming = self._identify(connection, peer, arrival, vouched, cookie, now)
        afterwards = self._afterwards(coming)
        decision = decide(_standing(connection, coming, stored))
        if decision not in (LET_IN, ASK_FIRST):
            name = coming.who.name if decision == "no-right" else ""
            raise LandingRefused(decision, peer, name=name, afterwards=afterwards)
        self._remember(connection, coming)
        landed = Landed(arrival.wantsurl, coming.who.name, peer, afterwards=afterwards)
        return _start_session(connection, coming, landed, now, asks_first=decision == ASK_FIRST)

    def _in_one_transaction(
        self, walk: Callable[[Connection, int], Landed], peer: Peer
    ) -> Landed | LandingRefused:
        for _attempt in range(ATTEMPTS - 1):
            try:
                return self._once(walk, peer)
            except (IntegrityError, OperationalError):
                continue  # met another transaction; nothing was kept
        return self._once(walk, peer)

    def _once(
        self, walk: Callable[[Connection, int], Landed], peer: Peer
    ) -> Landed | LandingRefused:
        with self.database.write() as connection:
            one_at_a_time(connection, peer.id)
            try:
                return walk(connection, int(self.clock()))
            except LandingRefused as refused:
                return refused  # what was learnt of the person by then is kept

    # Identify: which peer, and whom it vouches for.

    def _provider(self, idp: str) -> Peer:
        peer = self.registry.find(idp)
        if peer is None:
            raise LandingRefused(refuses(None))
        may_land = sign_on.may_land(peer.services.published, peer.services.subscribed)
        _must_vouch(peer, Provider(is_enabled=peer.enabled, has_services=may_land))
        return peer

    def _ask_who(self, peer: Peer, arrival: Arrival, sender: str) -> Vouched:
        """Ask the peer whom it sends, once for each token; raises LandingRefused."""
        if not self.throttle.may_ask(sender, peer.id, self.clock()):
            raise LandingRefused("too-many-failed", peer)
        if self.outbound.rests(peer):
            raise LandingRefused("idp-rests", peer)
        self._claim(peer, arrival.token)
        try:
            vouched = self._authorise(peer, arrival)
        except BaseException as refused:
            # Faults tell somebody who makes tokens up; a Mahara's say nothing of why. Not that a
            # peer is out of reach or broken: its whole school would be kept waiting after that.
            if isinstance(refused.__cause__, RemoteFault):
                self.throttle.failed(sender, peer.id, self.clock())
            # It let nobody in; with a peer that was out of reach the same click may work again.
            self._release(peer, arrival.token)
            raise
        self.throttle.succeeded(sender, peer.id, self.clock())
        return vouched

    def _claim(self, peer: Peer, token: str) -> None:
        now = int(self.clock())
        mine = {"peer_id": peer.id, "token_digest": _claimed(token)}
        old = landing_token.c.at_unix_s < now - TOKEN_MEMORY_S
        try:
            with self.database.write() as connection:
                connection.execute(sa.delete(landing_token).where(old))
                connection.execute(sa.insert(landing_token).values(at_unix_s=now, **mine))
        except IntegrityError:
            raise LandingRefused("token-used", peer) from None

    def _release(self, peer: Peer, token: str) -> None:
        mine = (
            landing_token.c.peer_id == peer.id,
            landing_token.c.token_digest == _claimed(token),
        )
        with self.database.write() as connection:
            connection.execute(sa.delete(landing_token).where(*mine))

    def _authorise(self, peer: Peer, arrival: Arrival) -> Vouched:
        params: list[Value] = [arrival.token, arrival.agent_sha1]
        try:
            answer = self._ask(peer, params)
        except RemoteFault as fault:
            codes = {NO_SESSION: "token-unknown", TOO_LATE: "token-late", PROHIBITED: "idp-refuses"}
            code = codes.get(fault.code, "idp-fault")
            raise LandingRefused(code, peer, fault.in_our_words) from fault
        except CallError as problem:
            is_silent = isinstance(problem, CannotReach) and not problem.has_answered
            code = "idp-unreachable" if is_silent else "idp-fault"
            raise LandingRefused(code, peer, problem.in_our_words) from problem
        return read_vouched(peer, answer)

    def _ask(self, peer: Peer, params: list[Value]) -> Value:
        """Ask who came; both tries have AUTHORISE_TIMEOUT_S together. Raises CallError."""
        method, until_s = AUTH_PATH + "user_authorise", time.monotonic() + AUTHORISE_TIMEOUT_S
        try:
            return self.outbound.call(peer, method, params, timeout_s=AUTHORISE_TIMEOUT_S)
        except RemoteFault as fault:
            # A Mahara that meets our new key stores it and yet fails this once, in plain.
            if fault.proven or peer.application is not APPLICATIONS["mahara"]:
                raise
        left_s = until_s - time.monotonic()
        return self.outbound.call(peer, method, params, timeout_s=max(left_s, 1.0))

    # Identify: who that is here.

    def _still_vouches(self, connection: Connection, peer: Peer) -> StoredPeer:
        """Look again: while the peer was asked, it may have been switched off here."""
        stored = store.by_id(connection, peer.id)
        if stored is None:
            raise LandingRefused("idp-off", peer)
        may_land = sign_on.may_land(stored.published, stored.subscribed)
        is_enabled = stored.state == store.ENABLED
        _must_vouch(peer, Provider(is_enabled=is_enabled, has_services=may_land))
        return stored

    def _identify(
        self,
        connection: Connection,
        peer: Peer,
        arrival: Arrival,
        vouched: Vouched,
        cookie: str,
        now: int,
    ) -> _Coming:
        brought = landing_person.bring(connection, self.site, peer, vouched, now)
        self.peer_client.ask_after(connection, peer.id, brought.new_people)
        who = landing_person.known(connection, peer, vouched)
        present = person_sessions.find(connection, cookie, now)
        return _Coming(peer, vouched, arrival, brought, who, present)

    def _afterwards(self, coming: _Coming) -> tuple[Work, ...]:
        """Return what is to be done after the page, by what their coming brought."""
        afterwards: list[Work] = [self.peer_client.errands.at(coming.peer.id)]
        if coming.brought.names:
            where = (self.database, self.registry, self.site)
            names = coming.brought.names
            afterwards.append(partial(releasing.release_others, *where, coming.peer.id, names))
        return tuple(afterwards)

    # Start a session.

    def _remember(self, connection: Connection, coming: _Coming) -> None:
        """Remember the calls that are to be made once the page has left."""
        peer, vouched, person_id = coming.peer, coming.vouched, coming.who.person_id
        wanted: list[errands.Wanted] = []
        if not coming.brought.new_people:
            # As a Moodle does when somebody comes again.
            about = {"username": vouched.username}
            wanted.append(errands.Wanted(errands.COURSES, person_id, about))
        shown = landing_pictures.Shown(person_id, vouched.username, vouched.picture)
        if landing_pictures.is_wanted(connection, peer, shown):
            seen = {"username": shown.username, "version": shown.version}
            wanted.append(errands.Wanted(errands.PICTURE, person_id, seen))
        else:
            errands.forget(connection, peer.id, errands.PICTURE, person_id)
        errands.remember(connection, peer.id, wanted, int(self.clock()))


def _must_vouch(peer: Peer, provider: Provider) -> None:
    """Raise LandingRefused unless this peer may vouch for people."""
    refusal = refuses(provider)
    if refusal:
        raise LandingRefused(refusal, peer)


def _standing(connection: Connection, coming: _Coming, stored: StoredPeer) -> Standing:
    """Read what the decision asks for."""
    who = coming.who
    listed = PeerPolicy.from_stored(stored.policy).land_roles
    return Standing(
        is_admins_name=accounts.is_taken(connection, who.username_key),
        has_listed_role=school_roles.may(connection, who.person_id, listed),
        has_right=who.has_right,
        signed_in=coming.signed_in,
    )


def _start_session(
    connection: Connection, coming: _Coming, landed: Landed, now: int, *, asks_first: bool
) -> Landed:
    """Begin a session in place of their own from before; or one that waits for an answer."""
    peer, who, present = coming.peer, coming.who, coming.present
    arrival, username = coming.arrival, coming.vouched.username
    begun = Start(who.person_id, arrival.agent_sha1, username, peer.id, who.link_id)
    if present is not None and asks_first:
        ticket = person_sessions.start(connection, begun, now, asked_of=present.digest)
        return replace(landed, ticket=ticket, instead_of=present)
    if present is not None:
        person_sessions.end(connection, present.digest)
    log.info("landed", peer=peer.wwwroot, person=who.person_id)
    return replace(landed, token=person_sessions.start(connection, begun, now))


def _claimed(token: str) -> bytes:
    """Return what is kept of a token; a Moodle's MySQL finds it in capitals, too."""
    return tokens.digest_of(token.lower())
