"""Service provider: somebody comes from an identity provider with a token: who, and may they in.

Checks what the browser brought, asks the peer, finds or makes the person, begins a session. No
page and no HTML. Blocks while the peer is asked. Source: RULES 1.4, 1.7, R24-R30, R33;
PROTOCOL.md section 11.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import parse_qsl

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, OperationalError

from mnet import outcomes
from mnet.call_errors import CallError, CannotReach, RemoteFault
from mnet.database import Database, one_at_a_time
from mnet.exchange import Site
from mnet.faults import Conflict, Fault, SwitchedOff
from mnet.letters import one_line
from mnet.outbound import Outbound
from mnet.protocol import APPLICATIONS, AUTH_PATH, MAX_WWWROOT_CHARS
from mnet.xmlrpc import Value
from peers import accounts, sign_on, store
from peers.policy import PeerPolicy
from peers.registry import Peer, Registry
from peers.sign_on import landing_token
from peers.web import tokens
from peers.web.origin import within
from schooltool_bridge.events import inbox, people, people_match, releasing
from schooltool_bridge.events import receiving as events
from schooltool_bridge.events.peer_client import PeerClient
from schooltool_bridge.history import identity, links, school_roles
from schooltool_bridge.sign_on import landing_pictures, person_sessions, pictures
from schooltool_bridge.sign_on.landing_refusals import LandingRefused
from schooltool_bridge.sign_on.landing_throttle import LandingThrottle
from schooltool_bridge.sign_on.person_sessions import PersonSession, Start
from schooltool_bridge.store import errands
from schooltool_bridge.store.model import person, person_link

# Whoever waits before a blank page clicks again soon; the token lives 30 s in any case.
AUTHORISE_TIMEOUT_S = 15.0
# Letters, digits and base64's signs, as a Moodle takes them; its own has 40.
_TOKEN = re.compile(r"[A-Za-z0-9+/=_-]{1,64}")
MAX_QUERY_CHARS = 4000
# Long past any session's end at the identity provider, a Mahara's too, whose token lives with it.
TOKEN_MEMORY_S = 30 * 24 * 3600
# Two browsers that bring the same new person meet once; the second try finds them there.
ATTEMPTS = 3
NO_SESSION, TOO_LATE, PROHIBITED = 1, 2, 702
# What a person's history keeps of an identity provider's answer, beside name and address.
_KEPT = ("city", "country", "lang", "timezone")
MAX_FIELD_CHARS = 255

Work = Callable[[], object]

log = structlog.get_logger("sign-on")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a browser brought to the landing address."""

    token: str
    idp: str
    wantsurl: str
    agent_sha1: str


