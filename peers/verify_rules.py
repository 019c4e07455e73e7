"""What a verification's findings mean, and what a school's admin can do about each. Pure.

Knows Moodle's own words for its pages and boxes. Nothing of a remote body is repeated, but a
short cleaned piece of a fault's text. Source: requirements R17; PROTOCOL.md section 8.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urljoin

from keys.certificate import BadCertificate, PeerCertificate, check_subject
from keys.rotation import judge_expiry
from mnet.outbound import BadAnswer, CallError, CannotReach, RemoteFault
from mnet.protocol import (
    API_VERSION,
    MAX_DRIFT_S,
    SERVICE_ENROL,
    SERVICE_IDP,
    SERVICE_SIS,
    SERVICE_SP,
)
from mnet.xmlrpc import Value

# A drift that is on its way to MAX_DRIFT_S is pointed out from here.
WARN_DRIFT_S = 5
MAX_EXCERPT_CHARS = 200
# A site has a handful of services; what comes after so many is not looked at.
MAX_SERVICES = 200

# As Moodle's language packs call them; ours is called by its name, as our plugin shows it.
SERVICE_NAMES = {
    SERVICE_IDP: "SSO (Identity Provider)",
    SERVICE_SP: "SSO (Service Provider)",
    SERVICE_ENROL: "Remote enrolment service",
    SERVICE_SIS: "schooltool (SchoolTool)",
}
NETWORKING_ON = (
    "On the peer: Site administration > Advanced features: tick Networking; then Site "
    "administration > Networking > Settings: Networking on."
)
_NOT_TRIED = "Not tried"
_OK_STATUS, _NOT_FOUND, _FORBIDDEN = 200, 404, (401, 403)
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at; `remedy` is empty when it is well."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""

    @property
    def was_tried(self) -> bool:
        """Tell whether the step was looked at, or made pointless by one before it."""
        return not self.detail.startswith(_NOT_TRIED)


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
    detail = f"{_NOT_TRIED}, because this failed: {because.name}."
    return Step(name, ok=False, detail=detail, remedy=f"See: {because.name}.")


def clean(text: object) -> str:
    """Return a text from outside on one line, printable and short."""
    words = " ".join(str(text)[: MAX_EXCERPT_CHARS * 4].split())
    return "".join(c for c in words if c.isprintable())[:MAX_EXCERPT_CHARS]


def page_step(name: str, wwwroot: str, *, status: int, location: str) -> Step:
    """Judge the site's first page by its HTTP status; a redirect within the site is fine."""
    if status == _OK_STATUS:
        return Step(name, ok=True, detail="The first page answers.")
    if location and _is_within(wwwroot, urljoin(wwwroot + "/", location)):
        return Step(name, ok=True, detail="The first page leads on within the site.")
    if status in _FORBIDDEN:
        return Step(
            name, ok=True, detail=f"The first page is not for everybody (HTTP status {status})."
        )
    return _status_step(name, wwwroot, wwwroot + "/", status, location)


def call_step(name: str, problem: CallError, *, wwwroot: str, url: str, ours: str) -> Step:
    """Explain why a call on a peer at `url` failed; `ours` is this site's wwwroot."""
    if isinstance(problem, RemoteFault):
        detail, remedy = explain_fault(problem, wwwroot=wwwroot, ours=ours)
        return Step(name, ok=False, detail=detail, remedy=remedy)
    if isinstance(problem, CannotReach) and problem.reason == "status":
        return _status_step(name, wwwroot, url, problem.status, problem.location)
    if isinstance(problem, CannotReach):
        return Step(
            name,
            ok=False,
            detail=clean(problem),
            remedy="Look at the web server there and its log; then verify again.",
        )
    wrong = problem.wrong if isinstance(problem, BadAnswer) else "envelope"
    remedies = {
        "web page": f"{NETWORKING_ON} If it is on, a proxy or a login page stands in front of "
        "the site: let /mnet/ through untouched.",
        "warnings": "On the peer: Site administration > Development > Debugging: untick Display "
        "debug messages, and set display_errors = Off in its php.ini.",
        "no message": f"Look whether the address is the site's own wwwroot, and whether the peer "
        f"knows this site as exactly {ours} (an old Moodle says nothing at all to a stranger). "
        f"{NETWORKING_ON}",
        "no certificate": f"{NETWORKING_ON} It makes the site's key.",
        "key": f"Compare the peer's certificate with ours of it: mnet-peer peer show {wwwroot}.",
        "envelope": f"Look whether the peer has our current certificate, {_our_key(ours)}",
    }
    return Step(name, ok=False, detail=clean(problem), remedy=remedies[wrong])


