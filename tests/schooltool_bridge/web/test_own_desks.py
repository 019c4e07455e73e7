"""A teacher's own desk: the office's pages about her section, and nothing of anybody else's."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa

from peers import audit
from peers.web.frame import FORM_COOKIE
from peers.web.view import Route
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import marking
from schooltool_bridge.store.model import assessment, assessment_history
from tests.helpers.cast import NAMES, Cast, cast_in
from tests.helpers.framed import assert_safe
from tests.helpers.rig import START_UNIX_S
from tests.helpers.visitor import Visitor

pytestmark = pytest.mark.requirement("R63", "R77")


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Cast]:
    with cast_in(tmp_path) as made:
        yield made


def desk(cast: Cast, name: str = "tess", where: str = "algebra") -> tuple[Visitor, str]:
    return cast.browser(name), f"/me/teaching/{cast.sections[where]}"


def narrowed(cast: Cast) -> list[Route]:
    return [r for r in cast.frame.routes if r.rule.startswith("/me/teaching/<int:section_id>/")]


def items(cast: Cast, where: str = "algebra") -> dict[str, int]:
    wanted = sa.select(assessment.c.name, assessment.c.id).where(
        assessment.c.section_id == cast.sections[where], assessment.c.status == "active"
    )
    with cast.app.database.read() as connection:
        return {row.name: row.id for row in connection.execute(wanted)}


def test_only_the_teachers_of_a_section_have_its_desk(cast: Cast) -> None:
    """Every page there is, and every kind of person; a page added later is in it."""
    routes = narrowed(cast)
    assert len(routes) >= 20
    allowed: set[tuple[str, str]] = set()
    item = items(cast)
    for name in ("", *NAMES):
        visitor = cast.browser(name)
        visitor.get("/forgotten")
        token = visitor.cookies[FORM_COOKIE]
        for where, section_id in cast.sections.items():
            for route in routes:
                path = route.rule.replace("<int:section_id>", str(section_id))
                path = path.replace("<int:assessment_id>", "999")
                if "POST" in route.methods:
                    answer = visitor.post(path, {"form_token": token})
                else:
                    answer = visitor.get(path)
                if not name:
                    assert answer.location.startswith("/?next="), path
                elif (
                    name in {"tess", "theo"}
                    and where == {"tess": "algebra", "theo": "biology"}[name]
                ):
                    is_item = "999" in path
                    assert answer.status == (404 if is_item else answer.status), path
                    assert answer.status in ({404} if is_item else {200, 303, 400}), path
                    allowed.add((name, where))
                else:
                    assert answer.status == 404, (name, path)
    assert allowed == {("tess", "algebra"), ("theo", "biology")}
    assert items(cast) == item


def test_a_teacher_makes_changes_and_deletes_her_own_assessment(cast: Cast) -> None:
    tess, section = desk(cast)
    form = tess.get(section + "/assessments/new")
    assert_safe(form)
    assert "/admin" not in "".join(form.tree.xpath("//main//@href | //main//@action"))
    made = tess.send(section + "/assessments/new", name="Essay", points="20")
    assert (made.status, made.location) == (303, section + "/gradebook")
    essay = f"{section}/assessments/{items(cast)['Essay']}"
    assert tess.send(essay, name="Essay 1", points="30").location == section + "/gradebook"
    assert "Essay 1" in tess.get(section + "/gradebook").text
    refused = tess.send(essay, name="Essay 1", points="many")
    assert (refused.status, "Points are a number" in refused.message()) == (400, True)
    assert tess.send(essay, do="delete").status == 303
    assert "Essay 1" not in items(cast)
    with cast.app.database.read() as connection:
        signed = sa.select(assessment_history.c.by_actor).distinct()
        assert f"person {cast.people['tess']}" in set(connection.execute(signed).scalars())


def test_a_moodles_assessment_is_not_hers_to_change(cast: Cast) -> None:
    tess, section = desk(cast)
    (from_moodle,) = items(cast).values()
    path = f"{section}/assessments/{from_moodle}"
    assert tess.get(path).status == 404
    before = items(cast)
    assert tess.send(path, page=section + "/assessments/new", do="delete").status == 404
    assert tess.send(path, page=section + "/assessments/new", name="x", points="1").status == 404
    assert items(cast) == before
    shown = tess.get(section + "/gradebook")
    assert not shown.tree.xpath(f"//a[@href='{path}']")


def test_another_sections_assessment_is_not_hers_by_whatever_number(cast: Cast) -> None:
    theo, biology = desk(cast, "theo", "biology")
    theo.send(biology + "/assessments/new", name="Herbarium", points="10")
    herbarium = items(cast, "biology")["Herbarium"]
    tess, algebra = desk(cast)
    assert tess.get(f"{algebra}/assessments/{herbarium}").status == 404
    answer = tess.send(
        f"{algebra}/assessments/{herbarium}", page=algebra + "/assessments/new", do="delete"
    )
    assert answer.status == 404
    assert "Herbarium" in items(cast, "biology")


def test_worksheets_and_weights(cast: Cast) -> None:
    with cast.app.database.write() as connection:
        marking.add_category(connection, Author("anna", START_UNIX_S), title="Fieldwork")
        categories = {c.title: c.id for c in marking.categories(connection)}
    tess, section = desk(cast)
    assert tess.send(section + "/worksheets", do="add", title="Autumn").status == 303
    assert "Autumn" in tess.get(section + "/worksheets").text
    field = f"weight-{categories['Fieldwork']}"
    assert tess.send(section + "/weights", **{field: "heavy"}).status == 400
    assert tess.send(section + "/weights", **{field: "40"}).location == section + "/weights"
    shown = tess.get(section + "/weights").tree.xpath(f"//input[@name='{field}']/@value")
    assert shown == ["40"]


def test_a_spreadsheet_goes_up(cast: Cast) -> None:
    tess, section = desk(cast)
    template = tess.get(section + "/upload/assessments.xlsx")
    assert openpyxl.load_workbook(io.BytesIO(template.body)).worksheets
    assert tess.get(section + "/upload").status == 200


def test_she_prints_and_exports_her_section_and_the_trail_tells(cast: Cast) -> None:
    tess, section = desk(cast)
    for name in ("roster", "section-report", "gradebook-print"):
        page = tess.get(f"{section}/{name}")
        assert page.status == 200
        assert "Pamxq" in page.text
        assert "Paulwk" not in page.text, "who is only in biology"
        assert "/admin" not in "".join(page.tree.xpath("//main//@href | //main//@action"))
        assert tess.get(f"{section}/{name}.csv").status == 200
    with cast.app.database.read() as connection:
        told = [e.actor for e in audit.entries(connection) if e.action == "report downloaded"]
    assert told == [f"person {cast.people['tess']}"] * 3


def test_a_form_of_somebody_else_is_not_taken(cast: Cast) -> None:
    tess, section = desk(cast)
    token = tess.get(section + "/assessments/new").form_token
    fields = {"form_token": token, "name": "Essay", "points": "20", "whose": cast.people["theo"]}
    assert tess.post(section + "/assessments/new", fields).status == 403
    cross = {"form_token": token, "name": "Essay", "points": "20"}
    answer = tess.post(section + "/assessments/new", cross, {"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 403
    assert "Essay" not in items(cast)


def test_whose_teaching_ended_has_no_desk_at_once(cast: Cast) -> None:
    tess, section = desk(cast)
    assert tess.get(section + "/weights").status == 200
    cast.push(
        "end_enrolment", sectionid="algebra", userid="id-tess", role="teacher",
        timemodified=START_UNIX_S,
    )  # fmt: skip
    for route in narrowed(cast):
        if "GET" in route.methods:
            path = route.rule.replace("<int:section_id>", str(cast.sections["algebra"]))
            assert tess.get(path.replace("<int:assessment_id>", "1")).status == 404
