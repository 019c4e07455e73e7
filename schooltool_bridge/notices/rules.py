"""Which notices there are: what needs a hand, judged by facts about the store.

Pure: the facts and the time are arguments (peer_facts.py gathers them, notices.py keeps what
stands). Texts name peers by address only; a peer's own words never get in.
Source: manual/notices.md; RULES R16, R17, R89.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import Literal
from urllib.parse import quote

from keys.rotation import RENEW_BEFORE_S
from mnet.language import N_, _, ngettext, translated
from schooltool_bridge.common.days import moment_text
from schooltool_bridge.notices.expiry import DAY_S, expiry_step

Severity = Literal["urgent", "warning", "info"]
# What is sent at once; the rest shows on pages and in the summary.
AT_ONCE: tuple[Severity, ...] = ("urgent", "warning")
ORDER: tuple[Severity, ...] = ("urgent", "warning", "info")
# How each is called where people read it.
CALLED: dict[Severity, str] = {
    "urgent": N_("urgent"),
    "warning": N_("warning"),
    "info": N_("info"),
}

MAX_TEXT_CHARS = 1000
# The site itself, where a notice is about no peer.
HERE = "this site"


@dataclass(frozen=True, slots=True)
class Kind:
    """What all notices of one kind have in common; %(subject)s stands for the peer's address."""

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
class Clock:
    """When events of a peer were last refused because its clock is ahead of ours, and how far."""

    at_unix_s: int
    ahead_s: int


@dataclass(frozen=True, slots=True)
class LastSync:
    """The last full sync with a peer that was to look at all: how and when it ended."""

    at_unix_s: int
    # It found something missing that a person has to confirm.
    waits: bool = False
    # It failed, or what came was not whole.
    failed: bool = False
    # Its page: /admin/syncs/ID.
    run_id: int = 0


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
    # No more events may wait.
    is_full: bool = False
    # People it brought who may sign in from elsewhere, and about whom nobody decided yet.
    without_right: int = 0
    check: Check | None = None
    clock: Clock | None = None
    sync: LastSync | None = None
    # New sections that a person has to let in.
    new_sections: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the store knows that a notice may come from."""

    peers: tuple[PeerFacts, ...] = ()
    our_key_not_after_unix_s: int | None = None
    strangers: int = 0
    # When the last backup was made, or the first peer was added; None: there is nothing to lose.
    safe_until_unix_s: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something needs a hand, and the school's clock for the texts."""

    silent_s: int = DAY_S
    # More than this many events held (or rejected) by one peer; of conflicts any is too many.
    held: int = 20
    held_s: int = DAY_S
    # So old may the last backup be; 0: however old.
    backup_s: int = 0
    zone: tzinfo = UTC


_RENEW = N_("Ask its admin to renew the key there (Networking > Settings), then verify the peer.")
_TLS = N_("Ask the admin of %(subject)s to renew the certificate of its web server.")
_KEY_HERE = N_("Run: mnet-peer key rotate. Then see why it was not renewed: mnet-peer check.")
_NOTHING = N_("Nothing to do.")
_HELD = N_("See what they wait for: mnet-peer inbox list")
_INBOX = "/admin/inbox?peer={quoted}"

