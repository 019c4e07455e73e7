"""Who may land: the decision as a table of cases, each with the words that its page says."""

from __future__ import annotations

import itertools

import pytest

from schooltool_bridge.sign_on.landing_decision import (
    ASK_FIRST,
    LET_IN,
    Provider,
    SignedIn,
    Standing,
    decide,
    refuses,
)
from schooltool_bridge.sign_on.landing_refusals import WORDS

NOBODY, THEMSELVES, SOMEBODY_ELSE = SignedIn
YES, NO = True, False


@pytest.mark.requirement("R28", "R29")
@pytest.mark.parametrize(
    ("is_admins_name", "has_listed_role", "has_right", "signed_in", "expected"),
    [
        (NO, YES, YES, NOBODY, LET_IN),
        (NO, YES, YES, THEMSELVES, LET_IN),
        (NO, YES, YES, SOMEBODY_ELSE, ASK_FIRST),
        # An admin's account is never signed in by a peer, whatever else is so.
        (YES, YES, YES, NOBODY, "person-admin"),
        (YES, NO, NO, SOMEBODY_ELSE, "person-admin"),
        (YES, YES, NO, THEMSELVES, "person-admin"),
        # What the school lets land at all comes before the right of one person.
        (NO, NO, YES, NOBODY, "role-denied"),
        (NO, NO, NO, NOBODY, "role-denied"),
        (NO, NO, YES, SOMEBODY_ELSE, "role-denied"),
        (NO, YES, NO, NOBODY, "no-right"),
        (NO, YES, NO, THEMSELVES, "no-right"),
        (NO, YES, NO, SOMEBODY_ELSE, "no-right"),
    ],
)
def test_who_may_land(
    *, is_admins_name: bool, has_listed_role: bool, has_right: bool, signed_in: SignedIn,
    expected: str,
) -> None:  # fmt: skip
    standing = Standing(
        is_admins_name=is_admins_name, has_listed_role=has_listed_role, has_right=has_right,
        signed_in=signed_in,
    )  # fmt: skip
    assert decide(standing) == expected


def test_nobody_is_let_in_but_with_all_three() -> None:
    let_in = set()
    for admin, role, right, before in itertools.product((YES, NO), (YES, NO), (YES, NO), SignedIn):
        found = decide(
            Standing(is_admins_name=admin, has_listed_role=role, has_right=right, signed_in=before)
        )
        if found in (LET_IN, ASK_FIRST):
            let_in.add((admin, role, right))
        else:
            assert found in WORDS
    assert let_in == {(NO, YES, YES)}


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        (Provider(is_enabled=YES, has_services=YES), ""),
        (Provider(is_enabled=YES, has_services=NO), "idp-services"),
        (Provider(is_enabled=NO, has_services=YES), "idp-off"),
        (Provider(is_enabled=NO, has_services=NO), "idp-off"),
        (None, "idp-unknown"),
    ],
)
def test_which_peer_may_vouch(provider: Provider | None, expected: str) -> None:
    assert refuses(provider) == expected
