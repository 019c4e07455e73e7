"""The small rules behind the pages, as tables: forms' origin, where to go next, waits, roles."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from peers.accounts import CLERK, MANAGER, ROLES
from peers.web import origin, throttle
from peers.web.roles import allows

WWWROOT = "https://sis.example.org/school"


def is_ours(
    fetch_site: str | None = None,
    origin_said: str | None = None,
    token: str = "t0ken",
    wanted: str = "t0ken",
    *,
    host: str = "127.0.0.1:8900",
    wwwroot: str = WWWROOT,
) -> bool:
    return origin.is_ours(
        fetch_site=fetch_site,
        origin=origin_said,
        host=host,
        wwwroot=wwwroot,
        token=token,
        wanted=wanted,
    )


@pytest.mark.parametrize(
    ("fetch_site", "origin_said", "ours"),
    [
        ("same-origin", None, True),
        ("same-origin", "https://sis.example.org", True),
        ("same-site", "https://sis.example.org", False),
        ("cross-site", "https://sis.example.org", False),
        ("none", None, False),
        ("", None, False),
        ("Same-Origin", None, False),
        (None, "https://sis.example.org", True),
        (None, "http://127.0.0.1:8900", True),
        (None, "null", False),
        (None, "", False),
        (None, "https://evil.example.org", False),
        (None, "https://sis.example.org.evil.example.org", False),
        (None, "https://sis.example.org:8443", False),
        (None, "https://sis.example.org@evil.example.org", False),
        (None, "http://[", False),
        (None, "sis.example.org", False),
        (None, None, True),
    ],
)
def test_where_a_form_may_come_from(
    fetch_site: str | None, origin_said: str | None, ours: bool
) -> None:
    assert is_ours(fetch_site, origin_said) is ours
    assert not is_ours(fetch_site, origin_said, token="other")


@pytest.mark.parametrize("wwwroot", ["https://SIS.example.org", "https://sis.example.org:443"])
def test_an_address_written_another_way_is_the_same_origin(wwwroot: str) -> None:
    assert is_ours(None, "https://sis.example.org", wwwroot=wwwroot)
    assert not is_ours(None, "https://sis.example.org:80", wwwroot=wwwroot)


@pytest.mark.parametrize(("token", "wanted"), [("", ""), ("", "x"), ("x", ""), ("é", "e")])
def test_no_token_is_never_the_right_one(token: str, wanted: str) -> None:
    assert not is_ours("same-origin", None, token, wanted)


@pytest.mark.parametrize(
    "path",
    [
        "", "admin", "//evil.org", "///evil.org", "/\\evil.org", "\\/evil.org", "/\t/evil.org",
        "/\n/evil.org", "https://evil.org", "https:evil.org", "javascript:alert(1)", " //evil.org",
        "/a\r\nSet-Cookie: x=1", "/../moodle/", "/admin/../../moodle", "/%2e%2e/moodle", "/..",
        "/.%2E/moodle", "/admin/..?x", "/./..", "/..#x", "/\u2028x",
    ],
)  # fmt: skip
def test_addresses_that_lead_out_are_not_followed(path: str) -> None:
    assert origin.inside(path) is None


@pytest.mark.parametrize(
    "path", ["/", "/admin", "/admin/peers/3?tab=services", "/a?next=//x", "/a..b", "/%C3%A9", "/é"]
)
def test_addresses_of_our_own_are_followed(path: str) -> None:
    assert origin.inside(path) == path


@given(st.text(st.sampled_from("/\\.%2eE5cC:@?#a\t\r\n \u3002"), max_size=14))
@example("/.//evil.org")
@example("/%2f%2fevil.org/..")
def test_whatever_is_followed_stays_below_our_address(path: str) -> None:
    found = origin.inside(path)
    if found is None:
        return
    # As browsers read it: tabs and line ends vanish, a backslash is a slash, %2e is a dot.
    read = found.replace("\\", "/").replace("%2e", ".").replace("%2E", ".")
    there = urlsplit(urljoin(WWWROOT + "/", WWWROOT + read))
    assert there.netloc == "sis.example.org"
    assert there.path.startswith("/school/")
    assert found.isprintable()


@pytest.mark.parametrize(
    ("count", "since_last_s", "wait_s"),
    [
        (0, 0, 0), (4, 0, 0), (5, 0, 15), (5, 14, 1), (5, 15, 0), (6, 0, 30), (7, 0, 60),
        (12, 0, 1920), (13, 0, 3600), (10_000, 0, 3600), (10_000, 3600, 0),
        (5, -500, 15),  # the clock was set back: the wait never grows by it
    ],
)  # fmt: skip
def test_each_further_failure_doubles_the_wait(count: int, since_last_s: int, wait_s: int) -> None:
    assert throttle.wait_s(count, throttle.FREE_BY_NAME, since_last_s) == wait_s


def test_a_wait_is_counted_under_the_name_and_under_the_address() -> None:
    assert throttle.keys("eve", "::1") == (("name eve", 5), ("address ::1", 20))
    assert throttle.keys("eve", "::1", is_known=True)[0] == ("at ::1 eve", 5)
    assert all(len(key) <= 300 for key, _free in throttle.keys("x" * 999, "y" * 999))


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (MANAGER, {MANAGER, CLERK}),
        (CLERK, {CLERK}),
        ("teacher", set()),
        ("", set()),
        ("Manager", set()),
        ("root", set()),
    ],
)
def test_what_a_role_may(role: str, may: set[str]) -> None:
    assert {needed for needed in ROLES if allows(role, needed)} == may
