"""The first steps with a new site: ticked by what is there, put away and brought back; backups."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from peers import accounts, checks, store
from peers.accounts import CLERK, MANAGER
from peers.audit import entries
from peers.verify_rules import Report, Step
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import years
from schooltool_bridge.server import first_steps
from schooltool_bridge.store import backups
from schooltool_bridge.store.storage import schema
from tests.helpers.framed import PASSWORD, signed_in
from tests.helpers.rig import SIS, START_UNIX_S, Rig, make_rig

PEER = "http://moodle.example.org"
BACKUPS = "/admin/settings/backups"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    with made.app:
        yield made


def done(rig: Rig) -> set[str]:
    with rig.app.database.read() as connection:
        return {key for key, is_done in first_steps.done(connection).items() if is_done}


@pytest.mark.requirement("R14")
def test_each_step_is_ticked_by_what_is_there_and_by_nothing_else(rig: Rig) -> None:
    app = rig.app
    with app.database.write() as connection:
        accounts.add(connection, "anna", PASSWORD, one_time=True, now_unix_s=START_UNIX_S)
    assert done(rig) == set()
    with app.database.write() as connection:
        accounts.reset_password(connection, "anna", PASSWORD, one_time=False)
    ticked = {"password"}
    assert done(rig) == ticked
    with app.database.write() as connection:
        add_term(connection)
    assert done(rig) == (ticked := ticked | {"school"})
    peer = rig.add(PEER)
    assert done(rig) == ticked  # switched on, but nobody verified it
    well = Report(True, (Step("name", ok=True, detail=""),), None, None, {}, None)
    with app.database.write() as connection:
        found = store.find(connection, PEER)
        assert found is not None
        checks.save_check(connection, found.id, well, START_UNIX_S)
    assert done(rig) == (ticked := ticked | {"moodle"})
    rig.call(peer, SIS + "new_section", {"idnumber": "s1", "name": "S"})
    assert done(rig) == (ticked := ticked | {"transfer"})
    with app.database.write() as connection:
        accounts.add(
            connection, "carl", PASSWORD, one_time=True, now_unix_s=START_UNIX_S, role=CLERK
        )
    assert done(rig) == (ticked := ticked | {"roles"})
    backups.make(app.database, app.settings.home, START_UNIX_S, 7)
    assert done(rig) == ticked | {"backup"} == {step.key for step in first_steps.STEPS}


def add_term(connection: sa.Connection) -> None:
    author, days = Author("anna", START_UNIX_S), {"first_day": date(2026, 9, 1)}
    year = years.add_year(connection, author, title="Y", last_day=date(2027, 7, 1), **days)
    years.add_term(connection, author, year_id=year, title="T", last_day=date(2027, 1, 31), **days)


def test_the_step_to_a_moodle_leads_to_the_one_that_is_there(rig: Rig) -> None:
    def path() -> str:
        with rig.app.database.read() as connection:
            return next(s.path for s in first_steps.steps(connection) if s.key == "moodle")

    assert path() == "/admin/peers/add"
    rig.add(PEER)
    assert path() == "/admin/peers"


def test_the_box_is_a_managers_goes_on_where_it_is_due_and_can_be_put_away(rig: Rig) -> None:
    manager, clerk = signed_in(rig, MANAGER), signed_in(rig, CLERK)
    assert "First steps" not in clerk.get("/admin").text
    assert clerk.get("/admin/first-steps").status == 403
    box = manager.get("/admin").tree.xpath("//section[@aria-labelledby='first-steps']")[0]
    # A password and a second account are there.
    assert "2 of 6" in box.text_content()
    assert box.xpath(".//a[@class='button small']/@href") == ["/admin/school"]
    assert manager.send("/admin/first-steps", page="/admin", do="put-away").location == "/admin"
    assert "First steps:" not in manager.get("/admin").text
    assert "2 of 6" in manager.get("/admin/first-steps").text
    manager.send("/admin/first-steps", do="bring-back")
    assert "First steps: 2 of 6" in manager.get("/admin").text
    with rig.app.database.read() as connection:
        trail = [e.action for e in entries(connection, subject="first steps", limit=9)]
    assert trail == ["first steps brought back", "first steps put away"]


@pytest.mark.requirement("R14")
def test_a_backup_is_made_listed_and_given_out_for_the_password_alone(rig: Rig) -> None:
    manager, clerk = signed_in(rig, MANAGER), signed_in(rig, CLERK)
    assert "never" in manager.get(BACKUPS).text
    assert manager.send(BACKUPS).location == BACKUPS
    (made,) = backups.listed(rig.app.settings.home)
    path = f"{BACKUPS}/{made.name}"
    assert made.name in manager.get(BACKUPS).text
    assert clerk.get(path).status == 403
    refused = manager.send(path, password="not this one")
    assert refused.status == 400
    assert "not your password" in refused.message()
    given = manager.send(path, password=PASSWORD)
    assert given.status == 200
    assert made.name in given.header("Content-Disposition")
    assert given.body == (rig.app.settings.home / "backups" / made.name).read_bytes()
    assert manager.get(f"{BACKUPS}/settings.toml").status == 404
    assert manager.get(f"{BACKUPS}/..%2Fmnet-peer.sqlite").status == 404
    with rig.app.database.read() as connection:
        trail = [(e.actor, e.action) for e in entries(connection, subject=made.name, limit=9)]
    assert trail == [("a manager", "backup downloaded"), ("a manager", "backup made")]


def test_only_so_many_are_kept_and_no_other_file_is_touched(rig: Rig) -> None:
    home = rig.app.settings.home
    for day in range(4):
        backups.make(rig.app.database, home, START_UNIX_S + day * 86400, 2)
        (home / "backups" / "before-0001-x.sqlite").touch()
    names = {b.name for b in backups.listed(home)}
    assert len(names) == 3
    assert "before-0001-x.sqlite" in names
    assert schema(rig.app.database) is not None
