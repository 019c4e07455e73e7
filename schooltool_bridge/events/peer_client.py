"""What we ask a peer's SIS plugin: a person's data, a person's enrolments.

A peer's method is found through system/listMethods by its last segment, so that any plugin's
path works. Blocking; runs in worker threads, outside transactions.
Source: RULES 1.2, 1.3, R27, R50.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog
from sqlalchemy.engine import Connection

from mnet.asked_once import AskedOnce
from mnet.call_errors import CallError, CannotReach, RemoteFault
from mnet.database import Database, one_at_a_time
from mnet.exchange import Site
from mnet.faults import Malformed, NotFound, NotPublished, TryAgainLater, UnknownMethod
from mnet.outbound import Outbound
from mnet.protocol import SERVICE_SIS
from mnet.stored_sentences import english
from mnet.xmlrpc import Value
from peers import store
from peers.registry import Peer, Registry
from schooltool_bridge.events import kinds
from schooltool_bridge.events import receiving as events
from schooltool_bridge.store.errands import ENROLMENTS, Errand, Errands, Wanted, remember

GET_USER_TIMEOUT_S = 10.0
# A peer that does not offer a method is asked again what it offers after this time.
METHODS_AGE_S = 600.0
# Whoever needs the list while another asks for it waits: a call, and its second try with a new key.
METHODS_WAIT_S = 2 * GET_USER_TIMEOUT_S
MAX_METHODS = 500
GONE = (UnknownMethod.code, NotPublished.code)

log = structlog.get_logger("peer client")


@dataclass(slots=True)
class PeerClient:
    """Asks peers; one for the whole process."""

    site: Site
    database: Database
    registry: Registry
    outbound: Outbound[Peer]
    clock: Callable[[], float]
    # Does what is to be asked after an answer.
    errands: Errands
    # When a peer last listed its methods.
    _listed_at_s: dict[int, float] = field(default_factory=dict)
    _methods: AskedOnce[dict[str, str]] = field(default_factory=AskedOnce)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get_user(self, peer: Peer, wanted: dict[str, str]) -> dict[str, Value]:
        """Ask for one person's data.

        Raises Malformed (8400) when the peer offers no get_user, NotFound (8404) when it knows
        nobody of that name, TryAgainLater (8503) when it cannot be asked.
        """
        try:
            path = self.method(peer, "get_user")
            if path is None:
                raise Malformed(
                    english(
                        "firstname and lastname are missing, and your site offers no get_user to "
                        "ask."
                    )
                )
            answer = self.outbound.call(peer, path, [dict(wanted)], timeout_s=GET_USER_TIMEOUT_S)
        except RemoteFault as fault:
            self.forget_if_gone(peer, fault)
            if not fault.proven:
                raise TryAgainLater from fault
            raise NotFound(_unknown(wanted)) from fault
        except CallError as problem:
            raise TryAgainLater(
                english(
                    "Your site could not be asked about %(wanted)s; send it again later.",
                    wanted=_named(wanted),
                )
            ) from problem
        if not isinstance(answer, dict) or not answer:
            raise NotFound(_unknown(wanted))
        return answer

    def ask_after(
        self, connection: Connection, peer_id: int, people: Sequence[events.NewPerson]
    ) -> None:
        """Remember that a peer is to be asked where people new to us are enrolled."""
        wanted = [
            Wanted(
                ENROLMENTS,
                person.person_id,
                {"idnumber": person.idnumber or "", "username": person.username or ""},
            )
            for person in people
        ]
        remember(connection, peer_id, wanted, int(self.clock()))

    def enrolments_of(self, peer: Peer, errand: Errand) -> bool:
        """Ask for the enrolments of a person new to us and apply them; failures are logged.

        Returns False when the peer did not answer, so that it is to be asked again.
        """
        user: dict[str, Value] = {n: str(errand.about[n]) for n in ("idnumber", "username")}
        try:
            path = self.method(peer, "list_user_enrolments")
            if path is None:
                return True
            answer = self.outbound.call(peer, path, [user])
        except CallError as problem:
            self.forget_if_gone(peer, problem)
            log.warning("list_user_enrolments", peer=peer.wwwroot, reason=problem.in_our_words)
            return isinstance(problem, RemoteFault) and problem.proven
        # PHP sends a list with gaps in its keys as a struct.
        listed = list(answer.values()) if isinstance(answer, dict) else answer
        if not isinstance(listed, list):
            log.warning("list_user_enrolments", peer=peer.wwwroot, reason="answer is no list")
            return True
        defaults: dict[str, Value] = {"userid": user["idnumber"]} if user["idnumber"] else {}
        pushed = [
            {"event": kinds.NEW_ENROLMENT, "data": {**defaults, **e} if isinstance(e, dict) else e}
            for e in listed
        ]
        now = int(self.clock())
        # Our own question was answered, so nothing needs to name us as its addressee.
        source = events.Source(
            peer_id=peer.id,
            wwwroot=peer.wwwroot,
            our_wwwroot=self.site.wwwroot,
            policy=peer.policy,
            enabled=peer.enabled,
            names_addressee=False,
            zone=self.site.zone,
        )
        with self.database.write() as connection:
            one_at_a_time(connection, peer.id)
            results, _new, _names = events.receive_many(connection, source, pushed, now)
        log.info(
            "list_user_enrolments",
            peer=peer.wwwroot,
            listed=len(results),
            failed=sum(r["status"] == "failed" for r in results),
        )
        return True

    def method(self, peer: Peer, name: str) -> str | None:
        """Return the path of a peer's method, or None when it does not offer it to us.

        Raises CallError when the peer must be asked and cannot be.
        """
        if SERVICE_SIS not in peer.services.subscribed:
            return None
        # As it is now: another call may have learnt them since this one looked the peer up.
        known = (self.registry.by_id(peer.id) or peer).methods
        if name in known:
            return known[name]
        with self._lock:
            if 0 <= self.clock() - self._listed_at_s.get(peer.id, -METHODS_AGE_S) < METHODS_AGE_S:
                return None
        learn = partial(self.learn_methods, peer)
        try:
            return self._methods.ask(peer.id, learn, wait_s=METHODS_WAIT_S).get(name)
        except TimeoutError:
            raise CannotReach(
                english("%(peer)s did not tell in time which methods it offers.", peer=peer.wwwroot)
            ) from None

    def forget_if_gone(self, peer: Peer, problem: CallError) -> None:
        """Ask anew next time, when a method that the peer offered once is not there any more."""
        if isinstance(problem, RemoteFault) and problem.code in GONE:
            with self.database.write() as connection:
                store.set_columns(connection, peer.id, methods={})
            with self._lock:
                self._listed_at_s.pop(peer.id, None)

    def learn_methods(self, peer: Peer) -> dict[str, str]:
        """Ask what a peer offers and keep it: {last segment: path}; raises CallError."""
        answer = self.outbound.call(peer, "system/listMethods", [], timeout_s=GET_USER_TIMEOUT_S)
        # A Mahara answers with a struct keyed by path.
        paths = list(answer) if isinstance(answer, (list, dict)) else []
        found = {
            path.rpartition("/")[2]: path for path in paths[:MAX_METHODS] if isinstance(path, str)
        }
        if found != dict(peer.methods):
            with self.database.write() as connection:
                store.set_columns(connection, peer.id, methods=found)
        with self._lock:
            self._listed_at_s[peer.id] = self.clock()
        return found


def _unknown(wanted: dict[str, str]) -> str:
    return english("Your site's get_user does not know %(wanted)s.", wanted=_named(wanted))


def _named(wanted: dict[str, str]) -> str:
    return " and ".join(f"{field} {value!r}" for field, value in wanted.items())
