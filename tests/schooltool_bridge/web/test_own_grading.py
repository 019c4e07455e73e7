"""Teachers enter grades on their own pages: who may, where, and after a session that ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from schooltool_bridge.hand import enrolments as hand_enrolments
from schooltool_bridge.history import as_of
from schooltool_bridge.history.author import Author
from schooltool_bridge.sign_on import own_access, person_sessions, rights
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.store.model import enrolment_state, grade_history
from tests.helpers.cast import NAMES, Cast, cast_in
from tests.helpers.rig import START_UNIX_S

PASSWORD = "correct horse battery"


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Cast]:
    with cast_in(tmp_path) as made:
        yield made


# Who may enter grades.


@pytest.mark.requirement("R77")
def test_only_a_teacher_who_is_active_there_may_enter_grades(cast: Cast) -> None:
    def may(name: str, where: str) -> bool:
        session = cast.session(name)
        with cast.app.database.read() as connection:
            return own_access.may_grade(connection, session, cast.sections.get(where, 999))

    allowed = {(n, s) for n in NAMES for s in ("algebra", "biology", "none") if may(n, s)}
    assert allowed == {("tess", "algebra"), ("theo", "biology")}
    author = Author("anna", START_UNIX_S)
    with cast.app.database.write() as connection:
        connection.execute(
            sa.insert(enrolment_state).values(code="ta", meaning="active", title="Helps")
        )
    for code, expected in (("ta", True), ("p", False), ("s", False), ("ps", False), ("a", True)):
        with cast.app.database.write() as connection:
            hand_enrolments.set_state(
                connection, author, cast.sections["biology"], cast.people["theo"], "teacher", code
            )
        assert may("theo", "biology") is expected, code
    # A teacher who is a student elsewhere grades only where they teach; merged rows count.
    cast.push("new_enrolment", sectionid="biology", userid="id-tess", role="student")
    assert not may("tess", "biology")
    cast.push("new_enrolment", sectionid="algebra", userid="id-olga", role="teacher")
    cast.merge("olga", "pam")
    assert may("olga", "algebra")
    assert may("pam", "algebra")
    cast.push("delete_section", idnumber="algebra")
    assert not may("tess", "algebra")
    # Whatever they write names nobody, so that nothing of it has to be erased.
    assert own_access.actor_of(cast.session("tess")) == f"person {cast.people['tess']}"


# What a teacher writes.


def test_a_teacher_enters_grades_in_a_section_of_their_own_and_nowhere_else(cast: Cast) -> None:
    tess, algebra = cast.browser("tess"), cast.sections["algebra"]
    path = f"/me/teaching/{algebra}/gradebook"
    assert tess.get(f"/me/teaching/{algebra}").tree.xpath(f"//a[@href='{path}']")
    page = tess.get(path)
    fields = {i.get("name"): i.get("value") or "" for i in page.tree.xpath("//form//input[@name]")}
    cells = [n for n in fields if n.startswith("c.") and n.endswith(f".{cast.people['pam']}")]
    done = tess.post(path, fields | {cells[0]: "3.5"})
    assert (done.status, done.location) == (303, path)
    item_id = int(cells[0].split(".")[1])
    with cast.app.database.read() as connection:
        then = as_of.of_section(connection, algebra)
        wrote = connection.execute(sa.select(grade_history.c.by_actor).distinct()).scalars().all()
    entry = then.entries[item_id, cast.people["pam"]]
    assert (str(entry.points), entry.authority) == ("3.5", "manual")
    assert f"person {cast.people['tess']}" in wrote
    for who, where in (("fred", "algebra"), ("tess", "biology"), ("carol", "algebra")):
        other = f"/me/teaching/{cast.sections[where]}/gradebook"
        visitor = cast.browser(who)
        assert visitor.get(other).status == 404
        token = visitor.get("/me").form_token
        assert visitor.post(other, fields | {"form_token": token, cells[0]: "0"}).status == 404
    with cast.app.database.read() as connection:
        assert as_of.of_section(connection, algebra).entries[item_id, cast.people["pam"]] == entry


@pytest.mark.requirement("R77")
def test_a_teacher_whose_session_ended_goes_on_with_what_was_typed(cast: Cast) -> None:
    tess, algebra = cast.browser("tess"), cast.sections["algebra"]
    path = f"/me/teaching/{algebra}/gradebook"
    page = tess.get(path)
    fields = {i.get("name"): i.get("value") or "" for i in page.tree.xpath("//form//input[@name]")}
    (typed, *_rest) = [n for n in fields if n.endswith(f".{cast.people['pam']}")]
    fields |= {typed: "2.75"}
    with cast.app.database.write() as connection:
        for who in ("tess", "carol"):
            change = Change("anna", START_UNIX_S)
            rights.set_own(connection, [cast.people[who]], allowed=True)
            rights.set_password(connection, change, cast.people[who], PASSWORD)
    tess.cookies.pop(person_sessions.COOKIE)
    asked = tess.post(path, fields)
    assert asked.status == 403
    assert "What you typed is kept" in asked.message("said")
    carried = {
        i.get("name"): i.get("value") or "" for i in asked.tree.xpath("(//main//form)[1]//input")
    }
    # Somebody else who signs in there sees nothing of it, and saves nothing of it.
    other = tess.post("/", carried | {"username": "carol", "password": PASSWORD})
    assert "2.75" not in other.text
    assert tess.post(path, fields).status in (403, 404)
    tess.cookies.pop(person_sessions.COOKIE)
    onward = tess.post("/", carried | {"username": "tess", "password": PASSWORD})
    again = {i.get("name"): i.get("value") or "" for i in onward.tree.xpath("//main//input")}
    filled = tess.post(path, again)
    assert filled.status == 200
    (kept,) = filled.tree.xpath("//input[@data-shown]")
    assert (kept.get("name"), kept.value) == (typed, "2.75")
    # Whoever came with a Moodle's word in another tab goes on from the page that asked.
    straight = {
        i.get("name"): i.get("value") or ""
        for i in asked.tree.xpath("//form[.//input[@name='kept_again']]//input")
    }
    (kept,) = tess.post(path, straight).tree.xpath("//input[@data-shown]")
    assert kept.value == "2.75"
