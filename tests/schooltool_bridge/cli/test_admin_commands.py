"""The commands about admin accounts, as a person on the server runs them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from peers import accounts, audit
from peers.web import sessions, throttle
from schooltool_bridge.server.app import App
from tests.helpers.rig import FakePeer
from tests.helpers.site import Refused, Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("admins") / "home")


@pytest.fixture
def app(site: Site) -> App:
    from mnet import settings

    return App(settings.read(site.home))


def roles(site: Site) -> dict[str, str]:
    return {row["name"]: row["role"] for row in site.run("admin", "list")}


def trail(app: App, subject: str) -> list[tuple[str, str, object]]:
    with app, app.database.read() as connection:
        found = audit.entries(connection, subject=subject)
    return [(entry.actor, entry.action, dict(entry.detail)) for entry in reversed(found)]


def test_an_account_comes_changes_its_role_and_goes_and_the_trail_tells(
    site: Site, app: App
) -> None:
    made = site.run("admin", "add", " Clara ", "--role", "clerk")
    assert made["admin"] == "Clara"
    assert len(made["one_time_password"]) == 23
    assert roles(site) == {"admin": "manager", "Clara": "clerk"}
    assert site.run("admin", "role", "clara", "manager") == {"admin": "Clara", "role": "manager"}
    assert roles(site)["Clara"] == "manager"
    assert site.run("admin", "remove", "CLARA") == {"admin": "Clara", "removed": True}
    assert roles(site) == {"admin": "manager"}
    assert trail(app, "Clara") == [
        ("command line", "account added", {"role": "clerk"}),
        ("command line", "role changed", {"role": "manager"}),
        ("command line", "account removed", {}),
    ]


def test_a_new_password_signs_out_ends_the_waiting_and_stands_in_the_trail(
    site: Site, app: App
) -> None:
    site.run("admin", "add", "forgetful", "--role", "clerk")
    now = int(app.clock())
    with app, app.database.write() as connection:
        found = accounts.by_name(connection, "forgetful")
        token = sessions.start(connection, found.id, now)
        for _ in range(throttle.FREE_BY_NAME):
            throttle.failed(connection, "forgetful", "203.0.113.9", now)
        assert throttle.to_wait_s(connection, "forgetful", "", now) > 0
    password = site.run("admin", "reset-password", "Forgetful")["one_time_password"]
    with app, app.database.read() as connection:
        assert sessions.find(connection, token, now) is None
        assert throttle.to_wait_s(connection, "forgetful", "", now) == 0
        signed_in = accounts.check_sign_in(connection, "forgetful", password)
    assert signed_in is not None
    assert signed_in.one_time
    assert trail(app, "forgetful")[-1] == ("command line", "password reset", {})


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["role", "admin", "clerk"], 1, "last site manager"),
        (["remove", "admin"], 1, "last site manager"),
        (["remove", "nobody"], 1, "no account named 'nobody'"),
        (["role", "nobody", "clerk"], 1, "no account named 'nobody'"),
        (["add", "ADMIN"], 1, "already"),
        (["add", "x", "--role", "king"], 2, "manager"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    site: Site, arguments: list[str], status: int, said: str
) -> None:
    with pytest.raises(Refused) as refused:
        site.text("admin", *arguments)
    assert refused.value.status == status
    assert said in refused.value.stderr
    assert roles(site)["admin"] == "manager"


def test_without_json_a_person_reads_the_password(site: Site) -> None:
    said = site.text("admin", "add", "reader", "--role", "clerk")
    assert re.fullmatch(r"reader: one-time password \(shown only now\): (\w{5}-){3}\w{5}\n", said)


def test_the_trail_and_what_is_shared_are_told_by_command(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    fake = FakePeer("http://moodle.example.org")
    (tmp_path / "c.pem").write_text(fake.pair.certificate_pem)
    site.run("peer", "add", fake.wwwroot, "--certificate", str(tmp_path / "c.pem"), "--yes")
    site.run("peer", "services", fake.wwwroot, "--publish", "schooltool")
    assert "is about that" in site.text("audit", "list", "--subject", "nobody")
    trail = site.run("audit", "list", "--subject", fake.wwwroot)
    assert [entry["action"] for entry in trail] == ["services changed", "peer added"]
    assert trail[1]["detail"]["fingerprint"] == fake.pair.fingerprint
    shared = site.run("peer", "sharing", fake.wwwroot)
    assert shared["sent"] == []
    assert any("points_earned" in item["fields"] for item in shared["received"])
    assert all(
        set(item) == {"call", "fields", "about", "why", "kept"} for item in shared["received"]
    )
