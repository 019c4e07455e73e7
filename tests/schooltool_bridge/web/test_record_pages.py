"""Pages of what came and went: calls, inbox, personal data, support, our key, notices, peers."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peers import audit, typed
from tests.helpers.admins import browser, site_with_admins
from tests.helpers.rig import SIS, START_UNIX_S, FakePeer, Rig

MOODLE, OTHER = "http://moodle.example.org", "http://other.example.org"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with site_with_admins(tmp_path) as made:
        yield made


@pytest.fixture
def moodle(rig: Rig) -> FakePeer:
    return rig.add(MOODLE)


def push(rig: Rig, peer: FakePeer, event: str, **data: Any) -> Any:
    return rig.call(peer, SIS + event, data)


def test_the_calls_of_a_day_are_found_by_peer_outcome_and_method(
    rig: Rig, moodle: FakePeer
) -> None:
    other = rig.add(OTHER)
    push(rig, moodle, "new_section", idnumber="5", name="Biology")
    push(rig, moodle, "new_section", idnumber="6")
    push(rig, other, "fetch_user", idnumber="u1", username="u1", firstname="A", lastname="B")
    visitor = browser(rig, "carl")
    everything = visitor.get("/admin/calls").tree.xpath("//tbody/tr")
    assert len(everything) >= 3
    failed = visitor.get("/admin/calls?outcome=failed").text
    assert "8400" in failed
    assert "fetch_user" not in "".join(
        visitor.get(f"/admin/calls?peer={MOODLE}").tree.xpath("//tbody//text()")
    )
    one = visitor.get("/admin/calls").tree.xpath("//tbody//a/@href")[0]
    detail = visitor.get(one.removeprefix("http://sis.example.org"))
    assert detail.status == 200
    assert "Biology" not in detail.text, "the journal holds no payload"
    assert visitor.get("/admin/calls/999999").status == 404
    assert visitor.get("/admin/calls?outcome=x&before=y&from=z&direction=up").status == 200
    assert visitor.get("/admin/calls?peer=nobody").status == 404


def test_an_event_that_waits_is_shown_escaped_retried_and_dismissed(
    rig: Rig, moodle: FakePeer
) -> None:
    held = push(
        rig,
        moodle,
        "new_enrolment",
        sectionid=HOSTILE,
        userid="u1",
        role="student",
        timemodified=START_UNIX_S,
    )
    assert held["status"] == "held"
    visitor = browser(rig, "carl")
    shown = visitor.get("/admin/inbox")
    assert HOSTILE not in shown.text
    assert "&lt;script&gt;" in shown.text
    path = "/admin/inbox/1"
    assert HOSTILE not in visitor.get(path).text
    answer = visitor.send(path, page=path, action="retry")
    assert answer.status == 303
    assert "still held" in visitor.get("/admin/inbox").message("said")
    assert visitor.send(path, page=path, action="burn").status == 400
    assert visitor.send(path, page=path, action="dismiss").status == 303
    assert "dismissed" in visitor.get("/admin/inbox").message("said")
    with rig.app.database.read() as connection:
        done = [(e.actor, e.action) for e in audit.entries(connection)]
    assert ("carl", "event dismissed") in done
    assert ("carl", "event retried") in done


def test_people_and_sections_have_their_names_in_inbox_and_trail(
    rig: Rig, moodle: FakePeer
) -> None:
    push(rig, moodle, "fetch_user", idnumber="u1", username="ann", firstname="Ann", lastname="Lee")
    push(rig, moodle, "new_section", idnumber="5", name="Biology", moodleid="77")
    push(rig, moodle, "new_grade", assessmentid="q1", userid="u1", points_earned=3)
    push(rig, moodle, "new_enrolment", sectionid="5", userid="u2", role="student")
    visitor = browser(rig, "carl")
    listed = visitor.get("/admin/inbox").text
    assert "person Ann Lee (u1), assessment q1" in listed
    assert "person u2 in section Biology (5)" in listed
    events = visitor.get("/admin/inbox").tree.xpath("//tbody//th/a/@href")
    shown = [visitor.get(e.removeprefix("http://sis.example.org")).text for e in events]
    assert any("Ann Lee (u1)" in text for text in shown)
    with rig.app.database.write() as connection:
        for subject, detail in (
            ("person 1", {"persons": [1, 999]}), ("section 1", {}), ("assessment 9", {}),
        ):  # fmt: skip
            audit.record(
                connection, actor="anna", action="looked", subject=subject, detail=detail,
                now_unix_s=START_UNIX_S,
            )  # fmt: skip
    trail = browser(rig, "anna").get("/admin/audit").text
    assert "Ann Lee (person 1)" in trail
    assert "Ann Lee, 999" in trail
    assert "Biology (section 1)" in trail
    assert "assessment 9" in trail


@pytest.mark.usefixtures("moodle")
def test_what_a_peer_gets_and_gives_is_listed(rig: Rig) -> None:
    text = browser(rig, "carl").get("/admin/sharing").text
    assert MOODLE in text
    assert "points_earned" in text


@pytest.mark.usefixtures("moodle")
def test_support_is_for_managers_and_the_bundle_is_a_zip(rig: Rig) -> None:
    assert browser(rig, "carl").get("/admin/support").status == 403
    visitor = browser(rig, "anna")
    page = visitor.get("/admin/support")
    assert "RC4 works" in page.text
    bundle = visitor.send("/admin/support/bundle", page="/admin/support")
    assert bundle.status == 200
    assert bundle.header("Content-Disposition").startswith('attachment; filename="mnet-peer-')
    assert zipfile.ZipFile(io.BytesIO(bundle.body)).testzip() is None


def test_our_key_is_shown_to_compare_and_made_anew_on_purpose(rig: Rig) -> None:
    before = rig.app.custody.keyring().current.fingerprint
    carl, anna = browser(rig, "carl"), browser(rig, "anna")
    shown = carl.get("/admin/key").tree.xpath("string(//*[@class='fingerprint'])")
    assert shown == typed.as_openssl_prints(before)
    token = carl.get("/admin/key").form_token
    assert carl.post("/admin/key/rotate", {"form_token": token}).status == 403
    assert anna.send("/admin/key/rotate", page="/admin/key").status == 303
    after = rig.app.custody.keyring().current.fingerprint
    assert after != before
    with rig.app.database.read() as connection:
        entry = audit.entries(connection)[0]
    assert (entry.actor, entry.action) == ("anna", "own key changed")
    assert entry.detail == {"before": before, "after": after}


def test_a_banner_is_put_away_until_something_changes(rig: Rig, moodle: FakePeer) -> None:
    push(rig, moodle, "new_section", idnumber="5", name="Biology")
    rig.clock.now += 3 * 24 * 3600
    visitor = browser(rig, "carl")
    [form] = visitor.get("/admin/people?search=pam").tree.xpath("//div[@role='status']//form")
    fields = {f.get("name"): f.get("value") for f in form.xpath(".//input")}
    assert visitor.post(form.get("action"), fields).location == "/admin/people?search=pam"
    assert not visitor.get("/admin/people").message("banner")
    # Who else signs in here put nothing away.
    visitor.cookies |= browser(rig, "anna").cookies
    assert MOODLE in visitor.get("/admin/people").message("banner")
    outside = {**fields, "banner_back": "//elsewhere.example.org/"}
    visitor.cookies |= browser(rig, "carl").cookies
    outside["form_token"] = visitor.get("/admin/people/add").form_token
    assert visitor.post(form.get("action"), outside).location == "/admin/notices"
    push(rig, moodle, "new_grade", assessmentid="9", userid="9", points_earned=1)  # is held
    rig.clock.now += 3 * 24 * 3600
    visitor.cookies |= browser(rig, "carl").cookies
    assert visitor.get("/admin/people").message("banner")


def test_a_peer_that_is_silent_is_named_on_every_page_and_its_notice_leads_to_it(
    rig: Rig, moodle: FakePeer
) -> None:
    push(rig, moodle, "new_section", idnumber="5", name="Biology")
    visitor = browser(rig, "anna")
    assert "banner-warning" not in visitor.get("/admin/accounts").text
    rig.clock.now += 3 * 24 * 3600
    visitor = browser(rig, "anna")
    assert MOODLE in visitor.get("/admin/accounts").message("banner")
    link = next(
        h for h in visitor.get("/admin/notices").tree.xpath("//main//a/@href") if "wwwroot" in h
    )
    assert visitor.get(link).location.endswith("/admin/peers/1")
    card = visitor.get("/admin").tree.find_class("peer-card")[0].text_content()
    assert "1 in" in " ".join(card.split()) or "0 in" in " ".join(card.split())
