"""A Moodle's courses by pages over real HTTP and by commands: seen, filled, emptied, refused."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from peers import accounts, audit
from peers.accounts import CLERK
from schooltool_bridge.store.model import person
from tests.helpers import roaming
from tests.helpers.course_host import HOSTILE, CourseHost, course, fault
from tests.helpers.moodle import Moodle
from tests.helpers.site import Refused, Site
from tests.helpers.visitor import Page, Visitor, over_http

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("courses")
    file = folder / "password"
    file.write_text(PASSWORD)
    with Site(folder / "home", "--admin", "head", "--admin-password-file", str(file)) as site:
        with roaming.app_of(site) as app, app.database.write() as connection:
            accounts.add(
                connection, "carl", PASSWORD, one_time=False, now_unix_s=1, role=CLERK
            )  # fmt: skip
            for name in ("ada", "bob", "cy"):
                connection.execute(
                    sa.insert(person).values(
                        username=name, username_key=name, idnumber=f"N{name}",
                        idnumber_key=f"n{name}", firstname=name.capitalize(), lastname="Øst <i>",
                        email="" if name == "cy" else f"{name}@x.org", can_login=False,
                        created_unix_s=1,
                    )
                )  # fmt: skip
        yield site


@pytest.fixture(scope="module")
def moodle(site: Site) -> Iterator[Moodle]:
    with Moodle(site.wwwroot, site.certificate()) as moodle:
        yield moodle


@pytest.fixture(scope="module")
def peer_id(site: Site, moodle: Moodle) -> int:
    peer_id = roaming.befriend(site, moodle)
    roaming.set_services(site, peer_id, (), ("mnet_enrol",))
    return peer_id


@pytest.fixture
def host(moodle: Moodle, peer_id: int) -> Iterator[CourseHost]:
    assert peer_id
    host = CourseHost()
    moodle.scripted = host.scripted
    moodle.server = (200, "")
    yield host
    moodle.server = (200, "")


@pytest.fixture(scope="module")
def head(site: Site) -> Visitor:
    return signed_in(site, "head")


def signed_in(site: Site, name: str) -> Visitor:
    visitor = Visitor(over_http(site.port))
    assert visitor.sign_in(name, PASSWORD).status == 303
    return visitor


def words(page: Page) -> str:
    return " ".join(page.tree.find(".//main").text_content().split())


def ids(site: Site) -> dict[str, str]:
    return {p["username"]: p["id"] for p in site.run("person", "list")}


def test_the_courses_stand_by_category_with_dates_and_can_be_searched(
    head: Visitor, host: CourseHost, peer_id: int
) -> None:
    host.courses.append(course(4, "History 2", "H2", 2, idnumber="X", startdate="0"))
    path = f"/admin/peers/{peer_id}/courses"
    page = head.get(path)
    assert page.status == 200
    assert HOSTILE not in page.text
    assert [h.text for h in page.tree.xpath("//h2")] == ["Year 1", "Year 2"]
    text = words(page)
    assert "3 courses." in text
    assert "Geography & <Maps>" in text
    assert "21 Sep 2026" in text
    assert "not told" in text
    found = head.get(path + "?q=hist+2")
    assert "2 of 3 courses fit." in words(found)
    assert "Geography" not in words(found)
    assert "No course fits" in words(head.get(path + "?q=%3Cb%3E"))
    assert "<b>" not in head.get(path + "?q=%3Cb%3E").text
    assert path in head.get(f"/admin/peers/{peer_id}/enrolment").text


@pytest.mark.requirement("R1")
def test_people_are_searched_enrolled_and_taken_out_on_a_courses_page(
    head: Visitor, host: CourseHost, site: Site, peer_id: int
) -> None:
    host.enrolled[3] = [("zoe", "manual"), (HOSTILE, "self")]
    path, our = f"/admin/peers/{peer_id}/courses/3", ids(site)
    empty = head.get(path)
    assert HOSTILE not in empty.text
    assert "Our people in it (2)" in words(empty)
    assert "by manual in the Moodle itself" in words(empty)
    assert not empty.tree.xpath("//input[@name='username']")
    found = head.get(path + "?q=%C3%B8st")
    choices = {
        i.get("value"): i.get("disabled") for i in found.tree.xpath("//input[@name='person']")
    }
    assert choices == {our["ada"]: None, our["bob"]: None, our["cy"]: "disabled"}
    assert "Lacks an email address" in words(found)
    assert "<i>" not in found.text
    one = head.send(path, page=path + "?q=ada", action="enrol", person=our["ada"])
    assert one.location.endswith(path)
    shown = head.get(path)
    assert "Ada Øst <i>: Enrolled." in shown.message("said")
    assert shown.tree.xpath("//input[@name='username']/@value") == ["ada"]
    several = head.send(
        path, page=path + "?q=b", action="enrol", person=[our["bob"], our["cy"], "x", "99999"]
    )
    assert several.status == 200
    assert several.tree.xpath("//h1/text()") == ["Enrolled: 1 of 4"]
    assert "Lacks an email address" in words(several)
    assert [user["username"] for user in host.accounts.values()] == ["ada", "bob"]
    out = head.send(path, action="unenrol", username=["bob", "zoe", "nobody"])
    assert out.tree.xpath("//h1/text()") == ["Taken out: 1 of 3"]
    assert "Is not in this course any more." in words(out)
    assert host.enrolled[3] == [("zoe", "manual"), (HOSTILE, "self"), ("ada", "mnet")]
    with roaming.app_of(site) as app, app.database.read() as connection:
        trail = {(e.actor, e.action, e.subject) for e in audit.entries(connection)}
    assert trail >= {
        ("head", "enrolled at", f"person {our['ada']}"),
        ("head", "enrolled at", f"person {our['bob']}"),
        ("head", "unenrolled at", f"person {our['bob']}"),
    }


def test_a_form_that_says_nothing_sensible_changes_nothing(
    head: Visitor, host: CourseHost, peer_id: int
) -> None:
    path = f"/admin/peers/{peer_id}/courses/2"
    for fields in (
        {"action": "enrol"}, {"action": "burn", "person": "1"},
        {"action": "enrol", "person": [str(n) for n in range(60)]},
    ):  # fmt: skip
        assert head.send(path, page=path, **fields).status == 400
    assert head.post(path, {"form_token": "x", "action": "enrol", "person": "1"}).status == 403
    assert head.get(f"/admin/peers/{peer_id}/courses/99").status == 404
    assert head.get("/admin/peers/99/courses").status == 404
    assert host.enrolled == {}


def test_only_managers_see_and_change_it(site: Site, host: CourseHost, peer_id: int) -> None:
    carl, path = signed_in(site, "carl"), f"/admin/peers/{peer_id}/courses"
    token = carl.get("/admin").form_token
    for where in (path, path + "/2"):
        assert carl.get(where).status == 403
    sent = {"form_token": token, "action": "enrol", "person": "1"}
    assert carl.post(path + "/2", sent).status == 403
    assert Visitor(over_http(site.port)).get(path).location.startswith("/?next=")
    assert host.enrolled == {}


def test_trouble_is_told_with_what_to_do(
    head: Visitor, host: CourseHost, moodle: Moodle, site: Site, peer_id: int
) -> None:
    path = f"/admin/peers/{peer_id}/courses"
    host.courses.clear()
    assert "add MNet remote enrolments, for this site or for all hosts" in words(head.get(path))
    moodle.scripted["available_courses"] = lambda: fault(7012)
    refused = head.get(path)
    assert refused.status == 502
    assert "tick Publish for Remote enrolment service" in refused.message()
    moodle.server = (503, "")
    assert "is out of reach" in head.get(path + "/2").message()
    moodle.server = (200, "")
    roaming.set_services(site, peer_id, (), ("schooltool",))
    not_set_up = head.get(path)
    assert not_set_up.status == 409
    assert "Subscribe to the service" in not_set_up.message()
    roaming.set_services(site, peer_id, (), ("mnet_enrol",))


@pytest.mark.parametrize("is_old", [False, True])
def test_the_same_by_commands(site: Site, moodle: Moodle, host: CourseHost, is_old: bool) -> None:
    host.is_old = is_old
    host.courses.append(course(4, "Other", "2"))
    our, peer = ids(site), moodle.wwwroot
    listed = site.run("peer", "courses", peer)
    assert [(c["id"], c["shortname"]) for c in listed] == [("2", "GEO"), ("3", "HIST"), ("4", "2")]
    assert listed[0]["starts"].startswith("2026-09-21T")
    done = site.run("peer", "enrol", peer, "GEO-9", "Nada", our["bob"])
    assert [(d["username"], d["ok"]) for d in done] == [("ada", True), ("bob", True)]
    rows = site.run("peer", "enrolled", peer, "GEO")
    assert [(r["person"], r["plugin"], r["role"]) for r in rows] == [
        (our["ada"], "mnet", "student"), (our["bob"], "mnet", "student"),
    ]  # fmt: skip
    host.enrolled[2].append(("zoe", "mnet"))
    assert "Ada Øst <i>: Taken out.\nzoe: Taken out." in site.text(
        "peer", "unenrol", peer, "GEO", "Nada", "zoe"
    )
    assert host.enrolled[2] == [("bob", "mnet")]
    with pytest.raises(Refused, match="1 of 1 could not be done") as refused:
        site.run("peer", "enrol", peer, "GEO", "Ncy")
    assert refused.value.status == 1
    assert "Lacks an email address" in refused.value.stdout
    for arguments, said in (
        (("enrolled", peer, "2"), "fits several courses"),
        (("enrolled", peer, "77"), "No course '77' is offered"),
        (("unenrol", peer, "GEO", "nobody"), "nobody"),
        (("unenrol", peer, "GEO", "Ncy"), "is not in this course"),
        (("enrol", peer, "GEO", "nobody"), "nobody"),
    ):
        with pytest.raises(Refused, match=said) as refused:
            site.run("peer", *arguments)
        assert refused.value.status == 1


def test_a_command_says_when_the_moodle_does_not_let_us(
    site: Site, moodle: Moodle, host: CourseHost
) -> None:
    assert host.courses
    moodle.scripted["available_courses"] = lambda: fault(707)
    with pytest.raises(Refused, match="tick Publish for Remote enrolment service"):
        site.run("peer", "courses", moodle.wwwroot)
    host.courses.clear()
    moodle.scripted = host.scripted
    assert "offers no courses" in site.text("peer", "courses", moodle.wwwroot)


@pytest.mark.usefixtures("host")
def test_verifying_says_that_the_service_is_not_published_there(site: Site, moodle: Moodle) -> None:
    with pytest.raises(Refused) as refused:
        site.run("peer", "verify", moodle.wwwroot)
    steps = {s["name"]: s for s in json.loads(refused.value.stdout)["steps"]}
    assert "Publish for Remote enrolment service" in steps["services"]["remedy"]
    row = {"name": "mnet_enrol", "apiversion": "1", "publish": "1", "subscribe": "0"}
    roaming.set_services(site, 1, ("schooltool",), ("schooltool", "mnet_enrol"))
    moodle.services.append(row)
    assert site.run("peer", "verify", moodle.wwwroot)["ok"]


def test_no_name_and_no_answer_of_theirs_stands_in_the_log(
    site: Site, head: Visitor, host: CourseHost, peer_id: int
) -> None:
    path = f"/admin/peers/{peer_id}/courses/2"
    host.refuses["ada"] = 5019
    answer = head.send(path, page=path + "?q=ada", action="enrol", person=ids(site)["ada"])
    assert "could not enrol this person" in words(answer)
    log = site.log()
    assert "ada@x.org" not in log
    assert "script" not in log
    assert "bug" not in log
