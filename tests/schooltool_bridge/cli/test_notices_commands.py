"""Being told by a real site's commands: run at the same time, killed, tried out."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from peers import store
from schooltool_bridge.events import inbox
from schooltool_bridge.notices.claims import CLAIM_S
from schooltool_bridge.server import background
from schooltool_bridge.server.app import App
from tests.helpers.hook import Hook
from tests.helpers.mail_server import MailServer
from tests.helpers.rig import Clock, Rig
from tests.helpers.site import PROGRAM, Refused, Site

PEER = "http://moodle.example.org"
TO = "office@example.org"


@contextmanager
def noticing_site(home: Path, **changed: str) -> Iterator[Site]:
    """A site with one peer, a conflict, and settings for being told."""
    site = Site(home)
    with (site.home / "settings.toml").open("a") as file:
        file.writelines(f"{key} = {json.dumps(value)}\n" for key, value in changed.items())
    yield site


def app_of(site: Site, clock: Clock | None = None) -> App:
    from mnet.settings import read

    settings = read(site.home, {})
    return App(settings, clock=clock) if clock else App(settings)


def peer_with_held(site: Site, count: int) -> None:
    with app_of(site) as app:
        rig = Rig(app, Clock(app.clock()))
        rig.add(PEER)
        now = int(app.clock())
        with app.database.write() as connection:
            store.set_columns(connection, 1, added_unix_s=now)
            for number in range(count):
                inbox.put(
                    connection, peer_id=1, event="new_grade", status=inbox.HELD, data={"n": number},
                    waiting_for=["user:1"], reason="", position=(now, number), now_unix_s=now,
                )  # fmt: skip


def test_a_thousand_events_held_are_one_notice_one_mail_one_webhook(tmp_path: Path) -> None:
    with (
        MailServer() as server,
        Hook() as hook,
        noticing_site(
            tmp_path / "home",
            mail_to=TO,
            smtp_url=f"smtp://127.0.0.1:{server.port}",
            webhook_url=hook.url,
            timezone="Europe/Paris",
        ) as site,
    ):
        (site.home / "webhook-secret").touch(0o600)
        (site.home / "webhook-secret").write_text("s3cret\n")
        peer_with_held(site, 1000)
        (unseen,) = site.run("notice", "list")
        assert (unseen["key"], unseen["since"], unseen["told"]) == (f"held-many {PEER}", None, None)
        ran = site.run("notice", "run")
        assert ran["new"] == [f"held-many {PEER}"]
        assert [(o["channel"], o["ok"], o["keys"]) for o in ran["told"]] == [
            ("mail", True, ran["new"]),
            ("webhook", True, ran["new"]),
        ]
        assert site.run("notice", "run") == {"new": [], "ended": [], "told": []}
        (listed,) = site.run("notice", "list")
        assert {*listed} == {"key", "subject", "severity", "text", "remedy", "since", "told"}
        assert listed["told"] >= listed["since"]
        assert site.text("notice", "list").count("1000 events") == 1
        assert len(server.mails) == 1
        assert f"1000 events of {PEER} are held." in server.mails[0].get_content()
        ((body, headers),) = hook.came
        proof = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
        assert headers["X-Mnet-Peer-Signature"] == f"sha256={proof}"
        assert headers["Content-Type"] == "application/json"
        (message,) = hook.messages
        assert server.mails[0]["Message-ID"].startswith(f"<{message['id']}@")
        assert message["notices"][0]["key"] == f"held-many {PEER}"
        site.run("peer", "remove", PEER)
        assert site.run("notice", "run")["ended"] == [f"held-many {PEER}"]
        assert site.run("notice", "list") == []
        assert site.run("notice", "list", "--all")[0]["ended"]


def test_processes_that_run_at_the_same_time_tell_once(tmp_path: Path) -> None:
    with (
        MailServer() as server,
        noticing_site(
            tmp_path / "home", mail_to=TO, smtp_url=f"smtp://127.0.0.1:{server.port}"
        ) as site,
    ):
        peer_with_held(site, 30)
        runs = [
            subprocess.Popen([*PROGRAM, "notice", "run", "--home", str(site.home)])
            for _ in range(3)
        ]
        assert [run.wait(60) for run in runs] == [0, 0, 0]
        assert len(server.mails) == 1


def test_a_process_killed_while_it_sends_loses_nothing(tmp_path: Path) -> None:
    with MailServer(hangs=True) as server:
        url = f"smtp://127.0.0.1:{server.port}"
        with noticing_site(tmp_path / "home", mail_to=TO, smtp_url=url) as site:
            peer_with_held(site, 30)
            run = subprocess.Popen([*PROGRAM, "notice", "run", "--home", str(site.home)])
            assert server.came.wait(30)
            run.kill()
            run.wait()
            server.hangs = False
            assert site.run("notice", "run")["told"] == []
            with app_of(site) as now, app_of(site, Clock(now.clock() + CLAIM_S)) as later:
                assert [
                    o.ok for o in background.sender_of(later.parts, later.post_json).send_news()
                ] == [True]
        assert len(server.mails) == 1


def test_notice_test_says_what_happened_to_each_channel(tmp_path: Path) -> None:
    with MailServer() as server, Hook(status=302, location="http://127.0.0.1:1/") as hook:
        mail = {"mail_to": TO, "smtp_url": f"smtp://127.0.0.1:{server.port}"}
        with noticing_site(tmp_path / "home", **mail, webhook_url=hook.url) as site:
            with pytest.raises(Refused) as refused:
                site.text("notice", "test")
            assert refused.value.status == 1
            assert "answered with HTTP status 302" in refused.value.stderr
            assert "secret-token" not in refused.value.stderr
            hook.status = 200
            sent = site.run("notice", "test")
            assert [(o["channel"], o["ok"]) for o in sent] == [("mail", True), ("webhook", True)]
        assert len(server.mails) == len(hook.came) == 2
        assert hook.messages[0]["kind"] == "test"
        assert "X-Mnet-Peer-Signature" not in hook.came[0][1]


def test_notice_test_without_a_channel_says_what_to_set(tmp_path: Path) -> None:
    with noticing_site(tmp_path / "home") as site, pytest.raises(Refused) as refused:
        site.text("notice", "test")
    assert "set mail_to and smtp_url, or webhook_url" in refused.value.stderr
