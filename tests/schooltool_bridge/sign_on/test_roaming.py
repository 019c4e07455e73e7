"""Two servers of ours, each the other's Moodle: over and back, signing off at both ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from keys.certificate import load
from mnet.call_errors import RemoteFault
from mnet.protocol import AUTH_PATH
from mnet.xmlrpc import Value
from peers import store
from peers.sign_on import jump_session, person_session
from schooltool_bridge.sign_on import rights
from schooltool_bridge.sign_on.jumping import CONFIRM_S
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.store.model import enrolment, person, section
from tests.helpers.roaming import (
    AGENT,
    app_of,
    browser,
    code_of,
    person_id,
    set_right,
    set_state,
    sha1,
    shown,
    soon,
)
from tests.helpers.site import Site
from tests.helpers.visitor import Page, Visitor

BOTH = ("sso_idp", "sso_sp")
PASSWORD = "correct horse battery"
NAME = {"User-Agent": AGENT}
COOKIE = "mnet_peer_person"


@dataclass
class Pair:
    """A school that vouches for its people, and a site that lets them in."""

    home: Site
    away: Site
    # Our ids of the other.
    away_id: int
    home_id: int

    def ask(self, method: str, *params: Value) -> Value:
        """Call as the site away does."""
        return call(self.away, self.home, method, *params)


def call(caller: Site, callee: Site, method: str, *params: Value) -> Value:
    with app_of(caller) as app:
        peer = app.registry.find(callee.wwwroot)
        assert peer is not None
        outbound = replace(app.outbound, post=lambda url, body, **_how: callee.post(body))
        return outbound.call(peer, AUTH_PATH + method, list(params))


@pytest.fixture(scope="module", params=["moodle", "mahara"])
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    home, away = (Site(folder / name, name=name) for name in ("Home", "Away"))
    with home, away:
        ids = [register(at, of, str(request.param)) for at, of in ((home, away), (away, home))]
        yield Pair(home, away, *ids)


def register(at: Site, of: Site, application: str) -> int:
    with app_of(of) as other:
        certificate = load(other.custody.keyring().certificate_pem)
    with app_of(at) as app, app.database.write() as connection:
        peer_id = store.add(
            connection, wwwroot=of.wwwroot, name="Other", application=application,
            state=store.ENABLED, now_unix_s=1,
        )  # fmt: skip
        store.set_certificate(
            connection, peer_id, pem=certificate.pem, fingerprint=certificate.fingerprint,
            origin="file", now_unix_s=1,
        )  # fmt: skip
        store.set_services(connection, peer_id, publish=BOTH, subscribe=BOTH)
    at.wait_until_seen()
    return peer_id


def pupil(site: Site, name: str, **more: str | bool) -> str:
    """A person of the site's own with a password; returns our id."""
    values = {
        "username": name, "username_key": name, "firstname": "Ōda", "lastname": name.title(),
        "email": f"{name}@example.org", "can_login": True, "created_unix_s": 1, **more,
    }  # fmt: skip
    with app_of(site) as app, app.database.write() as connection:
        made = connection.execute(sa.insert(person).values(values)).inserted_primary_key
        assert made is not None
        rights.set_password(connection, Change("test", 1), made[0], PASSWORD)
        return str(made[0])


def signed_in(site: Site, name: str) -> Visitor:
    visitor = browser(site)
    page = sign_in(visitor, name)
    assert (page.status, COOKIE in visitor.cookies) == (200, True)
    return visitor


def sign_in(visitor: Visitor, name: str, password: str = PASSWORD, path: str = "/me") -> Page:
    token = visitor.get("/", **NAME).form_token
    fields = {"form_token": token, "username": name, "password": password, "next": path}
    return visitor.post("/", fields, {"Sec-Fetch-Site": "same-origin", **NAME})


def jump(visitor: Visitor, query: str, path: str = "/auth/mnet/jump.php") -> Page:
    return visitor.get(f"{path}?{query}", **NAME)


def follow(page: Page, at: Site, visitor: Visitor) -> Page:
    assert page.status == 303, page.message()
    assert page.location.startswith(at.wwwroot + "/auth/"), page.location
    return visitor.get(page.location.removeprefix(at.wwwroot), **NAME)


