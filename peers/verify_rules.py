"""What a verification's findings mean, and what a school's admin can do about each. Pure.

The other side's own menus stand in menus.py. Nothing of a remote body is repeated, but a
short cleaned piece of a fault's text. Source: RULES R17; PROTOCOL.md section 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from urllib.parse import urljoin

from keys.certificate import BadCertificate, PeerCertificate, check_subject, is_of_before
from keys.rotation import judge_expiry
from mnet import moments
from mnet.call_errors import BadAnswer, CallError, CannotReach, RemoteFault
from mnet.protocol import (
    SERVICE_ENROL,
    SERVICE_IDP,
    SERVICE_SIS,
    SERVICE_SP,
    Application,
)
from mnet.stored_sentences import E_, english, joined
from peers import menus
from peers.menus import Menus

# The step that looks at our own switch for a peer.
SWITCH = E_("switched on here")
MAX_EXCERPT_CHARS = 200
# A sentence of ours about a site, with its address and what its certificate says.
MAX_SENTENCE_CHARS = 600

# As Moodle's language packs call them; ours is called by its name, as our plugin shows it.
SERVICE_NAMES = {
    SERVICE_IDP: "SSO (Identity Provider)",
    SERVICE_SP: "SSO (Service Provider)",
    SERVICE_ENROL: "Remote enrolment service",
    SERVICE_SIS: "schooltool (SchoolTool)",
}
_OK_STATUS, _NOT_FOUND, _FORBIDDEN = 200, 404, (401, 403)
_SERVER_ERROR = 500
_BOTH = E_("%(our_first)s %(our_others)s")
# A Moodle takes a stranger's address for the name of a language file; with debugging for developers
# on, its cache refuses that before fault 7020 is made (mnet/xmlrpc/serverlib.php, 3.11 to 5.1).
_STRANGER_WHEN_DEBUGGED = (0, "core/string requires simple keys")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at; `remedy` is empty when it is well.

    All in English, for programs and to be kept; pages say it again in their language.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    # Whether the step was looked at, or made pointless by one before it.
    was_tried: bool = True

    def for_programs(self) -> dict[str, object]:
        """Return the step for programs (JSON)."""
        return {
            "name": self.name, "ok": self.ok, "detail": self.detail, "remedy": self.remedy,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class RemoteService:
    """What a peer says of one of its services: what it ticked for us."""

    publish: bool
    subscribe: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found, step by step in order.

    `clock_offset_s` is the peer's clock less ours, `release` its application's own word for its
    version, `services` what it ticked for us by name; None or empty when it did not tell.
    """

    ok: bool
    steps: tuple[Step, ...]
    clock_offset_s: float | None
    release: str | None
    services: Mapping[str, RemoteService]
    tls_not_after_unix_s: int | None


def not_tried(name: str, because: Step) -> Step:
    """Say that a step was made pointless by one that failed."""
    return Step(
        name,
        ok=False,
        detail=english("Not tried, because this failed: %(our_step)s.", our_step=because.name),
        remedy=english("See: %(our_step)s.", our_step=because.name),
        was_tried=False,
    )


def clean(text: object, most_chars: int = MAX_EXCERPT_CHARS) -> str:
    """Return a text from outside on one line, printable and short."""
    words = " ".join(str(text)[: most_chars * 4].split())
    return "".join(c for c in words if c.isprintable())[:most_chars]


def page_step(
    name: str, wwwroot: str, *, status: int, location: str, application: Application
) -> Step:
    """Judge the site's first page by its HTTP status; a redirect within the site is fine."""
    if status == _OK_STATUS:
        return Step(name, ok=True, detail=english("The first page answers."))
    if location and _is_within(wwwroot, urljoin(wwwroot + "/", location)):
        return Step(name, ok=True, detail=english("The first page leads on within the site."))
    if status in _FORBIDDEN:
        detail = english(
            "The first page is not for everybody (HTTP status %(status)s).", status=status
        )
        return Step(name, ok=True, detail=detail)
    return _status_step(name, wwwroot, wwwroot + "/", status, location, menus.of(application))


