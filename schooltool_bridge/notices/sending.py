"""Sending notices: new ones at once, and a summary each day, by every configured channel.

What cannot be sent waits for the next run; nothing is lost, and nothing is told twice while all
goes well (claims.py). Blocking; runs in worker threads, sends outside transactions.
Source: manual/notices.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from mnet.database import Database
from mnet.exchange import Site
from mnet.language import speaking
from mnet.settings import NEVER
from peers import store
from schooltool_bridge.common.days import ONE_DAY, first_moment, local
from schooltool_bridge.notices import claims as message_claims
from schooltool_bridge.notices import facts as notices_facts
from schooltool_bridge.notices import message_text
from schooltool_bridge.notices.channels import Channel, NotSent
from schooltool_bridge.notices.claims import Claim
from schooltool_bridge.notices.message_text import Message, PeerDay
from schooltool_bridge.notices.notices import StoredNotice, open_notices, stored_notice
from schooltool_bridge.notices.rules import AT_ONCE
from schooltool_bridge.store.model_notices import notice as table
from schooltool_bridge.store.site_memory import forget, one_writer, recall, recall_all

# What comes and goes is sent this often at most; it shows on the pages all the time.
QUIET_S = 4 * 3600
# What is over and could not be sent while it was open is news no longer than this.
STALE_S = 24 * 3600
NEWS, SUMMARY = "tell ", "summary "
# Marks of summaries are kept this long either way, for clocks that are set back or forth.
SUMMARY_MARKS_DAYS = 7

log = structlog.get_logger("telling")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How sending by one channel went."""

    channel: str
    ok: bool
    detail: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends messages; one for the whole process, used by its threads."""

    database: Database
    site: Site
    # What messages are written in.
    language: str
    zone: tzinfo
    channels: Callable[[], Sequence[Channel]]
    clock: Callable[[], float]
    summary_hour: int
    summary_when_well: bool
    # From which hour to which only what is urgent is sent at once; None: at no hour.
    quiet: tuple[int, int] | None = None

    def send_news(self) -> list[Outcome]:
        """Send, in one message a channel, the notices that were not sent yet."""
        channels = self.channels()
        if not channels:
            return []
        outcomes = []
        names = [channel.name for channel in channels]
        only_urgent = self._is_quiet()
        for channel in channels:
            now = int(self.clock())
            with speaking(self.language), self.database.write() as connection:
                claims = _claim_news(connection, channel.name, names, now, only_urgent=only_urgent)
            if claims:
                with speaking(self.language):
                    message = message_text.news(self.site, list(claims), now, self.zone)
                keys = tuple(found.notice.key for found in claims)
                outcomes.append(self._send(channel, message, list(claims.values()), keys))
        with self.database.write() as connection:
            _resolve_news(connection, names, int(self.clock()))
        return outcomes

    def send_summary(self) -> list[Outcome]:
        """Send today's summary when it is time and nobody did yet."""
        channels = self.channels()
        now = int(self.clock())
        here = local(now, self.zone)
        if not channels or self.summary_hour == NEVER or here.hour < self.summary_hour:
            return []
        today = here.date()
        with self.database.read() as connection:
            marks = recall(connection, _summary_name(today))
            if marks is not None and message_claims.is_over(marks, [c.name for c in channels]):
                return []
            message = self.summary(connection, today, now)
        with self.database.write() as connection:
            message_claims.enrol(connection, _summary_name(today), [c.name for c in channels])
            _drop_old_summaries(connection, today)
        outcomes = []
        for channel in channels:
            with self.database.write() as connection:
                claim = message_claims.claim(
                    connection, _summary_name(today), channel.name, int(self.clock())
                )
            if claim is not None:
                if message.values["well"] and not self.summary_when_well:
                    self._record_outcome([claim], is_sent=True)
                else:
                    outcomes.append(self._send(channel, message, [claim], ()))
        return outcomes

    def _is_quiet(self) -> bool:
        """Tell whether it is one of the quiet hours by the school's clock."""
        if self.quiet is None:
            return False
        start, end = self.quiet
        hour = local(int(self.clock()), self.zone).hour
        return start <= hour < end if start < end else not end <= hour < start

    def summary(self, connection: Connection, today: date, now_unix_s: int) -> Message:
        """Write the summary of a day's morning."""
        facts = notices_facts.gather(connection, now_unix_s)
        by_wwwroot = {peer.wwwroot: peer for peer in store.all_peers(connection)}
        start, end = (first_moment(day, self.zone) for day in (today - ONE_DAY, today))
        days = []
        for peer in facts.peers:
            stored = by_wwwroot[peer.wwwroot]
            calls = notices_facts.calls_between(connection, stored.id, start, end)
            days.append(PeerDay(stored.name, peer, calls))
        with speaking(self.language):
            found = open_notices(connection)
            return message_text.summary(self.site, today, days, found, now_unix_s, self.zone)

    def test(self) -> list[Outcome]:
        """Send a test by every channel."""
        now = int(self.clock())
        with speaking(self.language):
            message = message_text.trial(self.site, now)
        return [self._send(channel, message, [], ()) for channel in self.channels()]

    def _send(
        self, channel: Channel, message: Message, claims: Sequence[Claim], keys: tuple[str, ...]
    ) -> Outcome:
        try:
            outcome = Outcome(channel.name, ok=True, detail=channel.send(message), keys=keys)
            log.info("told", channel=channel.name, kind=message.kind, notices=len(keys))
        except NotSent as problem:
            outcome = Outcome(channel.name, ok=False, detail=str(problem), keys=keys)
            log.warning("not told", channel=channel.name, kind=message.kind, reason=str(problem))
        self._record_outcome(claims, is_sent=outcome.ok)
        return outcome

    def _record_outcome(self, claims: Sequence[Claim], *, is_sent: bool) -> None:
        if not claims:
            return
        now = int(self.clock())
        with self.database.write() as connection:
            for claim in claims:
                message_claims.record_outcome(connection, claim, is_sent=is_sent)
                if is_sent and claim.name.startswith(NEWS):
                    _mark_sent(connection, claim.name, now)


