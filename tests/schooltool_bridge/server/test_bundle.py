"""The support bundle: what is in it, and that nothing planted anywhere comes out with it."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mnet.exchange_parts import CallRecord
from mnet.settings import Settings
from peers import accounts, journal, store
from peers.model import peer_check
from schooltool_bridge.server.app import App
from schooltool_bridge.server.bundle import LAST_CALLS, make_bundle
from schooltool_bridge.server.health import steps
from tests.helpers.postgres import Cluster
from tests.helpers.rig import OURS, SIS, START_UNIX_S, FakePeer, Rig, make_rig
from tests.helpers.site import Refused, Site

MOODLE = "http://moodle.example.org"
# Each is planted somewhere, and none may come out.
SECRETS = (
    "Lovelace", "Augusta", "ada.l", "ada@example.org", "4711471147", "87.625", "s3cr3t-pass",
    "passphrase-xyz", "PRIVATE KEY", "BEGIN CERT", "Class of Babbage", "Difference Engine test",
    "admin-grace", "tok-90210", "5f4dcc3b5aa765d61d8327deb882cf99", "Analytical School",
    "remote-name", "profile-secret",
)  # fmt: skip


def plant(folder: Path) -> App:
    """A site in which every place that can hold something secret or personal does."""
    (folder / "key-passphrase").write_text("passphrase-xyz\n")
    (folder / "key-passphrase").chmod(0o600)
    rig = make_rig(folder)
    moodle = rig.add(MOODLE)
    bring(rig, moodle)
    app = rig.app
    with app.database.write() as connection:
        store.set_columns(
            connection,
            1,
            name="Analytical School",
            policy={"roles": "Lovelace=teacher"},
            methods={"get_user": "tok-90210/get_user"},
        )
        accounts.add(connection, "admin-grace", "s3cr3t-pass", one_time=False, now_unix_s=1)
        step = {"name": "dns", "ok": True, "detail": "remote-name", "remedy": "tok-90210"}
        checked = {
            "peer_id": 1,
            "at_unix_s": START_UNIX_S,
            "ok": False,
            "clock_offset_s": 1.5,
            "release": "remote-name Lovelace",
            "steps": [step],
        }
        connection.execute(sa.insert(peer_check).values(**checked))
        for method, reason in (
            ("ada.l/Lovelace", "of 'Lovelace', \"Augusta\" and ada@example.org"),
            (SIS + "new_grade", "http://x/?token=tok-90210 'unfinished 4711471147"),
        ):
            called = CallRecord(
                peer_id=1, method=method, payload=b"Lovelace 87.625",
                correlation="c", outcome="fault 8400", at_unix_s=START_UNIX_S + 9,
                duration_ms=3, reason=reason,
            )  # fmt: skip
            journal.record(connection, called)
    return app


def bring(rig: Rig, moodle: FakePeer) -> None:
    person: dict[str, Any] = {
        "idnumber": "4711471147",
        "username": "ada.l",
        "firstname": "Augusta",
        "lastname": "Lovelace",
        "email": "ada@example.org",
        "aim": "profile-secret",
        "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99",
        "password_hash_algorithm": "md5",
    }
    grade: dict[str, Any] = {"assessmentid": "i", "userid": "4711471147", "points_earned": "87.625"}
    pushed: tuple[tuple[str, Any], ...] = (
        ("fetch_user", person),
        ("new_section", {"idnumber": "s", "name": "Class of Babbage"}),
        ("new_enrolment", {"sectionid": "s", "userid": "4711471147", "role": "student"}),
        (
            "new_assessment",
            {"sectionid": "s", "idnumber": "i", "name": "Difference Engine test", "pointval": 100},
        ),
        ("new_grade", grade),
        ("new_grade", {**grade, "assessmentid": "tok-90210"}),
        ("new_grade", {**grade, "points_earned": "Lovelace"}),
        ("delete_section", {"idnumber": "Lovelace 4711471147"}),
        ("fetch_user", {**person, "username": "", "idnumber": ""}),
        ("Lovelace", person),
    )
    for event, data in pushed:
        rig.call(moodle, SIS + event, data)


def members(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture
def app(tmp_path: Path) -> App:
    return plant(tmp_path)


def test_nothing_secret_and_nobodys_data_comes_out(app: App, tmp_path: Path) -> None:
    # All of it is really there.
    stored = b"".join(f.read_bytes() for f in tmp_path.iterdir() if f.is_file())
    for planted in SECRETS:
        if planted not in ("s3cr3t-pass", "5f4dcc3b5aa765d61d8327deb882cf99"):  # as hashes only
            assert planted.encode() in stored, planted
    for name, text in members(make_bundle(app.parts)).items():
        if name == "README.txt":
            continue
        for planted in SECRETS:
            assert planted.casefold() not in text.casefold(), (name, planted)
        assert str(tmp_path) not in text
        assert str(tmp_path) not in name
    app.database.close()


def test_it_says_what_a_helper_needs(app: App) -> None:
    made = members(make_bundle(app.parts))
    assert set(made) == {
        "README.txt",
        "versions.json",
        "settings.json",
        "checks.json",
        "peers.json",
        "counts.json",
        "calls.json",
    }
    said = {name: json.loads(text) for name, text in made.items() if name.endswith(".json")}
    versions = said["versions.json"]
    assert versions["schema"]["is"] == versions["schema"]["needed"]
    assert versions["database"].startswith("SQLite 3.")
    assert versions["openssl"]["cryptography"].startswith("OpenSSL")
    assert {"twisted", "sqlalchemy", "cryptography"} <= set(versions["libraries"])
    assert said["settings.json"]["wwwroot"] == OURS
    assert said["settings.json"]["has_key_passphrase"]
    (peer,) = said["peers.json"]
    assert peer["wwwroot"] == MOODLE
    assert peer["published"] == ["schooltool"]
    assert len(peer["fingerprint"]) == 64
    assert peer["key_expires"].startswith("20")
    assert peer["last_check"]["steps"] == {"dns": True}
    assert peer["last_check"]["release"] == "not readable"
    assert said["counts.json"] == {
        "person": 1,
        "section": 1,
        "enrolment": 1,
        "assessment": 1,
        "grade": 1,
        "inbox": {"held": 1, "rejected": 3},
    }
    assert [s["name"] for s in said["checks.json"]] == [s["name"] for s in steps(app.parts)]
    assert all(s["ok"] for s in said["checks.json"] if "mode of" not in s["name"])
    rows = said["calls.json"]
    assert len(rows) == 12
    assert [r["method"] for r in rows[:2]] == ["new_grade", "other"]
    assert {r["outcome"] for r in rows} >= {"created", "held", "fault 8400", "fault 7012"}
    assert "new_grade: points_earned must be a number." in {r["reason"] for r in rows}
    app.database.close()


def test_the_last_calls_and_a_proper_release_are_in_it(app: App) -> None:
    with app.database.write() as connection:
        connection.execute(sa.update(peer_check).values(release="4.5.1+ (Build: 20250113)"))
        for n in range(LAST_CALLS + 5):
            called = CallRecord(
                peer_id=1, method="x/get_user", payload=b"", correlation=f"n{n}",
                outcome="ok", at_unix_s=START_UNIX_S + 100 + n, direction="out",
            )  # fmt: skip
            journal.record(connection, called)
    made = members(make_bundle(app.parts))
    rows = json.loads(made["calls.json"])
    assert [r["correlation"] for r in rows] == [f"n{n}" for n in range(LAST_CALLS + 4, 4, -1)]
    assert rows[0]["method"] == "get_user"
    release = json.loads(made["peers.json"])[0]["last_check"]["release"]
    assert release == "4.5.1+ (Build: 20250113)"
    app.database.close()


def test_a_database_that_cannot_be_reached_still_gives_a_bundle_without_its_password(
    tmp_path: Path,
) -> None:
    url = "postgresql://sis:s3cr3t-pass@127.0.0.1:9/school?sslpassword=tok-90210"
    with App(replace(Settings(tmp_path, OURS, "x"), database_url=url)) as app:
        made = members(make_bundle(app.parts))
    assert not [n for n, text in made.items() if "s3cr3t-pass" in text or "tok-90210" in text]
    checks = {s["name"]: s for s in json.loads(made["checks.json"])}
    assert not checks["database"]["ok"]
    assert json.loads(made["calls.json"]) == {"could not be read": "OperationalError"}
    assert json.loads(made["settings.json"])["database_url"] == {
        "kind": "postgresql",
        "host": "127.0.0.1:9",
        "has_password": True,
        "options": ["sslpassword"],
    }
    assert json.loads(made["versions.json"])["libraries"]


def test_it_is_made_of_postgresql_too(tmp_path: Path, postgres: Cluster) -> None:
    rig = make_rig(tmp_path, postgres.url("bundled"))
    bring(rig, rig.add(MOODLE))
    made = members(make_bundle(rig.app.parts))
    assert json.loads(made["versions.json"])["database"].startswith("PostgreSQL 1")
    assert json.loads(made["counts.json"])["grade"] == 1
    assert len(json.loads(made["calls.json"])) == 10
    rig.app.database.close()


def test_the_command_writes_it_once_for_its_owner_only(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    file = tmp_path / "bundle.zip"
    said = site.run("bundle", str(file))
    assert said == {"file": str(file), "bytes": file.stat().st_size}
    assert file.stat().st_mode & 0o777 == 0o600
    assert "versions.json" in members(file.read_bytes())
    for wrong in (file, tmp_path / "no" / "such.zip"):
        with pytest.raises(Refused) as refused:
            site.text("bundle", str(wrong))
        assert refused.value.status == 1
        assert "Traceback" not in refused.value.stderr
