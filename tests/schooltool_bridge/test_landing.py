"""People come from a Moodle by sign-on: a real server, a Moodle on a real port, browsers by hand."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnet import xmlrpc
from mnet.envelope import SignedMessage
from mnet.xmlrpc import Value
from peers import store
from schooltool_bridge import notices_facts, notices_rules
from schooltool_bridge.landing import read_arrival
from schooltool_bridge.landing_refusals import LandingRefused
from schooltool_bridge.site_memory import forget
from schooltool_bridge.watch import KEPT_ALIVE, LEASE, Watch
from tests.moodle import Moodle
from tests.schooltool_bridge.roaming import (
    AGENT,
    LAND,
    SERVICES,
    TERESA,
    app_of,
    befriend,
    browser,
    code_of,
    land,
    person_id,
    set_right,
    set_services,
    set_state,
    sha1,
    shown,
    site_in,
    soon,
    visit,
)
from tests.site import Refused, Site
from tests.visitor import Page, Visitor

COOKIE = "mnet_peer_person"
SIS = "schooltool/sis.php/"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_in(tmp_path_factory.mktemp("sis")) as running:
        yield running


@pytest.fixture(scope="module")
def moodles(site: Site) -> Iterator[list[Moodle]]:
    """Two Moodles, both trusted for sign-on."""
    pem = pem_of(site)
    with ExitStack() as stack:
        made = [stack.enter_context(Moodle(site.wwwroot, pem)) for _ in range(2)]
        for moodle in made:
            befriend(site, moodle)
        yield made


@pytest.fixture(scope="module")
def moodle(moodles: list[Moodle]) -> Moodle:
    return moodles[0]


@pytest.fixture
def broken(site: Site) -> Iterator[tuple[Moodle, int]]:
    """A Moodle to be changed, and our id of it."""
    with Moodle(site.wwwroot, pem_of(site)) as moodle:
        yield moodle, befriend(site, moodle)


def user(name: str, **more: str) -> dict[str, str]:
    return {**TERESA, "username": name, "firstname": name.title(), **more}


def fresh() -> str:
    return f"user{secrets.token_hex(4)}"


def answer(visitor: Visitor, ticket: str) -> Page:
    token = visitor.get("/me").form_token
    fields = {"form_token": token, "ticket": ticket, "path": "/me"}
    return visitor.post("/sign-on/change", fields)


def is_in(page: Page) -> bool:
    return page.status == 303 and COOKIE in page.set_cookies


def push(site: Site, moodle: Moodle, **data: object) -> None:
    pem = pem_of(site)
    body = moodle.fake.request(pem, SIS + "fetch_user", [data])  # type: ignore[list-item]
    moodle.fake.open(site.post(body))


def allowed(site: Site, moodle: Moodle, name: str) -> str:
    """A person who landed once and got the right; returns our id."""
    assert land(browser(site), visit(moodle, user(name))).status == 403
    found = person_id(site, name)
    set_right(site, found)
    return found


def pem_of(site: Site) -> str:
    with app_of(site) as app:
        return app.custody.keyring().certificate_pem


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
    assert visitor.get("/admin").location.startswith("/admin/sign-in")


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


def test_a_moodle_out_of_reach_is_named_and_the_click_works_later(
    site: Site, moodle: Moodle
) -> None:
    name = fresh()
    allowed(site, moodle, name)
    brought = visit(moodle, user(name))
    moodle.server = (500, "")
    assert code_of(land(browser(site), brought)) == "idp-unreachable"
    moodle.server = (200, "")
    assert is_in(land(browser(site), brought))


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


@pytest.mark.parametrize("how", ["deny", "deny one", "disable", "remove", "services"])
def test_a_session_ends_at_once_with_the_right_or_the_peer(
    how: str, site: Site, broken: tuple[Moodle, int]
) -> None:
    name, visitor, (moodle, peer_id) = fresh(), browser(site), broken
    found = allowed(site, moodle, name)
    assert is_in(land(visitor, visit(moodle, user(name))))
    assert visitor.get("/me").status == 200
    take: dict[str, Callable[[], object]] = {
        "deny": lambda: site.run("person", "deny-login", found),
        "deny one": lambda: set_right(site, found, allowed=False, peer=moodle.wwwroot),
        "disable": lambda: set_state(site, peer_id, store.DISABLED),
        "remove": lambda: set_state(site, peer_id, store.DELETED),
        "services": lambda: set_services(site, peer_id, ("sso_sp",), ("schooltool",)),
    }
    take[how]()
    assert visitor.get("/me").status == 403
    # And it does not come back with the right.
    set_right(site, found)
    set_state(site, peer_id, store.ENABLED)
    set_services(site, peer_id, *SERVICES)
    assert visitor.get("/me").status == 403
    assert is_in(land(visitor, visit(moodle, user(name))))


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
    site.run("admin", "add", name)
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


def test_a_peer_that_may_bring_nobody_still_vouches_for_those_it_brought(
    site: Site, broken: tuple[Moodle, int]
) -> None:
    name, (moodle, _id) = fresh(), broken
    allowed(site, moodle, name)
    site.run("peer", "policy", moodle.wwwroot, "--set", "accept_people=no")
    assert is_in(land(browser(site), visit(moodle, user(name))))
    assert code_of(land(browser(site), visit(moodle, user(fresh())))) == "person-unknown"


def test_somebody_else_who_is_signed_in_is_asked_first(site: Site, moodle: Moodle) -> None:
    one, other, visitor = fresh(), fresh(), browser(site)
    for name in (one, other):
        allowed(site, moodle, name)
    assert is_in(land(visitor, visit(moodle, user(one))))
    before = visitor.cookies[COOKIE]
    # The same person again: at once, under a new session id.
    assert is_in(land(visitor, visit(moodle, user(one))))
    same = visitor.cookies[COOKIE]
    assert same != before
    question = land(visitor, visit(moodle, user(other)))
    assert (question.status, visitor.cookies[COOKIE]) == (200, same)
    ticket = question.tree.xpath("//input[@name='ticket']/@value")[0]
    assert one.title() in visitor.get("/me").text
    fields = {"form_token": question.form_token, "ticket": ticket, "path": "/me"}
    # Nobody else can answer the question, and no other site, and it leads nowhere else.
    thief = browser(site)
    assert is_in(land(thief, visit(moodle, user(one))))
    assert answer(thief, ticket).status == 400
    cross = visitor.post("/sign-on/change", fields, {"Sec-Fetch-Site": "cross-site"})
    assert cross.status == 403
    away = visitor.post("/sign-on/change", {**fields, "path": "//evil.example.org"})
    assert away.status == 400
    stolen = browser(site)
    stolen.cookies[COOKIE] = ticket
    assert stolen.get("/me").status == 403
    done = visitor.post("/sign-on/change", fields)
    assert (done.status, done.location) == (303, "/me")
    assert other.title() in visitor.get("/me").text
    assert visitor.cookies[COOKIE] not in (same, ticket)
    visitor.cookies[COOKIE] = same
    assert visitor.get("/me").status == 403


def test_signing_out_here_ends_the_session_at_the_moodle_too(site: Site, moodle: Moodle) -> None:
    name, visitor = fresh(), browser(site)
    allowed(site, moodle, name)
    assert is_in(land(visitor, visit(moodle, user(name))))
    kept = visitor.cookies[COOKIE]
    page = visitor.send("/sign-out", page="/me")
    assert (page.status, COOKIE in visitor.cookies) == (303, False)
    soon(lambda: ("kill_children", [name, sha1(AGENT)]) in moodle.calls)
    visitor.cookies[COOKIE] = kept
    assert visitor.get("/me").status == 403


def test_a_new_person_is_asked_after_where_they_are_enrolled(
    site: Site, broken: tuple[Moodle, int]
) -> None:
    moodle = broken[0]
    moodle.methods = ["local/schooltool/lib.php/list_user_enrolments"]
    name = fresh()
    land(browser(site), visit(moodle, user(name)))
    soon(lambda: ("list_user_enrolments", [{"idnumber": "", "username": name}]) in moodle.calls)


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


def test_a_peer_that_asks_for_its_users_back_does_not_get_a_redirect(
    site: Site, moodle: Moodle
) -> None:
    name = fresh()
    allowed(site, moodle, name)
    brought = visit(moodle, user(name), wantsurl="/@evil.example.org", remoteurl="1")
    assert land(browser(site), brought).location == "/"


def test_fifty_landings_at_once_with_one_token_let_in_exactly_one(tmp_path: Path) -> None:
    site = site_in(tmp_path)
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


@pytest.fixture(scope="module")
def target(site: Site) -> Iterator[Moodle]:
    with Moodle(site.wwwroot, pem_of(site)) as moodle:
        befriend(site, moodle)
        allowed(site, moodle, "target")
        yield moodle


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_forged_or_mutated_landing_lets_nobody_in(
    data: st.DataObject, site: Site, target: Moodle
) -> None:
    brought = visit(target, user("target"))
    token = brought["token"]
    kind = data.draw(st.sampled_from(["flip", "cut", "add", "other", "agent"]))
    place = data.draw(st.integers(0, len(token) - 1))
    sign = data.draw(st.sampled_from("0123456789abcdefABCDEF+/=_-%\0 \n&#;"))
    agent = AGENT
    if kind == "flip":
        token = token[:place] + sign + token[place + 1 :]
    elif kind == "cut":
        token = token[:place]
    elif kind == "add":
        token = token[:place] + sign + token[place:]
    elif kind == "other":
        token = data.draw(st.text(st.characters(max_codepoint=255), max_size=70))
    else:
        agent = AGENT + data.draw(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=9))  # fmt: skip
    if (token, agent) == (brought["token"], AGENT):
        return
    page = land(browser(site), {**brought, "token": token}, agent=agent)
    assert page.status in (400, 403)
    assert COOKIE not in page.set_cookies


def test_the_moodle_that_vouched_ends_the_session_and_no_other(
    site: Site, moodles: list[Moodle]
) -> None:
    name, visitor, (first, second) = fresh(), browser(site), moodles
    allowed(site, first, name)
    assert is_in(land(visitor, visit(first, user(name))))

    def kill(moodle: Moodle, username: str, agent: str) -> Value:
        params: list[Value] = [username, sha1(agent)]
        method = "auth/mnet/auth.php/kill_child"
        body = moodle.fake.request(pem_of(site), method, params)
        answered = moodle.fake.open(site.post(body))
        assert isinstance(answered, SignedMessage)
        response = xmlrpc.read_response(answered.payload)
        assert isinstance(response, xmlrpc.MethodResponse)
        return response.value

    for moodle, username, agent in (
        (second, name, AGENT),
        (first, "other", AGENT),
        (first, name, "x"),
    ):
        assert kill(moodle, username, agent) is False
        assert visitor.get("/me").status == 200
    assert kill(first, name, AGENT) is True
    assert visitor.get("/me").status == 403


def test_the_moodle_hears_on_a_timer_who_is_busy_here(
    site: Site, broken: tuple[Moodle, int]
) -> None:
    name, (moodle, _id) = fresh(), broken
    allowed(site, moodle, name)
    assert is_in(land(browser(site), visit(moodle, user(name))))
    with app_of(site) as app:
        posted: list[str] = []

        def post(url: str, body: bytes, **_how: object) -> bytes:
            posted.append(url)
            return moodle.answer(body)

        app.signing_off = replace(app.signing_off, outbound=replace(app.outbound, post=post))
        watch = Watch(app)
        with app.database.write() as connection:
            for memory in (LEASE, KEPT_ALIVE):
                forget(connection, memory)
        watch.tick()
        watch.tick()
    told = [params for method, params in moodle.calls if method == "keepalive_server"]
    assert told == [[[name]]]


TRICKS = (
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
    "/\n/evil.example", "https:evil.example", "https:/evil.example", "javascript:alert(1)",
    "@evil.example", ".evil.example/", ":80@evil.example", "/../evil", "/a/%2e%2e/b", "/%2E%2E",
    " //evil.example", "/\u2028/evil.example", "%2f%2fevil.example", "http://evil.example",
    "//evil.example\\@sis", "/..\\..", "\x00//evil.example", "data:text/html,x",
)  # fmt: skip


@given(text=st.one_of(st.sampled_from(TRICKS), st.text("/\\.:@%2fFeE?#a \t", max_size=12)))
def test_no_wantsurl_leads_out_of_our_own_address(text: str) -> None:
    try:
        brought = {"token": "a", "idp": "http://m.example.org", "wantsurl": text}
        path = read_arrival(urlencode(brought), "", default_path=None).wantsurl
    except LandingRefused:
        return
    for below in ("", "/school"):
        # As a browser reads a Location: white space around and tabs within do not count.
        seen = "".join(c for c in below + path if c not in "\t\r\n").strip().replace("\\", "/")
        found = urlsplit(urljoin(f"https://sis.example.org{below}/auth/mnet/land.php", seen))
        assert (found.scheme, found.netloc) == ("https", "sis.example.org")
        assert found.path.startswith(below)
    assert text not in TRICKS


def test_the_log_names_nobody(site: Site, moodle: Moodle) -> None:
    name = fresh()
    allowed(site, moodle, name)
    brought = visit(moodle, user(name, idnumber="n", email=f"{name}@x.org"))
    land(browser(site), brought)
    land(browser(site), brought)
    assert "token-used" in site.log()
    assert name not in site.log().lower()
    assert brought["token"] not in site.log()


def test_the_landing_address_takes_no_form(site: Site) -> None:
    assert browser(site).post(LAND, {"token": "x"}).status == 405