def explain_fault(fault: RemoteFault, *, wwwroot: str, ours: str) -> tuple[str, str]:
    """Return what a peer's fault means and what to do about it."""
    detail = f"The peer answered with fault {fault.code}: {clean(fault.text)}"
    if not fault.proven:
        detail += " (in plain, so not proven to be the peer's own)"
    register = (
        "The peer does not know this site. On the peer: Site administration > Networking > Manage "
        f"peers: add exactly {ours} (http or https, with or without www, no slash at its end)."
    )
    renew = f"On the peer fetch our key again: {_our_key(ours)}"
    cipher = (
        f"{renew} If it has the right one already, PHP there cannot do RC4: switch on OpenSSL's "
        "legacy provider (see the README)."
    )
    remedies = {
        **dict.fromkeys((7020, 6003), register),
        **dict.fromkeys((7023, 6002), cipher),
        **dict.fromkeys((709, 710, 711, 7022, 7026, 6004), renew),
        7025: "The peer has a new key that it could not prove; see the step before, then: "
        f"mnet-peer peer show {wwwroot}.",
        **dict.fromkeys((704, 6012), NETWORKING_ON),
        **dict.fromkeys(
            (702, 703, 705, 706, 707, 708, 7012, 7013, 7014, 7015, 7018, 7019),
            "The peer does not offer us this. On the peer: look whether the plugin is installed "
            "and up to date, then Site administration > Networking > Manage peers > (this site) "
            f"> Services: tick Publish for {SERVICE_NAMES[SERVICE_SIS]}.",
        ),
        **dict.fromkeys(
            (7021, 6005, 7024),
            "Something between the two sites changes messages; look at proxies in front of it.",
        ),
        713: "The peer refuses the method's name; update the software there.",
        8403: "This site is switched off at the peer: enable it there.",
        6013: f"The peer got the call under another name than {wwwroot}; look at its proxy.",
    }
    other = "Look into the peer's own log at this minute, and ask its admin."
    return detail, remedies.get(fault.code, other)


def certificate_step(
    name: str, certificate: PeerCertificate, wwwroot: str, now_unix_s: int
) -> Step:
    """Judge whether a peer's certificate names it and is not past its end."""
    try:
        check_subject(certificate, wwwroot)
    except BadCertificate as problem:
        return Step(name, ok=False, detail=clean(problem), remedy=other_address(wwwroot))
    end = certificate.not_after_unix_s
    day = datetime.fromtimestamp(end, UTC).date().isoformat() if end is not None else "unknown"
    renew = (
        "On the peer: Site administration > Networking > Settings: Delete key makes a new one. "
        "Then verify again; a key that does not prove itself waits for you here."
    )
    verdict = judge_expiry(end, now_unix_s)
    if verdict == "expired":
        return Step(name, ok=False, detail=f"The peer's certificate ended {day}.", remedy=renew)
    soon = ", which is soon; a Moodle renews it by itself" if verdict == "soon" else ""
    return Step(name, ok=True, detail=f"It names the peer; it ends {day}{soon}.")


def clock_step(name: str, offset_s: float | None) -> Step:
    """Judge a peer's clock by how far it is ahead of ours (behind when below zero)."""
    if offset_s is None:
        return Step(name, ok=True, detail="The peer does not tell its time.")
    side = "ahead of" if offset_s > 0 else "behind"
    said = f"The peer's clock is {abs(offset_s):.0f} s {side} ours"
    if abs(offset_s) > MAX_DRIFT_S:
        return Step(
            name,
            ok=False,
            detail=f"{said}; a Moodle refuses more than {MAX_DRIFT_S} s.",
            remedy="Compare both clocks with a third one, and let the wrong one be set by NTP "
            "(timedatectl set-ntp true).",
        )
    if abs(offset_s) >= WARN_DRIFT_S:
        return Step(name, ok=True, detail=f"{said}; soon too much, so let both be set by NTP.")
    return Step(name, ok=True, detail="Both clocks agree.")


def remote_services(answer: Value) -> dict[str, RemoteService] | None:
    """Read a peer's system/listServices; None when it is no list of services."""
    listed = list(answer.values()) if isinstance(answer, dict) else answer
    if not isinstance(listed, list):
        return None
    found: dict[str, RemoteService] = {}
    for row in listed[:MAX_SERVICES]:
        if not isinstance(row, dict) or str(row.get("apiversion", "")) != API_VERSION:
            continue
        name = clean(row.get("name", ""))
        # A Moodle lists a service twice when it is also ticked for "All hosts".
        before = found.get(name, RemoteService(publish=False, subscribe=False))
        found[name] = RemoteService(
            publish=before.publish or _is_ticked(row.get("publish")),
            subscribe=before.subscribe or _is_ticked(row.get("subscribe")),
        )
    return found


