"""Background work of a running server: finding and sending notices, checking peers, errands.

Of all worker processes one does it, by a lease in the store; when that one is gone, another takes
over within four minutes. `tick` runs in a worker thread and does what is due, the lease renewed
before each piece, so that a hundred peers that time out do not hold up the notices.
Source: manual/notices.md.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from sqlalchemy.engine import Connection

from mnet import outcomes
from mnet.language import speaking
from mnet.logs import log_failure
from mnet.settings import NEVER
from peers.registry import Peer
from schooltool_bridge.common.days import local
from schooltool_bridge.hand.resolving import Resolving
from schooltool_bridge.notices import facts as notices_facts
from schooltool_bridge.notices import notices, tls_dates
from schooltool_bridge.notices import rules as notices_rules
from schooltool_bridge.notices.channels import PostJson, configured
from schooltool_bridge.notices.rules import Notice
from schooltool_bridge.notices.sending import Outcome, Sender
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on.signing_off import KEEP_ALIVE_INTERVAL_S, SigningOff
from schooltool_bridge.store import backups
from schooltool_bridge.store.site_memory import one_writer, recall, remember

TICK_S = 60.0
# Longer than any one piece of work; a leader that was killed is replaced after it.
LEASE_S = 180
REFRESH_INTERVAL_S = 600
LOOK_INTERVAL_S = 3600
LEASE, REFRESHED, LOOKED = "watch lease", "watch refreshed", "watch looked "
SYNCED = "watch synced"
BACKUP_LOOKED, BACKED_UP = "watch backup looked", "watch backed up"
KEPT_ALIVE, WOKEN = "watch kept alive", "watch woken"

CheckPeer = Callable[[Peer], object]
log = structlog.get_logger("watch")


def sender_of(parts: Parts, post_json: Callable[[], PostJson]) -> Sender:
    """Return what sends messages for a site."""
    settings = parts.settings_now()
    return Sender(
        database=parts.database,
        site=parts.site,
        language=settings.language,
        zone=settings.zone,
        channels=lambda: configured(settings, parts.site, post_json),
        clock=parts.clock,
        summary_hour=settings.summary_hour,
        summary_when_well=settings.summary_when_well,
        quiet=settings.quiet,
    )


def refresh(parts: Parts) -> tuple[list[Notice], list[Notice]]:
    """Look what needs a hand and keep it; return the new notices and those that ended."""
    now = int(parts.clock())
    with parts.database.read() as connection:
        facts = notices_facts.gather(connection, now)
    with speaking(parts.settings.language):  # their texts are stored as they are sent
        standing = notices_rules.standing(facts, now, notices.limits_of(parts.settings_now()))
    with parts.database.write() as connection:
        new, ended = notices.refresh(connection, standing, now)
    for found in new:
        log.info("notice", key=found.key, severity=found.severity)
    for found in ended:
        log.info("notice ended", key=found.key)
    return new, ended


class Background:
    """Does it; one for each process, of which one at a time is at work."""

    def __init__(
        self,
        parts: Parts,
        signing_off: SigningOff,
        resolving: Resolving,
        post_json: Callable[[], PostJson],
        check_peer: CheckPeer | None = None,
        start_due: Callable[[], object] = lambda: None,
    ) -> None:
        """Look after a site; `check_peer` verifies a peer and keeps what it found.

        `start_due` begins the full syncs that are due.
        """
        self._parts = parts
        self._signing_off = signing_off
        self._resolving = resolving
        self._check_peer = check_peer
        self._start_due = start_due
        self._post_json = post_json
        self._holder = uuid.uuid4().hex
        self._busy = threading.Lock()
        self._is_stopped = False

    def tick(self) -> None:
        """Do what is due, when it is this process that keeps watch."""
        if not self._busy.acquire(blocking=False):
            return  # the last tick is still at work
        try:
            while not self._is_stopped and self._holds_lease() and (work := self._next()):
                try:
                    work()
                except Exception as problem:  # noqa: BLE001 - whatever it is, the others go on
                    # Its time is noted: it is tried again when it is due, the others go on.
                    log_failure(log, problem, at="watch")
        finally:
            self._busy.release()

    def stop(self) -> None:
        """Begin no further piece of work; the lease lapses by itself."""
        self._is_stopped = True

    def _holds_lease(self) -> bool:
        now = self._now()
        with self._parts.database.read() as connection:
            if not self._may_hold(recall(connection, LEASE), now):
                return False
        with self._parts.database.write() as connection:
            one_writer(connection)
            if not self._may_hold(recall(connection, LEASE), now):
                return False
            lease = {"holder": self._holder, "until_unix_s": now + LEASE_S}
            remember(connection, LEASE, lease)
        return True

    def _may_hold(self, lease: dict[str, Any] | None, now_unix_s: int) -> bool:
        if not lease or lease.get("holder") == self._holder:
            return True
        # Nobody was given more than this: what lies further ahead is from a clock set back.
        return not 0 < lease.get("until_unix_s", 0) - now_unix_s <= LEASE_S

    def _next(self) -> Callable[[], object] | None:
        """Return the next piece of work that is due, its time noted; None when there is none."""
        works: tuple[tuple[str, int, Callable[[], object]], ...] = (
            (KEPT_ALIVE, KEEP_ALIVE_INTERVAL_S, self._signing_off.keep_alive),
            (REFRESHED, REFRESH_INTERVAL_S, self._refresh_and_send),
            (WOKEN, LOOK_INTERVAL_S, self._resolving.release_missed),
            (SYNCED, int(TICK_S), self._start_due),
        )
        for name, interval_s, work in works:
            if self._is_due(name, interval_s):
                return work
        if self._is_due(BACKUP_LOOKED, REFRESH_INTERVAL_S) and self._is_backup_due():
            return self._back_up
        for peer in self._parts.registry.all():
            if peer.enabled and self._is_due(f"{LOOKED}{peer.id}", LOOK_INTERVAL_S):
                return partial(self._look_after, peer)
        return None

    def _is_due(self, name: str, interval_s: int) -> bool:
        now = self._now()
        with self._parts.database.read() as connection:
            if not _is_past(recall(connection, name), now, interval_s):
                return False
        with self._parts.database.write() as connection:
            one_writer(connection)
            remember(connection, name, {"at_unix_s": now})
        return True

    def _refresh_and_send(self) -> list[Outcome]:
        refresh(self._parts)
        sender = sender_of(self._parts, self._post_json)  # by what is set now
        return [*sender.send_news(), *sender.send_summary()]

    def _is_backup_due(self) -> bool:
        """Tell whether it is time for today's backup and none was made in this night."""
        settings, now = self._parts.settings_now(), self._now()
        here = local(now, settings.zone)
        if settings.backup_hour == NEVER or here.hour < settings.backup_hour:
            return False
        today = {"day": here.date().isoformat()}
        with self._parts.database.write() as connection:
            one_writer(connection)
            if recall(connection, BACKED_UP) == today:
                return False
            remember(connection, BACKED_UP, today)
        return True

    def _back_up(self) -> None:
        settings, now = self._parts.settings_now(), self._now()
        made = backups.make(self._parts.database, settings.home, now, settings.backups_kept)
        log.info("backup made", file=made.name)

    def _look_after(self, peer: Peer) -> None:
        """Look when a peer's TLS certificate ends, and verify the peer."""
        if peer.wwwroot.startswith("https://"):
            end_unix_s = None
            try:
                end_unix_s = tls_dates.tls_not_after(peer.wwwroot)
            except tls_dates.NoDate as problem:
                log.info("no TLS date", peer=peer.wwwroot, reason=outcomes.clean(str(problem)))
            with self._parts.database.write() as connection:
                _remember_date(connection, peer, end_unix_s, self._now())
        if self._check_peer is not None:
            self._check_peer(peer)

    def _now(self) -> int:
        return int(self._parts.clock())


def _remember_date(
    connection: Connection, peer: Peer, end_unix_s: int | None, now_unix_s: int
) -> None:
    tls_dates.remember_date(
        connection, peer.id, peer.wwwroot, not_after_unix_s=end_unix_s, now_unix_s=now_unix_s
    )


def _is_past(memory: dict[str, Any] | None, now_unix_s: int, interval_s: int) -> bool:
    """Tell whether an interval passed; a time ahead of us is from a clock that was set back."""
    return memory is None or not 0 <= now_unix_s - memory.get("at_unix_s", 0) < interval_s
