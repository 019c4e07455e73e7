"""What a verification says of a peer's clock. Pure. Source: RULES R17."""

from __future__ import annotations

from mnet.protocol import MAX_DRIFT_S
from mnet.stored_sentences import E_, english
from peers.verify_rules import Step

# A drift that is on its way to MAX_DRIFT_S is pointed out from here.
WARN_DRIFT_S = 5


def clock_step(name: str, offset_s: float | None) -> Step:
    """Judge a peer's clock by how far it is ahead of ours (behind when below zero)."""
    if offset_s is None:
        return Step(name, ok=True, detail=english("The peer does not tell its time."))
    side = (
        E_("The peer's clock is %(size)s s ahead of ours")
        if offset_s > 0
        else E_("The peer's clock is %(size)s s behind ours")
    )
    size = f"{abs(offset_s):.0f}"
    message = english(side, size=size)
    if abs(offset_s) > MAX_DRIFT_S:
        return Step(
            name,
            ok=False,
            detail=english(
                "%(our_finding)s; a Moodle refuses more than %(most)s s.",
                our_finding=message,
                most=MAX_DRIFT_S,
            ),
            remedy=english(
                "Compare both clocks with a third one, and let the wrong one be set by NTP "
                "(timedatectl set-ntp true)."
            ),
        )
    if abs(offset_s) >= WARN_DRIFT_S:
        detail = english(
            "%(our_finding)s; soon too much, so let both be set by NTP.", our_finding=message
        )
        return Step(name, ok=True, detail=detail)
    return Step(name, ok=True, detail=english("Both clocks agree."))
