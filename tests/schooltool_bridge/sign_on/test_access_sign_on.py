"""Rights, denials and rules about roles where people meet them: a real server, a Moodle, commands."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from mnet.xmlrpc import FaultResponse, read_response
from peers import store
from tests.helpers.moodle import Moodle
from tests.helpers.roaming import (
    AGENT,
    TERESA,
    app_of,
    befriend,
    browser,
    code_of,
    land,
    person_id,
    set_services,
    sha1,
    site_in,
    soon,
    visit,
)
from tests.helpers.site import Refused, Site
from tests.helpers.visitor import Page
from tests.schooltool_bridge.sign_on.test_roaming import jump, pupil, sign_in, signed_in

BOTH = ("schooltool", "sso_idp", "sso_sp")
SIS = "schooltool/sis.php/"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site_in(tmp_path_factory.mktemp("sis")) as running:
        yield running


@pytest.fixture
def moodle(site: Site) -> Iterator[Moodle]:
    with app_of(site) as app:
        pem = app.custody.keyring().certificate_pem
    with Moodle(site.wwwroot, pem) as moodle:
        set_services(site, befriend(site, moodle), BOTH, BOTH)
        yield moodle


def call(site: Site, moodle: Moodle, method: str, *params: object) -> object:
    body = moodle.fake.request(moodle.our_pem, method, list(params))  # type: ignore[arg-type] # what a test makes up
    opened = moodle.fake.open(site.post(body))
    assert not isinstance(opened, bytes)
    answer = read_response(opened.payload)
    return answer.code if isinstance(answer, FaultResponse) else answer.value


def class_of(site: Site, moodle: Moodle, name: str) -> None:
    """A teacher and a student, known here."""
    call(site, moodle, SIS + "new_section", {"idnumber": name, "name": name})
    for role in ("teacher", "student"):
        who = f"{role}{name}"
        user = {"username": who, "idnumber": who, "firstname": role, "lastname": name, "email": ""}
        call(site, moodle, SIS + "fetch_user", user)
        data = {"sectionid": name, "userid": who, "role": role}
        call(site, moodle, SIS + "new_enrolment", data)


def come(site: Site, moodle: Moodle, name: str) -> Page:
    return land(browser(site), visit(moodle, {**TERESA, "username": name}))


@pytest.mark.requirement("R30")
def test_pupils_are_kept_out_by_a_rule_while_teachers_land(site: Site, moodle: Moodle) -> None:
    class_of(site, moodle, "a")
    for name in ("teachera", "studenta"):
        site.run("person", "allow-login", person_id(site, name))
    in_before = browser(site)
    assert land(in_before, visit(moodle, {**TERESA, "username": "studenta"})).status == 303
    policy = ("peer", "policy", moodle.wwwroot, "--set")
    shown = site.run(*policy, "land_roles=teacher,other")
    assert shown["land_roles"] == ["teacher", "other"]
    assert shown["jump_roles"] == ["student", "teacher", "other"]
    assert in_before.get("/me").status == 303, "at once"
    refused = come(site, moodle, "studenta")
    assert (refused.status, code_of(refused)) == (403, "role-denied")
    assert "school office" in refused.text
    assert come(site, moodle, "teachera").status == 303
    # Somebody new is in no section; the right is another question.
    assert code_of(come(site, moodle, "newcomer")) == "no-right"
    site.run(*policy, "land_roles=teacher")
    assert code_of(come(site, moodle, "stranger")) == "role-denied"
    assert person_id(site, "stranger"), "the account is made all the same"
    site.run(*policy, "land_roles=student,teacher,other")
    assert come(site, moodle, "studenta").status == 303
    with pytest.raises(Refused, match="student, teacher, other"):
        site.run(*policy, "land_roles=pupil")


@pytest.mark.requirement("R29")
def test_rights_of_a_whole_role_by_command(site: Site, moodle: Moodle) -> None:
    class_of(site, moodle, "b")
    before = come(site, moodle, "studentb")
    assert code_of(before) == "no-right"
    done = site.run("person", "allow-login", "--role", "teacher", "--all", "--peer", moodle.wwwroot)
    assert done == {
        "people": 1, "links": 1, "role": "teacher", "peer": moodle.wwwroot, "allowed": True,
    }  # fmt: skip
    assert come(site, moodle, "teacherb").status == 303
    assert code_of(come(site, moodle, "studentb")) == "no-right"
    assert "people may sign in from" in site.text("person", "allow-login", "--all")
    assert come(site, moodle, "studentb").status == 303
    visitor = browser(site)
    assert land(visitor, visit(moodle, {**TERESA, "username": "studentb"})).status == 303
    assert site.run("person", "deny-login", "--role", "student", "--all")["allowed"] is False
    assert visitor.get("/me").status == 303
    assert come(site, moodle, "teacherb").status == 303
    entry = site.run("audit", "list")[0]
    assert entry["action"] == "sign-on denied"
    assert entry["detail"]["filter"] == "role student"
    for wrong in (
        ("allow-login",), ("allow-login", "1", "--all"), ("deny-login", "1", "--role", "student"),
        ("allow-login", "--all", "--role", "boss"), ("deny-jump", "1"),
    ):  # fmt: skip
        with pytest.raises(Refused) as refused:
            site.run("person", *wrong)
        assert refused.value.status == 2, wrong
    with pytest.raises(Refused, match="no peer"):
        site.run("person", "allow-login", "--all", "--peer", "http://nowhere.example.org")


def gone_over(page: Page) -> str:
    assert page.status == 303, page.message()
    return parse_qs(urlsplit(page.location).query)["token"][0]


@pytest.mark.requirement("R29")
def test_whoever_is_denied_a_peer_does_not_see_it_and_is_signed_out_there(
    site: Site, moodle: Moodle
) -> None:
    found = pupil(site, "otto")
    with app_of(site) as app, app.database.read() as connection:
        stored = store.find(connection, moodle.wwwroot)
        assert stored is not None
    link = f"hostid={stored.id}"
    otto = signed_in(site, "otto")
    assert link in otto.get("/me").text
    token = gone_over(jump(otto, link))
    profile = call(site, moodle, "auth/mnet/auth.php/user_authorise", token, sha1(AGENT))
    assert isinstance(profile, dict)
    late = gone_over(jump(otto, link))
    answer = site.run("person", "deny-jump", found, "--peer", moodle.wwwroot)
    assert answer == {"id": found, "can_jump": False, "peer": moodle.wwwroot}
    assert ("kill_child", ["otto", sha1(AGENT)]) in moodle.calls
    # The token that was on its way tells about nobody.
    assert call(site, moodle, "auth/mnet/auth.php/user_authorise", late, sha1(AGENT)) in (1, 3)
    assert otto.get("/me").status == 200, "the session here is another thing"
    assert link not in otto.get("/me").text
    refused = jump(otto, link)
    assert (refused.status, "may not go over" in refused.message()) == (403, True)
    site.run("person", "allow-jump", found, "--peer", moodle.wwwroot)
    gone_over(jump(otto, link))
    site.run("peer", "policy", moodle.wwwroot, "--set", "jump_roles=student,teacher")
    assert jump(otto, link).status == 403
    assert link not in otto.get("/me").text
    with pytest.raises(Refused, match="no peer"):
        site.run("person", "deny-jump", found, "--peer", "http://nowhere.example.org")


def test_taking_the_password_right_ends_the_visits_begun_by_it(site: Site, moodle: Moodle) -> None:
    found = pupil(site, "petra")
    with app_of(site) as app, app.database.read() as connection:
        stored = store.find(connection, moodle.wwwroot)
        assert stored is not None
    petra = signed_in(site, "petra")
    token = gone_over(jump(petra, f"hostid={stored.id}"))
    call(site, moodle, "auth/mnet/auth.php/user_authorise", token, sha1(AGENT))
    began = time.monotonic()
    site.run("person", "deny-login", found)
    assert time.monotonic() - began < 30
    soon(lambda: ("kill_child", ["petra", sha1(AGENT)]) in moodle.calls)
    assert petra.get("/me").status == 303
    assert sign_in(browser(site), "petra").status == 403


@pytest.mark.requirement("R31")
def test_no_way_is_offered_to_a_moodle_that_was_found_not_to_sign_on(
    site: Site, moodle: Moodle
) -> None:
    visitor, off = browser(site), b'<a href="/error/moodle/mnetdisable" data-rel="fatalerror">'
    pupil(site, "ola")
    assert sign_in(visitor, "ola").status == 200
    with app_of(site) as app, app.database.read() as connection:
        stored = store.find(connection, moodle.wwwroot)
        assert stored is not None
    for land_page, is_offered in ((off, False), (b'<p data-rel="fatalerror">', True)):
        moodle.land = (404, land_page)
        with contextlib.suppress(Refused):  # the services are another test's
            site.text("peer", "verify", moodle.wwwroot)
        links = visitor.get("/me").tree.xpath("//a/@href")
        ways = [link for link in links if link.endswith(f"/jump.php?hostid={stored.id}")]
        assert bool(ways) is is_offered
        other = browser(site).get("/").text
        assert (f"{moodle.wwwroot}/auth/mnet/jump.php" in other) is is_offered