KINDS: dict[str, Kind] = {
    "silent": Kind(
        "warning", N_("See that the site runs, then: mnet-peer peer verify %(subject)s")
    ),
    "key-expiry-14": Kind("warning", _RENEW),
    "key-expiry-7": Kind("warning", _RENEW),
    "key-expiry-1": Kind("urgent", _RENEW),
    "key-expired": Kind("urgent", _RENEW),
    "tls-expiry-14": Kind("warning", _TLS),
    "tls-expiry-7": Kind("warning", _TLS),
    "tls-expiry-1": Kind("urgent", _TLS),
    "tls-expired": Kind("urgent", _TLS),
    # Ours renews itself before the last step; what is sent at once asks for a hand.
    "own-key-expiry-14": Kind("info", _NOTHING, "/admin/key"),
    "own-key-expiry-7": Kind("info", _NOTHING, "/admin/key"),
    "own-key-expiry-1": Kind("urgent", _KEY_HERE, "/admin/key"),
    "own-key-expired": Kind("urgent", _KEY_HERE, "/admin/key"),
    "key-offered": Kind(
        "urgent",
        N_(
            "Compare its fingerprint with the peer's admin (by telephone, not by mail), then: "
            "mnet-peer peer accept-key %(subject)s --fingerprint SHA256"
        ),
    ),
    "conflict": Kind("warning", N_("Decide each: mnet-peer inbox list --status conflict"), _INBOX),
    "inbox-full": Kind(
        "urgent",
        N_(
            "Bring what they wait for (people, sections), or dismiss what never comes: "
            "mnet-peer inbox list; then have it sent again."
        ),
        _INBOX,
    ),
    "held-many": Kind("warning", _HELD, _INBOX),
    "held-long": Kind("warning", _HELD, _INBOX),
    "rejected-many": Kind("warning", N_("See why: mnet-peer inbox list --status rejected"), _INBOX),
    "clocks-differ": Kind(
        "warning",
        N_(
            "Set the wrong clock right, by NTP; then let the peer send again what it could not. "
            "Compare them: mnet-peer peer verify %(subject)s"
        ),
    ),
    "check-failed": Kind(
        "warning", N_("See what to do at each step: mnet-peer peer verify %(subject)s")
    ),
    "sections-wait": Kind(
        "warning", N_("Decide about each: mnet-peer section waiting"), "/admin/sections/waiting"
    ),
    "sync-waits": Kind(
        "warning",
        N_(
            "See what is missing there: mnet-peer sync list --peer %(subject)s; then confirm it, "
            "or have the other side set right and run another one."
        ),
    ),
    "sync-failed": Kind("warning", N_("See why: mnet-peer sync list --peer %(subject)s")),
    "backup-old": Kind(
        "warning",
        N_("Make one on the page Backups, or by mnet-peer database backup"),
        "/admin/settings/backups",
    ),
    "switched-off": Kind("info", N_("When it shall work again: mnet-peer peer enable %(subject)s")),
    "without-right": Kind(
        "info",
        N_(
            "Where it is the same person: mnet-peer person allow-login ID --peer %(subject)s; else "
            "deny-login."
        ),
        "/admin/people?right=waits&peer={quoted}",
    ),
    "strangers": Kind("info", N_("Decide about each: mnet-peer peer pending"), "/admin/strangers"),
}


def standing(facts: Facts, now_unix_s: int, limits: Limits) -> list[Notice]:
    """Return the notices that stand now, the most urgent first."""
    found = list(_ours(facts, now_unix_s, limits))
    for peer in facts.peers:
        found += _inbox(peer, now_unix_s, limits)
        if peer.enabled:
            found += _works(peer, now_unix_s, limits)
        else:
            text = _("%(peer)s is switched off here.", peer=peer.wwwroot)
            found.append(notice("switched-off", peer.wwwroot, text))
        if peer.without_right:
            text = ngettext(
                "1 person of %(peer)s may sign in here from elsewhere, not from there.",
                "%(num)s people of %(peer)s may sign in here from elsewhere, not from there.",
                peer.without_right,
                peer=peer.wwwroot,
            )
            found.append(notice("without-right", peer.wwwroot, text))
        if peer.has_offered_key:
            text = _(
                "%(peer)s offers a new key that nothing proves; the old one still counts.",
                peer=peer.wwwroot,
            )
            found.append(notice("key-offered", peer.wwwroot, text))
    return sorted(found, key=lambda n: ORDER.index(n.severity))


def notice(kind: str, subject: str, text: str) -> Notice:
    """Make a notice of a kind; also of one that this program does not know any more.

    Its text is written already; its remedy is in the language spoken here.
    """
    of_kind = KINDS.get(kind, Kind("info", ""))
    return Notice(
        key=f"{kind} {subject}",
        subject=subject,
        severity=of_kind.severity,
        text=text[:MAX_TEXT_CHARS],
        remedy=_(of_kind.remedy, subject=subject),
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
            _("Our own key ended %(when)s and was not renewed.", when=when)
            if step == "expired"
            else _(
                "Our own key ends %(when)s; it renews itself from %(renewed)s on.",
                when=when,
                renewed=renewed,
            )
            if KINDS[kind].severity == "info"
            else _("Our own key ends %(when)s and was not renewed.", when=when),
        )
    safe_unix_s = facts.safe_until_unix_s
    if limits.backup_s and safe_unix_s is not None and now_unix_s - safe_unix_s > limits.backup_s:
        when = moment(safe_unix_s, limits.zone)
        yield notice("backup-old", HERE, _("There is no backup since %(when)s.", when=when))
    if facts.strangers:
        # Their number only: a stranger's address in a mail is a link that a stranger chose.
        text = ngettext(
            "1 site waits for your decision whether they are peers.",
            "%(num)s sites wait for your decision whether they are peers.",
            facts.strangers,
        )
        yield notice("strangers", HERE, text)


