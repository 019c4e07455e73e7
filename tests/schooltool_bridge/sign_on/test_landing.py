"""People come from a Moodle by sign-on, and who is let in: a real server, a Moodle on a real port."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mnet import settings
from mnet.protocol import APPLICATIONS
from peers import accounts
from schooltool_bridge.notices import facts as notices_facts
from schooltool_bridge.notices import rules as notices_rules
from schooltool_bridge.server.app import App
from tests.helpers.moodle import Moodle
from tests.helpers.recorded import MESSAGES
from tests.helpers.roaming import (
    COOKIE,
    allowed,
    app_of,
    befriend,
    browser,
    code_of,
    fresh,
    is_in,
    land,
    pem_of,
    person_id,
    push,
    set_right,
    shown,
    site_in,
    soon,
    user,
    visit,
)
from tests.helpers.site import Refused, Site


@pytest.mark.requirement("R1", "R24", "R25", "R28")
def test_a_stranger_is_known_but_not_let_in_until_the_right_is_given(
    site: Site, moodle: Moodle
) -> None:
    visitor, name = browser(site), fresh()
    page = land(visitor, visit(moodle, user(name, firstname="<b>T</b>")))
    assert page.status == 403
    assert not page.set_cookies.get(COOKIE)
    assert code_of(page) == "no-right"
    assert "<b>T" not in page.text
    assert "school office" in page.text
    found = site.run("person", "show", person_id(site, name))
    assert (found["can_login"], found["firstname"]) == (False, "<b>T</b>")
    given_to = site.run("person", "allow-login", found["id"])
    assert given_to["peers"] == [moodle.wwwroot]
    page = land(visitor, visit(moodle, user(name, firstname="Teresa"), wantsurl="/me?x=1&y=%C3%A4"))
    assert (page.status, page.location) == (303, "/me?x=1&y=%25C3%25A4".replace("%25", "%"))
    mine = visitor.get("/me")
    assert "You have logged in from" in mine.text
    assert mine.tree.xpath("//main//a/@href")[0] == moodle.wwwroot
    assert "Teresa Ōquist" in mine.text
    assert shown(site, found["id"])["firstname"] == "Teresa"
    assert visitor.get("/").location == "/me"
    cookie = page.set_cookies[COOKIE]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Lax", "Path=/"))
    # A person's session is no admin's.
    assert visitor.get("/admin").location.startswith("/?next=")


def test_a_token_lets_in_once_and_only_its_own_browser(site: Site, moodle: Moodle) -> None:
    name = fresh()
    allowed(site, moodle, name)
    brought = visit(moodle, user(name))
    assert code_of(land(browser(site), brought, agent="other")) == "token-unknown"
    assert is_in(land(browser(site), brought))
    assert code_of(land(browser(site), brought)) == "token-used"
    for odd in ("", "\xff\xfe agent", " x  y"):
        agent = odd.strip()
        assert is_in(land(browser(site), visit(moodle, user(name), agent=agent), agent=odd))


def test_a_pupil_who_was_pushed_and_then_lands_is_one_person(site: Site, moodle: Moodle) -> None:
    name = fresh()
    push(site, moodle, username=name, firstname="A", lastname="B", idnumber=f"n{name}", email="")
    before = shown(site, person_id(site, name))
    assert land(browser(site), visit(moodle, user(name.upper()))).status == 403
    after = shown(site, person_id(site, name.upper()))
    assert (after["id"], len(after["links"])) == (before["id"], 1)
    assert after["firstname"] == name.upper().title()
    set_right(site, before["id"])
    assert is_in(land(browser(site), visit(moodle, user(name))))


@pytest.mark.requirement("R28")
def test_a_second_moodle_cannot_vouch_its_way_into_a_teachers_account(
    site: Site, moodles: list[Moodle]
) -> None:
    first, second = moodles
    name = fresh()
    push(site, first, username=name, firstname="A", lastname="B", idnumber=f"n{name}", email="")
    teacher = person_id(site, name)
    set_right(site, teacher)
    assert is_in(land(browser(site), visit(first, user(name))))
    # By pushing her idnumber, by vouching for it, by her user name.
    push(site, second, username="own", firstname="A", lastname="B", idnumber=f"n{name}", email="")
    claims = [user("own"), user("own", idnumber=f"n{name}"), user(name)]
    for claim in claims:
        page = land(browser(site), visit(second, claim))
        assert (page.status, code_of(page)) == (403, "no-right")
    assert [r["can_login"] for r in shown(site, teacher)["sign_on"]].count(True) == 1
    with app_of(site) as app, app.database.read() as connection:
        facts = notices_facts.gather(connection, int(time.time()))
    assert [p.without_right for p in facts.peers if p.wwwroot == second.wwwroot] == [1]
    noticed = notices_rules.standing(facts, int(time.time()), notices_rules.Limits())
    assert f"without-right {second.wwwroot}" in {n.key for n in noticed}
    assert f"without-right {first.wwwroot}" not in {n.key for n in noticed}
    # The right for this one link is its own decision.
    with pytest.raises(Refused, match="never brought"):
        site.run("person", "allow-login", teacher, "--peer", "http://other.example.org")
    site.run("person", "allow-login", teacher, "--peer", second.wwwroot)
    assert is_in(land(browser(site), visit(second, user("own"))))


def test_an_account_with_admin_rights_is_never_signed_in_by_a_moodle(
    site: Site, moodle: Moodle
) -> None:
    name = fresh()
    allowed(site, moodle, name)
    # Two of one name, as a store of an earlier version may have them.
    with App(settings.read(site.home)) as app, app.database.write() as connection:
        accounts.add(connection, name, "correct horse battery", one_time=False, now_unix_s=1)
    assert code_of(land(browser(site), visit(moodle, user(name)))) == "person-admin"


def test_two_people_who_could_be_meant_are_a_conflict_for_a_person_here(
    site: Site, moodle: Moodle
) -> None:
    one, other = fresh(), fresh()
    for name in (one, other):
        push(site, moodle, username=name, firstname="A", lastname="B", idnumber=f"n{name}")
    page = land(browser(site), visit(moodle, user(one, idnumber=f"n{other}")))
    assert (page.status, code_of(page)) == (409, "person-conflict")
    waiting = site.run("inbox", "list", "--status", "conflict")
    assert [w["event"] for w in waiting if w["peer"] == moodle.wwwroot] == ["fetch_user"]


@pytest.mark.requirement("R39b")
def test_a_name_given_again_never_lands_as_the_one_who_had_it(site: Site, moodle: Moodle) -> None:
    name = fresh()
    push(site, moodle, username=name, firstname="A", lastname="B", idnumber=f"n{name}", moodleid=f"1{name}")  # fmt: skip
    first = person_id(site, name)
    set_right(site, first)
    assert is_in(land(browser(site), visit(moodle, user(name))))
    # Without Moodle's own id it is not clear whose it is now; nobody comes in until it is.
    push(site, moodle, username=name, firstname="C", lastname="D", idnumber=f"m{name}")
    page = land(browser(site), visit(moodle, user(name)))
    assert (page.status, code_of(page)) == (409, "person-conflict")
    # With it there is no question.
    push(site, moodle, username=name, firstname="C", lastname="D", idnumber=f"m{name}", moodleid=f"2{name}")  # fmt: skip
    page = land(browser(site), visit(moodle, user(name)))
    assert (page.status, code_of(page)) == (403, "no-right")
    assert shown(site, first)["firstname"] == name.title()


def test_a_peer_that_may_bring_nobody_still_vouches_for_those_it_brought(
    site: Site, broken: tuple[Moodle, int]
) -> None:
    name, (moodle, _id) = fresh(), broken
    allowed(site, moodle, name)
    site.run("peer", "policy", moodle.wwwroot, "--set", "accept_people=no")
    assert is_in(land(browser(site), visit(moodle, user(name))))
    assert code_of(land(browser(site), visit(moodle, user(fresh())))) == "person-unknown"


@pytest.mark.requirement("R27")
def test_a_new_person_is_asked_after_where_they_are_enrolled(
    site: Site, broken: tuple[Moodle, int]
) -> None:
    moodle = broken[0]
    moodle.methods = ["local/schooltool/lib.php/list_user_enrolments"]
    name = fresh()
    land(browser(site), visit(moodle, user(name)))
    soon(lambda: ("list_user_enrolments", [{"idnumber": "", "username": name}]) in moodle.calls)


@pytest.mark.requirement("R36")
def test_a_mahara_lands_at_its_own_path_and_need_not_say_where_to(
    site: Site, broken: tuple[Moodle, int]
) -> None:
    moodle = broken[0]
    befriend(site, moodle, application="mahara")
    name, visitor = fresh(), browser(site)
    path = "/auth/xmlrpc/land.php"
    assert code_of(land(visitor, visit(moodle, user(name)), path=path)) == "no-right"
    set_right(site, person_id(site, name))
    brought = visit(moodle, user(name))
    del brought["wantsurl"]
    page = land(visitor, brought, path=path)
    assert (is_in(page), page.location) == (True, "/")
    brought = visit(moodle, user(name))
    bare = f"token={brought['token']}&idp={moodle.wwwroot}&wantsurl=/me?a=1"
    assert land(visitor, bare, path=path).location == "/me?a=1"


@pytest.mark.requirement("R36")
@pytest.mark.parametrize(("application", "is_in_at_once"), [("mahara", True), ("moodle", False)])
def test_a_maharas_plain_fault_is_asked_about_once_more(
    application: str,
    is_in_at_once: bool,
    site: Site,
    broken: tuple[Moodle, int],
) -> None:
    moodle, name = broken[0], fresh()
    befriend(site, moodle, application=application)
    path = APPLICATIONS[application].land
    assert code_of(land(browser(site), visit(moodle, user(name)), path=path)) == "no-right"
    set_right(site, person_id(site, name))
    # What a Mahara answers to the first call that is signed with our new key.
    label = "mahara-22.10/024-rot2-A2M-system_listServices.response"
    fault = next(m.body for m in MESSAGES if m.label == label)
    moodle.plain = {"user_authorise": [fault]}
    page = land(browser(site), visit(moodle, user(name)), path=path)
    assert is_in(page) is is_in_at_once
    if not is_in_at_once:
        assert code_of(page) == "idp-fault"
    # Twice is no accident.
    moodle.plain, brought = {"user_authorise": [fault, fault]}, visit(moodle, user(name))
    assert code_of(land(browser(site), brought, path=path)) == "idp-fault"


@pytest.mark.requirement("R33")
def test_a_whole_address_of_ours_is_taken_as_where_to_go(site: Site, moodle: Moodle) -> None:
    name = fresh()
    allowed(site, moodle, name)
    for wanted, path in (
        (site.wwwroot + "/me?a=1", "/me?a=1"), (site.wwwroot, "/"), (site.wwwroot + "?x", "/?x"),
        (site.wwwroot.replace("http", "HTTP") + "/", "/"),
    ):  # fmt: skip
        page = land(browser(site), visit(moodle, user(name), wantsurl=wanted))
        assert (is_in(page), page.location) == (True, path)


@pytest.mark.requirement("R24", "R25")
def test_fifty_landings_at_once_with_one_token_let_in_exactly_one(
    tmp_path: Path, empty_database_url: str
) -> None:
    url = empty_database_url
    kind = [] if url.startswith("sqlite") else ["--database-url", url]
    site = site_in(tmp_path, *kind)
    site.serve("--workers", "2")
    with Moodle(site.wwwroot, pem_of(site)) as moodle:
        befriend(site, moodle)
        allowed(site, moodle, "racer")
        brought = visit(moodle, user("racer"))
        with ThreadPoolExecutor(50) as pool:
            pages = list(pool.map(lambda _n: land(browser(site), brought), range(50)))
    site.stop()
    assert sum(is_in(page) for page in pages) == 1
    assert {code_of(page) for page in pages if not is_in(page)} == {"token-used"}


def test_the_log_names_nobody(site: Site, moodle: Moodle) -> None:
    name = fresh()
    allowed(site, moodle, name)
    brought = visit(moodle, user(name, idnumber="n", email=f"{name}@x.org"))
    land(browser(site), brought)
    land(browser(site), brought)
    assert "token-used" in site.log()
    assert name not in site.log().lower()
    assert brought["token"] not in site.log()