def over(pair: Pair, name: str) -> tuple[Visitor, Visitor]:
    """Go over with every right; the same browser at home and away."""
    home, away = signed_in(pair.home, name), browser(pair.away)
    page = follow(jump(home, f"hostid={pair.away_id}"), pair.away, away)
    if page.status == 403 and code_of(page) == "no-right":
        set_right(pair.away, person_id(pair.away, name))
        page = follow(jump(home, f"hostid={pair.away_id}"), pair.away, away)
    assert (page.status, COOKIE in page.set_cookies) == (303, True)
    return home, away


def token_of(page: Page) -> str:
    return parse_qs(urlsplit(page.location).query)["token"][0]


@pytest.mark.requirement("R26", "R31", "R32")
def test_our_people_go_over_and_are_known_there(pair: Pair) -> None:
    pupil(pair.home, "anna")
    home, away = over(pair, "anna")
    there = shown(pair.away, person_id(pair.away, "anna"))
    names = (there["firstname"], there["lastname"], there["email"])
    assert names == ("Ōda", "Anna", "anna@example.org")
    mine = away.get("/me")
    assert "You have logged in from" in mine.text
    assert "Network servers" not in mine.text
    servers = home.get("/me")
    assert "Network servers" in servers.text
    assert f"hostid={pair.away_id}" in servers.text
    # By our address, also with the slash that some sites add; and on to a page over there.
    page = jump(
        home, f"hostwwwroot={pair.away.wwwroot}/&wantsurl=/me?a=1%262", "/auth/xmlrpc/jump.php"
    )
    assert follow(page, pair.away, away).location == "/me?a=1&2"


@pytest.mark.requirement("R35")
def test_signing_out_at_home_ends_the_visit(pair: Pair) -> None:
    pupil(pair.home, "berta")
    home, away = over(pair, "berta")
    home.send("/sign-out", page="/me")
    assert home.get("/me").status == 303
    soon(lambda: away.get("/me").status == 303)


def test_signing_out_on_the_visit_ends_the_session_at_home(pair: Pair) -> None:
    pupil(pair.home, "cora")
    home, away = over(pair, "cora")
    away.send("/sign-out", page="/me")
    soon(lambda: home.get("/me").status == 303)


@pytest.mark.requirement("R26")
def test_a_token_is_told_about_once_to_its_peer_for_its_browser_and_soon(pair: Pair) -> None:
    pupil(pair.home, "dora")
    home = signed_in(pair.home, "dora")

    def fault(*params: Value) -> int:
        with pytest.raises(RemoteFault) as raised:
            pair.ask("user_authorise", *params)
        return raised.value.code

    token = token_of(jump(home, f"hostid={pair.away_id}"))
    assert len(token) == 40
    assert fault(token, sha1("another browser")) == 1
    assert fault(token[:-1] + ("0" if token[-1] != "0" else "1"), sha1(AGENT)) == 1
    told = pair.ask("user_authorise", token, sha1(AGENT))
    assert isinstance(told, dict)
    wanted = ("username", "firstname", "lastname", "email", "auth", "wwwroot")
    assert [told[n] for n in wanted] == [
        "dora", "Ōda", "Dora", "dora@example.org", "mnet", pair.home.wwwroot,
    ]  # fmt: skip
    assert fault(token, sha1(AGENT)) == 1

    late = token_of(jump(home, f"hostid={pair.away_id}"))
    change_jumps(pair.home, created_unix_s=int(time.time()) - CONFIRM_S - 1)
    assert fault(late, sha1(AGENT)) == 2

    other = token_of(jump(home, f"hostid={pair.away_id}"))
    change_jumps(pair.home, peer_id=stranger(pair.home))
    assert fault(other, sha1(AGENT)) == 1

    gone = token_of(jump(home, f"hostid={pair.away_id}"))
    set_right(pair.home, person_id(pair.home, "dora"), allowed=False)
    assert fault(gone, sha1(AGENT)) == 3
    assert fault("x", 1) == 17


