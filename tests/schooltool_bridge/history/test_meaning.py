"""States speak by their meaning: a school's own ones in every list, report, export and message."""

from __future__ import annotations

import ast
import importlib
import json
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from schooltool_bridge.cli import lists
from schooltool_bridge.gradebook import grid
from schooltool_bridge.hand import enrolments
from schooltool_bridge.history import meaning, school_roles
from schooltool_bridge.history.author import Author
from schooltool_bridge.history.finding import find_person
from schooltool_bridge.history.meaning import Meaning
from schooltool_bridge.people import person_export, person_story
from schooltool_bridge.reports import own_progress, progress, section_report, transcript
from schooltool_bridge.reports.kinds import failing
from schooltool_bridge.reports.paper import Paper
from schooltool_bridge.school import final_marks, lookup, states
from schooltool_bridge.sign_on import notifying_peers, own_access
from schooltool_bridge.sign_on.person_sessions import PersonSession
from schooltool_bridge.store.model import ENROLMENT_STATES, enrolment_state
from tests.helpers.report_story import (
    ZONE,
    begin,
    file_under_a_term,
    final,
    graded,
    on,
    section_id,
)
from tests.helpers.school import School
from tests.schooltool_bridge.oneroster.story import exported, table

P = ParamSpec("P")
T = TypeVar("T")

TOP = Path(__file__).parents[3]
# The school's own states: code, meaning, title.
OWN = {
    "guest": ("active", "Exchange year"),
    "med": ("inactive", "Withdrawn - Medical"),
    "done": ("completed", "Finished early"),
}
PUPILS = {code: f"pupil-{code}" for code in OWN}
TEACHERS = {code: f"teacher-{code}" for code in OWN}


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    """In Algebra stand one pupil and one teacher in each of the school's own states."""
    school = begin(database_url)
    with school.database.write() as connection:
        for code, (means, title) in OWN.items():
            states.add(connection, Author("head", on(1)), code=code, meaning=means, title=title)
    for role, people in (("student", PUPILS), ("teacher", TEACHERS)):
        for code, who in people.items():
            school.push("fetch_user", idnumber=who, username=who, firstname=code.title(), lastname=role.title(), timemodified=on(1))  # fmt: skip
            school.push("new_enrolment", sectionid="algebra", userid=who, role=role, timemodified=on(2))  # fmt: skip
    for who in PUPILS.values():
        graded(school, "quiz", who, 8, 4)
    file_under_a_term(school, day=5)
    school.now = on(20)
    with school.database.write() as connection:
        for role, people in (("student", PUPILS), ("teacher", TEACHERS)):
            for code, who in people.items():
                enrolments.set_state(
                    connection, Author("head", school.now), section_id(school),
                    find_person(connection, who), role, code,
                )  # fmt: skip
    school.now += 1
    yield school
    school.database.close()


def ask(
    school: School,
    question: Callable[Concatenate[Connection, P], T],
    *args: P.args,
    **more: P.kwargs,
) -> T:
    with school.database.read() as connection:
        return question(connection, *args, **more)


def ids(school: School, people: dict[str, str]) -> dict[str, int]:
    return {code: ask(school, find_person, who) for code, who in people.items()}


def session(person_id: int) -> PersonSession:
    return PersonSession(b"", person_id, "", "", "", None, "", "", "", 0)


def text(paper: Paper) -> list[str]:
    return [str(row) for shown in paper.tables for row in shown.rows]


@pytest.mark.requirement("R54")
def test_what_each_state_means(school: School) -> None:
    left = Meaning(left=True)
    expected = {
        "a": Meaning(is_active=True, holds=True),
        "p": Meaning(is_coming=True),
        "w": left, "wn": left, "wp": left,
        "wf": Meaning(left=True, failed=True),
        "ps": Meaning(passed=True),
        "fl": Meaning(failed=True),
        "s": Meaning(holds=True),
        "en": Meaning(is_over=True),
        "e": Meaning(in_error=True),
        "guest": Meaning(is_active=True, holds=True),
        "med": left,
        "done": Meaning(passed=True),
    }  # fmt: skip
    assert school.read(meaning.of_all) == expected
    assert {s["code"] for s in ENROLMENT_STATES} <= set(expected)


