"""One home for days: clamped to what a calendar can say, and used by everybody who needs a day."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from mnet import language
from mnet.database import Database, metadata
from peers import accounts
from schooltool_bridge.cli import lists
from schooltool_bridge.common import days
from schooltool_bridge.events.inbox import OPEN
from schooltool_bridge.hand import enrolments, people
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history.author import Author
from schooltool_bridge.oneroster.export import export
from schooltool_bridge.people import person_export
from schooltool_bridge.reports import progress, transcript
from schooltool_bridge.store.model_guards import guards_off, guards_on
from schooltool_bridge.web.pages import frame_of
from tests.helpers.framed import signed_in
from tests.helpers.made_up_language import MOODLE, address, person_of, stocked
from tests.helpers.rig import START_UNIX_S, Rig, make_rig
from tests.helpers.visitor import Visitor

TOP = Path(__file__).parents[3]
FAR_EAST, FAR_WEST, PARIS = (ZoneInfo(z) for z in ("Pacific/Kiritimati", "Etc/GMT+12", "Europe/Paris"))  # fmt: skip
MILLISECONDS, NEGATIVE, YEAR_9999 = START_UNIX_S * 1000, -(10**13), 253_402_300_799
BAD = {"milliseconds": MILLISECONDS, "negative": NEGATIVE, "year 9999": YEAR_9999}
# Whatever is told, written, or folded of the record.
TABLES = (
    "person", "person_link", "person_history", "section", "section_history", "enrolment",
    "enrolment_history", "assessment", "assessment_history", "grade", "grade_history", "inbox",
    "person_record", "person_merge", "final_mark", "issued_report", "term", "section_filing",
    "category_weight", "assessment_detail", "audit_entry", "call_journal", "peer", "peer_check",
    "notice", "person_picture",
)  # fmt: skip


@pytest.mark.parametrize("zone", [UTC, FAR_EAST, FAR_WEST, PARIS])
def test_a_moment_beyond_every_calendar_has_a_day_all_the_same(zone: ZoneInfo) -> None:
    for bad in (NEGATIVE, -(10**13), -62_135_596_800):
        assert days.day_of(bad, zone) == days.FIRST_DAY
    for bad in (YEAR_9999, MILLISECONDS, 2**63 - 1):
        assert days.day_of(bad, zone) == days.LAST_DAY
    for day in (date.min, date.max, days.FIRST_DAY, days.LAST_DAY, date(1970, 1, 1)):
        assert days.first_moment(day, zone) < days.last_moment(day, zone)
    assert days.first_moment(date.max, zone) == days.first_moment(days.LAST_DAY, zone)


def test_a_day_is_one_of_its_zone_and_as_long_as_it_was_there() -> None:
    night = 1_795_215_599  # 20 November 2026, 23:59:59 in Paris
    assert [days.day_of(night + n, PARIS) for n in (0, 1)] == [date(2026, 11, 20), date(2026, 11, 21)]  # fmt: skip
    assert days.first_moment(date(2026, 11, 21), PARIS) == night + 1
    assert days.last_moment(date(2026, 11, 20), PARIS) == night
    hours = [
        (days.last_moment(d, PARIS) + 1 - days.first_moment(d, PARIS)) / 3600
        for d in (date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 21))
    ]
    assert hours == [23, 25, 24]


def test_what_has_no_date_is_shown_as_it_is_stored() -> None:
    shown = [days.moment_text(t, PARIS) for t in (START_UNIX_S, YEAR_9999, MILLISECONDS, NEGATIVE)]
    assert shown[1:] == ["9999-12-31T23:59:59Z", str(MILLISECONDS), str(NEGATIVE)]
    assert shown[0] == language.moment(days.local(START_UNIX_S, PARIS))
    assert days.day_text(MILLISECONDS, PARIS) == str(MILLISECONDS)
    assert days.iso(NEGATIVE) == str(NEGATIVE)


def test_no_other_file_makes_a_day_of_a_moment() -> None:
    homes = {TOP / "mnet" / "moments.py", TOP / "schooltool_bridge" / "common" / "days.py"}
    found = []
    for floor in ("mnet", "keys", "peers", "schooltool_bridge"):
        for file in sorted((TOP / floor).rglob("*.py")):
            if file in homes:
                continue
            found += [
                f"{file.relative_to(TOP)}:{node.lineno}"
                for node in ast.walk(ast.parse(file.read_text()))
                if isinstance(node, ast.Attribute)
                and node.attr in ("fromtimestamp", "utcfromtimestamp", "combine")
            ]
    assert not found, found


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    made = make_rig(tmp_path, database_url)
    with made.app:
        made.add(MOODLE)
        yield made


def filled(rig: Rig) -> dict[str, int]:
    """A school with a bit of everything, and a student without a grade where something was due."""
    ids = stocked(rig)
    author = Author("xqhead", START_UNIX_S)
    with rig.app.database.write() as connection:
        ids["person_id"] = who = people.add(connection, author, Names("xqlate", "Xqlate", "X", "6"))
        enrolments.set_state(connection, author, ids["section_id"], who, "student", "a")
    return ids


@contextmanager
def stored(database: Database, columns: list[sa.Column[int]], value: int) -> Iterator[None]:
    """Write a time into every row of these columns, and bring back afterwards what stood there."""
    tables = {c.table.name: c.table for c in columns}
    before = {}
    with database.write() as connection:
        guards_off(connection)
        for name, table in tables.items():
            before[name] = [r._asdict() for r in connection.execute(sa.select(table))]
            # Where nothing is stored there is no time that could be wrong.
            mine = {
                c.name: sa.case((c.is_not(None), value), else_=None)
                for c in columns
                if c.table is table
            }
            connection.execute(sa.update(table).values(mine))
    yield
    with database.write() as connection:
        for name, table in tables.items():
            (key,) = table.primary_key
            for row in before[name]:
                old = {c.name: row[c.name] for c in columns if c.table is table}
                connection.execute(sa.update(table).where(key == row[key.name]).values(old))
        guards_on(connection)


def columns_of() -> dict[str, list[sa.Column[int]]]:
    """What was sent, with what is noted of it here as it was; and everything at once."""
    every = [c for name in TABLES for c in metadata.tables[name].c if c.name.endswith("_unix_s")]
    assert {c.table.name for c in every} == set(TABLES)
    return {"sent": [c for c in every if c.name == "effective_unix_s"], "all": every}


def test_a_stored_bad_time_breaks_no_page(rig: Rig) -> None:
    ids = filled(rig)
    manager = signed_in(rig, accounts.MANAGER, "xqanna")
    person_of(rig, manager, "xqtess")
    every = [route.rule for route in frame_of(rig.app).routes if "GET" in route.methods]
    before = {rule: visited(manager, rule, ids) for rule in every}
    rules = [rule for rule in every if before[rule] == 200]
    found = []
    for bad, (group, columns) in itertools.product(BAD, columns_of().items()):
        with stored(rig.app.database, columns, BAD[bad]):
            found += [
                f"{bad}: {group}: {rule}: {status}"
                for rule in rules
                if (status := visited(manager, rule, ids)) >= 500
            ]
    assert not found, "\n".join(found)
    assert len(rules) >= 50


def visited(manager: Visitor, rule: str, ids: dict[str, int]) -> int:
    return Visitor(manager.ask, dict(manager.cookies)).get(address(rule, ids)).status


@pytest.mark.parametrize("bad", [*BAD])
def test_a_stored_bad_time_breaks_no_list_report_or_export(
    rig: Rig, tmp_path: Path, bad: str
) -> None:
    ids = filled(rig)
    database, settings = rig.app.database, rig.app.settings
    for group, columns in columns_of().items():
        with stored(database, columns, BAD[bad]):
            with database.write() as connection:
                author = Author("xqhead", START_UNIX_S)
                for who in connection.execute(sa.select(metadata.tables["person"].c.id)).scalars():
                    person_export.make(connection, author, who, site="S")
            for at in (None, BAD[bad]):
                with database.read() as connection:
                    assert lists.people(connection)
                    assert lists.all_sections(connection)
                    lists.inbox_list(connection, OPEN)
                    for where in connection.execute(
                        sa.select(metadata.tables["section"].c.id)
                    ).scalars():
                        lists.enrolments(connection, section_id=where, at_unix_s=at)
                        lists.grades(connection, where, at)
                    who = ids["person_id"]
                    for zone in (FAR_EAST, FAR_WEST):
                        taken = transcript.read(connection, who, START_UNIX_S, at)
                        transcript.as_json(taken)
                        transcript.paper_of(taken, zone)
                        shown = progress.read(connection, who, at, START_UNIX_S, zone)
                        progress.as_json(shown)
                        progress.paper_of(shown, zone)
            for version in ("1.1", "1.2"):
                target = tmp_path / f"{group}-{version}"
                export(database, settings, target, version, START_UNIX_S)
