"""What a verification says of a peer's clock. Pure. Source: requirements R17."""

from __future__ import annotations

from mnet.language import N_, _
from mnet.protocol import MAX_DRIFT_S
from peers.verify_rules import Step

# A drift that is on its way to MAX_DRIFT_S is pointed out from here.
WARN_DRIFT_S = 5


def clock_step(name: str, offset_s: float | None) -> Step:
    """Judge a peer's clock by how far it is ahead of ours (behind when below zero)."""
    if offset_s is None:
        return Step(name, ok=True, detail=_("The peer does not tell its time."))
    side = (
        N_("The peer's clock is %(size)s s ahead of ours")
        if offset_s > 0
        else N_("The peer's clock is %(size)s s behind ours")
    )
    size = f"{abs(offset_s):.0f}"
    said = _(side, size=size)
    if abs(offset_s) > MAX_DRIFT_S:
        return Step(
            name,
            ok=False,
            detail=_(
                "%(said)s; a Moodle refuses more than %(most)s s.", said=said, most=MAX_DRIFT_S
            ),
            remedy=_(
                "Compare both clocks with a third one, and let the wrong one be set by NTP "
                "(timedatectl set-ntp true)."
            ),
        )
    if abs(offset_s) >= WARN_DRIFT_S:
        detail = _("%(said)s; soon too much, so let both be set by NTP.", said=said)
        return Step(name, ok=True, detail=detail)
    return Step(name, ok=True, detail=_("Both clocks agree."))
