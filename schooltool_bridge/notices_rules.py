"""Which notices stand: what needs a hand, told from facts about the store.

Pure: the facts and the time are arguments (notices_facts.py gathers them, notices.py keeps what
stands). Texts name peers by address only; a peer's own words never get in.
Source: README, "Being told"; requirements R16, R17, R89.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Literal
from urllib.parse import quote

from keys.rotation import RENEW_BEFORE_S

Severity = Literal["urgent", "warning", "info"]
# What somebody is told at once; the rest shows on the pages and in the daily summary.
AT_ONCE: tuple[Severity, ...] = ("urgent", "warning")
ORDER: tuple[Severity, ...] = ("urgent", "warning", "info")

DAY_S = 24 * 3600
# Each step is a notice of its own, so that somebody is told again at each.
STEPS_DAYS = (1, 7, 14)
MAX_TEXT_CHARS = 1000
# The site itself, where a notice is about no peer.
HERE = "this site"


@dataclass(frozen=True, slots=True)
class Kind:
    """What all notices of one kind have in common; {subject} stands for the peer's address."""

    severity: Severity
    remedy: str
    page: str = "/admin/peer?wwwroot={quoted}"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that needs a hand; `key` is the same as long as it is the same thing."""

    key: str
    subject: str
    severity: Severity
    text: str
    remedy: str
    link_path: str


@dataclass(frozen=True, slots=True)
class Check:
    """What the last verification of a peer found; `failing` names the steps that failed."""

    at_unix_s: int
    ok: bool
    failing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PeerFacts:
    """What the store knows of one peer that is not deleted."""

    wwwroot: str
    enabled: bool
    # When it was added, or its present key came: a peer never heard of counts from here.
    since_unix_s: int
    heard_unix_s: int | None = None
    key_not_after_unix_s: int | None = None
    tls_not_after_unix_s: int | None = None
    has_offered_key: bool = False
    held: int = 0
    held_since_unix_s: int | None = None
    conflicts: int = 0
    rejected: int = 0
    # People it brought who may sign in from elsewhere, and about whom nobody decided yet.
    without_right: int = 0
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the store knows that a notice may come from."""

    peers: tuple[PeerFacts, ...] = ()
    our_key_not_after_unix_s: int | None = None
    strangers: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something needs a hand, and the school's clock for the texts."""

    silent_s: int = DAY_S
    # More than this many events held (or rejected) by one peer; of conflicts any is too many.
    held: int = 20
    held_s: int = DAY_S
    zone: tzinfo = UTC


_RENEW = "Ask its admin to renew the key there (Networking > Settings), then verify the peer."
_TLS = "Ask the admin of {subject} to renew the certificate of its web server."
_KEY_HERE = "Run: mnet-peer key rotate. Then see why it was not renewed: mnet-peer check."
_INBOX = "/admin/inbox?peer={quoted}"

KINDS: dict[str, Kind] = {
    "silent": Kind("warning", "See that the site runs, then: mnet-peer peer verify {subject}"),
    "key-expiry-14": Kind("warning", _RENEW),
    "key-expiry-7": Kind("warning", _RENEW),
    "key-expiry-1": Kind("urgent", _RENEW),
    "key-expired": Kind("urgent", _RENEW),
    "tls-expiry-14": Kind("warning", _TLS),
    "tls-expiry-7": Kind("warning", _TLS),
    "tls-expiry-1": Kind("urgent", _TLS),
    "tls-expired": Kind("urgent", _TLS),
    # Ours renews itself before the last step; who is told at once has to do something.
    "own-key-expiry-14": Kind("info", "Nothing to do.", "/admin/key"),
    "own-key-expiry-7": Kind("info", "Nothing to do.", "/admin/key"),
    "own-key-expiry-1": Kind("urgent", _KEY_HERE, "/admin/key"),
    "own-key-expired": Kind("urgent", _KEY_HERE, "/admin/key"),
    "key-offered": Kind(
        "urgent",
        "Compare its fingerprint with the peer's admin (by telephone, not by mail), then: "
        "mnet-peer peer accept-key {subject} --fingerprint SHA256",
    ),
    "conflict": Kind("warning", "Decide each: mnet-peer inbox list --status conflict", _INBOX),
    "held-many": Kind("warning", "See what they wait for: mnet-peer inbox list", _INBOX),
    "held-long": Kind("warning", "See what they wait for: mnet-peer inbox list", _INBOX),
    "rejected-many": Kind("warning", "See why: mnet-peer inbox list --status rejected", _INBOX),
    "check-failed": Kind("warning", "See what to do at each step: mnet-peer peer verify {subject}"),
    "switched-off": Kind("info", "When it shall work again: mnet-peer peer enable {subject}"),
    "without-right": Kind(
        "info",
        "Where it is the same person: mnet-peer person allow-login ID --peer {subject}; else "
        "deny-login.",
        "/admin/people?right=waits&peer={quoted}",
    ),
    "strangers": Kind("info", "Decide about each: mnet-peer peer pending", "/admin/strangers"),
}


