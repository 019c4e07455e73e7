"""The server as it is run: commands beside it, workers, its log, how it begins and ends."""

from __future__ import annotations

import http.client
import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mnet import envelope, xmlrpc
from mnet.envelope import SignedMessage
from mnet.xmlrpc import MethodResponse
from tests.helpers.pushing import PEER, answered, push, register
from tests.helpers.rig import FakePeer
from tests.helpers.site import Refused, Site

PERSON: dict[str, Any] = {"idnumber": "1", "username": "a", "firstname": "Ā", "lastname": "B"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(
        tmp_path_factory.mktemp("site") / "home", "--timezone", "Pacific/Auckland"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def peer(site: Site) -> FakePeer:
    return register(site)


@pytest.mark.requirement("R14")
def test_init_says_what_it_made_and_keeps_others_out(site: Site) -> None:
    assert len(site.made["one_time_password"]) == 23
    assert stat.S_IMODE(site.home.stat().st_mode) == 0o700
    for name in ("mnet-peer.sqlite", "settings.toml"):
        assert stat.S_IMODE((site.home / name).stat().st_mode) == 0o600
    with pytest.raises(Refused) as refused:
        site.text("init", "--wwwroot", "http://x.example.org")
    assert refused.value.status == 1
    assert "not empty" in refused.value.stderr


@pytest.mark.requirement("R14")
def test_check_is_green(site: Site) -> None:
    checked = site.run("check")
    assert checked["ok"], checked
    assert {s["name"] for s in checked["steps"]} >= {"settings", "database", "keys", "clock"}


def test_pages_and_paths(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)

    def ask(method: str, path: str) -> tuple[int, bytes]:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()

    assert b"<title>Test SIS</title>" in ask("GET", "/")[1]
    assert ask("HEAD", "/") == (200, b"")
    assert ask("GET", "/mnet/publickey.php")[1].decode() == site.run("key", "show")["certificate"]
    assert ask("GET", "/healthz")[0] == 200
    for method, path, status in (
        ("GET", "/mnet/xmlrpc/server.php", 405),
        ("PUT", "/", 405),
        ("BREW", "/", 405),
        ("GET", "/nothing", 404),
        ("GET", "/%00", 404),
        ("GET", "/../etc/passwd", 404),
    ):
        assert ask(method, path)[0] == status, path
    connection.close()


@pytest.mark.requirement("R13")
def test_both_applications_paths_are_served(site: Site, peer: FakePeer) -> None:
    pem = site.certificate()
    for path in ("/mnet/xmlrpc/server.php", "/api/xmlrpc/server.php"):
        body = peer.request(pem, "system/listServices", [])
        assert answered(peer, site.post(body, path))[0]["name"] == "schooltool"


def test_what_a_command_changes_shows_within_two_seconds(site: Site, peer: FakePeer) -> None:
    site.run("peer", "services", PEER, "--publish", "")
    assert push(site, peer, "new_section", {"idnumber": "no", "name": "x"}).code == 707
    site.run("peer", "services", PEER, "--publish", "schooltool")
    site.run("peer", "disable", PEER)
    assert push(site, peer, "new_section", {"idnumber": "no", "name": "x"}).code == 8403
    site.run("peer", "enable", PEER)
    old = site.certificate()
    site.run("key", "rotate")
    assert answered(peer, site.post(peer.request(old, "system/listServices", []))).code == 7025


def test_it_ends_by_itself_on_sigterm_and_refuses_a_taken_port(tmp_path: Path, site: Site) -> None:
    other = Site(tmp_path / "home")
    with pytest.raises(Refused) as refused:
        other.text("serve", "--listen", f"tcp:{site.port}:interface=127.0.0.1")
    assert refused.value.status == 1
    assert "Is another server running there?" in refused.value.stderr
    with pytest.raises(Refused) as refused:
        site.text("serve")
    assert f"Cannot listen on tcp:{site.port}:" in refused.value.stderr, "the wwwroot's own port"
    assert "--listen tcp:PORT" in refused.value.stderr
    other.serve()
    started = time.monotonic()
    assert other.stop() == 0
    assert time.monotonic() - started < 10


def test_several_workers_serve_one_port(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    site.serve("--workers", "2")
    peer = register(site)
    for number in range(8):
        assert (
            push(site, peer, "new_section", {"idnumber": str(number), "name": "x"})["status"]
            == "created"
        )
    pem = site.certificate()
    body = peer.request(pem, "system/listServices", [])
    codes = [getattr(answered(peer, site.post(body)), "code", 0) for _ in range(6)]
    assert codes == [0, 710, 710, 710, 710, 710]
    assert site.stop() == 0


@pytest.mark.requirement("R4", "R7", "R16", "R75", "R76", "R90")
def test_the_lists_have_the_shape_that_scripts_rely_on(site: Site, peer: FakePeer) -> None:
    push(site, peer, "fetch_user", PERSON)
    push(site, peer, "new_section", {"idnumber": "s", "name": "S"})
    push(site, peer, "new_enrolment", {"sectionid": "s", "userid": "1", "role": "student"})
    push(
        site,
        peer,
        "new_assessment",
        {"sectionid": "s", "idnumber": "i", "name": "I", "pointval": 5},
    )
    push(
        site,
        peer,
        "new_grade",
        {"assessmentid": "i", "userid": "1", "points_earned": 4, "timemodified": 1_790_000_000},
    )
    push(site, peer, "new_enrolment", {"sectionid": "later", "userid": "1", "role": "student"})
    shapes = {
        ("person", "list"):
            "id username idnumber firstname lastname email can_login origin links linked not_linked",
        ("section", "list"): "id idnumber name segment peer teachers status before_first_year linked not_linked",
        ("enrolment", "list"): "section segment person role code meaning since note",
        ("grade", "list", "--section", "s"):
            "assessment segment name person points max excepted attempt authority recorded_at hidden",
        ("inbox", "list"): "id peer event status waiting_for reason received_at",
        ("peer", "list"):
            "wwwroot name application state fingerprint key_expires published subscribed last_contact",
    }  # fmt: skip
    for command, columns in shapes.items():
        rows = site.run(*command)
        assert rows, command
        assert {" ".join(row) for row in rows} == {columns}
        assert site.text(*command).strip(), "people see a table"
    assert site.run("--json", "person", "list") == site.run("person", "list")
    # A day ends when it ends at the school, which is in Auckland.
    assert site.run("grade", "list", "--section", "s", "--at", "2026-09-21") == []
    assert site.run("enrolment", "list", "--at", "2020-01-01") == []


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["peer", "show", "http://nobody.example.org"], 1),
        (["peer", "add", "ftp://x.example.org"], 1),
        (["peer", "add", "http://127.0.0.1:9", "--yes"], 1),
        (["peer", "services", PEER, "--publish", "nonsense"], 2),
        (["peer", "policy", PEER, "--set", "colour=red"], 1),
        (["peer", "policy", PEER, "--set", "out_of_range=maybe"], 1),
        (["peer", "accept-key", PEER, "--fingerprint", "00"], 1),
        (["section", "show", "nothing"], 1),
        (["grade", "list"], 2),
        (["grade", "list", "--section", "s", "--at", "yesterday"], 1),
        (["inbox", "retry", "99999"], 1),
        (["call", PEER, "x", "{"], 2),
        (["nonsense"], 2),
        (["database", "restore", "/no/such/file"], 1),
        (["database", "restore", "/no/such/file", "--yes"], 1),
    ],
)
@pytest.mark.usefixtures("peer")
def test_a_refused_command_says_one_clear_line(
    site: Site, arguments: list[str], status: int
) -> None:
    with pytest.raises(Refused) as refused:
        site.text(*arguments)
    assert refused.value.status == status
    lines = [x for x in refused.value.stderr.splitlines() if not x.startswith("Warning")]
    assert "Traceback" not in refused.value.stderr
    assert status == 2 or len(lines) == 1, lines
    assert status == 2 or lines[0].startswith("mnet-peer: ")