def stranger(site: Site) -> int:
    with app_of(site) as app, app.database.write() as connection:
        return store.add(
            connection, wwwroot="http://other.example.org", name="", application="moodle",
            state=store.ENABLED, now_unix_s=1,
        )  # fmt: skip


def change_jumps(site: Site, **values: int) -> None:
    with app_of(site) as app, app.database.write() as connection:
        connection.execute(sa.update(jump_session).values(values))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"email": ""}, "email address"),
        ({"lastname": "", "firstname": ""}, "first name and last name"),
        ({"username": "Ōda"}, "user name"),
    ],
)
def test_whom_a_moodle_would_refuse_is_told_what_is_missing(
    more: dict[str, str], said: str, pair: Pair
) -> None:
    name = f"x{len(more)}{said[0]}"
    pupil(pair.home, name)
    home = signed_in(pair.home, name)
    with app_of(pair.home) as app, app.database.write() as connection:
        connection.execute(sa.update(person).where(person.c.username == name).values(more))
    page = jump(home, f"hostid={pair.away_id}")
    assert page.status == 403
    assert said in page.message()


def test_a_jump_that_cannot_be_is_explained(pair: Pair) -> None:
    pupil(pair.home, "emma")
    nobody = browser(pair.home)
    page = jump(nobody, f"hostid={pair.away_id}&wantsurl=/me")
    assert (page.status, page.location.partition("?")[0]) == (303, "/")
    back = parse_qs(urlsplit(page.location).query)["next"][0]
    onward = sign_in(nobody, "emma", path=back)
    assert onward.tree.xpath("//main//a/@href") == [
        f"/auth/mnet/jump.php?hostid={pair.away_id}&wantsurl=/me"
    ]
    assert follow(nobody.get(back, **NAME), pair.away, browser(pair.away)).status == 403
    for query in ("hostid=999", "hostid=x", "", "hostwwwroot=http://evil.example.org"):
        assert "not known here" in jump(nobody, query).message()
    assert jump(nobody, f"hostid={pair.away_id}&wantsurl=//evil.example.org").status == 400
    # Whoever came from elsewhere has to be sent on from there.
    pupil(pair.away, "frida")
    _home, away = over(pair, "emma")
    assert "only that site can send you on" in jump(away, f"hostid={pair.home_id}").message()
    set_state(pair.home, pair.away_id, store.DISABLED)
    assert "not set up for it" in jump(nobody, f"hostid={pair.away_id}").message()
    set_state(pair.home, pair.away_id, store.ENABLED)


def test_only_a_right_password_of_somebody_allowed_signs_in(pair: Pair) -> None:
    found = pupil(pair.home, "gina")
    visitor = browser(pair.home)
    assert sign_in(visitor, "gina", "wrong").status == 403
    assert sign_in(visitor, "nobody", PASSWORD).status == 403
    away = sign_in(visitor, "GINA", path="//evil.example.org")
    assert away.tree.xpath("//main//a/@href") == ["/me"]
    assert "evil" not in away.text
    set_right(pair.home, found, allowed=False)
    assert visitor.get("/me").status == 303
    assert sign_in(visitor, "gina").status == 403
    made = pair.home.run("person", "set-password", found)
    set_right(pair.home, found)
    assert sign_in(visitor, "gina").status == 403
    assert sign_in(visitor, "gina", made["password"]).status == 200
    # A form of another site signs nobody in.
    token = browser(pair.home).get("/").form_token
    fields = {"form_token": token, "username": "gina", "password": made["password"]}
    assert visitor.post("/", fields, {"Sec-Fetch-Site": "cross-site"}).status == 403


def test_guessing_a_password_is_slowed_down(pair: Pair) -> None:
    pupil(pair.away, "hanna")
    visitor = browser(pair.away)
    tries = [sign_in(visitor, "hanna", f"wrong {n}").status for n in range(6)]
    assert tries == [403] * 5 + [429]
    assert sign_in(visitor, "hanna").status == 429