def _claim_news(
    connection: Connection,
    channel: str,
    channels: Sequence[str],
    now_unix_s: int,
    *,
    only_urgent: bool,
) -> dict[StoredNotice, Claim]:
    """Claim for a channel every notice that it has to send; with `only_urgent` the rest waits."""
    one_writer(connection)
    for found in _unsent(connection, now_unix_s):
        message_claims.enrol(connection, f"{NEWS}{found.id}", channels)
    claims = {}
    for name, marks in recall_all(connection, NEWS).items():
        wanted = sa.select(table).where(table.c.id == int(name.removeprefix(NEWS)))
        row = connection.execute(wanted).first()
        # What is over before anybody tried to send it was nothing; after a try it is news.
        over_unix_s = row.ended_unix_s if row else None
        if row is None or (
            over_unix_s is not None
            and (not message_claims.was_tried(marks) or now_unix_s - over_unix_s > STALE_S)
        ):
            message_claims.drop(connection, name)
            continue
        found = stored_notice(row)
        if only_urgent and found.notice.severity != "urgent":
            continue
        if claim := message_claims.claim(connection, name, channel, now_unix_s):
            claims[found] = claim
    return claims


def _unsent(connection: Connection, now_unix_s: int) -> list[StoredNotice]:
    """Return the open notices that were not sent, without those that only came back just now."""
    sent_just_now = sa.select(table.c.key).where(
        table.c.told_unix_s > now_unix_s - QUIET_S, table.c.told_unix_s <= now_unix_s
    )
    wanted = sa.and_(
        table.c.ended_unix_s.is_(None),
        table.c.told_unix_s.is_(None),
        table.c.key.not_in(sent_just_now),
    )
    rows = connection.execute(sa.select(table).where(wanted).order_by(table.c.id))
    return [found for found in map(stored_notice, rows) if found.notice.severity in AT_ONCE]


def _resolve_news(connection: Connection, channels: Sequence[str], now_unix_s: int) -> None:
    """Forget what every channel sent, or gave up."""
    one_writer(connection)
    for name, marks in recall_all(connection, NEWS).items():
        if message_claims.is_over(marks, channels):
            _mark_sent(connection, name, now_unix_s)
            forget(connection, name)


def _mark_sent(connection: Connection, name: str, now_unix_s: int) -> None:
    """Write down when a notice was sent first."""
    mine = table.c.id == int(name.removeprefix(NEWS))
    unsent = sa.update(table).where(mine, table.c.told_unix_s.is_(None))
    connection.execute(unsent.values(told_unix_s=now_unix_s))


def _summary_name(day: date) -> str:
    return f"{SUMMARY}{day.isoformat()}"


def _drop_old_summaries(connection: Connection, today: date) -> None:
    for name in recall_all(connection, SUMMARY):
        day = date.fromisoformat(name.removeprefix(SUMMARY))
        if abs((today - day).days) > SUMMARY_MARKS_DAYS:
            message_claims.drop(connection, name)