@dataclass(frozen=True, slots=True)
class Landed:
    """Somebody is let in: at once (`token`), or after a question (`ticket`), then on to `path`."""

    path: str
    name: str
    peer: Peer
    token: str = ""
    ticket: str = ""
    instead_of: PersonSession | None = None
    afterwards: tuple[Callable[[], object], ...] = ()


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the identity provider names."""

    username: str
    data: dict[str, object]
    # Which picture of the person it has; empty for none.
    picture: str


def read_arrival(
    raw_query: str, agent_sha1: str, *, wwwroot: str, default_path: str | None
) -> Arrival:
    """Read the landing address's query, each part by its own rule; raises LandingRefused.

    `wwwroot` is our own. `default_path` stands for a missing wantsurl; None: it must be there, as
    for a Moodle. With remoteurl the peer asks us to send the browser back to it, which we never do:
    then the start.
    """
    given = _query(raw_query)
    if not given.get("token"):
        raise LandingRefused("token-missing")
    if not _TOKEN.fullmatch(given["token"]):
        raise LandingRefused("token-malformed")
    if not given.get("idp"):
        raise LandingRefused("idp-missing")
    if len(given["idp"]) > MAX_WWWROOT_CHARS or not given["idp"].isprintable():
        raise LandingRefused("idp-malformed")
    wantsurl = given.get("wantsurl", default_path)
    if wantsurl is None:
        raise LandingRefused("wantsurl-missing")
    path = within(wantsurl or "/", wwwroot)
    if path is None:
        raise LandingRefused("wantsurl-outside")
    goes_back = given.get("remoteurl", "") not in ("", "0")
    return Arrival(given["token"], given["idp"], "/" if goes_back else path, agent_sha1)


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

    def land(self, arrival: Arrival, cookie: str, sender: str) -> Landed:
        """Let somebody in, or raise LandingRefused.

        `cookie` is the token of a session before, `sender` the browser's network address.
        """
        peer = self._provider(arrival.idp)
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
        landed = self._decide(peer, arrival, vouched, cookie)
        if isinstance(landed, LandingRefused):
            raise landed
        return landed

    def _decide(
        self, peer: Peer, arrival: Arrival, vouched: Vouched, cookie: str
    ) -> Landed | LandingRefused:
        for _attempt in range(ATTEMPTS - 1):
            try:
                return self._decide_once(peer, arrival, vouched, cookie)
            except (IntegrityError, OperationalError):
                continue  # met another transaction; nothing was kept
        return self._decide_once(peer, arrival, vouched, cookie)

    def _decide_once(
        self, peer: Peer, arrival: Arrival, vouched: Vouched, cookie: str
    ) -> Landed | LandingRefused:
        with self.database.write() as connection:
            one_at_a_time(connection, peer.id)
            now = int(self.clock())
            try:
                return self._let_in(connection, peer, arrival, vouched, cookie, now)
            except LandingRefused as refused:
                return refused  # what was learnt of the person by then is kept

    def _provider(self, idp: str) -> Peer:
        peer = self.registry.find(idp)
        if peer is None:
            raise LandingRefused("idp-unknown")
        if not peer.enabled:
            raise LandingRefused("idp-off", peer)
        if not sign_on.may_land(peer.services.published, peer.services.subscribed):
            raise LandingRefused("idp-services", peer)
        return peer

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
        return _vouched(peer, answer)

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

    def _let_in(
        self,
        connection: Connection,
        peer: Peer,
        arrival: Arrival,
        vouched: Vouched,
        cookie: str,
        now: int,
    ) -> Landed:
        """Begin a session; raises LandingRefused."""
        stored = store.by_id(connection, peer.id)
        if stored is None or stored.state != store.ENABLED:
            raise LandingRefused("idp-off", peer)
        if not sign_on.may_land(stored.published, stored.subscribed):
            raise LandingRefused("idp-services", peer)
        brought = self._bring(connection, peer, vouched, now)
        new_people = brought.new_people
        self.peer_client.ask_after(connection, peer.id, new_people)
        afterwards: list[Work] = [self.peer_client.errands.at(peer.id)]
        if brought.names:
            where = (self.database, self.registry, self.site)
            afterwards.append(partial(releasing.release_others, *where, peer.id, brought.names))
        link = _known_link(connection, peer, vouched)
        found = connection.execute(
            sa.select(person, person_link.c.can_login.label("link_can_login"))
            .join_from(person, person_link, person_link.c.id == link.id)
            .where(person.c.id == identity.root(connection, link.person_id))
        ).one()
        name = f"{found.firstname} {found.lastname}".strip()
        if accounts.is_taken(connection, found.username_key):
            raise LandingRefused("person-admin", peer, afterwards=tuple(afterwards))
        listed = PeerPolicy.from_stored(stored.policy).land_roles
        if not school_roles.may(connection, found.id, listed):
            raise LandingRefused("role-denied", peer, afterwards=tuple(afterwards))
        if not found.link_can_login:
            raise LandingRefused("no-right", peer, name=name, afterwards=tuple(afterwards))
        self._remember(connection, peer, found.id, vouched, is_new=bool(new_people))
        begun = Start(found.id, arrival.agent_sha1, vouched.username, peer.id, link.id)
        landed = Landed(arrival.wantsurl, name, peer, afterwards=tuple(afterwards))
        present = person_sessions.find(connection, cookie, now)
        if present is not None and present.person_id != found.id:
            ticket = person_sessions.start(connection, begun, now, asked_of=present.digest)
            return replace(landed, ticket=ticket, instead_of=present)
        if present is not None:
            person_sessions.end(connection, present.digest)
        log.info("landed", peer=peer.wwwroot, person=found.id)
        return replace(landed, token=person_sessions.start(connection, begun, now))

    def _remember(
        self, connection: Connection, peer: Peer, person_id: int, vouched: Vouched, *, is_new: bool
    ) -> None:
        """Remember what is to be asked and told once the page has left."""
        wanted: list[errands.Wanted] = []
        if not is_new:
            # As a Moodle does when somebody comes again.
            told = {"username": vouched.username}
            wanted.append(errands.Wanted(errands.COURSES, person_id, told))
        shown = landing_pictures.Shown(person_id, vouched.username, vouched.picture)
        if landing_pictures.is_wanted(connection, peer, shown):
            seen = {"username": shown.username, "version": shown.version}
            wanted.append(errands.Wanted(errands.PICTURE, person_id, seen))
        else:
            errands.forget(connection, peer.id, errands.PICTURE, person_id)
        errands.remember(connection, peer.id, wanted, int(self.clock()))

    def _bring(
        self, connection: Connection, peer: Peer, vouched: Vouched, now: int
    ) -> events.Received:
        """Find or make the person, as fetch_user does; return who appeared by it."""
        source = self._source(peer)
        link = _link(connection, peer, vouched)
        if _is_contested(connection, peer, vouched):
            # Perhaps no more; what else that frees is for others to wake (waking.wake_missed).
            again = events.lot([people.username_key(vouched.username)])
            events.come_again(connection, source, again)
            if _is_contested(connection, peer, vouched):
                raise LandingRefused("person-conflict", peer, "it waits in the inbox")
        try:
            if link is not None and not links.is_same_name(link.username, vouched.username):
                # Else the profile of the one would be written over the other's.
                events.refuse(
                    connection,
                    source,
                    "fetch_user",
                    vouched.data,
                    people_match.alike(vouched.username, link.username or ""),
                    now,
                )  # fmt: skip - one call
            return events.receive(connection, source, "fetch_user", vouched.data, now)
        except SwitchedOff:
            return events.Received(
                {}
            )  # it may bring nobody new, and vouches for those whom it brought
        except Conflict as conflict:
            raise LandingRefused("person-conflict", peer, "it waits in the inbox") from conflict
        except Fault as fault:
            raise LandingRefused("answer-incomplete", peer, outcomes.clean(fault.text)) from fault

    def _source(self, peer: Peer) -> events.Source:
        # Its answer to our own question names no addressee.
        return events.Source(
            peer_id=peer.id,
            wwwroot=peer.wwwroot,
            our_wwwroot=self.site.wwwroot,
            policy=peer.policy,
            enabled=True,
            names_addressee=False,
            zone=self.site.zone,
        )


def _is_contested(connection: Connection, peer: Peer, vouched: Vouched) -> bool:
    """Tell whether the peer gave this user name to somebody of whom it is not clear who it is.

    Then whoever comes under it may be the one or the other.
    """
    key = people.username_key(vouched.username)
    return any(
        isinstance(said, dict)
        and (said.get("idnumber") or said.get("moodleid"))
        and links.is_same_name(str(said.get("username", "")).strip(), vouched.username)
        for said in inbox.in_conflict(connection, peer.id, key)
    )


def _link(connection: Connection, peer: Peer, vouched: Vouched) -> links.Link | None:
    return links.by(connection, peer.id, vouched.username, person_link.c.username_key)


def _known_link(connection: Connection, peer: Peer, vouched: Vouched) -> links.Link:
    found = _link(connection, peer, vouched)
    if found is None:
        raise LandingRefused("person-unknown", peer)
    # Where the peer may bring nobody, nothing looked at this before.
    if not links.is_same_name(found.username, vouched.username):
        raise LandingRefused("person-conflict", peer, "two user names look the same")
    return found


def _claimed(token: str) -> bytes:
    """Return what is kept of a token; a Moodle's MySQL finds it in capitals, too."""
    return tokens.digest_of(token.lower())


