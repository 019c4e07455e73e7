"""Being told: real mail servers and webhooks, each thing once, nothing lost, nothing secret."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mnet.settings import Settings
from peers import store
from schooltool_bridge import inbox, journal, watch
from schooltool_bridge.app import App
from schooltool_bridge.channels import NotSent
from schooltool_bridge.notices import open_notices, refresh
from schooltool_bridge.notices_model import site_memory
from schooltool_bridge.notices_rules import notice
from schooltool_bridge.telling import QUIET_S, Outcome, Teller
from schooltool_bridge.telling_claims import CLAIM_S, MAX_LAPSES
from schooltool_bridge.telling_text import Message
from tests.hook import Hook
from tests.mail_server import MailServer
from tests.rig import START_UNIX_S, Clock, Rig, make_rig
from tests.site import PROGRAM, Refused, Site

PEER = "http://moodle.example.org"
TO = "office@example.org"
NOW = START_UNIX_S
HOUR, DAY = 3600, 24 * 3600


class Recorder:
    """A channel that fails or dies on demand."""

    def __init__(self, name: str = "mail") -> None:
        self.name = name
        self.problem: BaseException | None = None
        self.takes_s = 0.0
        self.sent: list[Message] = []

    def send(self, message: Message) -> str:
        if self.problem:
            raise self.problem
        time.sleep(self.takes_s)
        self.sent.append(message)
        return "fine"


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs."""


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    made = make_rig(tmp_path, database_url)
    yield made
    made.app.database.close()


def teller(rig: Rig, *found: Recorder, **changed: Any) -> Teller:
    made = replace(watch.teller_of(rig.app), channels=lambda: found)
    return replace(made, **changed) if changed else made


def stand(rig: Rig, *kinds: str) -> None:
    with rig.app.database.write() as connection:
        refresh(connection, [notice(kind, PEER, f"{kind}!") for kind in kinds], int(rig.clock()))


def told(recorder: Recorder) -> list[int]:
    """How many notices each message told."""
    notices = [m.values["notices"] for m in recorder.sent]
    return [len(n) for n in notices if isinstance(n, list)]


def test_what_is_new_is_told_once_in_one_message(rig: Rig) -> None:
    mail = Recorder()
    stand(rig, "silent", "conflict", "switched-off")
    for _run in range(3):
        teller(rig, mail).tell_news()
        rig.clock.now += 600
    assert told(mail) == [2]  # what is for information only is not told at once
    stand(rig, "silent", "conflict", "tls-expired")
    teller(rig, mail).tell_news()
    assert told(mail) == [2, 1]
    assert mail.sent[1].subject == "Test SIS: tls-expired!"
    with rig.app.database.read() as connection:
        times = {k.notice.key.split()[0]: k.told_unix_s for k in open_notices(connection)}
    assert times == {"silent": NOW, "conflict": NOW, "tls-expired": NOW + 1800}


def test_what_cannot_be_sent_is_sent_later_by_that_channel_only(rig: Rig) -> None:
    mail, hook = Recorder(), Recorder("webhook")
    hook.problem = NotSent("down")
    stand(rig, "silent")
    for _run in range(5):
        assert teller(rig, mail, hook).tell_news()[-1].ok is False
        rig.clock.now += 600
    hook.problem = None
    assert [o.channel for o in teller(rig, mail, hook).tell_news()] == ["webhook"]
    assert teller(rig, mail, hook).tell_news() == []
    assert (told(mail), told(hook)) == ([1], [1])
    with rig.app.database.read() as connection:
        assert connection.execute(sa.select(site_memory)).all() == []


def test_killed_between_claim_and_sending_it_is_told_after_all(rig: Rig) -> None:
    mail = Recorder()
    mail.problem = Killed()
    stand(rig, "silent")
    with pytest.raises(Killed):
        teller(rig, mail).tell_news()
    mail.problem = None
    rig.clock.now += CLAIM_S - 1
    assert teller(rig, mail).tell_news() == []  # it might still be at it
    rig.clock.now += 1
    teller(rig, mail).tell_news()
    assert told(mail) == [1]


