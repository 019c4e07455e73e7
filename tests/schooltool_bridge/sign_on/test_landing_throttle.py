"""Made-up tokens are bounded by address and by peer; those who land well are never kept waiting."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from mnet.connection_shares import address_group
from peers.journal import call_journal
from schooltool_bridge.sign_on import landing_throttle
from schooltool_bridge.sign_on.landing_throttle import (
    ADDRESS_FAILURES,
    ADDRESS_LEAK_S,
    MAX_ADDRESSES,
    PEER_FAILURES,
    WELL_KNOWN_S,
    LandingThrottle,
)
from tests.helpers.roaming import COOKIE, TERESA, code_of
from tests.helpers.visitor import Page
from tests.helpers.vouching import LandingSite, Voucher, land, landing_site

A = "http://a.example.org"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[LandingSite]:
    made = landing_site(tmp_path, A)
    assert land(made.browser(), made.vouchers[0].visit()).status == 403
    made.allow("teresa")
    yield made
    made.rig.app.database.close()


@pytest.fixture
def moodle(site: LandingSite) -> Voucher:
    return site.vouchers[0]


def forged(site: LandingSite, sender: str) -> Page:
    brought = {"token": "f" * 40, "idp": A, "wantsurl": "/me"}
    return land(site.browser(sender), brought)


def journal_rows(site: LandingSite) -> int:
    with site.rig.app.database.read() as connection:
        count = sa.select(sa.func.count()).select_from(call_journal)
        return int(connection.execute(count).scalar_one())


def is_in(page: Page) -> bool:
    return page.status == 303 and COOKIE in page.set_cookies


@pytest.mark.requirement("R24", "R25")
def test_who_makes_tokens_up_is_stopped_before_the_peer_is_asked(
    site: LandingSite, moodle: Voucher
) -> None:
    pages = [forged(site, "192.0.2.1") for _ in range(ADDRESS_FAILURES)]
    assert {code_of(page) for page in pages} == {"token-unknown"}
    asked = len(moodle.calls)
    before = journal_rows(site)
    page = forged(site, "192.0.2.1")
    assert (page.status, code_of(page)) == (429, "too-many-failed")
    assert "wait a minute" in page.text
    # Even a true token from there, until some have leaked away; from elsewhere at once.
    brought = moodle.visit()
    assert land(site.browser("192.0.2.1"), brought).status == 429
    assert len(moodle.calls) == asked
    assert journal_rows(site) == before
    assert is_in(land(site.browser("192.0.2.2"), moodle.visit()))
    site.rig.clock.now += ADDRESS_LEAK_S
    assert is_in(land(site.browser("192.0.2.1"), brought))


def test_a_class_behind_one_address_is_never_kept_waiting(
    site: LandingSite, moodle: Voucher
) -> None:
    for number in range(200):
        site.rig.clock.now += 0.3
        assert is_in(land(site.browser(), moodle.visit())), number
        # Not even beside somebody who plays with the address bar all the time.
        assert code_of(forged(site, "198.51.100.7")) == "token-unknown"


def test_a_peer_that_is_broken_keeps_nobody_waiting_afterwards(
    site: LandingSite, moodle: Voucher
) -> None:
    moodle.forged = b"<html>Error establishing a database connection"
    for _number in range(ADDRESS_FAILURES + 1):
        assert code_of(land(site.browser(), moodle.visit())) == "idp-fault"
    moodle.forged = None
    assert is_in(land(site.browser(), moodle.visit()))


def test_from_many_addresses_a_peer_is_asked_no_more_than_it_bears(
    site: LandingSite, moodle: Voucher
) -> None:
    assert is_in(land(site.browser("198.51.100.7"), moodle.visit()))
    for number in range(PEER_FAILURES):
        assert code_of(forged(site, f"10.0.{number // 256}.{number % 256}")) == "token-unknown"
    assert forged(site, "10.9.9.9").status == 429
    # Where somebody landed well lately, nobody notices.
    assert is_in(land(site.browser("198.51.100.7"), moodle.visit(TERESA)))


def test_a_good_address_is_forgotten_in_time() -> None:
    throttle = LandingThrottle()
    throttle.succeeded("192.0.2.1", 1, 0.0)
    for number in range(PEER_FAILURES):
        throttle.failed(f"10.0.{number // 256}.{number % 256}", 1, WELL_KNOWN_S)
    assert not throttle.may_ask("192.0.2.1", 1, WELL_KNOWN_S)
    assert throttle.may_ask("192.0.2.1", 2, WELL_KNOWN_S)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_throttle, "MAX_ADDRESSES", 10)
    throttle = LandingThrottle()
    for number in range(50):
        throttle.failed(f"10.0.0.{number}", 1, float(number))
        throttle.succeeded(f"10.0.1.{number}", 2, float(number))
    assert (len(throttle._addresses), len(throttle._well_known)) == (10, 10)
    assert MAX_ADDRESSES * 1000 < 20_000_000


@pytest.mark.parametrize(
    ("sender", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("no address", "no address"),
        ("", ""),
    ],
)
def test_an_address_counts_as_one_however_it_is_written(sender: str, place: str) -> None:
    assert address_group(sender) == place


def test_a_whole_network_of_ipv6_counts_as_one_address() -> None:
    assert address_group("2001:db8:1:2::1") == address_group("2001:db8:1:2:ffff::9")
    assert address_group("2001:db8:1:2::1") != address_group("2001:db8:1:3::1")


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["failed", "succeeded", "ask"]), st.floats(-50, 500)),
        max_size=200,
    )
)
def test_no_more_questions_than_the_bucket_holds_and_leaks(
    steps: list[tuple[str, float]],
) -> None:
    """Whatever comes in whatever order, also when the clock is set back."""
    throttle, now, ahead = LandingThrottle(), 1e9, 0.0
    failures = successes = 0
    for what, later_s in steps:
        now += later_s
        ahead += max(0.0, later_s)
        if not throttle.may_ask("192.0.2.1", 1, now):
            assert failures >= ADDRESS_FAILURES - 1
            continue
        if what == "failed":
            throttle.failed("192.0.2.1", 1, now)
            failures += 1
        elif what == "succeeded":
            throttle.succeeded("192.0.2.1", 1, now)
            successes += 1
        assert failures <= ADDRESS_FAILURES + ahead / ADDRESS_LEAK_S + successes
