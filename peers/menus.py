"""Where things are in the other side's own menus, by its application type. Pure.

As Moodle 3.11 to 5.1 and Mahara 22.10 call them in English. Source: RULES R13, R17.
"""

from __future__ import annotations

from dataclasses import dataclass

from mnet.protocol import APPLICATIONS, Application
from mnet.stored_sentences import E_


@dataclass(frozen=True, slots=True)
class Menus:
    """Sentences for an admin over there; %(ours)s is our wwwroot, %(service)s a service's name."""

    networking_on: str
    add_us: str
    our_key: str
    new_key: str
    show_key: str
    not_offered: str


_MOODLE = Menus(
    networking_on=E_(
        "On the peer: Site administration > Advanced features: tick Networking; then Site "
        "administration > Networking > Settings: Networking on."
    ),
    add_us=E_(
        "The peer does not know this site. On the peer: Site administration > Networking > Manage "
        "peers: add exactly %(ours)s (http or https, with or without www, no slash at its end)."
    ),
    our_key=E_(
        "Site administration > Networking > Manage peers > %(ours)s: its certificate must be the "
        "one that mnet-peer key show tells."
    ),
    new_key=E_(
        "On the peer: Site administration > Networking > Settings: Delete key makes a new one."
    ),
    show_key=E_("Site administration > Networking > Settings"),
    not_offered=E_(
        "The peer does not offer us this. On the peer: look whether the plugin is installed and up "
        "to date, then Site administration > Networking > Manage peers > (this site) > Services: "
        "tick Publish for %(service)s."
    ),
)
_MAHARA = Menus(
    networking_on=E_(
        "On the peer: Administration menu > Configure site > Networking: Enable networking."
    ),
    add_us=E_(
        "The peer does not know this site. On the peer: Administration menu > Institutions > "
        "Settings > (the institution): add the authentication plugin XML-RPC with exactly %(ours)s "
        "as WWW root and Moodle as application."
    ),
    our_key=E_(
        "Administration menu > Institutions > Settings > (the institution) > XML-RPC of %(ours)s: "
        "its public key must be the one that mnet-peer key show tells."
    ),
    new_key=E_(
        "On the peer: Administration menu > Configure site > Networking: Delete this key makes a "
        "new one."
    ),
    show_key=E_("Administration menu > Configure site > Networking"),
    not_offered=E_(
        "The peer does not offer us this. On the peer: Administration menu > Institutions > "
        "Settings > (the institution) > XML-RPC of this site: look at SSO direction."
    ),
)


def of(application: Application) -> Menus:
    """Return the words of a site's type."""
    return _MAHARA if application is APPLICATIONS["mahara"] else _MOODLE