@pytest.mark.requirement("R48", "R49")
def test_a_policy_is_set_and_shown(site: Site, peer: FakePeer) -> None:
    site.run("peer", "policy", PEER, "--set", "roles=editingteacher=teacher")
    data = {"sectionid": "s", "userid": "1", "role": "EditingTeacher"}
    push(site, peer, "new_section", {"idnumber": "s", "name": "S"})
    assert push(site, peer, "new_enrolment", data)["status"] in ("created", "held")


@pytest.mark.requirement("R15", "R18")
def test_a_wrong_fingerprint_adds_nothing(site: Site, tmp_path: Path) -> None:
    other = FakePeer("http://other.example.org")
    (tmp_path / "c.pem").write_text(other.pair.certificate_pem)
    command = ["peer", "add", other.wwwroot, "--certificate", str(tmp_path / "c.pem"), "--yes"]
    with pytest.raises(Refused):
        site.run(*command, "--fingerprint", "ab" * 32)
    assert other.wwwroot not in {p["wwwroot"] for p in site.run("peer", "list")}
    colons = ":".join(other.pair.fingerprint[i : i + 2] for i in range(0, 64, 2)).upper()
    assert site.run(*command, "--fingerprint", colons)["state"] == "enabled"
    site.run("peer", "remove", other.wwwroot)
    assert site.run(*command)["wwwroot"] == other.wwwroot


