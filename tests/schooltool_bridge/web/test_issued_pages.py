"""A term is closed, a transcript issued, another grade pushed: a real server, pages and commands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pushing import push, register
from tests.helpers.rig import FakePeer
from tests.helpers.site import Refused, Site
from tests.helpers.visitor import SAME, Page, Visitor, over_http

PASSWORD = "correct horse battery"
EVENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fetch_user", {"idnumber": "77", "username": "ada", "firstname": "Ada", "lastname": "<b>L</b>"}),
    ("new_section", {"idnumber": "5", "name": "Biology A"}),
    ("new_enrolment", {"sectionid": "5", "userid": "77", "role": "student"}),
    ("new_assessment", {"sectionid": "5", "idnumber": "q", "name": "Quiz", "pointval": 100}),
    ("new_grade", {"assessmentid": "q", "userid": "77", "points_earned": 91}),
)  # fmt: skip
BOUNDARY = "----form"
ISSUED = "/admin/reports/issued"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    with Site(tmp_path / "home", "--admin", "head", "--admin-password-file", str(file)) as site:
        yield site


@pytest.fixture
def peer(site: Site) -> FakePeer:
    """A Moodle whose Biology is filed in Autumn."""
    peer = register(site)
    for event, data in EVENTS:
        push(site, peer, event, data)
    site.run("year", "add", "2026/27", "--first", "2026-09-01", "--last", "2027-07-02")
    site.run("term", "add", "Autumn", "--year", "2026/27", "--first", "2026-09-01", "--last", "2026-12-20")  # fmt: skip
    site.run("course", "add", "BIO-1", "Biology", "--credits", "0.5")
    site.run("section", "file", "5", "--course", "BIO-1", "--term", "Autumn")
    return peer


@pytest.fixture
def head(site: Site) -> Visitor:
    visitor = Visitor(over_http(site.port))
    assert visitor.sign_in("head", PASSWORD).status == 303
    return visitor


def refused(site: Site, *arguments: str) -> str:
    with pytest.raises(Refused) as found:
        site.text(*arguments)
    assert (found.value.status, found.value.stderr.count("\n")) == (1, 1)
    return found.value.stderr


def upload(visitor: Visitor, data: bytes) -> Page:
    """Send a file to be checked, as a browser does."""
    token = visitor.get(ISSUED).form_token
    field = 'Content-Disposition: form-data; name="{}"'
    parts = [
        f"{field.format('form_token')}\r\n\r\n{token}".encode(),
        f"{field.format('sha256')}\r\n\r\n".encode(),
        f'{field.format("file")}; filename="x.pdf"\r\n\r\n'.encode() + data,
    ]
    body = b"".join(f"--{BOUNDARY}\r\n".encode() + part + b"\r\n" for part in parts)
    kind = {**SAME, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return visitor.post(ISSUED, body + f"--{BOUNDARY}--\r\n".encode(), kind)


def transcript_mark(visitor: Visitor) -> str:
    """What stands under Mark on the page of Ada's transcript."""
    cells = visitor.get("/admin/people/1/transcript").tree.xpath("//tbody/tr/td")
    return str(cells[2].text_content())


def test_a_term_is_closed_a_transcript_issued_and_nothing_pushed_later_changes_it(
    site: Site, peer: FakePeer, head: Visitor, tmp_path: Path
) -> None:
    closed = site.run("term", "close", "autumn", "--marks", "letter grades")
    assert closed == {
        "term": "Autumn", "year": "2026/27", "marks": "Letter grades",
        "sections": 1, "students": 1, "stored": 1, "without": 0, "uncoded": 0, "waiting": 0,
    }  # fmt: skip
    assert "closed already" in refused(site, "term", "close", "Autumn", "--marks", "Percent")

    asked = head.send(
        "/admin/people/1/issued", page="/admin/people/1/transcript", kind="transcript", at=""
    )
    assert "as all stands now" in asked.text
    assert "<b>L</b>" not in asked.text
    path = "/admin/people/1/issued"
    done = head.send(path, kind="transcript", at="", size="letter", confirmed="on")
    assert done.status == 303
    listed = head.get(path)
    number = listed.tree.xpath("//tbody//th")[0].text_content()
    assert f"Transcript issued as {number}." in listed.message("said")
    printed = head.get(f"{ISSUED}/{number}.pdf")
    assert printed.header("Content-Type") == "application/pdf"
    assert f"transcript-{number}.pdf" in printed.header("Content-Disposition")

    push(site, peer, "new_grade", {"assessmentid": "q", "userid": "77", "points_earned": 65})
    assert head.get(f"{ISSUED}/{number}.pdf").body == printed.body
    assert site.run("report", "reprint", number, str(tmp_path / "again.pdf"))["number"] == number
    assert (tmp_path / "again.pdf").read_bytes() == printed.body
    assert transcript_mark(head) == "A"
    assert site.run("report", "transcript", "77")["sections"][0]["percent"] == 91
    second = site.run("report", "issue", "transcript", "77", str(tmp_path / "second.pdf"))
    assert second["number"] > number

    proposal = {
        "section": "5", "name": "Biology A", "person": "77", "mark": "A", "percent": 91,
        "code": "a", "new_mark": "D", "new_percent": 65, "new_code": "a",
    }  # fmt: skip
    assert site.run("term", "proposals", "Autumn") == [proposal]
    assert site.run("section", "proposals", "5") == [proposal]
    assert "Say --all" in refused(site, "term", "accept", "Autumn", "--why", "x")
    accepted = site.run("term", "accept", "Autumn", "--person", "77", "--why", "a late paper")
    assert accepted == {"accepted": 1}
    assert site.run("term", "proposals", "Autumn") == []
    assert transcript_mark(head) == "D"
    assert head.get(f"{ISSUED}/{number}.pdf").body == printed.body


