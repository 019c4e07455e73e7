"""A Moodle's assessment of another worth took one over: a person says what its grades meant."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from mnet import settings
from peers import audit
from schooltool_bridge.cli.main import main
from schooltool_bridge.common.points import decimal_text
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.events.inbox import CONFLICT, Entry
from schooltool_bridge.events.inbox_lists import find_events
from schooltool_bridge.hand import assessments, grades
from schooltool_bridge.history import as_of
from schooltool_bridge.history.author import Author
from schooltool_bridge.store.model import person, section
from tests.helpers.admins import browser, site_with_admins
from tests.helpers.rig import SIS, FakePeer, Rig

MOODLE = "http://moodle.example.org"
QUIZ: dict[str, Any] = {"sectionid": "5", "idnumber": "7", "name": "Quiz", "pointval": 100}


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    with site_with_admins(tmp_path, database_url) as made:
        yield made


def push(rig: Rig, peer: FakePeer, event: str, **data: Any) -> str:
    rig.clock.now += 1
    answer: Any = rig.call(peer, SIS + event, data)
    return str(answer["status"])


@pytest.fixture
def asked(rig: Rig) -> Entry:
    """Ada had 8 of 10, Tom is excused with 5; then the Moodle's Quiz of 100 points comes."""
    peer = rig.add(MOODLE)
    for n, name in (("1", "ada"), ("2", "tom")):
        push(rig, peer, "fetch_user", idnumber=n, username=name, firstname=name, lastname="L")
    push(rig, peer, "new_section", idnumber="5", name="Biology")
    for n in ("1", "2"):
        push(rig, peer, "new_enrolment", sectionid="5", userid=n, role="student")
    author = Author("head", int(rig.clock()))
    with rig.app.database.write() as connection:
        where = connection.execute(sa.select(section.c.id)).scalar_one()
        quiz = assessments.add(connection, author, where, "Quiz", Decimal(10))
        for name, points, excepted in (("ada", 8, False), ("tom", 5, True)):
            mine = sa.select(person.c.id).where(person.c.username == name)
            who = connection.execute(mine).scalar_one()
            grades.enter(connection, author, quiz, who, Decimal(points), excepted=excepted)
    assert push(rig, peer, "new_assessment", **QUIZ) == "updated"
    rig.clock.now += 10
    return open_now(rig)[0]


def open_now(rig: Rig) -> list[Entry]:
    with rig.app.database.read() as connection:
        return find_events(connection, statuses=[CONFLICT])


def cells(rig: Rig, at_unix_s: int | None = None) -> dict[str, tuple[str | None, bool]]:
    with rig.app.database.read() as connection:
        where = connection.execute(sa.select(section.c.id)).scalar_one()
        then = as_of.of_section(connection, where, at_unix_s)
        names = dict(connection.execute(sa.select(person.c.id, person.c.username)).all())
    return {names[w]: (decimal_text(e.points), e.excepted) for (_i, w), e in then.entries.items()}


BY_PERCENTAGE = {"ada": ("80", False), "tom": ("50", True)}
BY_POINTS = {"ada": ("8", False), "tom": ("5", True)}


@pytest.mark.parametrize("keep_points", [False, True])
def test_the_answer_settles_it(rig: Rig, asked: Entry, keep_points: bool) -> None:
    before = int(rig.clock()) - 1
    assert cells(rig) == BY_PERCENTAGE
    author = Author("carl", int(rig.clock()), "asked her")
    done = rig.app.resolving.decide_points(asked.id, author=author, keep_points=keep_points)
    assert (done.entry.status, done.entered, len(done.asked.cells)) == (
        "done", 2 * keep_points, 2,
    )  # fmt: skip
    assert cells(rig) == (BY_POINTS if keep_points else BY_PERCENTAGE)
    assert cells(rig, before) == BY_PERCENTAGE, "what was reported before stays"
    assert open_now(rig) == []
    with rig.app.database.read() as connection:
        entry = audit.entries(connection, limit=1)[0]
    assert (entry.action, entry.actor, entry.detail["why"]) == (
        "points decided", "carl", "asked her",
    )  # fmt: skip
    with pytest.raises(Exception, match="no open event"):
        rig.app.resolving.decide_points(asked.id, author=author, keep_points=True)
    # It does not ask again, and another maximum finds each as it was decided.
    push(rig, rig.peers[MOODLE], "new_assessment", **QUIZ | {"pointval": 50})
    assert open_now(rig) == []
    kept = BY_POINTS if keep_points else {"ada": ("40", False), "tom": ("25", True)}
    assert cells(rig) == kept


def test_what_asks_no_such_thing_is_refused(rig: Rig, asked: Entry) -> None:
    author = Author("carl", int(rig.clock()))
    push(rig, rig.peers[MOODLE], "new_assessment", **QUIZ | {"pointval": 10})
    with pytest.raises(Refused, match="does not ask about points"):
        rig.app.resolving.decide_points(asked.id, author=author)
    taken: dict[str, Any] = {"idnumber": "9", "username": "ada", "firstname": "A", "lastname": "B"}
    answer: Any = rig.call(rig.peers[MOODLE], SIS + "fetch_user", taken)
    assert answer.code == 8409
    (people, _points) = open_now(rig)
    with pytest.raises(Refused, match="does not ask about points"):
        rig.app.resolving.decide_points(people.id, author=author, keep_points=True)


@pytest.mark.parametrize(("button", "ends"), [("percentage", "80"), ("points", "8")])
def test_the_events_page_asks_and_answers(rig: Rig, asked: Entry, button: str, ends: str) -> None:
    carl = browser(rig, "carl")
    path = f"/admin/inbox/{asked.id}"
    page = carl.get(path)
    rows = [[t.text_content() for t in r] for r in page.tree.xpath("(//main//table)[1]/tbody/tr")]
    assert rows == [["ada L", "8", "80", "8"], ["tom L", "5", "50", "5"]]
    assert "worth 10 points here and is worth 100 in the Moodle" in page.text
    assert "Two people" not in page.text
    done = carl.send(path, action=f"keep-{button}", why="asked")
    assert (done.status, done.location) == (303, "/admin/inbox")
    assert "“Quiz”: 2 grades" in carl.get("/admin/inbox").message("said")
    assert cells(rig)["ada"] == (ends, False)
    again = carl.post(path, {"form_token": page.form_token, "action": f"keep-{button}"})
    assert "no open event" in carl.get(again.location).message("said")


@pytest.mark.parametrize(
    ("option", "told", "ends"),
    [
        ("--keep-percentage", "2 grades of “Quiz” keep their percentage of 100.", "80"),
        ("--keep-points", "2 grades of “Quiz” are entered anew as points of 100.", "8"),
    ],
)
def test_the_command_answers(rig: Rig, asked: Entry, option: str, told: str, ends: str) -> None:
    settings.write(rig.app.settings)
    home = ["--home", str(rig.app.settings.home)]
    both = ["inbox", "resolve", str(asked.id), "--keep-apart", option]
    refused = CliRunner().invoke(main, home + both)
    assert refused.exit_code == 2
    assert "Give --one-person" in refused.output
    done = CliRunner().invoke(main, [*home, "inbox", "resolve", str(asked.id), option])
    assert (done.exit_code, done.output) == (0, f"Event {asked.id} is done now. {told}\n")
    assert cells(rig)["ada"] == (ends, False)
    assert open_now(rig) == []