@pytest.mark.requirement("R54")
def test_both_halves_say_the_same_of_every_state(school: School) -> None:
    code = enrolment_state.c.code
    asked = sa.select(
        code,
        meaning.HOLDS,
        meaning.IS_LEFT,
        meaning.IS_ACTIVE.label("is_active"),
        meaning.was_there(code).label("was_there"),
    )
    said = {r.code: tuple(map(bool, r[1:])) for r in school.read(lambda c: c.execute(asked).all())}
    known = school.read(meaning.of_all)
    assert said == {
        c: (m.holds, m.left, m.is_active, not (m.is_coming or m.in_error)) for c, m in known.items()
    }


@pytest.mark.requirement("R70", "R71")
def test_who_left_earns_nothing_and_who_completed_all(school: School) -> None:
    final(school, PUPILS["med"], "A", "95", day=21, code="med")
    final(school, PUPILS["guest"], "A", "95", day=21, code="guest")
    found = []
    for who in ids(school, PUPILS).values():
        (one,) = ask(school, transcript.read, who, school.now).taken
        found.append((one.state.code, one.title, one.credits))
    assert found == [
        ("guest", "Exchange year", Decimal(2)),
        ("med", "Withdrawn - Medical", Decimal(0)),
        ("done", "Finished early", Decimal(2)),
    ]
    # Whoever teaches a course earns no credits by it.
    for who in ids(school, TEACHERS).values():
        (one,) = ask(school, transcript.read, who, school.now).taken
        assert one.credits is None


def test_a_mark_that_does_not_pass_outranks_an_own_state_that_is_completed(school: School) -> None:
    final(school, PUPILS["done"], "F", "40", day=21, code="done")
    who = ids(school, PUPILS)["done"]
    (one,) = school.read(lambda c: transcript.read(c, who, school.now)).taken
    assert one.credits == 0


def test_own_states_in_every_list(school: School) -> None:
    where = section_id(school)
    (algebra,) = [s for s in school.read(lists.all_sections) if s["idnumber"] == "algebra"]
    assert algebra["teachers"] == ["9001", "teacher-guest"]
    listed = {
        (r["person"], r["code"], r["meaning"])
        for at in (None, school.now)
        for r in ask(school, lists.enrolments, section_id=where, at_unix_s=at)
    }
    for code, (means, _title) in OWN.items():
        assert {(PUPILS[code], code, means), (TEACHERS[code], code, means)} <= listed
    assert school.read(lambda c: lookup.teachers_of(c, [where])) == {
        where: ["Smith, Jane", "Teacher, Guest"]
    }
    assert school.read(lambda c: lookup.student_counts(c, [where])) == {where: 3}  # Ada, Bob, guest
    there = {p.code: (p.state, p.is_active) for p in school.read(lambda c: lookup.people_of(c, where))}  # fmt: skip
    for code, (means, title) in OWN.items():
        assert there[code] == (title, means == "active")
    seen = school.read(lambda c: grid.read(c, where, ZONE, everybody=True))
    assert "Guest Student" in [row.name for row in seen.rows]
    assert {row.state for row in seen.apart} == {"Withdrawn - Medical", "Finished early"}
    for code, who in ids(school, PUPILS).items():
        (place,) = ask(school, person_story.sections_of, who)
        assert OWN[code][1].lower() in place.lower()
    standing = final_marks.standings([school.read(lambda c: grid.section_of(c, where))])
    assert set(OWN) <= {s.code for s in standing}


def test_own_states_in_every_report(school: School) -> None:
    where, pupils = section_id(school), ids(school, PUPILS)
    found = school.read(lambda c: section_report.read(c, where, None, school.now, ZONE))
    assert [t.full_name for t in found.teachers] == ["Guest Teacher", "Jane Smith"]
    active = {s.state.code: s.is_active for s in found.students}
    assert {code: active[code] for code in OWN} == {"guest": True, "med": False, "done": False}
    roster = text(section_report.roster_of(found, ZONE))
    for _means, title in OWN.values():
        assert any(title in row for row in roster)
    assert "Guest" in str(text(section_report.gradebook_of(found, ZONE)))
    assert "Med" not in str(text(section_report.gradebook_of(found, ZONE)))
    for code, who in pupils.items():
        read = ask(school, progress.read, who, None, school.now, ZONE)
        (shown,) = read.sections
        assert (shown.title, shown.percent) == (OWN[code][1], Decimal(40))
        assert [t.full_name for t in shown.teachers] == ["Guest Teacher", "Jane Smith"]
        assert any(OWN[code][1] in row for row in text(progress.paper_of(read, ZONE)))
    # Below sixty: whoever is there; who left or completed is no more.
    listed = school.read(
        lambda c: failing.read(
            c, below=failing.DEFAULT_BELOW, term_id=None, at_unix_s=None, now_unix_s=school.now
        )
    )
    assert [(f.title, f.reason) for f in listed.lines] == [("Exchange year", "below 60 %")]
    moment = own_progress.Moment(None, school.now, ZONE)
    stands = {}
    for code, who in pupils.items():
        (own,) = ask(school, own_progress.of_student, who, moment, is_own=True)
        stands[code] = own.stands
    assert stands == {"guest": "now", "med": "past", "done": "past"}
    _then, rows = school.read(lambda c: own_progress.roster(c, where, moment))
    by_code = {r.code: r.is_active for r in rows}
    assert {code: by_code[code] for code in OWN} == {"guest": True, "med": False, "done": False}


