"""What the messages say: new notices, the daily summary, the test.

Pure: plain text for people and plain values for programs from the same facts. What a peer says
of itself is cut and cleaned, so that it cannot look like a line of ours. Said in the language
spoken here; keys and severities in the values stay as they are.
Source: manual/notices.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from mnet.exchange import Site
from mnet.language import N_, _, ngettext
from schooltool_bridge.notices.facts import Calls
from schooltool_bridge.notices.notices import StoredNotice
from schooltool_bridge.notices.rules import CALLED, ORDER, PeerFacts, moment

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


def news(site: Site, found: Sequence[StoredNotice], now_unix_s: int, zone: tzinfo) -> Message:
    """Write one message of all notices that are to be sent."""
    listed = sorted(found, key=lambda k: ORDER.index(k.notice.severity))
    count = len(listed)
    text = _lines(site, listed, zone) + "\n" + _("All of it: mnet-peer notice list") + "\n"
    return Message(
        id=_id("notices", *(f"{k.id}" for k in sorted(found, key=lambda k: k.id))),
        kind="notices",
        subject=f"{plain(site.name)}: "
        + (listed[0].notice.text if count == 1 else _needing(count)),
        text=text,
        at_unix_s=now_unix_s,
        values={"notices": [_notice(site, k) for k in listed[:MAX_NOTICES]], "count": count},
    )


def summary(
    site: Site,
    day: date,
    peers: Sequence[PeerDay],
    found: Sequence[StoredNotice],
    now_unix_s: int,
    zone: tzinfo,
) -> Message:
    """Write the summary of a day's morning: what stands, how each peer is, calls of yesterday."""
    urgent = sum(k.notice.severity != "info" for k in found)
    head = _needing(urgent) if urgent else _("all is well")
    lines = [f"{day.isoformat()}: {head}.", ""]
    if found:
        lines += [_lines(site, found, zone)]
    lines += [_("Peers, and their calls yesterday:"), ""]
    lines += [_peer(p, zone) for p in peers[:MAX_PEERS]] or [_("There are none yet.")]
    if len(peers) > MAX_PEERS:
        more = len(peers) - MAX_PEERS
        lines.append(_("... and %(count)s more: mnet-peer peer list", count=more))
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
        subject=f"{plain(site.name)}: " + _("a test"),
        text=_(
            "This is a test from %(site)s. What needs a hand will come this way.",
            site=site.wwwroot,
        )
        + "\n",
        at_unix_s=now_unix_s,
        values={},
    )


def plain(text: str) -> str:
    """Cut what others wrote to one short line of printable characters."""
    words = "".join(c if c.isprintable() else " " for c in text[: MAX_NAME_CHARS * 4]).split()
    return " ".join(words)[:MAX_NAME_CHARS]


def _needing(count: int) -> str:
    return ngettext("1 thing needs a hand", "%(num)s things need a hand", count)


def _lines(site: Site, listed: Sequence[StoredNotice], zone: tzinfo) -> str:
    lines = []
    for one in listed[:MAX_NOTICES]:
        head = f"[{_(CALLED[one.notice.severity])}] {one.notice.text}"
        if one.ended_unix_s:
            head += " " + _("(over since %(when)s)", when=moment(one.ended_unix_s, zone))
        lines += [head]
        lines += [f"    {one.notice.remedy}"] if one.notice.remedy else []
        lines += [f"    {site.wwwroot}{one.notice.link_path}", ""]
    if len(listed) > MAX_NOTICES:
        lines += [_("... and %(count)s more.", count=len(listed) - MAX_NOTICES), ""]
    return "\n".join(lines)


def _notice(site: Site, one: StoredNotice) -> dict[str, object]:
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
    state = [
        _("on") if facts.enabled else _("switched off"),
        _("last heard %(when)s", when=moment(facts.heard_unix_s, zone))
        if facts.heard_unix_s
        else _("never heard"),
    ]
    state += [
        _(until, when=moment(end_unix_s, zone))
        for until, end_unix_s in (
            (N_("key until %(when)s"), facts.key_not_after_unix_s),
            (N_("TLS until %(when)s"), facts.tls_not_after_unix_s),
        )
        if end_unix_s is not None
    ]
    counts = _(
        "calls in %(incoming)s, out %(outgoing)s, failed %(failed)s; "
        "held %(held)s, conflicts %(conflicts)s, rejected %(rejected)s",
        incoming=calls.incoming,
        outgoing=calls.outgoing,
        failed=calls.failed,
        held=facts.held,
        conflicts=facts.conflicts,
        rejected=facts.rejected,
    )
    return f"{facts.wwwroot} ({plain(peer.name)})\n    {', '.join(state)}\n    {counts}"


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
