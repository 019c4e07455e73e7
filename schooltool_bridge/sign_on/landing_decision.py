"""May somebody land: the decision alone, from facts that others read. Pure.

Everything else of a landing reads (who is it) or writes (a session). Each refusal is a code of
landing_refusals.WORDS. Source: RULES 1.7, R24-R30.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

LET_IN, ASK_FIRST = "let in", "ask first"


class SignedIn(Enum):
    """Who is signed in here in the browser that somebody comes with."""

    NOBODY = "nobody"
    THEMSELVES = "themselves"
    SOMEBODY_ELSE = "somebody else"


@dataclass(frozen=True, slots=True)
class Provider:
    """What is so of the peer that vouches."""

    is_enabled: bool
    # Both sides ticked the services of sign-on.
    has_services: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What is so of the person for whom a peer vouched."""

    # The user name is an admin's: such an account is never signed in by a peer.
    is_admins_name: bool
    # They are what the peer's policy land_roles lists.
    has_listed_role: bool
    # The link of this peer and this person may sign in.
    has_right: bool
    signed_in: SignedIn


def refuses(provider: Provider | None) -> str:
    """Return why a peer may not vouch for anybody: a refusal's code, empty for none.

    None stands for a peer that is not known here.
    """
    if provider is None:
        return "idp-unknown"
    if not provider.is_enabled:
        return "idp-off"
    return "" if provider.has_services else "idp-services"


def decide(standing: Standing) -> str:
    """Return LET_IN, ASK_FIRST where somebody else is signed in, or a refusal's code."""
    if standing.is_admins_name:
        return "person-admin"
    if not standing.has_listed_role:
        return "role-denied"
    if not standing.has_right:
        return "no-right"
    return ASK_FIRST if standing.signed_in is SignedIn.SOMEBODY_ELSE else LET_IN