def call_step(
    name: str, problem: CallError, *, wwwroot: str, application: Application, ours: str
) -> Step:
    """Explain why a call on a peer failed; `ours` is this site's wwwroot."""
    there = menus.of(application)
    if isinstance(problem, RemoteFault):
        detail, remedy = explain_fault(problem, there, wwwroot=wwwroot, ours=ours)
        return Step(name, ok=False, detail=detail, remedy=remedy)
    if isinstance(problem, CannotReach) and problem.reason == "status":
        url = wwwroot + application.server
        return _status_step(name, wwwroot, url, problem.status, problem.location, there)
    if isinstance(problem, CannotReach):
        return Step(
            name,
            ok=False,
            detail=clean(problem, MAX_SENTENCE_CHARS),
            remedy=english("Look at the web server there and its log; then verify again."),
        )
    wrong = problem.wrong if isinstance(problem, BadAnswer) else "envelope"
    on = english(there.networking_on)
    remedies = {
        "web page": english(
            "%(our_networking)s If it is on, a proxy or a login page stands in front of the site: "
            "let /mnet/ through untouched.",
            our_networking=on,
        ),
        "warnings": english(
            "On the peer: Site administration > Development > Debugging: untick Display debug "
            "messages, and set display_errors = Off in its php.ini."
        ),
        "no message": english(
            "Look whether the address is the site's own wwwroot, and whether the peer knows this "
            "site as exactly %(ours)s (an old Moodle says nothing at all to a stranger). "
            "%(our_networking)s",
            ours=ours,
            our_networking=on,
        ),
        "no certificate": english("%(our_networking)s It makes the site's key.", our_networking=on),
        "key": english(
            "Compare the peer's certificate with ours of it: mnet-peer peer show %(peer)s.",
            peer=wwwroot,
        ),
        "envelope": english(
            "Look whether the peer has our current certificate, %(our_place)s",
            our_place=english(there.our_key, ours=ours),
        ),
    }
    return Step(name, ok=False, detail=clean(problem, MAX_SENTENCE_CHARS), remedy=remedies[wrong])


def with_advice(problem: CallError, *, wwwroot: str, application: Application, ours: str) -> str:
    """Return why a site could not be asked, and what to do about it, as one stored sentence."""
    step = call_step("", problem, wwwroot=wwwroot, application=application, ours=ours)
    return joined(_BOTH, [step.detail, step.remedy])


def explain_fault(fault: RemoteFault, there: Menus, *, wwwroot: str, ours: str) -> tuple[str, str]:
    """Return what a peer's fault means and what to do about it."""
    message = (
        E_("The peer answered with fault %(code)s: %(text)s")
        if fault.proven
        else E_(
            "The peer answered with fault %(code)s: %(text)s (in plain, so not proven to be the "
            "peer's own)"
        )
    )
    detail = english(message, code=fault.code, text=clean(fault.text))
    register = english(there.add_us, ours=ours)
    our_key = english(there.our_key, ours=ours)
    renew = english("On the peer fetch our key again: %(our_place)s", our_place=our_key)
    cipher = english(
        "%(our_advice)s If it has the right one already, PHP there cannot do RC4: switch on "
        "OpenSSL's legacy provider (see the README).",
        our_advice=renew,
    )
    remedies = {
        **dict.fromkeys((7020, 6003), register),
        **dict.fromkeys((7023, 6002), cipher),
        **dict.fromkeys((709, 710, 711, 7022, 7026, 6004), renew),
        7025: english(
            "The peer has a new key that it could not prove; see the step before, then: "
            "mnet-peer peer show %(peer)s.",
            peer=wwwroot,
        ),
        **dict.fromkeys((704, 6012), english(there.networking_on)),
        **dict.fromkeys(
            (702, 703, 705, 706, 707, 708, 7012, 7013, 7014, 7015, 7018, 7019),
            english(there.not_offered, service=SERVICE_NAMES[SERVICE_SIS]),
        ),
        **dict.fromkeys(
            (7021, 6005, 7024),
            english(
                "Something between the two sites changes messages; look at proxies in front of it."
            ),
        ),
        713: english("The peer refuses the method's name; update the software there."),
        8403: english("This site is switched off at the peer: enable it there."),
        6013: english(
            "The peer got the call under another name than %(peer)s; look at its proxy.",
            peer=wwwroot,
        ),
    }
    other = english("Look into the peer's own log at this minute, and ask its admin.")
    code, words = _STRANGER_WHEN_DEBUGGED
    if fault.code == code and words in fault.text:
        other = register
    return detail, remedies.get(fault.code, other)


