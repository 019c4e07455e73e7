"""Which boxes have to be ticked on the other side, in the other side's own words. Pure.

What we publish the other side subscribes to, and the other way round; the names are those that
a Moodle shows its admin. Source: RULES 1.2, R12.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mnet.language import N_
from mnet.protocol import SERVICE_ENROL, SERVICE_IDP, SERVICE_SIS, SERVICE_SP, SERVICES
from peers.verify_rules import SERVICE_NAMES

MEANINGS = {
    SERVICE_SIS: N_(
        "People, sections, enrolments, assessments and grades come from the Moodle. It shows this "
        "service only with a plugin that knows it."
    ),
    SERVICE_IDP: N_("This side vouches for its users when they go over to the other."),
    SERVICE_SP: N_("This side lets the other's users in."),
    SERVICE_ENROL: N_("Enrolling people into courses over there."),
}
WHERE = N_("Site administration > Networking > Manage peers")


@dataclass(frozen=True, slots=True)
class Preset:
    """A ready choice of services."""

    key: str
    title: str
    text: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


PRESETS = (
    Preset(
        "moodle-users",
        N_("Users come from Moodle"),
        N_(
            "The Moodle sends people, sections, enrolments and grades; its users may be let in "
            "here."
        ),
        (SERVICE_SIS, SERVICE_SP),
        (SERVICE_SIS, SERVICE_IDP),
    ),
    Preset(
        "both-ways",
        N_("Both ways"),
        N_("As above, and our people may go over to the Moodle."),
        (SERVICE_SIS, SERVICE_SP, SERVICE_IDP),
        (SERVICE_SIS, SERVICE_IDP, SERVICE_SP),
    ),
    Preset(
        "courses",
        N_("Both ways, and its courses"),
        N_("As above, and our people may be enrolled over there. Moodle has this up to 4.5."),
        (SERVICE_SIS, SERVICE_SP, SERVICE_IDP),
        (SERVICE_SIS, SERVICE_IDP, SERVICE_SP, SERVICE_ENROL),
    ),
)
CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Box:
    """One box on the other side."""

    service: str
    name: str
    publish: bool
    subscribe: bool


def boxes(published: Collection[str], subscribed: Collection[str]) -> list[Box]:
    """Return which boxes the other side's admin has to tick, for what we publish and subscribe."""
    return [
        Box(name, SERVICE_NAMES[name], publish=name in subscribed, subscribe=name in published)
        for name in SERVICES
        if name in published or name in subscribed
    ]


def preset_of(published: Collection[str], subscribed: Collection[str]) -> str:
    """Return the key of the preset that a choice is, or CUSTOM."""
    for preset in PRESETS:
        if set(preset.publish) == set(published) and set(preset.subscribe) == set(subscribed):
            return preset.key
    return CUSTOM
