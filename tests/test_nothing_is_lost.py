"""What a server has acknowledged is not lost: kills, backup and restore, a move to PostgreSQL."""

from __future__ import annotations

import http.client
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.postgres import Cluster
from tests.helpers.pushing import answered, push, register
from tests.helpers.rig import SIS
from tests.helpers.site import Refused, Site

PERSON: dict[str, Any] = {"idnumber": "1", "username": "a", "firstname": "Ā", "lastname": "B"}


@pytest.mark.requirement("R5", "R6")
def test_an_acknowledged_event_survives_a_kill(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    site.serve()
    peer = register(site)
    pem = site.certificate()
    acknowledged = []
    bodies = [
        peer.request(pem, SIS + "new_section", [{"idnumber": str(n), "name": "x"}])
        for n in range(60)
    ]
    for number, body in enumerate(bodies):
        if number == 40:
            site.stop(kill=True)
            break
        assert answered(peer, site.post(body))["status"] == "created"
        acknowledged.append(str(number))
    assert {s["idnumber"] for s in site.run("section", "list")} == set(acknowledged)
    with site:
        assert answered(peer, site.post(bodies[0])).code == 710, "a replay, also after a kill"
        assert answered(peer, site.post(bodies[50]))["status"] == "created"


def test_nothing_acknowledged_is_lost_when_it_is_killed_amid_many_calls(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    site.serve()
    peer = register(site)
    pem = site.run("key", "show")["certificate"]
    bodies = [
        (str(n), peer.request(pem, SIS + "new_section", [{"idnumber": str(n), "name": "x"}]))
        for n in range(240)
    ]
    answers: list[tuple[str, bytes]] = []

    def send(share: list[tuple[str, bytes]]) -> None:
        for number, body in share:
            try:
                answers.append((number, site.post(body)))
            except (OSError, http.client.HTTPException):
                return  # killed

    threads = [threading.Thread(target=send, args=(bodies[n::8],)) for n in range(8)]
    for thread in threads:
        thread.start()
    while len(answers) < 40:
        time.sleep(0.001)
    site.stop(kill=True)
    for thread in threads:
        thread.join()
    assert 40 <= len(answers) < len(bodies), "killed amid them"
    assert all(answered(peer, answer)["status"] == "created" for _number, answer in answers)
    kept = {s["idnumber"] for s in site.run("section", "list")}
    assert {number for number, _answer in answers} <= kept


def test_backup_and_restore_while_serving(tmp_path: Path) -> None:
    with Site(tmp_path / "home") as site:
        peer = register(site)
        pem = site.certificate()
        first = peer.request(pem, SIS + "fetch_user", [PERSON])
        assert answered(peer, site.post(first))["status"] == "created"
        saved = tmp_path / "saved.sqlite"
        site.run("database", "backup", str(saved))
        assert stat.S_IMODE(saved.stat().st_mode) == 0o600
        with pytest.raises(Refused):
            site.run("database", "backup", str(saved))
        late = peer.request(pem, SIS + "fetch_user", [{**PERSON, "firstname": "Late"}])
        assert answered(peer, site.post(late))["status"] == "updated"
        with pytest.raises(Refused) as refused:
            site.run("database", "restore", str(saved))
        assert "replaces everything" in refused.value.stderr, "without an answer nothing is done"
        assert [p["firstname"] for p in site.run("person", "list")] == ["Late"]
        done = site.run("database", "restore", str(saved), "--yes")
        assert list(done["not_reached"]) == [peer.wwwroot], "named, and no failure"
        assert [p["firstname"] for p in site.run("person", "list")] == ["Ā"]
        entry = next(e for e in site.run("audit", "list") if e["action"].startswith("everything"))
        assert (entry["actor"], entry["subject"]) == ("command line", "database")
        copied = Path(done["copy"]).name
        assert entry["detail"] == {"file": "saved.sqlite", "copy of what was there": copied}
        # What came after the backup is not remembered any more; the new key keeps it out.
        for body in (first, late):
            assert answered(peer, site.post(body)).code == 7025
        assert [p["firstname"] for p in site.run("person", "list")] == ["Ā"]
        assert push(site, peer, "fetch_user", PERSON)["status"] == "unchanged"
        assert site.run("check")["ok"]
        with pytest.raises(Refused) as refused:
            site.run("database", "restore", str(tmp_path / "home" / "serve.log"), "--yes")
        assert "is no backup" in refused.value.stderr
        copy = Path(done["copy"])
        assert copy.parent == site.home / "backups"
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        again = site.text("database", "restore", str(copy), "--yes")
        assert f"Not reached: {peer.wwwroot}: " in again
        assert len(list(copy.parent.iterdir())) == 2, "a copy of each; none of what was refused"
        assert f"What was there before: {site.home / 'backups'}" in again
        assert [p["firstname"] for p in site.run("person", "list")] == ["Late"]


@pytest.mark.requirement("R14")
def test_after_a_restore_each_peer_is_called_so_that_keys_agree(tmp_path: Path) -> None:
    with Site(tmp_path / "here") as here, Site(tmp_path / "there") as there:
        for one, other in ((here, there), (there, here)):
            one.run("peer", "add", other.wwwroot, "--yes")
            one.run("peer", "enable", other.wwwroot)
        saved = tmp_path / "saved.sqlite"
        here.run("database", "backup", str(saved))
        # Their key changed since: the one in the backup is an old one.
        there.run("key", "rotate")
        here.run("call", there.wwwroot, "system/listServices")
        done = here.run("database", "restore", str(saved), "--yes")
        assert done["not_reached"] == {}
        (peer,) = there.run("peer", "list")
        assert peer["fingerprint"] == here.run("key", "show")["fingerprint"]
        (peer,) = here.run("peer", "list")
        assert peer["fingerprint"] == there.run("key", "show")["fingerprint"]


def test_postgresql_a_passphrase_and_a_move_from_sqlite(tmp_path: Path, postgres: Cluster) -> None:
    site = Site(tmp_path / "home", "--database-url", postgres.url("served"))
    assert stat.S_IMODE((site.home / "key-passphrase").stat().st_mode) == 0o600
    with site:
        peer = register(site)
        assert push(site, peer, "fetch_user", PERSON)["status"] == "created"
        assert site.run("check")["ok"]
        site.run("database", "backup", str(tmp_path / "saved.sqlite"))
        assert push(site, peer, "fetch_user", {**PERSON, "firstname": "X"})["status"] == "updated"
        site.run("database", "restore", str(tmp_path / "saved.sqlite"), "--yes")
        assert [p["firstname"] for p in site.run("person", "list")] == ["Ā"]
        assert (
            push(site, peer, "new_section", {"idnumber": "1", "name": "x"})["status"] == "created"
        )
    small = Site(tmp_path / "small")
    with small:
        peer = register(small)
        assert push(small, peer, "fetch_user", PERSON)["status"] == "created"
    url = postgres.url("grown")
    small.run("database", "copy", url)
    settings = small.home / "settings.toml"
    settings.write_text(settings.read_text() + f'database_url = "{url}"\n')
    with small:
        assert push(small, peer, "fetch_user", PERSON)["status"] == "unchanged"
        assert (
            push(small, peer, "fetch_user", {**PERSON, "idnumber": "2", "username": "b"})["id"]
            == "2"
        )