@pytest.mark.requirement("R23")
def test_the_log_has_a_line_a_call_and_no_secret(site: Site, peer: FakePeer) -> None:
    push(site, peer, "fetch_user", {**PERSON, "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99"})
    log = site.log()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert all(line["event"] for line in lines)
    assert "schooltool/sis.php/fetch_user" in [line.get("method") for line in lines]
    for secret in ("5f4dcc3b", "PRIVATE", "BEGIN CERT", "Traceback"):
        assert secret not in log


def test_a_thread_that_wakes_does_not_break_into_anothers_work(site: Site) -> None:
    of_threads = [int(task.name) for task in Path(f"/proc/{site.pid}/task").iterdir()]
    assert {os.sched_getscheduler(thread) for thread in of_threads} == {os.SCHED_BATCH}


def test_an_envelope_is_never_too_small(site: Site, peer: FakePeer) -> None:
    """The smallest call there is."""
    pem = site.certificate()
    payload = b"<methodCall><methodName>system/listMethods</methodName></methodCall>"
    body = peer.seal(peer.sign(payload), pem)
    signed = peer.open(site.post(body))
    assert isinstance(signed, SignedMessage)
    assert isinstance(xmlrpc.read_response(signed.payload), MethodResponse)
    assert envelope.is_signed(peer.sign(payload))


def test_whatever_a_command_writes_is_for_its_owner_alone(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    ann = site.run("person", "add", "--username", "ann", "--firstname", "Ann", "--lastname", "Lee")[
        "id"
    ]
    out = tmp_path / "out"
    out.mkdir()
    site.run("database", "backup", str(out / "backup.sqlite"))
    site.run("export", "oneroster", str(out / "folder"))
    site.run("export", "oneroster", str(out / "roster.zip"))
    site.run("bundle", str(out / "bundle.zip"))
    site.run("person", "export", ann, str(out / "ann.zip"))
    site.run("report", "issue", "progress", ann, str(out / "issued.pdf"))
    site.run("report", "transcript", ann, "--pdf", str(out / "t.pdf"), "--csv", str(out / "t.csv"))
    files = [f for folder in (out, site.home) for f in folder.rglob("*") if f.is_file()]
    assert len(files) > 9
    assert {f.name: oct(f.stat().st_mode & 0o077) for f in files if f.stat().st_mode & 0o077} == {}


def test_an_init_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [
        "--wwwroot",
        "http://x.example.org",
        "--database-url",
        "postgresql://nobody@127.0.0.1:9/x",
    ]
    with pytest.raises(Refused) as refused:
        Site(home, *command)
    assert refused.value.status == 1
    assert "Traceback" not in refused.value.stderr
    assert list(home.iterdir()) == []
    Site(home)