def test_what_is_over_before_it_could_be_told_is_still_told(rig: Rig) -> None:
    mail = Recorder()
    mail.problem = NotSent("down")
    stand(rig, "silent")
    teller(rig, mail).tell_news()
    stand(rig)
    mail.problem = None
    teller(rig, mail).tell_news()
    assert "(over since" in mail.sent[0].text
    assert teller(rig, mail).tell_news() == []


def test_a_message_that_kills_every_sender_is_given_up(rig: Rig) -> None:
    mail = Recorder()
    mail.problem = Killed()
    stand(rig, "silent")
    for _crash in range(MAX_LAPSES):
        with pytest.raises(Killed):
            teller(rig, mail).tell_news()
        rig.clock.now += CLAIM_S
    for _later in range(3):
        assert teller(rig, mail).tell_news() == []
        rig.clock.now += QUIET_S


def test_a_clock_that_jumps_back_neither_repeats_nor_holds_up(rig: Rig) -> None:
    mail = Recorder()
    stand(rig, "silent")
    teller(rig, mail).tell_news()
    rig.clock.now -= 30 * DAY
    stand(rig, "silent", "conflict")
    teller(rig, mail).tell_news()
    teller(rig, mail).tell_news()
    assert told(mail) == [1, 1]
    mail.problem = Killed()
    stand(rig, "silent", "conflict", "tls-expired")
    with pytest.raises(Killed):
        teller(rig, mail).tell_news()
    rig.clock.now -= DAY
    mail.problem = None
    teller(rig, mail).tell_news()
    assert told(mail) == [1, 1, 1]


def test_what_comes_and_goes_does_not_flood(rig: Rig) -> None:
    mail = Recorder()
    for _run in range(24 * 6):  # a day of ten minutes: over the limit, and under it again
        stand(rig, "held-many")
        teller(rig, mail).tell_news()
        stand(rig)
        rig.clock.now += 600
    assert len(mail.sent) == DAY // QUIET_S


def test_a_hundred_notices_are_one_message_of_bounded_length(rig: Rig) -> None:
    mail = Recorder()
    with rig.app.database.write() as connection:
        found = [notice("silent", f"{PEER}/{n}", "silent!") for n in range(100)]
        refresh(connection, found, NOW)
    teller(rig, mail).tell_news()
    assert told(mail) == [50]
    assert mail.sent[0].subject == "Test SIS: 100 things need a hand"
    assert "... and 50 more." in mail.sent[0].text


