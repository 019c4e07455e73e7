"""What a whole walk leaves out: how much of that a run may apply by itself, and when it must ask.

Pure. Source: RULES 1.10 (preview first).
"""

from __future__ import annotations

from dataclasses import dataclass

from mnet.stored_sentences import E_, english

# The policy `absences`: always ask, or above a small number.
PREVIEW, SMALL = "preview", "small"
ASK_ABOVE_ROWS = 20
ASK_ABOVE_PER_CENT = 10
# So few never need to be asked about.
NEVER_FOR_ROWS = 3

FIRST = E_("it is the first complete list of this kind")
NEW_SCOPE = E_("what the peer sends has changed since the last one (its scope)")
EMPTY = E_("the list is empty")
ALWAYS = E_("the policy absences says so")
MANY = E_("%(count)s of %(num)s would be withdrawn or marked as missing")
MANY_OF_MORE = E_(
    "%(all)s of %(num)s are missing: %(count)s by themselves, the others only with something else "
    "that is, or since before"
)


@dataclass(frozen=True, slots=True)
class Absences:
    """What one whole walk leaves out."""

    # Which we hold of this peer and kind, before anything is taken away.
    held: int
    # Which the walk listed.
    listed: int
    # Not listed, and not known as missing before.
    missing: int
    # Of these, which are not missing only because something else is (following.py).
    by_themselves: int
    # All that is not listed, also what was known as missing before: as a run counts them.
    not_listed: int
    # The scope of before, None for the first complete walk, and of this one.
    scope_before: str | None
    scope: str


def why_ask(policy: str, found: Absences) -> str:
    """Return why a person must confirm first what is missing; empty when nobody must."""
    alone = found.by_themselves
    many = alone > NEVER_FOR_ROWS and is_many(alone, found.held)
    reasons = {
        FIRST: found.scope_before is None,
        NEW_SCOPE: found.scope_before != found.scope,
        EMPTY: not found.listed,
        ALWAYS: policy == PREVIEW,
        _many(found): many,
    }
    return next((why for why, holds in reasons.items() if found.missing and holds), "")


def _many(found: Absences) -> str:
    """Say how many are missing, and as many as a run's table has where not all of them count."""
    if found.by_themselves == found.not_listed:
        return english(MANY, count=found.by_themselves, num=found.held)
    return english(MANY_OF_MORE, all=found.not_listed, num=found.held, count=found.by_themselves)


def is_many(missing: int, held: int) -> bool:
    """Tell whether so many are more than 20, or more than 10 per cent of what is held."""
    return missing > ASK_ABOVE_ROWS or missing * 100 > held * ASK_ABOVE_PER_CENT
