"""Whether signing on is on at a Moodle: its page for landing shows it without a login.

From Moodle 5.0 on the page is there only with a plugin. Source: RULES R17; PROTOCOL.md section 11.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from urllib.parse import urlencode

from mnet.call_errors import CannotReach
from mnet.protocol import DEFAULT_APPLICATION, SERVICE_IDP, SERVICE_SP
from mnet.stored_sentences import E_, english
from mnet.transport import Page
from peers import sign_on
from peers.registry import Peer
from peers.verify_rules import Step
from peers.verify_services import LEFT_OUT_FROM, major_of

SIGN_ON = E_("signing on")
# A site that no Moodle knows, so that none asks anybody about the token.
_NOBODY = "https://nobody.invalid"
# What Moodle's pages have in every language: the name of this error, and the mark of any error.
_OFF, _ERROR = b"mnetdisable", b'data-rel="fatalerror"'
_NOT_FOUND = 404


def look(peer: Peer, fetch: Callable[[str], Page], release: str | None) -> Step:
    """Look at a peer's page for landing, where signing on is ticked here and it is a Moodle.

    `fetch` gets a page and may raise CannotReach; `release` is the peer's own word for its version,
    None when it did not tell.
    """
    published, subscribed = peer.services.published, peer.services.subscribed
    is_wanted = sign_on.may_jump(published, subscribed) or sign_on.may_land(published, subscribed)
    if not is_wanted or peer.application is not DEFAULT_APPLICATION:
        return Step(SIGN_ON, ok=True, detail=english("Does not apply: it is not ticked here."))
    # A landing that no site sent.
    query = urlencode({"token": "0", "idp": _NOBODY, "wantsurl": "/"})
    try:
        page = fetch(f"{peer.wwwroot}{peer.application.land}?{query}")
    except CannotReach:
        return Step(SIGN_ON, ok=True, detail=english("It could not be told."))
    return judged(page, release, wwwroot=peer.wwwroot, published=published, subscribed=subscribed)


def judged(
    page: Page,
    release: str | None,
    *,
    wwwroot: str,
    published: Collection[str],
    subscribed: Collection[str],
) -> Step:
    """Judge the page that a Moodle shows to a landing that no site sent. Pure.

    Every error page of Moodle has the status 404, so that alone says nothing. What cannot be told
    is no failure.
    """
    rest = [
        ",".join(sorted({*ticked} - {SERVICE_IDP, SERVICE_SP})) or "''"
        for ticked in (published, subscribed)
    ]
    untick = english(
        "Or untick it here: mnet-peer peer services %(peer)s --publish %(published)s --subscribe "
        "%(subscribed)s",
        peer=wwwroot,
        published=rest[0],
        subscribed=rest[1],
    )
    enable = english(
        "On the peer: Site administration > Plugins > Authentication > Manage authentication: "
        "enable MNet authentication."
    )
    if _OFF in page.body:
        return Step(
            SIGN_ON,
            ok=False,
            detail=english("Signing on is switched off there."),
            remedy=english("%(our_advice)s %(our_other)s", our_advice=enable, our_other=untick),
        )
    if _ERROR in page.body:
        return Step(SIGN_ON, ok=True, detail=english("It is switched on there."))
    major = major_of(release)
    if page.status == _NOT_FOUND and (major is None or major >= LEFT_OUT_FROM):
        plugin = english(
            "Moodle itself has it no more since 5.0, so it needs the plugin auth_mnet (mnet-peer "
            "plugin --sign-on FILE.zip)."
        )
        return Step(
            SIGN_ON,
            ok=False,
            detail=english("The page for signing on is not there (HTTP status 404)."),
            remedy=english(
                "%(our_first)s %(our_advice)s %(our_other)s",
                our_first=plugin,
                our_advice=enable,
                our_other=untick,
            ),
        )
    return Step(
        SIGN_ON,
        ok=True,
        detail=english("It could not be told (HTTP status %(status)s).", status=page.status),
    )
