"""What the messages say: new notices, the daily summary, the test.

Pure: plain text for people and plain values for programs from the same facts. What a peer says
of itself is cut and cleaned, so that it cannot look like a line of ours.
Source: README, "Being told".
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from mnet.exchange import Site
from schooltool_bridge.notices import KeptNotice
from schooltool_bridge.notices_facts import Calls
from schooltool_bridge.notices_rules import ORDER, PeerFacts, moment

# A mail that is longer is read by nobody; the pages have them all.
MAX_NOTICES = 50
MAX_PEERS = 100
MAX_NAME_CHARS = 80


@dataclass(frozen=True, slots=True)
class Message:
    """Something to send; `id` is the same when the same is sent twice."""

    id: str
    kind: str
    subject: str
    text: str
    at_unix_s: int
    values: dict[str, object]


@dataclass(frozen=True, slots=True)
class PeerDay:
    """A peer in the daily summary: how it is, and its calls of yesterday."""

    name: str
    facts: PeerFacts
    calls: Calls


def news(site: Site, found: Sequence[KeptNotice], now_unix_s: int, zone: tzinfo) -> Message:
    """Write one message of all notices that are to be told."""
    listed = sorted(found, key=lambda k: ORDER.index(k.notice.severity))
    count = len(listed)
    text = f"{_lines(site, listed, zone)}\nAll of it: mnet-peer notice list\n"
    return Message(
        id=_id("notices", *(f"{k.id}" for k in sorted(found, key=lambda k: k.id))),
        kind="notices",
        subject=f"{plain(site.name)}: "
        + (listed[0].notice.text if count == 1 else f"{count} things need a hand"),
        text=text,
        at_unix_s=now_unix_s,
        values={"notices": [_notice(site, k) for k in listed[:MAX_NOTICES]], "count": count},
    )


def summary(
    site: Site,
    day: date,
    peers: Sequence[PeerDay],
    found: Sequence[KeptNotice],
    now_unix_s: int,
    zone: tzinfo,
) -> Message:
    """Write the summary of a day's morning: what stands, how each peer is, calls of yesterday."""
    urgent = sum(k.notice.severity != "info" for k in found)
    head = (
        "all is well"
        if not urgent
        else "1 thing needs a hand"
        if urgent == 1
        else (f"{urgent} things need a hand")
    )
    lines = [f"{day.isoformat()}: {head}.", ""]
    if found:
        lines += [_lines(site, found, zone)]
    lines += ["Peers, and their calls yesterday:", ""]
    lines += [_peer(p, zone) for p in peers[:MAX_PEERS]] or ["There are none yet."]
    if len(peers) > MAX_PEERS:
        lines.append(f"... and {len(peers) - MAX_PEERS} more: mnet-peer peer list")
    return Message(
        id=_id("summary", site.wwwroot, day.isoformat()),
        kind="summary",
        subject=f"{plain(site.name)}: {head}",
        text="\n".join(lines) + "\n",
        at_unix_s=now_unix_s,
        values={
            "day": day.isoformat(),
            "well": not urgent,
            "notices": [_notice(site, k) for k in found[:MAX_NOTICES]],
            "count": len(found),
            "peers": [_peer_values(p) for p in peers[:MAX_PEERS]],
        },
    )


def trial(site: Site, now_unix_s: int) -> Message:
    """Write the message that shows that a channel works."""
    return Message(
        id=_id("test", f"{now_unix_s}"),
        kind="test",
        subject=f"{plain(site.name)}: a test",
        text=f"This is a test from {site.wwwroot}. What needs a hand will come this way.\n",
        at_unix_s=now_unix_s,
        values={},
    )


def plain(text: str) -> str:
    """Cut what others wrote to one short line of printable characters."""
    words = "".join(c if c.isprintable() else " " for c in text[: MAX_NAME_CHARS * 4]).split()
    return " ".join(words)[:MAX_NAME_CHARS]


def _lines(site: Site, listed: Sequence[KeptNotice], zone: tzinfo) -> str:
    lines = []
    for one in listed[:MAX_NOTICES]:
        over = f" (over since {moment(one.ended_unix_s, zone)})" if one.ended_unix_s else ""
        lines += [f"[{one.notice.severity}] {one.notice.text}{over}"]
        lines += [f"    {one.notice.remedy}"] if one.notice.remedy else []
        lines += [f"    {site.wwwroot}{one.notice.link_path}", ""]
    if len(listed) > MAX_NOTICES:
        lines += [f"... and {len(listed) - MAX_NOTICES} more.", ""]
    return "\n".join(lines)


def _notice(site: Site, one: KeptNotice) -> dict[str, object]:
    return {
        "key": one.notice.key,
        "subject": one.notice.subject,
        "severity": one.notice.severity,
        "text": one.notice.text,
        "remedy": one.notice.remedy,
        "link": site.wwwroot + one.notice.link_path,
        "since_unix_s": one.since_unix_s,
        "ended_unix_s": one.ended_unix_s,
    }


def _peer(peer: PeerDay, zone: tzinfo) -> str:
    facts, calls = peer.facts, peer.calls
    heard = (
        f"last heard {moment(facts.heard_unix_s, zone)}" if facts.heard_unix_s else "never heard"
    )
    ends = [
        f"{what} until {moment(end_unix_s, zone)}"
        for what, end_unix_s in (
            ("key", facts.key_not_after_unix_s),
            ("TLS", facts.tls_not_after_unix_s),
        )
        if end_unix_s is not None
    ]
    return (
        f"{facts.wwwroot} ({plain(peer.name)})\n"
        f"    {'on' if facts.enabled else 'switched off'}, {', '.join([heard, *ends])}\n"
        f"    calls in {calls.incoming}, out {calls.outgoing}, failed {calls.failed}; "
        f"held {facts.held}, conflicts {facts.conflicts}, rejected {facts.rejected}"
    )


def _peer_values(peer: PeerDay) -> dict[str, object]:
    facts, calls = peer.facts, peer.calls
    return {
        "wwwroot": facts.wwwroot,
        "name": plain(peer.name),
        "enabled": facts.enabled,
        "heard_unix_s": facts.heard_unix_s,
        "key_not_after_unix_s": facts.key_not_after_unix_s,
        "tls_not_after_unix_s": facts.tls_not_after_unix_s,
        "calls_in": calls.incoming,
        "calls_out": calls.outgoing,
        "calls_failed": calls.failed,
        "held": facts.held,
        "conflicts": facts.conflicts,
        "rejected": facts.rejected,
    }


def _id(*parts: str) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:32]
