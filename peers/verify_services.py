"""Whether both sides ticked the same services, and which box is missing where. Pure.

Source: RULES R17; PROTOCOL.md section 6.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from mnet.protocol import (
    API_VERSION,
    SERVICE_ENROL,
    SERVICE_IDP,
    SERVICE_SIS,
    SERVICE_SP,
)
from mnet.stored_sentences import E_, english, joined
from mnet.xmlrpc import Value
from peers import sign_on
from peers.verify_rules import SERVICE_NAMES, RemoteService, Step, clean

# A site has a handful of services; what comes after so many is not looked at.
MAX_SERVICES = 200
# A Mahara's words for our people going there, and its coming here; and its services for each.
_MAHARA_WAYS = {
    "They SSO in": {"sso_in", SERVICE_SP},
    "We SSO out": {"sso_out", SERVICE_IDP},
}
# What Moodle itself has no more from this major release on (auth_mnet and enrol_mnet).
LEFT_OUT_FROM = 5
_MAJOR_DIGITS = 2  # a longer number is no release but a build, such as 2025041403
_LEFT_OUT = frozenset({SERVICE_IDP, SERVICE_SP, SERVICE_ENROL})
_BOTH = f"{SERVICE_IDP},{SERVICE_SP}"
MAHARA_DIRECTION = E_(
    "Administration menu > Institutions > Settings > (the institution) > Authentication plugins > "
    "XML-RPC of this site: SSO direction."
)


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


def major_of(release: str | None) -> int | None:
    """Return the first number of a release, such as 5 of "5.1.3"; None when nobody knows it."""
    major = (release or "").partition(".")[0]
    is_number = major.isascii() and major.isdecimal() and len(major) <= _MAJOR_DIGITS
    return int(major) if is_number else None


def left_out(
    wanted: Collection[str], remote: Collection[str] | None, release: str | None
) -> list[str]:
    """Return which of these services a Moodle of this release has only with a plugin.

    None when it lists them (`remote`), or when nobody knows what it lists or its release.
    """
    major = major_of(release)
    if remote is None or major is None or major < LEFT_OUT_FROM:
        return []
    return sorted(_LEFT_OUT & {*wanted} - {*remote})


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
            there.append(english("Subscribe for %(service)s", service=label))
        if service in subscribed and not theirs.publish:
            there.append(english("Publish for %(service)s", service=label))
        if service == SERVICE_SIS and theirs.subscribe and service not in published:
            here["--publish"] = sorted({*published, service})
        if service == SERVICE_SIS and theirs.publish and service not in subscribed:
            here["--subscribe"] = sorted({*subscribed, service})
    ways = {
        "--publish": E_("publish %(service)s here"),
        "--subscribe": E_("subscribe %(service)s here"),
    }
    missing = there + [english(ways[way], service=SERVICE_SIS) for way in here if here[way]]
    options = " ".join(f"{way} {','.join(names)}" for way, names in here.items() if names)
    ours = f"mnet-peer peer services {wwwroot} {options}"
    if missing:
        boxes = joined(E_("%(our_first)s; %(our_others)s"), missing)
        detail = english("Not the same on both sides; missing: %(our_boxes)s.", our_boxes=boxes)
        here_too = english("Here: %(command)s", command=ours)
        if not there:
            return Step(name, ok=False, detail=detail, remedy=here_too)
        ticks = joined(E_("%(our_first)s and tick %(our_others)s"), there)
        remedy = english(
            "On the peer: Site administration > Networking > Manage peers > (this site) > "
            "Services: tick %(our_boxes)s.",
            our_boxes=ticks,
        )
        if options:
            remedy = english("%(our_advice)s Here: %(command)s", our_advice=remedy, command=ours)
        return Step(name, ok=False, detail=detail, remedy=remedy)
    if not published and not subscribed:
        label = SERVICE_NAMES[SERVICE_SIS]
        return Step(
            name,
            ok=False,
            detail=english(
                "Nothing is published or subscribed on either side, so nothing can flow."
            ),
            remedy=english(
                "Here: mnet-peer peer services %(peer)s --publish %(service)s --subscribe "
                "%(service)s. On the peer: Site administration > Networking > Manage peers > "
                "(this site) > Services: tick Publish and tick Subscribe for %(label)s.",
                peer=wwwroot,
                service=SERVICE_SIS,
                label=label,
            ),
        )
    detail = english(
        "Both sides agree: we publish %(our_published)s and subscribe %(our_subscribed)s.",
        our_published=_listed(published),
        our_subscribed=_listed(subscribed),
    )
    return Step(name, ok=True, detail=detail)


def lacking_step(
    name: str,
    lacks: Collection[str],
    *,
    published: Collection[str],
    subscribed: Collection[str],
    wwwroot: str,
) -> Step:
    """Say that a Moodle has some services no more; other boxes are named once they are gone."""
    labels = ", ".join(SERVICE_NAMES[service] for service in lacks)
    rest = [",".join(sorted({*ticked} - {*lacks})) or "''" for ticked in (published, subscribed)]
    return Step(
        name,
        ok=False,
        detail=english(
            "Moodle itself has these no more since 5.0, and the peer lists none of them: "
            "%(services)s.",
            services=labels,
        ),
        remedy=english(
            "They need a plugin there, and then their boxes ticked (signing on: mnet-peer plugin "
            "--sign-on FILE.zip). Without one untick them here: "
            "mnet-peer peer services %(peer)s --publish %(published)s --subscribe %(subscribed)s",
            peer=wwwroot,
            published=rest[0],
            subscribed=rest[1],
        ),
    )


def mahara_ways(published: Collection[str], subscribed: Collection[str]) -> list[str]:
    """Return Mahara's own words for the ways of signing on that are ticked here."""
    may = (sign_on.may_jump(published, subscribed), sign_on.may_land(published, subscribed))
    return [way for way, is_ticked in zip(_MAHARA_WAYS, may, strict=True) if is_ticked]