def test_threads_that_tell_at_the_same_time_tell_once(rig: Rig) -> None:
    mail = Recorder()
    mail.takes_s = 0.3
    stand(rig, "silent", "conflict")
    start = threading.Barrier(6)
    outcomes: list[Outcome] = []

    def tell() -> None:
        start.wait()
        outcomes.extend(teller(rig, mail).tell_news())

    threads = [threading.Thread(target=tell) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told(mail) == [2]
    assert len(outcomes) == 1


def summary_at(rig: Rig, mail: Recorder, local: str, **changed: Any) -> bool:
    """Whether a summary left at that time."""
    rig.clock.now = datetime.fromisoformat(local).replace(tzinfo=UTC).timestamp()
    return bool(teller(rig, mail, **changed).tell_summary())


def test_the_summary_leaves_once_a_day_from_its_hour_on(rig: Rig) -> None:
    mail = Recorder()
    sent = [
        at
        for at in (
            "2026-11-21T06:59",
            "2026-11-21T07:00",
            "2026-11-21T07:10",
            "2026-11-21T23:59",
            "2026-11-22T00:00",
            "2026-11-22T15:00",  # the server was down in the morning
            "2026-11-21T08:00",  # the clock jumped back
            "2026-11-22T16:00",
            "2026-11-23T07:00",
        )
        if summary_at(rig, mail, at)
    ]
    assert sent == ["2026-11-21T07:00", "2026-11-22T15:00", "2026-11-23T07:00"]
    assert mail.sent[0].subject == "Test SIS: all is well"
    assert not summary_at(rig, mail, "2026-11-24T07:00", summary_hour=-1)
    assert not summary_at(rig, mail, "2026-11-24T08:00", summary_when_well=False)


def test_a_summary_that_could_not_be_sent_is_sent_later_the_same_day(rig: Rig) -> None:
    mail = Recorder()
    mail.problem = NotSent("down")
    stand(rig, "silent")
    summary_at(rig, mail, "2026-11-21T07:00", summary_when_well=False)
    mail.problem = None
    assert summary_at(rig, mail, "2026-11-21T07:10", summary_when_well=False)
    assert mail.sent[0].subject == "Test SIS: 1 thing needs a hand"
    assert not summary_at(rig, mail, "2026-11-21T07:20")


def test_the_summary_counts_yesterday_by_the_schools_clock(rig: Rig) -> None:
    rig.add(PEER)
    with rig.app.database.write() as connection:
        store.set_columns(connection, 1, name="Evil\r\nBcc: all@example.org\x1b\u202e")
        for at, outcome, direction in (
            ("2026-11-19T12:59", "created", "in"),  # in Auckland still the 19th ... of Thursday
            ("2026-11-20T11:00", "created", "in"),
            ("2026-11-21T10:59", "fault 8400", "in"),
            ("2026-11-20T12:00", "ok", "out"),
            ("2026-11-21T11:00", "created", "in"),
        ):
            journal.record(
                connection,
                peer_id=1,
                method="new_grade",
                payload=b"",
                correlation="",
                outcome=outcome,
                direction=direction,
                now_unix_s=int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()),
            )
    mail = Recorder()
    zone = Settings(Path(), "", "", timezone="Pacific/Auckland").zone
    assert summary_at(rig, mail, "2026-11-21T18:00", zone=zone)  # 7 in the morning of the 22nd
    listed: Any = mail.sent[0].values["peers"]
    (peer,) = listed
    assert (peer["calls_in"], peer["calls_out"], peer["calls_failed"]) == (2, 1, 1)
    assert peer["name"] == "Evil Bcc: all@example.org"
    assert "calls in 2, out 1, failed 1; held 0, conflicts 0, rejected 0" in mail.sent[0].text


@contextmanager
def told_site(home: Path, **changed: str) -> Iterator[Site]:
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
                    waiting_for=["user:1"], reason="", place=(now, number), now_unix_s=now,
                )  # fmt: skip


def test_a_thousand_events_held_are_one_notice_one_mail_one_webhook(tmp_path: Path) -> None:
    with (
        MailServer() as server,
        Hook() as hook,
        told_site(
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
        told_site(
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
        with told_site(tmp_path / "home", mail_to=TO, smtp_url=url) as site:
            peer_with_held(site, 30)
            run = subprocess.Popen([*PROGRAM, "notice", "run", "--home", str(site.home)])
            assert server.came.wait(30)
            run.kill()
            run.wait()
            server.hangs = False
            assert site.run("notice", "run")["told"] == []
            with app_of(site) as now, app_of(site, Clock(now.clock() + CLAIM_S)) as later:
                assert [o.ok for o in watch.teller_of(later).tell_news()] == [True]
        assert len(server.mails) == 1


def test_notice_test_says_what_happened_to_each_channel(tmp_path: Path) -> None:
    with MailServer() as server, Hook(status=302, location="http://127.0.0.1:1/") as hook:
        mail = {"mail_to": TO, "smtp_url": f"smtp://127.0.0.1:{server.port}"}
        with told_site(tmp_path / "home", **mail, webhook_url=hook.url) as site:
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
    with told_site(tmp_path / "home") as site, pytest.raises(Refused) as refused:
        site.text("notice", "test")
    assert "set mail_to and smtp_url, or webhook_url" in refused.value.stderr
