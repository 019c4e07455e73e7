"""Lists of the record: filters, days, older pages, a day's drawing, who may; on a real server too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from mnet.exchange_parts import CallRecord
from peers import audit, journal
from schooltool_bridge.web import calls_pages, inbox_pages
from schooltool_bridge.web.pages import frame_of
from tests.helpers.admins import PASSWORD, browser, site_with_admins
from tests.helpers.pushing import PEER, push, register
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig
from tests.helpers.site import Site
from tests.helpers.visitor import Page, Visitor, filled, in_memory, over_http
from tests.schooltool_bridge.hand.test_resolving import policy

MOODLE, OTHER = "http://moodle.example.org", "http://other.example.org"
DAY_S = 86400
PUPIL: dict[str, Any] = {"sectionid": "5", "userid": "1", "role": "student"}
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with site_with_admins(tmp_path) as made:
        yield made


@pytest.fixture
def moodle(rig: Rig) -> FakePeer:
    return rig.add(MOODLE)


def called(rig: Rig, method: str, outcome: str = "ok", **more: Any) -> None:
    with rig.app.database.write() as connection:
        values = {"peer_id": 1, "at_unix_s": START_UNIX_S, "duration_ms": 5, **more}
        journal.record(
            connection,
            CallRecord(method=method, payload=b"x", correlation="c", outcome=outcome, **values),
        )


def methods(page: Page) -> list[str]:
    """Return the methods in the list that is shown."""
    assert page.status == 200
    return [e.text for e in page.tree.xpath("//tbody/tr/td[1]/a")]


def link(page: Page, text: str) -> str | None:
    found = page.tree.xpath(f"//main//a[normalize-space()='{text}']/@href")
    return str(found[0]).removeprefix("http://sis.example.org") if found else None


@pytest.mark.requirement("R90")
@pytest.mark.usefixtures("moodle")
def test_calls_are_chosen_by_direction_method_outcome_and_day(rig: Rig) -> None:
    called(rig, "a/b.php/one")
    called(rig, "a/b.php/two", "held", at_unix_s=START_UNIX_S - DAY_S)
    called(rig, "a/b.php/three", "fault 8409", direction="out", reason="Two of a name.")
    called(rig, "a/b.php/four", "unreachable", direction="out", at_unix_s=START_UNIX_S - DAY_S)
    visitor = browser(rig, "carl")
    for query, wanted in {
        "": {"one", "two", "three", "four"},
        "?direction=in": {"one", "two"},
        "?direction=sideways": {"one", "two", "three", "four"},
        "?outcome=failed": {"three", "four"},
        "?outcome=ok": {"one", "two"},
        "?outcome=held": {"two"},
        "?outcome=fault+8409": {"three"},
        "?outcome=unreachable": {"four"},
        "?method=a%2Fb.php%2Ftwo": {"two"},
        "?method=two": {"two"},
        "?from=2026-11-18": {"one", "three"},
        "?to=2026-11-17": {"two", "four"},
        "?from=2026-11-17&to=2026-11-17": {"two", "four"},
        "?from=2026-11-18&outcome=failed&direction=out": {"three"},
        "?from=2026-11-19": set(),
    }.items():
        assert set(methods(visitor.get("/admin/calls" + query))) == wanted, query
    chosen = visitor.get("/admin/calls?outcome=fault+8409&from=2026-11-18&direction=out").tree
    assert chosen.xpath("//select[@id='outcome']/option[@selected]/text()") == ["Fault 8409"]
    assert chosen.xpath("//input[@id='from']/@value") == ["2026-11-18"]


@pytest.mark.usefixtures("moodle")
def test_older_calls_are_a_page_further_on_and_keep_what_was_chosen(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_pages, "ROWS", 2)
    for number in range(5):
        called(rig, f"m{number}")
        called(rig, f"bad{number}", "fault 8400")
    visitor = browser(rig, "carl")
    seen, path = [], "/admin/calls?outcome=failed"
    while path:
        shown = visitor.get(path)
        seen.append(methods(shown))
        path = link(shown, "Older calls") or ""
    assert seen == [["bad4", "bad3"], ["bad2", "bad1"], ["bad0"]]
    assert link(shown, "Newest calls") == "/admin/calls?outcome=failed"


@pytest.mark.usefixtures("moodle")
def test_what_a_peer_names_its_methods_stays_text(rig: Rig) -> None:
    called(rig, HOSTILE, "fault 7012", reason=HOSTILE)
    visitor = browser(rig, "carl")
    for path in ("/admin/calls", "/admin/calls/1", f"/admin/calls?method={quote(HOSTILE)}"):
        shown = visitor.get(path)
        assert shown.status == 200
        assert "<script>" not in shown.text
        assert "alert(1)" in shown.text


@pytest.mark.usefixtures("moodle")
def test_a_peer_that_tries_out_names_makes_no_endless_choice(rig: Rig) -> None:
    for number in range(calls_pages.MAX_METHODS + 20):
        called(rig, f"guess{number}")
    options = browser(rig, "carl").get("/admin/calls").tree.xpath("//select[@id='method']/option")
    assert len(options) == calls_pages.MAX_METHODS + 1  # and "All"


@pytest.mark.usefixtures("moodle")
def test_the_day_is_drawn_and_told_in_numbers(rig: Rig) -> None:
    for _each in range(49):
        called(rig, "one")
    called(rig, "two", "fault 8400")
    called(rig, "three", direction="out")
    called(rig, "yesterday", at_unix_s=START_UNIX_S - DAY_S)
    page = browser(rig, "carl").get("/admin/calls")
    assert "style=" not in page.text, "the Content-Security-Policy forbids it"
    titles = [t.text for t in page.tree.xpath("//svg/g/title")]
    assert len(titles) == 24
    assert titles[11].endswith("50 in, 1 out, 1 failed")
    bars = page.tree.xpath("//svg/g[title]/rect[@class]")
    tall = {bar.get("class"): float(bar.get("height")) for bar in bars}
    assert tall == {"in": 82, "out": 2, "failed": 2}, "one among many can still be seen"
    rows = page.tree.xpath("//svg/following-sibling::div//tbody/tr")
    assert [[cell.text for cell in row] for row in rows] == [["11:00", "50", "1", "1"]]
    assert not browser(rig, "carl").get("/admin/calls?from=2026-11-17").tree.xpath("//main//svg")


def test_the_inbox_is_chosen_by_status_and_peer_and_pages_on(
    rig: Rig, moodle: FakePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = rig.add(OTHER)
    for number in range(3):
        rig.call(moodle, SIS + "new_enrolment", PUPIL | {"sectionid": f"s{number}"})
    rig.call(moodle, SIS + "new_section", {"idnumber": "nameless"})
    rig.call(other, SIS + "new_enrolment", PUPIL | {"sectionid": "theirs"})
    visitor = browser(rig, "carl")

    def about(query: str) -> str:
        return str(visitor.get("/admin/inbox" + query).tree.xpath("string(//tbody)"))

    everything = about("")
    assert all(name in everything for name in ("s0", "s1", "s2", "nameless", "theirs"))
    held = about(f"?status=held&peer={quote(MOODLE)}")
    assert "s0" in held
    assert "nameless" not in held
    assert "theirs" not in held
    assert "nameless" in about("?status=rejected")
    assert "nameless" in about("?status=done"), "an unknown status counts as not chosen"
    monkeypatch.setattr(inbox_pages, "ROWS", 2)
    first = visitor.get("/admin/inbox?status=held")
    assert len(first.tree.xpath("//tbody/tr")) == 2
    second = visitor.get(link(first, "Older events") or "")
    assert len(second.tree.xpath("//tbody/tr")) == 2
    assert link(second, "Older events") is None
    # What is done there comes back there.
    path = second.tree.xpath("//tbody//form/@action")[0].removeprefix("http://sis.example.org")
    older = link(first, "Older events") or ""
    fields = {
        name: value
        for name, value in second.tree.xpath("//tbody//form")[0].form_values()
        if name != "form_token"
    }
    done = visitor.send(path, page=older, action="dismiss", **fields)
    assert done.location == older


@pytest.mark.requirement("R89")
def test_all_held_of_a_peer_are_retried_by_one_button(rig: Rig, moodle: FakePeer) -> None:
    rig.call(moodle, SIS + "new_enrolment", PUPIL)
    rig.call(moodle, SIS + "new_enrolment", PUPIL | {"sectionid": "elsewhere"})
    policy(rig, accept_enrolments="no")
    rig.call(
        moodle,
        SIS + "fetch_user",
        {"idnumber": "1", "username": "ada", "firstname": "Ada", "lastname": "L"},
    )
    rig.call(moodle, SIS + "new_section", {"idnumber": "5", "name": "Biology"})
    policy(rig, accept_enrolments="yes")
    visitor = browser(rig, "carl")
    assert "Retry all" not in visitor.get("/admin/inbox").text, "of which peer?"
    path = f"/admin/inbox?peer={quote(MOODLE, safe='')}"
    assert "Retry all 2 held" in visitor.get(path).text
    answer = visitor.send("/admin/inbox", page=path, peer=MOODLE)
    assert answer.status == 303
    assert answer.location.endswith(path)
    assert visitor.get(path).message("said") == "2 tried again: 1 applied, 1 still held."
    with rig.app.database.read() as connection:
        newest = audit.entries(connection)[0]
    assert (newest.actor, newest.action, newest.subject) == ("carl", "held events retried", MOODLE)
    assert visitor.send("/admin/inbox", page=path).status == 400
    assert visitor.send("/admin/inbox", page=path, peer="http://nobody.example.org").status == 404


def test_why_nothing_was_applied_is_said_where_it_was_tried(rig: Rig, moodle: FakePeer) -> None:
    rig.call(moodle, SIS + "new_enrolment", PUPIL)
    policy(rig, accept_enrolments="no")
    visitor = browser(rig, "carl")
    assert visitor.send("/admin/inbox/1", action="retry").status == 303
    assert "allow it first" in visitor.get("/admin/inbox").message("said")
    assert visitor.send("/admin/inbox/1", action="dismiss").status == 303
    assert "Enrolment person 1 in section 5 is dismissed" in visitor.get("/admin/inbox").message(
        "said"
    )
    token = visitor.get("/admin/inbox").form_token
    visitor.post("/admin/inbox/1", {"form_token": token, "action": "retry"})
    assert "no open event 1" in visitor.get("/admin/inbox").message("said")
    assert "What to do" not in visitor.get("/admin/inbox/1").text


def test_a_payload_is_shown_to_a_clerk_as_text_and_never_with_a_password(
    rig: Rig, moodle: FakePeer
) -> None:
    rig.call(
        moodle, SIS + "fetch_user",
        {"idnumber": "1", "firstname": HOSTILE, "password": "hush hush", HOSTILE: {"a": [1]},
         "timemodified": 1795000000},
    )  # fmt: skip
    for path in ("/admin/inbox", "/admin/inbox/1"):
        shown = browser(rig, "carl").get(path)
        assert shown.status == 200
        assert "<script>" not in shown.text
        assert "hush" not in shown.text
    text = shown.tree.text_content()
    assert HOSTILE in text
    assert '{"a": [1]}' in text
    assert "18 Nov 2026, 11:06" in text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("number", ["0", "2147483647", "2147483648", "9" * 30])
def test_a_number_that_nothing_has_is_not_found(rig: Rig, number: str) -> None:
    visitor = browser(rig, "carl")
    for kind in ("calls", "inbox"):
        assert visitor.get(f"/admin/{kind}/{number}").status == 404


def test_nobody_but_clerks_and_managers_sees_or_settles_the_record(rig: Rig) -> None:
    routes = [
        r
        for r in frame_of(rig.app).routes
        if r.rule.startswith(("/admin/calls", "/admin/inbox", "/admin/sharing", "/admin/support"))
    ]
    assert len(routes) == 10
    stranger = Visitor(in_memory(frame_of(rig.app)))
    for route in routes:
        path = filled(route.rule)
        if "POST" in route.methods:
            assert stranger.post(path, {}).location == "/", path
        else:
            assert stranger.get(path).location.startswith("/?next="), path


def test_on_a_real_server_a_clerk_settles_what_a_peer_pushed(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    made = Site(tmp_path / "home", "--admin-password-file", str(secret))
    with made as site:
        peer = register(site)
        assert push(site, peer, "new_enrolment", PUPIL)["status"] == "held"
        visitor = Visitor(over_http(site.port))
        assert visitor.sign_in("admin", PASSWORD).status == 303
        shown = visitor.get("/admin/inbox")
        assert "section 5, person 1" in " ".join(shown.tree.text_content().split())
        assert "new_enrolment" in methods(visitor.get("/admin/calls?outcome=held"))
        assert visitor.send("/admin/inbox/1", action="dismiss").status == 303
        assert site.run("inbox", "list") == []
        assert PEER in visitor.get("/admin/audit").text
        assert "event dismissed" in visitor.get("/admin/audit").text


def test_from_elsewhere_only_a_signed_in_manager_sees_health_and_metrics(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    made = Site(tmp_path / "home", "--admin-password-file", str(secret))
    with made as site:
        ask = over_http(site.port)
        given = {
            name: site.run("admin", "add", name, "--role", role)["one_time_password"]
            for name, role in (("carl", "clerk"), ("mary", "manager"))
        }
        visitors = {name: Visitor(ask) for name in ("admin", "carl", "mary", "nobody")}
        assert visitors["admin"].sign_in("admin", PASSWORD).status == 303
        for name, password in given.items():
            assert visitors[name].sign_in(name, password).status == 303
        assert visitors["carl"].send(
            "/admin/password", old_password=given["carl"], new_password=PASSWORD, new_again=PASSWORD
        ).status == 303  # fmt: skip
        far = {"X-Forwarded-For": "203.0.113.5"}
        for path in ("/metrics", "/healthz"):
            seen = {name: v.get(path, **far).status for name, v in visitors.items()}
            # Mary has only her one-time password yet.
            assert seen == {"admin": 200, "carl": 403, "mary": 403, "nobody": 403}, path