def test_a_peer_learns_and_changes_only_what_concerns_a_visit_to_it(pair: Pair) -> None:
    pupil(pair.home, "ida")
    courses: list[Value] = [
        {"id": "7", "fullname": "<i>Greek</i>", "shortname": "G"},
        "odd",
        {"id": []},
    ]
    home = signed_in(pair.home, "ida")
    # Nobody has visited yet.
    assert pair.ask("update_enrolments", "ida", courses) is False
    assert pair.ask("fetch_user_image", "ida") is False
    assert pair.ask("kill_children", "ida", sha1(AGENT)) == "There was no session."
    alive = pair.ask("keepalive_server", ["ida"])
    assert isinstance(alive, dict)
    assert (alive["code"], alive["last log id"]) == (1, 0)
    assert home.get("/me").status == 200

    home, _away = over(pair, "ida")

    def shows_them() -> bool:
        # After the landing the other site tells by itself that there are none; perhaps only now.
        assert pair.ask("update_enrolments", "ida", courses) is True
        return "&lt;i&gt;Greek&lt;/i&gt;" in home.get("/me").text

    soon(shows_them)
    assert pair.ask("update_enrolments", "ida", []) is True
    assert "Greek" not in home.get("/me").text
    assert pair.ask("fetch_user_image", "ida") == []
    assert pair.ask("fetch_theme_info") == {"themename": "", "logourl": ""}
    assert pair.ask("refresh_log", []) == {"code": 0, "message": "All ok"}
    assert pair.ask("keepalive_client") is True
    change_sessions(pair.home, seen_unix_s=int(time.time()) - 3600)
    assert pair.ask("keepalive_server", ["ida"]) == {
        "code": 0,
        "message": "All ok",
        "last log id": 0,
    }
    with app_of(pair.home) as app, app.database.read() as connection:
        seen = connection.execute(sa.select(sa.func.max(person_session.c.seen_unix_s))).scalar_one()
    assert time.time() - seen < 60
    assert pair.ask("kill_children", "ida", sha1("x")) == "There was no session."
    assert home.get("/me").status == 200
    assert pair.ask("kill_children", "ida", sha1(AGENT)) == "Session ended."
    assert home.get("/me").status == 303


def test_a_second_visit_tells_home_where_its_person_is_enrolled(pair: Pair) -> None:
    pupil(pair.home, "jana")
    home, away = over(pair, "jana")
    there = int(person_id(pair.away, "jana"))
    with app_of(pair.away) as app, app.database.write() as connection:
        other = store.add(
            connection, wwwroot="http://third.example.org", name="", application="moodle",
            state=store.ENABLED, now_unix_s=1,
        )  # fmt: skip
        for peer_id, name, code in (
            (other, "Greek 1", "a"), (other, "Latin 1", "wn"), (pair.home_id, "Own 1", "a"),
        ):  # fmt: skip
            made = connection.execute(
                sa.insert(section).values(
                    peer_id=peer_id, idnumber=name, segment="", name=name, status="active",
                    effective_unix_s=1, seq=-1,
                )
            ).inserted_primary_key  # fmt: skip
            assert made is not None
            connection.execute(
                sa.insert(enrolment).values(
                    section_id=made[0], person_id=there, role="student", code=code,
                    since_unix_s=1, note="",
                )
            )  # fmt: skip
    assert follow(jump(home, f"hostid={pair.away_id}"), pair.away, away).status == 303
    soon(lambda: "Greek 1" in home.get("/me").text)
    page = home.get("/me").text
    assert ("Latin 1" in page, "Own 1" in page) == (False, False)


def change_sessions(site: Site, **values: int) -> None:
    with app_of(site) as app, app.database.write() as connection:
        connection.execute(sa.update(person_session).values(values))


def test_the_services_methods_are_listed_as_a_moodle_lists_them(pair: Pair) -> None:
    with app_of(pair.away) as app:
        peer = app.registry.find(pair.home.wwwroot)
        assert peer is not None
        outbound = replace(app.outbound, post=lambda url, body, **_how: pair.home.post(body))
        listed = outbound.call(peer, "system/listMethods", ["sso_idp"])
    names = (
        "fetch_theme_info", "fetch_user_image", "keepalive_server", "kill_children", "refresh_log",
        "update_enrolments", "user_authorise",
    )  # fmt: skip
    assert listed == [AUTH_PATH + name for name in names]
