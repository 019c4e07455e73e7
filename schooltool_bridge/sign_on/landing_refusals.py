"""Why somebody who came by sign-on was not let in: a code, what they read, what they can do. Pure.

The code stands on the page and in the log, with one more number that is this landing's own.
Nothing that the other side wrote is in these texts but its name. Source: RULES R28;
manual/signing-on.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mnet.language import N_
from peers.registry import Peer


@dataclass(frozen=True, slots=True)
class Words:
    """A page's status, what happened, what to do; %(site)s is the other site's name."""

    status: int
    what: str
    # Sentences.
    todo: tuple[str, ...]


AGAIN = (N_("Go back to %(site)s and click the link to this site again."),)
OFFICE = (N_("Please ask the school office, and give them the code below."),)
WAIT = (N_("Please wait a minute."), *AGAIN)

WORDS = {
    "query-long": Words(400, N_("The address that brought you here is too long."), OFFICE),
    "query-twice": Words(
        400, N_("The address that brought you here names something twice."), OFFICE
    ),
    "query-unreadable": Words(400, N_("The address that brought you here is no text."), OFFICE),
    "token-missing": Words(400, N_("The address that brought you here lacks its token."), AGAIN),
    "token-malformed": Words(400, N_("The token in the address is damaged."), AGAIN),
    "idp-missing": Words(400, N_("The address does not say which site you come from."), OFFICE),
    "idp-malformed": Words(400, N_("The address of the site you come from is damaged."), OFFICE),
    "idp-unknown": Words(403, N_("The site that you come from is not known here."), OFFICE),
    "wantsurl-missing": Words(400, N_("The address does not say where you want to go."), AGAIN),
    "wantsurl-outside": Words(
        400, N_("The link wants to lead you to another site, which is not done from here."), OFFICE
    ),
    "idp-off": Words(403, N_("Signing on from %(site)s is switched off here."), OFFICE),
    "idp-services": Words(
        403,
        N_("Signing on from %(site)s is not set up here."),
        (N_("Its admin and ours have to tick the services for it."), *OFFICE),
    ),
    "idp-unreachable": Words(
        503, N_("%(site)s did not answer when we asked who you are."), WAIT
    ),
    "idp-rests": Words(
        503,
        N_("%(site)s did not answer several times just now, so it is not asked at the moment."),
        WAIT,
    ),
    "idp-busy": Words(
        503,
        N_("So many come from %(site)s at this moment that it could not tell us in time who you "
        "are."),
        WAIT,
    ),
    "idp-fault": Words(502, N_("%(site)s could not tell us who you are."), OFFICE),
    "idp-refuses": Words(403, N_("%(site)s does not let its users come here."), OFFICE),
    "token-used": Words(403, N_("This link was used already; each works once."), AGAIN),
    "token-unknown": Words(
        403,
        N_("%(site)s does not know about this visit. That happens when another browser opens the "
        "link, or when you signed out there."),
        AGAIN,
    ),
    "token-late": Words(403, N_("This link is too old; it works for half a minute."), AGAIN),
    "too-many-failed": Words(
        429,
        N_(
            "Too many links to this site from %(site)s did not work lately, here or in your "
            "network."
        ),
        WAIT,
    ),
    "answer-incomplete": Words(
        502,
        N_(
            "%(site)s told us too little about you; we need your user name, first name and last "
            "name."
        ),
        (N_("Please complete your profile there."), *AGAIN),
    ),
    "person-conflict": Words(
        409, N_("There is another person here whom you could be mistaken for."), OFFICE
    ),
    "person-unknown": Words(
        403, N_("You are not known here, and %(site)s may bring nobody new."), OFFICE
    ),
    "admin-other": Words(
        403,
        N_("Somebody else is signed in in this browser."),
        (N_("Sign out here first; then follow the link at %(site)s again."),),
    ),
    "person-admin": Words(
        403,
        N_("Your account looks after this site; such an account never signs in from another site."),
        (N_("Sign in here with your own password."),),
    ),
    "role-denied": Words(
        403,
        N_(
            "%(site)s told us who you are. Whoever is at this school what you are - student, "
            "teacher or neither - does not sign in here from there."
        ),
        (
            N_(
                "If you think that this is wrong, please ask the school office, and give them the "
                "code below."
            ),
        ),
    ),
    "no-right": Words(
        403,
        N_("%(site)s told us who you are, and your account is ready. It may not sign in here yet: "
        "that is for the school office to allow."),
        (N_("Please ask the school office for it, then click the link at %(site)s again."),),
    ),
}  # fmt: skip


class LandingRefused(Exception):
    """Somebody was not let in; `reason` is for the log alone."""

    def __init__(
        self,
        code: str,
        peer: Peer | None = None,
        reason: str = "",
        *,
        name: str = "",
        afterwards: tuple[Callable[[], object], ...] = (),
    ) -> None:
        """Keep why, by the code's words; whom the peer named; what is still to be done."""
        super().__init__(code)
        self.code = code
        self.peer = peer
        self.reason = reason
        self.name = name
        self.afterwards = afterwards
        self.words = WORDS[code]
