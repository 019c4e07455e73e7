"""Landings that are refused, each with its page and code, and where no landing leads."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peers import store
from schooltool_bridge.sign_on.landing_reading import read_arrival
from schooltool_bridge.sign_on.landing_refusals import LandingRefused
from schooltool_bridge.sign_on.landing_throttle import ADDRESS_FAILURES
from tests.helpers.moodle import Moodle
from tests.helpers.roaming import (
    AGENT,
    COOKIE,
    LAND,
    SERVICES,
    allowed,
    befriend,
    browser,
    code_of,
    fresh,
    is_in,
    land,
    pem_of,
    set_services,
    set_state,
    sha1,
    site_in,
    user,
    visit,
)
from tests.helpers.site import Site


@pytest.mark.requirement("R24", "R25", "R33")
@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"token": ""}, 400, "token-missing"),
        ({"token": "a b"}, 400, "token-malformed"),
        ({"token": "a" * 65}, 400, "token-malformed"),
        ({"token": "f" * 40}, 403, "token-unknown"),
        ({"idp": ""}, 400, "idp-missing"),
        ({"idp": "x\ny"}, 400, "idp-malformed"),
        ({"idp": "http://evil.example.org"}, 403, "idp-unknown"),
        ({"wantsurl": None}, 400, "wantsurl-missing"),
        ({"wantsurl": "//evil.example.org/"}, 400, "wantsurl-outside"),
        ({"wantsurl": "https://evil.example.org/"}, 400, "wantsurl-outside"),
        ({"wantsurl": "/\\evil.example.org"}, 400, "wantsurl-outside"),
        ({"wantsurl": "/a/../../b"}, 400, "wantsurl-outside"),
        ({"wantsurl": "/x" * 3000}, 400, "query-long"),
    ],
)
def test_each_wrong_parameter_has_a_page_of_its_own(
    change: dict[str, str | None], status: int, code: str, site: Site, moodle: Moodle
) -> None:
    name = fresh()
    allowed(site, moodle, name)
    brought = {k: v for k, v in {**visit(moodle, user(name)), **change}.items() if v is not None}
    page = land(browser(site), brought)
    assert (page.status, code_of(page)) == (status, code)
    assert COOKIE not in page.set_cookies
    number = page.tree.xpath("//main//code/text()")[-1].split()[1]
    assert number in site.log()


def test_a_parameter_that_comes_twice_or_is_no_text_is_refused(site: Site, moodle: Moodle) -> None:
    name = fresh()
    allowed(site, moodle, name)
    query = "&".join(f"{k}={v}" for k, v in visit(moodle, user(name)).items())
    assert code_of(land(browser(site), query + "&token=x")) == "query-twice"
    assert code_of(land(browser(site), query + "&more=%ff")) == "query-unreadable"
    assert is_in(land(browser(site), query + "&more=x"))


@pytest.mark.parametrize(
    ("fault", "code"), [(2, "token-late"), (3, "idp-fault"), (702, "idp-refuses")]
)
def test_what_the_moodle_refuses_is_said_in_plain_words(
    fault: int, code: str, site: Site, moodle: Moodle
) -> None:
    brought = visit(moodle, fault)
    page = land(browser(site), brought)
    assert code_of(page) == code
    # It let nobody in, so that the Moodle may still change its mind.
    moodle.visits[brought["token"]] = (sha1(AGENT), user(fresh()))
    assert code_of(land(browser(site), brought)) == "no-right"


@pytest.mark.parametrize("missing", ["username", "firstname", "lastname"])
def test_a_moodle_that_tells_too_little_is_named(missing: str, site: Site, moodle: Moodle) -> None:
    page = land(browser(site), visit(moodle, {**user(fresh()), missing: ""}))
    assert (page.status, code_of(page)) == (502, "answer-incomplete")


@pytest.mark.parametrize(
    ("server", "body"), [((500, ""), None), ((303, "/login"), None), ((200, ""), b"<html>Oops")]
)
def test_a_moodle_that_answers_wrongly_is_not_called_out_of_reach_and_the_click_works_later(
    server: tuple[int, str], body: bytes | None, site: Site, moodle: Moodle
) -> None:
    name = fresh()
    allowed(site, moodle, name)
    brought = visit(moodle, user(name))
    moodle.server, moodle.body = server, body
    # Nobody made a token up, so however often that happens nobody is kept waiting for it.
    for _number in range(ADDRESS_FAILURES + 1):
        page = land(browser(site), brought)
        assert (page.status, code_of(page)) == (502, "idp-fault")
    moodle.server, moodle.body = (200, ""), None
    assert is_in(land(browser(site), brought))


def test_a_moodle_out_of_reach_is_named_and_the_click_works_later(site: Site) -> None:
    name = fresh()
    with Moodle(site.wwwroot, pem_of(site)) as moodle:
        befriend(site, moodle)
        allowed(site, moodle, name)
        brought = visit(moodle, user(name))
    page = land(browser(site), brought)
    assert (page.status, code_of(page)) == (503, "idp-unreachable")
    again = Moodle(site.wwwroot, pem_of(site), port=urlsplit(moodle.wwwroot).port or 0)
    again.fake, again.visits = moodle.fake, moodle.visits
    with again:
        assert is_in(land(browser(site), brought))


@pytest.mark.requirement("R35")
def test_only_a_peer_with_both_services_and_switched_on_may_vouch(
    site: Site, broken: tuple[Moodle, int]
) -> None:
    name, (moodle, peer_id) = fresh(), broken
    allowed(site, moodle, name)
    for services in ((("sso_idp",), SERVICES[1]), (SERVICES[0], ("sso_sp",))):
        set_services(site, peer_id, *services)
        assert code_of(land(browser(site), visit(moodle, user(name)))) == "idp-services"
        set_services(site, peer_id, *SERVICES)
    set_state(site, peer_id, store.DISABLED)
    assert code_of(land(browser(site), visit(moodle, user(name)))) == "idp-off"
    set_state(site, peer_id, store.DELETED)
    assert code_of(land(browser(site), visit(moodle, user(name)))) == "idp-unknown"


def test_a_peer_that_asks_for_its_users_back_does_not_get_a_redirect(
    site: Site, moodle: Moodle
) -> None:
    name = fresh()
    allowed(site, moodle, name)
    brought = visit(moodle, user(name), wantsurl="/@evil.example.org", remoteurl="1")
    assert land(browser(site), brought).location == "/"


def test_somebody_behind_a_proxy_who_makes_tokens_up_keeps_nobody_else_out(
    tmp_path: Path,
) -> None:
    site = site_in(tmp_path)
    with (site.home / "settings.toml").open("a") as file:
        file.write('trusted_proxies = "127.0.0.1"\n')
    with site, Moodle(site.wwwroot, pem_of(site)) as moodle:
        befriend(site, moodle)
        brought = {"token": "f" * 40, "idp": moodle.wwwroot, "wantsurl": "/me"}

        def come(brought: dict[str, str], sender: str) -> str:
            headers = {"User-Agent": AGENT, "X-Forwarded-For": sender}
            return code_of(browser(site).get(f"{LAND}?{urlencode(brought)}", **headers))

        codes = [come(brought, "192.0.2.1") for _number in range(ADDRESS_FAILURES + 20)]
        assert codes[:ADDRESS_FAILURES] == ["token-unknown"] * ADDRESS_FAILURES
        assert "too-many-failed" in codes
        assert len(moodle.calls) == codes.count("token-unknown")
        assert come(visit(moodle, user(fresh())), "192.0.2.2") == "no-right"


TRICKS = (
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
    "/\n/evil.example", "https:evil.example", "https:/evil.example", "javascript:alert(1)",
    "@evil.example", ".evil.example/", ":80@evil.example", "/../evil", "/a/%2e%2e/b", "/%2E%2E",
    " //evil.example", "/\u2028/evil.example", "%2f%2fevil.example", "http://evil.example",
    "//evil.example\\@sis", "https://sis.example.org.evil.example/", "https://sis.example.org@evil.example/",
    "https://sis.example.org:81/", "http://sis.example.org/", "https://sis.example.org//evil.example",
    "https://sis.example.org\\@evil.example/", "https://\tsis.example.org/",
 "/..\\..", "\x00//evil.example", "data:text/html,x",
)  # fmt: skip


@pytest.mark.requirement("R33")
@given(
    text=st.one_of(
        st.sampled_from(TRICKS),
        st.text("/\\.:@%2fFeE?#a \t", max_size=12),
        st.tuples(
            st.sampled_from(["https://sis.example.org", "https://sis.example.org/school"]),
            st.text("/\\.:@%2fFeE?#a \t", max_size=12),
        ).map("".join),
    )
)
def test_no_wantsurl_leads_out_of_our_own_address(text: str) -> None:
    for below in ("", "/school"):
        try:
            brought = {"token": "a", "idp": "http://m.example.org", "wantsurl": text}
            ours = f"https://sis.example.org{below}"
            query = urlencode(brought)
            path = read_arrival(query, "", wwwroot=ours, default_path=None).wantsurl
        except LandingRefused:
            continue
        # As a browser reads a Location: white space around and tabs within do not count.
        seen = "".join(c for c in below + path if c not in "\t\r\n").strip().replace("\\", "/")
        found = urlsplit(urljoin(f"https://sis.example.org{below}/auth/mnet/land.php", seen))
        assert (found.scheme, found.netloc) == ("https", "sis.example.org")
        assert found.path.startswith(below)
        assert text not in TRICKS


def test_the_landing_address_takes_no_form(site: Site) -> None:
    assert browser(site).post(LAND, {"token": "x"}).status == 405