def test_own_states_in_what_a_teacher_may(school: School) -> None:
    where, teachers = section_id(school), ids(school, TEACHERS)
    seen = {
        code: ask(school, own_access.teaching, session(who))[where].is_current
        for code, who in teachers.items()
    }
    may = {
        code: ask(school, own_access.may_grade, session(who), where)
        for code, who in teachers.items()
    }
    are = {code: ask(school, school_roles.of_person, who) for code, who in teachers.items()}
    assert seen == may == {"guest": True, "med": False, "done": False}
    assert are == {"guest": ("teacher",), "med": ("other",), "done": ("other",)}


def test_own_states_in_what_peers_are_told(school: School) -> None:
    for people in (PUPILS, TEACHERS):
        for code, who in ids(school, people).items():
            told = ask(school, notifying_peers.courses_here, who, -1)
            assert [c["fullname"] for c in told] == (["Algebra"] if code == "guest" else []), code


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_own_states_in_the_oneroster_export(school: School, tmp_path: Path, version: str) -> None:
    exported(school, tmp_path / "out", version)
    where = section_id(school)
    rows = {
        r["userSourcedId"]: r["endDate"]
        for r in table(tmp_path / "out", "enrollments")
        if r["classSourcedId"] == f"class-{where}"
    }
    for people in (PUPILS, TEACHERS):
        for code, who in ids(school, people).items():
            assert (rows[f"user-{who}"] == "") == (code == "guest"), code


def test_own_states_in_the_export_of_a_person(school: School) -> None:
    for code, who in ids(school, PUPILS).items():
        with school.database.write() as connection:
            data, _name = person_export.make(connection, Author("head", school.now), who, site="S")
        with zipfile.ZipFile(BytesIO(data)) as packed:
            told = json.loads(packed.read("person.json"))
        assert [e["code_is"] for e in told["enrolments"]] == [OWN[code][1]]


def test_own_states_in_the_csv_of_reports(school: School) -> None:
    pupils = ids(school, PUPILS)
    for code, who in pupils.items():
        taken = ask(school, transcript.read, who, school.now)
        shown = ask(school, progress.read, who, None, school.now, ZONE)
        for paper in (transcript.paper_of(taken, ZONE), progress.paper_of(shown, ZONE)):
            assert any(code in row and OWN[code][1] in row for row in paper.flat.rows)


def names_of_codes(node: ast.expr, module: Any) -> list[str]:
    """The shipped codes that an expression lists, where it is a constant of the module."""
    try:
        value = eval(compile(ast.Expression(node), "", "eval"), dict(vars(module)))
    except Exception:  # noqa: BLE001 - no constant
        return []
    some = [value] if isinstance(value, str) else value
    shipped = {state["code"] for state in ENROLMENT_STATES}
    if not isinstance(some, (list, tuple, set, frozenset)):
        return []
    return [code for code in some if isinstance(code, str) and code in shipped]


def compared(tree: ast.AST) -> Iterator[tuple[int, list[ast.expr]]]:
    """Everything that a code is compared with: by an operator, or asked of the store."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("in_", "not_in", "is_", "is_not")
        ):
            sides = [node.func.value, *node.args]
        else:
            continue
        if any(isinstance(s, ast.Attribute) and s.attr == "code" for s in sides):
            yield node.lineno, sides


def test_no_other_file_asks_for_a_code() -> None:
    found = []
    for file in sorted((TOP / "schooltool_bridge").rglob("*.py")):
        relative = file.relative_to(TOP)
        if "migrations" in relative.parts or relative.name == "meaning.py":
            continue
        module = importlib.import_module(".".join(relative.with_suffix("").parts))
        for line, sides in compared(ast.parse(file.read_text())):
            # The whole list of those shipped says nothing of what one of them is.
            if any(0 < len(names_of_codes(s, module)) < len(ENROLMENT_STATES) for s in sides):
                found.append(f"{relative}:{line}")
    assert not found, found