def _query(raw_query: str) -> dict[str, str]:
    if len(raw_query) > MAX_QUERY_CHARS:
        raise LandingRefused("query-long")
    given: dict[str, str] = {}
    try:
        pairs = parse_qsl(raw_query, keep_blank_values=True, errors="strict")
    except ValueError:
        raise LandingRefused("query-unreadable") from None
    for name, value in pairs:
        if name in given and name in ("token", "idp", "wantsurl"):
            raise LandingRefused("query-twice")
        given[name] = value
    return given


def _vouched(peer: Peer, answer: Value) -> Vouched:
    """Read the answer of user_authorise; what it claims beyond names and address is left out."""
    if not isinstance(answer, dict):
        raise LandingRefused("answer-incomplete", peer, "user_authorise gave no struct")
    texts = {name: _text(answer, name) for name in ("username", "firstname", "lastname")}
    missing = [name for name, value in texts.items() if not value]
    if missing:
        raise LandingRefused("answer-incomplete", peer, f"missing: {', '.join(missing)}")
    data: dict[str, object] = {**texts, "email": _text(answer, "email")}
    for name in ("idnumber", *_KEPT, *peer.policy.names.values()):
        if value := _text(answer, name):
            data[name] = value
    return Vouched(texts["username"], data, pictures.version_of(answer))


def _text(answer: Mapping[str, Value], name: str) -> str:
    value = answer.get(name)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    text = str(value).strip()
    text = text if name in ("username", "idnumber") else one_line(text)
    return text if len(text) <= MAX_FIELD_CHARS and text.isprintable() else ""
