"""Being told: real mail servers and webhooks, each thing once, nothing lost, nothing secret."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mnet.exchange_parts import CallRecord
from mnet.settings import Settings
from peers import journal, store
from schooltool_bridge.notices.channels import NotSent
from schooltool_bridge.notices.claims import CLAIM_S, MAX_LAPSES
from schooltool_bridge.notices.message_text import Message
from schooltool_bridge.notices.notices import open_notices, refresh
from schooltool_bridge.notices.rules import notice
from schooltool_bridge.notices.sending import QUIET_S, Outcome, Sender
from schooltool_bridge.server import background
from schooltool_bridge.store.model_notices import site_memory
from tests.helpers.rig import START_UNIX_S, Rig, make_rig

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


def sender_of_notices(rig: Rig, *found: Recorder, **changed: Any) -> Sender:
    made = replace(background.sender_of(rig.app.parts, rig.app.post_json), channels=lambda: found)
    return replace(made, **changed) if changed else made


def stand(rig: Rig, *kinds: str) -> None:
    with rig.app.database.write() as connection:
        refresh(connection, [notice(kind, PEER, f"{kind}!") for kind in kinds], int(rig.clock()))


def counts_sent(recorder: Recorder) -> list[int]:
    """How many notices each message told."""
    notices = [m.values["notices"] for m in recorder.sent]
    return [len(n) for n in notices if isinstance(n, list)]


def test_what_is_new_is_told_once_in_one_message(rig: Rig) -> None:
    mail = Recorder()
    stand(rig, "silent", "conflict", "switched-off")
    for _run in range(3):
        sender_of_notices(rig, mail).send_news()
        rig.clock.now += 600
    assert counts_sent(mail) == [2]  # what is for information only is not told at once
    stand(rig, "silent", "conflict", "tls-expired")
    sender_of_notices(rig, mail).send_news()
    assert counts_sent(mail) == [2, 1]
    assert mail.sent[1].subject == "Test SIS: tls-expired!"
    with rig.app.database.read() as connection:
        times = {k.notice.key.split()[0]: k.sent_unix_s for k in open_notices(connection)}
    assert times == {"silent": NOW, "conflict": NOW, "tls-expired": NOW + 1800}


@pytest.mark.parametrize("quiet", [(22, 6), (4, 6)])
def test_in_quiet_hours_only_what_is_urgent_is_told(rig: Rig, quiet: tuple[int, int]) -> None:
    mail, five = Recorder(), datetime.fromtimestamp(NOW, UTC).replace(hour=5)
    rig.clock.now = int(five.timestamp())
    stand(rig, "silent", "tls-expired")
    for expected in ([1], [1], [1, 1]):
        sender_of_notices(rig, mail, quiet=quiet).send_news()
        assert counts_sent(mail) == expected
        rig.clock.now += 1800


def test_what_cannot_be_sent_is_sent_later_by_that_channel_only(rig: Rig) -> None:
    mail, hook = Recorder(), Recorder("webhook")
    hook.problem = NotSent("down")
    stand(rig, "silent")
    for _run in range(5):
        assert sender_of_notices(rig, mail, hook).send_news()[-1].ok is False
        rig.clock.now += 600
    hook.problem = None
    assert [o.channel for o in sender_of_notices(rig, mail, hook).send_news()] == ["webhook"]
    assert sender_of_notices(rig, mail, hook).send_news() == []
    assert (counts_sent(mail), counts_sent(hook)) == ([1], [1])
    with rig.app.database.read() as connection:
        assert connection.execute(sa.select(site_memory)).all() == []


def test_killed_between_claim_and_sending_it_is_told_after_all(rig: Rig) -> None:
    mail = Recorder()
    mail.problem = Killed()
    stand(rig, "silent")
    with pytest.raises(Killed):
        sender_of_notices(rig, mail).send_news()
    mail.problem = None
    rig.clock.now += CLAIM_S - 1
    assert sender_of_notices(rig, mail).send_news() == []  # it might still be at it
    rig.clock.now += 1
    sender_of_notices(rig, mail).send_news()
    assert counts_sent(mail) == [1]


def test_what_is_over_before_it_could_be_told_is_still_told(rig: Rig) -> None:
    mail = Recorder()
    mail.problem = NotSent("down")
    stand(rig, "silent")
    sender_of_notices(rig, mail).send_news()
    stand(rig)
    mail.problem = None
    sender_of_notices(rig, mail).send_news()
    assert "(over since" in mail.sent[0].text
    assert sender_of_notices(rig, mail).send_news() == []


def test_a_message_that_kills_every_sender_is_given_up(rig: Rig) -> None:
    mail = Recorder()
    mail.problem = Killed()
    stand(rig, "silent")
    for _crash in range(MAX_LAPSES):
        with pytest.raises(Killed):
            sender_of_notices(rig, mail).send_news()
        rig.clock.now += CLAIM_S
    for _later in range(3):
        assert sender_of_notices(rig, mail).send_news() == []
        rig.clock.now += QUIET_S


def test_a_clock_that_jumps_back_neither_repeats_nor_holds_up(rig: Rig) -> None:
    mail = Recorder()
    stand(rig, "silent")
    sender_of_notices(rig, mail).send_news()
    rig.clock.now -= 30 * DAY
    stand(rig, "silent", "conflict")
    sender_of_notices(rig, mail).send_news()
    sender_of_notices(rig, mail).send_news()
    assert counts_sent(mail) == [1, 1]
    mail.problem = Killed()
    stand(rig, "silent", "conflict", "tls-expired")
    with pytest.raises(Killed):
        sender_of_notices(rig, mail).send_news()
    rig.clock.now -= DAY
    mail.problem = None
    sender_of_notices(rig, mail).send_news()
    assert counts_sent(mail) == [1, 1, 1]


def test_what_comes_and_goes_does_not_flood(rig: Rig) -> None:
    mail = Recorder()
    for _run in range(24 * 6):  # a day of ten minutes: over the limit, and under it again
        stand(rig, "held-many")
        sender_of_notices(rig, mail).send_news()
        stand(rig)
        rig.clock.now += 600
    assert len(mail.sent) == DAY // QUIET_S


def test_a_hundred_notices_are_one_message_of_bounded_length(rig: Rig) -> None:
    mail = Recorder()
    with rig.app.database.write() as connection:
        found = [notice("silent", f"{PEER}/{n}", "silent!") for n in range(100)]
        refresh(connection, found, NOW)
    sender_of_notices(rig, mail).send_news()
    assert counts_sent(mail) == [50]
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
        outcomes.extend(sender_of_notices(rig, mail).send_news())

    threads = [threading.Thread(target=tell) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts_sent(mail) == [2]
    assert len(outcomes) == 1


def summary_at(rig: Rig, mail: Recorder, local: str, **changed: Any) -> bool:
    """Whether a summary left at that time."""
    rig.clock.now = datetime.fromisoformat(local).replace(tzinfo=UTC).timestamp()
    return bool(sender_of_notices(rig, mail, **changed).send_summary())


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
                CallRecord(
                    peer_id=1,
                    method="new_grade",
                    payload=b"",
                    correlation="",
                    outcome=outcome,
                    direction="in" if direction == "in" else "out",
                    at_unix_s=int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()),
                ),
            )
    mail = Recorder()
    zone = Settings(Path(), "", "", timezone="Pacific/Auckland").zone
    assert summary_at(rig, mail, "2026-11-21T18:00", zone=zone)  # 7 in the morning of the 22nd
    listed: Any = mail.sent[0].values["peers"]
    (peer,) = listed
    assert (peer["calls_in"], peer["calls_out"], peer["calls_failed"]) == (2, 1, 1)
    assert peer["name"] == "Evil Bcc: all@example.org"
    assert "calls in 2, out 1, failed 1; held 0, conflicts 0, rejected 0" in mail.sent[0].text


def test_messages_speak_the_language_of_the_site_and_keys_stay_as_they_are(rig: Rig) -> None:
    rig.app.settings = replace(rig.app.settings, language="de", summary_when_well=True)
    rig.add(PEER)
    rig.clock.now += 2 * DAY
    background.refresh(rig.app.parts)
    mail = Recorder()
    assert [o.ok for o in sender_of_notices(rig, mail).send_news()] == [True]
    sent = mail.sent[0]
    assert sent.subject.startswith("Test SIS: Von ")
    assert "[Warnung] Von " in sent.text
    assert "Sorgen Sie dafür, dass die Site läuft" in sent.text
    listed = sent.values["notices"]
    assert isinstance(listed, list)
    assert [found["severity"] for found in listed] == ["warning"]
    assert listed[0]["key"].startswith("silent ")
    sender_of_notices(rig, mail, summary_hour=0).send_summary()
    assert mail.sent[1].subject == "Test SIS: 1 Sache ist zu tun"
    assert "noch nie gehört" in mail.sent[1].text
    sender_of_notices(rig, mail).test()
    assert mail.sent[2].subject == "Test SIS: ein Test"
    with rig.app.database.read() as connection:  # a command speaks English
        assert [k.notice.remedy.split(",")[0] for k in open_notices(connection)] == [
            "See that the site runs"
        ]