def _inbox(peer: PeerFacts, now_unix_s: int, limits: Limits) -> Iterator[Notice]:
    who = peer.wwwroot
    if peer.conflicts:
        text = ngettext(
            "1 event of %(peer)s in conflict with what is here.",
            "%(num)s events of %(peer)s in conflict with what is here.",
            peer.conflicts,
            peer=who,
        )
        yield notice("conflict", who, text)
    if peer.is_full:
        text = _(
            "%(count)s events of %(peer)s wait, the most that are kept; more are refused until "
            "some are settled.",
            count=peer.held + peer.conflicts,
            peer=who,
        )
        yield notice("inbox-full", who, text)
    if peer.new_sections:
        text = ngettext(
            "1 new section of %(peer)s waits for a decision.",
            "%(num)s new sections of %(peer)s wait for a decision.",
            peer.new_sections,
            peer=who,
        )
        yield notice("sections-wait", who, text)
    if peer.held > limits.held:
        text = _("%(count)s events of %(peer)s are held.", count=peer.held, peer=who)
        yield notice("held-many", who, text)
    since_unix_s = peer.held_since_unix_s
    if peer.held and since_unix_s is not None and now_unix_s - since_unix_s > limits.held_s:
        when = moment(since_unix_s, limits.zone)
        text = _("Events of %(peer)s are held since %(when)s.", peer=who, when=when)
        yield notice("held-long", who, text)
    if peer.rejected > limits.held:
        text = _("%(count)s events of %(peer)s were rejected.", count=peer.rejected, peer=who)
        yield notice("rejected-many", who, text)


def _works(peer: PeerFacts, now_unix_s: int, limits: Limits) -> Iterator[Notice]:
    who = peer.wwwroot
    last_unix_s = max(peer.since_unix_s, peer.heard_unix_s or 0)
    if now_unix_s - last_unix_s >= limits.silent_s:
        when = moment(last_unix_s, limits.zone)
        heard = _("Nothing was heard from %(peer)s since %(when)s.", peer=who, when=when)
        never = _(
            "Nothing was ever heard from %(peer)s, a peer since %(when)s.", peer=who, when=when
        )
        yield notice("silent", who, never if peer.heard_unix_s is None else heard)
    for name, end_unix_s, ends, ended in (
        (
            "key",
            peer.key_not_after_unix_s,
            N_("The key of %(peer)s ends %(when)s."),
            N_("The key of %(peer)s ended %(when)s."),
        ),
        (
            "tls",
            peer.tls_not_after_unix_s,
            N_("The TLS certificate of %(peer)s ends %(when)s."),
            N_("The TLS certificate of %(peer)s ended %(when)s."),
        ),
    ):
        if end_unix_s is not None and (step := expiry_step(end_unix_s, now_unix_s)):
            when = moment(end_unix_s, limits.zone)
            message = ended if step == "expired" else ends
            yield notice(f"{name}-{step}", who, _(message, peer=who, when=when))
    # Whatever sends again is refused again as long as it is so.
    if peer.clock is not None and now_unix_s - peer.clock.at_unix_s < DAY_S:
        text = ngettext(
            "The clock of %(peer)s is ahead of ours by 1 hour; what it dates so is not taken.",
            "The clock of %(peer)s is ahead of ours by %(num)s hours; what it dates so is not "
            "taken.",
            peer.clock.ahead_s // 3600,
            peer=who,
        )
        yield notice("clocks-differ", who, text)
    if peer.sync is not None and (peer.sync.waits or peer.sync.failed):
        of = {"peer": who, "when": moment(peer.sync.at_unix_s, limits.zone)}
        waits = _(
            "The full sync with %(peer)s of %(when)s found things missing there, and waits for "
            "you to confirm that.",
            **of,
        )
        failed = _("The full sync with %(peer)s of %(when)s failed or did not come whole.", **of)
        kind, text = ("sync-waits", waits) if peer.sync.waits else ("sync-failed", failed)
        at = f"/admin/syncs/{peer.sync.run_id}"
        yield replace(notice(kind, who, text), link_path=at)
    if peer.check is not None and not peer.check.ok:
        when = moment(peer.check.at_unix_s, limits.zone)
        steps = ", ".join(map(translated, peer.check.failing)) or _("unknown")
        text = _(
            "Verifying %(peer)s failed %(when)s at: %(steps)s.", peer=who, when=when, steps=steps
        )
        yield notice("check-failed", who, text)


def moment(unix_s: int, zone: tzinfo) -> str:
    """Write a moment by the school's clock."""
    return moment_text(unix_s, zone)