def standing(facts: Facts, now_unix_s: int, limits: Limits) -> list[Notice]:
    """Return the notices that stand now, the most urgent first."""
    found = list(_ours(facts, now_unix_s, limits))
    for peer in facts.peers:
        found += _inbox(peer, now_unix_s, limits)
        if peer.enabled:
            found += _works(peer, now_unix_s, limits)
        else:
            found.append(
                notice("switched-off", peer.wwwroot, f"{peer.wwwroot} is switched off here.")
            )
        if peer.without_right:
            count = peer.without_right
            people = "1 person" if count == 1 else f"{count} people"
            text = f"{people} of {peer.wwwroot} may sign in here from elsewhere, not from there."
            found.append(notice("without-right", peer.wwwroot, text))
        if peer.has_offered_key:
            text = f"{peer.wwwroot} offers a new key that nothing proves; the old one still counts."
            found.append(notice("key-offered", peer.wwwroot, text))
    return sorted(found, key=lambda n: ORDER.index(n.severity))


def notice(kind: str, subject: str, text: str) -> Notice:
    """Make a notice of a kind; also of one that this program does not know any more."""
    of_kind = KINDS.get(kind, Kind("info", ""))
    return Notice(
        key=f"{kind} {subject}",
        subject=subject,
        severity=of_kind.severity,
        text=text[:MAX_TEXT_CHARS],
        remedy=of_kind.remedy.format(subject=subject),
        link_path=of_kind.page.format(quoted=quote(subject, safe="")),
    )


def _ours(facts: Facts, now_unix_s: int, limits: Limits) -> Iterator[Notice]:
    end_unix_s = facts.our_key_not_after_unix_s
    if end_unix_s is not None and (step := expiry_step(end_unix_s, now_unix_s)):
        when = moment(end_unix_s, limits.zone)
        renewed = moment(end_unix_s - RENEW_BEFORE_S, limits.zone)
        kind = f"own-key-{step}"
        yield notice(
            kind,
            HERE,
            f"Our own key ended {when} and was not renewed."
            if step == "expired"
            else f"Our own key ends {when}; it renews itself from {renewed} on."
            if KINDS[kind].severity == "info"
            else f"Our own key ends {when} and was not renewed.",
        )
    if facts.strangers:
        # Their number only: a stranger's address in a mail is a link that a stranger chose.
        sites = "1 site waits" if facts.strangers == 1 else f"{facts.strangers} sites wait"
        yield notice("strangers", HERE, f"{sites} for your decision whether they are peers.")


def _inbox(peer: PeerFacts, now_unix_s: int, limits: Limits) -> Iterator[Notice]:
    who = peer.wwwroot
    if peer.conflicts:
        events = "1 event" if peer.conflicts == 1 else f"{peer.conflicts} events"
        yield notice("conflict", who, f"{events} of {who} in conflict with what is here.")
    if peer.held > limits.held:
        yield notice("held-many", who, f"{peer.held} events of {who} are held.")
    since_unix_s = peer.held_since_unix_s
    if peer.held and since_unix_s is not None and now_unix_s - since_unix_s > limits.held_s:
        when = moment(since_unix_s, limits.zone)
        yield notice("held-long", who, f"Events of {who} are held since {when}.")
    if peer.rejected > limits.held:
        yield notice("rejected-many", who, f"{peer.rejected} events of {who} were rejected.")


def _works(peer: PeerFacts, now_unix_s: int, limits: Limits) -> Iterator[Notice]:
    who = peer.wwwroot
    last_unix_s = max(peer.since_unix_s, peer.heard_unix_s or 0)
    if now_unix_s - last_unix_s >= limits.silent_s:
        heard = f"Nothing was heard from {who} since {moment(last_unix_s, limits.zone)}."
        never = f"Nothing was ever heard from {who}, a peer since "
        yield notice(
            "silent",
            who,
            never + f"{moment(last_unix_s, limits.zone)}." if peer.heard_unix_s is None else heard,
        )
    for name, what, end_unix_s in (
        ("key", "key", peer.key_not_after_unix_s),
        ("tls", "TLS certificate", peer.tls_not_after_unix_s),
    ):
        if end_unix_s is not None and (step := expiry_step(end_unix_s, now_unix_s)):
            ends = "ended" if step == "expired" else "ends"
            text = f"The {what} of {who} {ends} {moment(end_unix_s, limits.zone)}."
            yield notice(f"{name}-{step}", who, text)
    if peer.check is not None and not peer.check.ok:
        when = moment(peer.check.at_unix_s, limits.zone)
        steps = ", ".join(peer.check.failing) or "unknown"
        yield notice("check-failed", who, f"Verifying {who} failed {when} at: {steps}.")


def expiry_step(end_unix_s: int, now_unix_s: int) -> str | None:
    """Return which step an end has come to: expiry-14, expiry-7, expiry-1, expired; else None."""
    left_s = end_unix_s - now_unix_s
    if left_s <= 0:
        return "expired"
    return next((f"expiry-{days}" for days in STEPS_DAYS if left_s <= days * DAY_S), None)


def moment(unix_s: int, zone: tzinfo) -> str:
    """Write a moment by the school's clock; the bare seconds where that has no date."""
    try:
        return datetime.fromtimestamp(unix_s, zone).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError):  # a certificate without an end says 9999-12-31, in UTC
        return str(unix_s)
