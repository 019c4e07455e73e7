"""A counselor enters states, codes and notes, makes sections and enrols students; no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from peers.web.frame import FORM_COOKIE
from schooltool_bridge.history import roster
from schooltool_bridge.store.model import enrolment_history, section
from tests.helpers.cast import NAMES, Cast, cast_in
from tests.helpers.framed import assert_safe

SECTIONS = "/me/sections"
pytestmark = pytest.mark.requirement("R53", "R60")


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Cast]:
    with cast_in(tmp_path) as made:
        yield made


def code_of(cast: Cast, who: str, where: str) -> str:
    with cast.app.database.read() as connection:
        return roster.current(connection, cast.sections[where], cast.people[who])["student"].code


def test_a_withdrawal_gets_its_code_and_note_from_the_students_page(cast: Cast) -> None:
    carol = cast.browser("carol")
    cast.push("end_enrolment", sectionid="algebra", userid="id-pam", role="student")
    place = f"{SECTIONS}/{cast.sections['algebra']}/people/{cast.people['pam']}"
    shown = carol.get(f"/me/students/{cast.people['pam']}")
    assert shown.tree.xpath(f"//a[@href='{place}?back=person']")
    form = carol.get(place + "?back=person")
    assert_safe(form)
    assert "/admin" not in "".join(form.tree.xpath("//main//@href | //main//@action"))
    given = {"role": "student", "note": "moved away", "why": "", "back": "person"}
    refused = carol.send(place, code="wf", day="someday", **given)
    assert refused.status == 400
    assert refused.tree.xpath("//input[@name='back']/@value") == ["person"]
    done = carol.send(place, code="wf", day="", **given)
    assert (done.status, done.location) == (303, f"/me/students/{cast.people['pam']}")
    told = " ".join(carol.get(done.location).tree.xpath("//ol[@class='timeline']/li[1]//text()"))
    assert "Algebra: Withdrawn - Failing (moved away), before that Ended." in told
    assert "By Carolvq OfCarolvq." in told
    assert code_of(cast, "pam", "algebra") == "wf"
    with cast.app.database.read() as connection:
        last = sa.select(enrolment_history.c.by_actor, enrolment_history.c.note)
        row = connection.execute(last.order_by(enrolment_history.c.id.desc())).first()
    assert row is not None
    assert tuple(row) == (f"person {cast.people['carol']}", "moved away")


def test_she_makes_a_section_and_enrols_a_student(cast: Cast) -> None:
    carol = cast.browser("carol")
    made = carol.send(SECTIONS + "/new", name="Choir", idnumber="")
    assert made.status == 303
    found = carol.get(made.location + "?search=Pam")
    links = found.tree.xpath("//main//table//a/@href")
    assert [link.rpartition("?")[2] for link in links] == ["role=student"]
    assert carol.send(links[0].partition("?")[0], role="student", code="a").status == 303
    (section,) = carol.get(SECTIONS + "?search=choir").tree.xpath(
        "//main//li[contains(@class, 'split')]/a/@href"
    )
    roster = carol.get(section)
    assert_safe(roster)
    assert roster.tree.xpath(f"//a[@href='/me/students/{cast.people['pam']}']")
    (change,) = roster.tree.xpath("//main//td/a/@href")
    assert carol.get(change).status == 200
    assert roster.tree.xpath("//nav//a[@href='" + section + "/enrol']")
    assert "/admin" not in "".join(roster.tree.xpath("//main//@href"))
    assert carol.get(SECTIONS + "/99").status == 404
    assert "Choir" in carol.get(f"/me/students/{cast.people['pam']}").text


def test_who_teaches_is_not_hers_to_say(cast: Cast) -> None:
    carol = cast.browser("carol")
    place = f"{SECTIONS}/{cast.sections['algebra']}/people/{cast.people['carol']}"
    refused = carol.send(place, role="teacher", code="a")
    assert refused.status == 403
    assert carol.get(f"/me/teaching/{cast.sections['algebra']}").status == 404


def test_who_teaches_and_never_was_a_student_is_not_hers_to_enrol(cast: Cast) -> None:
    """Else anybody's record was open to her, once she had made them a student."""
    carol, theo = cast.browser("carol"), cast.people["theo"]
    algebra = f"{SECTIONS}/{cast.sections['algebra']}"
    place = f"{algebra}/people/{theo}"
    answer = carol.send(f"{algebra}/enrol", action="enrol", person=[str(theo)])
    assert answer.status == 400
    assert NAMES["theo"] not in answer.text
    assert carol.get(place).status == 404
    assert carol.send(place, page=f"{algebra}/enrol", role="student", code="a").status == 404
    assert carol.get(f"/me/students/{theo}").status == 404


def test_nobody_else_has_any_of_it(cast: Cast) -> None:
    routes = [r for r in cast.frame.routes if r.rule.startswith(SECTIONS)]
    assert len(routes) == 8
    with cast.app.database.read() as connection:
        before = connection.execute(sa.select(section.c.id)).all()
    for name in {"", *NAMES} - {"carol"}:
        visitor = cast.browser(name)
        visitor.get("/forgotten")
        token = visitor.cookies[FORM_COOKIE]
        for route in routes:
            path = route.rule.replace("<int:section_id>", str(cast.sections["algebra"]))
            path = path.replace("<int:person_id>", str(cast.people["pam"]))
            fields = {"form_token": token, "name": "Mine", "role": "student", "code": "wf"}
            answer = visitor.post(path, fields) if "POST" in route.methods else visitor.get(path)
            is_away = answer.location.startswith("/?next=")
            assert answer.status == 404 if name else is_away, (name, path)
    with cast.app.database.read() as connection:
        assert connection.execute(sa.select(section.c.id)).all() == before
    assert code_of(cast, "pam", "algebra") == "a"
