"""Whether a Moodle has our plugin, and whether it is as new as this server. Pure.

Source: RULES R17, 1.9.
"""

from __future__ import annotations

from collections.abc import Collection

from mnet.protocol import DEFAULT_APPLICATION, SERVICE_SIS, Application
from mnet.stored_sentences import E_, english
from peers.verify_rules import Step

UPLOAD = E_(
    "Get the plugin here (page The Moodle plugin, or mnet-peer plugin FILE.zip). On the peer: Site "
    "administration > Plugins > Install plugins: upload it; then Site administration > Plugins > "
    "Local plugins > SchoolTool > Connect."
)


def is_missing(application: Application, wanted: Collection[str], listed: Collection[str]) -> bool:
    """Tell whether what is ticked here needs a plugin of which a Moodle says nothing.

    `listed` are the services that it lists: a Moodle leaves out what it does not know and also
    what nobody ever ticked for us.
    """
    return (
        application is DEFAULT_APPLICATION and SERVICE_SIS in wanted and SERVICE_SIS not in listed
    )


def missing_step(name: str) -> Step:
    """Say what to do about a Moodle that lists no service of ours; Connect ticks its boxes too."""
    return Step(
        name,
        ok=False,
        detail=english(
            "This Moodle does not know the service %(service)s, or never ticked it for this site.",
            service=SERVICE_SIS,
        ),
        remedy=english(
            "Where the plugin is there already, press Connect in its page. %(our_advice)s",
            our_advice=english(UPLOAD),
        ),
    )


def version_step(name: str, release: str | None, plugin: str, ours: str) -> Step:
    """Tell the peer's version, and its plugin's (empty when it does not tell) beside `ours`."""
    if not plugin:
        return Step(name, ok=True, detail=release or english("Offered, but it does not tell one."))
    detail = english("%(release)s, plugin %(plugin)s", release=release or "?", plugin=plugin)
    if not is_older(plugin, ours):
        return Step(name, ok=True, detail=detail)
    return Step(
        name,
        ok=False,
        detail=english(
            "%(our_detail)s, which is older than this server (%(ours)s)",
            our_detail=detail,
            ours=ours,
        ),
        remedy=english(UPLOAD),
    )


def is_older(release: str, than: str) -> bool:
    """Tell whether a release such as `0.9.1` comes before another; what is none never does."""
    try:
        return _numbers(release) < _numbers(than)
    except ValueError:
        return False


def _numbers(release: str) -> list[int]:
    return [int(part) for part in release.split(".")]