def test_reports_are_issued_listed_reprinted_and_checked_by_commands(
    site: Site, peer: FakePeer, tmp_path: Path
) -> None:
    one = str(tmp_path / "one.pdf")
    made = site.run("report", "issue", "progress", "77", one, "--at", "2026-11-01")
    assert made["sha256"] == hashlib.sha256(Path(one).read_bytes()).hexdigest()
    assert (made["kind"], made["by"]) == ("progress", "command line")
    assert site.run("report", "issued", "--person", "77") == [made]
    assert site.run("report", "issued", "--number", "000002") == []
    assert site.run("report", "check", one) == made
    changed = tmp_path / "changed.pdf"
    changed.write_bytes(Path(one).read_bytes() + b"\n")
    assert "was not issued here" in refused(site, "report", "check", str(changed))
    nowhere = str(tmp_path / "none" / "x.pdf")
    assert "cannot be written" in refused(site, "report", "issue", "transcript", "77", nowhere)
    assert len(site.run("report", "issued")) == 1, "what could not be handed out is not issued"
    assert "was issued here" in refused(site, "report", "reprint", "2026-999999", one)
    assert "a day before" in refused(site, "report", "issue", "progress", "77", one, "--at", "2199-01-01")  # fmt: skip
    assert site.run("section", "close", "5", "--marks", "Percent")["stored"] == 1
    assert "already" in refused(site, "section", "close", "5", "--marks", "Percent")
    assert "There is no score system" in refused(site, "section", "close", "5", "--marks", "Stars")
    assert "Nothing is proposed" in refused(site, "section", "accept", "5", "--all", "--why", "x")
    assert "Nothing is proposed" in site.text("section", "proposals", "5")
    assert "not closed" in refused(site, "term", "reopen", "Autumn", "--why", "x")
    site.run("term", "close", "Autumn", "--marks", "Percent")
    assert site.run("term", "reopen", "Autumn", "--why", "too early")["term"] == "Autumn"
    assert peer.wwwroot


def test_commands_tell_who_joined_since_and_store_their_marks_alone(
    site: Site, peer: FakePeer
) -> None:
    site.run("section", "close", "5", "--marks", "Letter grades")
    push(site, peer, "fetch_user", {"idnumber": "78", "username": "cem", "firstname": "Cem", "lastname": "C"})  # fmt: skip
    push(site, peer, "new_enrolment", {"sectionid": "5", "userid": "78", "role": "student"})
    push(site, peer, "new_grade", {"assessmentid": "q", "userid": "78", "points_earned": 75})
    cem = {
        "section": "5", "name": "Biology A", "person": "78", "percent": 75, "code": "a",
    }  # fmt: skip
    for kind, which in (("section", "5"), ("term", "Autumn")):
        assert site.run(kind, "joined", which) == [cem]
        assert site.run(kind, "proposals", which) == []
        told = site.text(kind, "proposals", which)
        assert "1 student(s) joined since the closing and have no final mark" in told
    assert site.run("section", "close", "5", "--marks", "Letter grades")["stored"] == 1
    assert "joined" not in site.text("section", "proposals", "5")
    assert "Nobody" in site.text("section", "joined", "5")
    site.run("term", "close", "Autumn", "--marks", "Letter grades")
    push(site, peer, "fetch_user", {"idnumber": "79", "username": "dan", "firstname": "Dan", "lastname": "D"})  # fmt: skip
    push(site, peer, "new_enrolment", {"sectionid": "5", "userid": "79", "role": "student"})
    told = site.text("term", "close", "Autumn", "--marks", "Letter grades")
    assert "1 final marks of 1 student(s) in 1 section(s); 1 of them empty" in told


def test_a_file_or_its_digest_is_known_again_and_nothing_else(
    site: Site, peer: FakePeer, head: Visitor, tmp_path: Path
) -> None:
    assert peer.wwwroot
    made = site.run("report", "issue", "transcript", "77", str(tmp_path / "x.pdf"))
    data = (tmp_path / "x.pdf").read_bytes()
    known = upload(head, data)
    assert known.status == 200
    assert made["number"] in known.text
    assert "unchanged" in known.text
    assert "Not one of ours" in upload(head, data.replace(b"%PDF-1.7", b"%PDF-1.6")).text
    spaced = " ".join(made["sha256"][i : i + 8].upper() for i in range(0, 64, 8))
    assert made["number"] in head.send(ISSUED, sha256=spaced).text
    nothing = head.send(ISSUED, sha256="")
    assert (nothing.status, "64 characters" in nothing.message()) == (400, True)
    assert upload(head, bytes(5 * 1024 * 1024)).status == 400
    assert made["number"] in head.get(f"{ISSUED}?number={made['number'][-4:]}").text
    assert "No report has such a number" in head.get(f"{ISSUED}?number=%25").text
    for path, status in (
        (f"{ISSUED}/2026-999999.pdf", 404), (f"{ISSUED}/x.pdf", 404), ("/admin/people/9/issued", 404),
        (f"{ISSUED}?page=99", 200),
    ):  # fmt: skip
        assert head.get(path).status == status, path
    person = "/admin/people/1/issued"
    for fields in ({"kind": "diploma"}, {"kind": "progress", "at": "1.9.26"},
                   {"kind": "progress", "at": "2199-01-01"}, {"kind": "progress", "size": "a3"}):  # fmt: skip
        assert head.send(person, **fields).status == 400, fields
    assert len(site.run("report", "issued")) == 1
    head.get(f"{ISSUED}/{made['number']}.pdf")
    assert "report printed again" in {e["action"] for e in site.run("audit", "list")}