def certificate_step(
    name: str, certificate: PeerCertificate, wwwroot: str, there: Menus, now_unix_s: int
) -> Step:
    """Judge whether a peer's certificate names it and is not past its end."""
    try:
        check_subject(certificate, wwwroot)
    except BadCertificate as problem:
        return wrong_name(name, problem, certificate, wwwroot, there)
    end = certificate.not_after_unix_s
    day = moments.local(end, UTC).date().isoformat() if end is not None else english("unknown")
    renew = english(
        "%(our_new_key)s Then verify again; a key that does not prove itself waits for you here.",
        our_new_key=english(there.new_key),
    )
    verdict = judge_expiry(end, now_unix_s)
    if verdict == "expired":
        detail = english("The peer's certificate ended %(our_day)s.", our_day=day)
        return Step(name, ok=False, detail=detail, remedy=renew)
    if verdict == "soon":
        detail = english(
            "It names the peer; it ends %(our_day)s, which is soon; a Moodle renews it by itself.",
            our_day=day,
        )
        return Step(name, ok=True, detail=detail)
    detail = english("It names the peer; it ends %(our_day)s.", our_day=day)
    return Step(name, ok=True, detail=detail)


def wrong_name(
    name: str, problem: BadCertificate, certificate: PeerCertificate, wwwroot: str, there: Menus
) -> Step:
    """Say what to do about a certificate that names another site, or this one as it was once."""
    is_moved = is_of_before(certificate, wwwroot)
    remedy = english(there.new_key) if is_moved else other_address(wwwroot)
    return Step(name, ok=False, detail=clean(problem, MAX_SENTENCE_CHARS), remedy=remedy)


def other_address(wwwroot: str) -> str:
    """Say what to do when a site's own address seems to be another than the one we know."""
    return english(
        "Find the site's own address (its wwwroot: http or https, with or without www) on its "
        "front page; then: mnet-peer peer rename %(peer)s NEW-ADDRESS.",
        peer=wwwroot,
    )


def _status_step(
    name: str, wwwroot: str, url: str, status: int, location: str, there: Menus
) -> Step:
    if location:
        target = clean(urljoin(url, location))
        if _is_within(wwwroot, target):
            remedy = english(
                "A login or another page stands in front of networking: let /mnet/ through "
                "without it, in the site and in proxies."
            )
        else:
            remedy = english(
                "Probably the site's own address is another (www, https). %(our_advice)s If not, a "
                "login page or proxy stands in front of it.",
                our_advice=other_address(wwwroot),
            )
        detail = english(
            "The site redirects to %(target)s (HTTP status %(status)s); a peer never does.",
            target=target,
            status=status,
        )
        return Step(name, ok=False, detail=detail, remedy=remedy)
    detail = english("The site answered with HTTP status %(status)s.", status=status)
    on = english(there.networking_on)
    if status == _NOT_FOUND:
        remedy = english(
            "Look whether the address has the right path (such as /moodle at its end) and the "
            "right type (moodle or mahara). %(our_networking)s",
            our_networking=on,
        )
        detail = english("There is no such page (HTTP status 404).")
        return Step(name, ok=False, detail=detail, remedy=remedy)
    if status in _FORBIDDEN:
        remedy = english(
            "Let this machine through to /mnet/ there (firewall, proxy). %(our_networking)s",
            our_networking=on,
        )
    elif status >= _SERVER_ERROR:
        remedy = english("Look into the web server's error log there; is the site in maintenance?")
    else:
        remedy = english("Look at the web server and the proxies in front of it.")
    return Step(name, ok=False, detail=detail, remedy=remedy)


def _is_within(wwwroot: str, target: str) -> bool:
    return target == wwwroot or target.startswith(wwwroot + "/")