def mahara_step(
    name: str,
    *,
    published: Collection[str],
    subscribed: Collection[str],
    remote: Mapping[str, RemoteService],
    wwwroot: str,
) -> Step:
    """Judge a Mahara, which lists what it can do by its own names and never what was ticked."""
    ways = mahara_ways(published, subscribed)
    others = sorted({*published, *subscribed} - {SERVICE_IDP, SERVICE_SP})
    missing = [way for way in ways if not remote.keys() & _MAHARA_WAYS[way]]
    if missing:
        return Step(
            name,
            ok=False,
            detail=english("The Mahara's services lack: %(ways)s.", ways=", ".join(missing)),
            remedy=english(
                "Update the Mahara; then: %(our_place)s", our_place=english(MAHARA_DIRECTION)
            ),
        )
    if not ways and not remote.keys() & {*others}:
        return Step(
            name,
            ok=False,
            detail=english("Nothing that a Mahara knows is ticked here, so nothing can flow."),
            remedy=english(
                "Here: mnet-peer peer services %(peer)s --publish %(both)s --subscribe %(both)s. "
                "On the peer: %(our_place)s",
                peer=wwwroot,
                both=_BOTH,
                our_place=english(MAHARA_DIRECTION),
            ),
        )
    shown = ", ".join([*ways, *(service for service in others if service in remote)])
    detail = english(
        "It can do what is ticked here: %(ways)s. A Mahara does not tell whether it was told to; "
        "that stands there: %(our_place)s",
        ways=shown,
        our_place=english(MAHARA_DIRECTION),
    )
    unknown = [service for service in others if service not in remote]
    if unknown:
        detail = english(
            "%(our_detail)s It knows no %(names)s.", our_detail=detail, names=", ".join(unknown)
        )
    return Step(name, ok=True, detail=detail)


def _is_ticked(flag: object) -> bool:
    return str(flag).strip().lower() in ("1", "true")


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or english("nothing")