def services_step(
    name: str,
    *,
    published: Collection[str],
    subscribed: Collection[str],
    remote: Mapping[str, RemoteService],
    wwwroot: str,
) -> Step:
    """Compare what both sides ticked, and name each box that is missing and where.

    Only `schooltool` must be the same on both sides; of others a peer may tick what it likes,
    but what we tick must have its counterpart there.
    """
    there: list[str] = []
    here: dict[str, list[str]] = {"--publish": [], "--subscribe": []}
    no = RemoteService(publish=False, subscribe=False)
    for service in sorted({*published, *subscribed, SERVICE_SIS}):
        theirs = remote.get(service, no)
        label = SERVICE_NAMES.get(service, service)
        if service in published and not theirs.subscribe:
            there.append(f"Subscribe for {label}")
        if service in subscribed and not theirs.publish:
            there.append(f"Publish for {label}")
        if service == SERVICE_SIS and theirs.subscribe and service not in published:
            here["--publish"] = sorted({*published, service})
        if service == SERVICE_SIS and theirs.publish and service not in subscribed:
            here["--subscribe"] = sorted({*subscribed, service})
    missing = there + [f"{way.removeprefix('--')} {SERVICE_SIS} here" for way in here if here[way]]
    boxes = "On the peer: Site administration > Networking > Manage peers > (this site) > Services:"
    options = " ".join(f"{way} {','.join(names)}" for way, names in here.items() if names)
    ours = f"mnet-peer peer services {wwwroot} {options}"
    if missing:
        remedies = [f"{boxes} tick {' and tick '.join(there)}."] if there else []
        remedies += [f"Here: {ours}"] if options else []
        detail = f"Not the same on both sides; missing: {'; '.join(missing)}."
        return Step(name, ok=False, detail=detail, remedy=" ".join(remedies))
    if not published and not subscribed:
        label = SERVICE_NAMES[SERVICE_SIS]
        return Step(
            name,
            ok=False,
            detail="Nothing is published or subscribed on either side, so nothing can flow.",
            remedy=f"Here: mnet-peer peer services {wwwroot} --publish {SERVICE_SIS} --subscribe "
            f"{SERVICE_SIS}. {boxes} tick Publish and tick Subscribe for {label}.",
        )
    said = f"we publish {_listed(published)} and subscribe {_listed(subscribed)}"
    return Step(name, ok=True, detail=f"Both sides agree: {said}.")


def other_address(wwwroot: str) -> str:
    """Say what to do when a site's own address seems to be another than the one we know."""
    return (
        "Find the site's own address (its wwwroot: http or https, with or without www) on its "
        f"front page; then: mnet-peer peer rename {wwwroot} NEW-ADDRESS."
    )


def _our_key(ours: str) -> str:
    return (
        f"Site administration > Networking > Manage peers > {ours}: its certificate must be the "
        "one that mnet-peer key show tells."
    )


def _status_step(name: str, wwwroot: str, url: str, status: int, location: str) -> Step:
    if location:
        target = clean(urljoin(url, location))
        if _is_within(wwwroot, target):
            remedy = (
                "A login or another page stands in front of networking: let /mnet/ through "
                "without it, in the site and in proxies."
            )
        else:
            remedy = (
                "Probably the site's own address is another (www, https). "
                f"{other_address(wwwroot)} If not, a login page or proxy stands in front of it."
            )
        detail = f"The site redirects to {target} (HTTP status {status}); a peer never does."
        return Step(name, ok=False, detail=detail, remedy=remedy)
    detail = f"The site answered with HTTP status {status}."
    if status == _NOT_FOUND:
        remedy = (
            "Look whether the address has the right path (such as /moodle at its end) and the "
            f"right type (moodle or mahara). {NETWORKING_ON}"
        )
        return Step(
            name, ok=False, detail="There is no such page (HTTP status 404).", remedy=remedy
        )
    if status in _FORBIDDEN:
        remedy = f"Let this machine through to /mnet/ there (firewall, proxy). {NETWORKING_ON}"
    elif status >= _SERVER_ERROR:
        remedy = "Look into the web server's error log there; is the site in maintenance?"
    else:
        remedy = "Look at the web server and the proxies in front of it."
    return Step(name, ok=False, detail=detail, remedy=remedy)


def _is_within(wwwroot: str, target: str) -> bool:
    return target == wwwroot or target.startswith(wwwroot + "/")


def _is_ticked(flag: object) -> bool:
    return str(flag).strip().lower() in ("1", "true")


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
