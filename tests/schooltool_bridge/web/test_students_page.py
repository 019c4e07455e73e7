"""A student's page, at the office and at a counselor's or principal's desk: the same record."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from schooltool_bridge.sign_on import pictures
from schooltool_bridge.sign_on.pictures import Stored
from tests.helpers.cast import GRADED, Cast, cast_in
from tests.helpers.framed import assert_safe, signed_in
from tests.helpers.rig import START_UNIX_S
from tests.helpers.visitor import Page, Visitor

pytestmark = pytest.mark.requirement("R55", "R58", "R72")


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Cast]:
    with cast_in(tmp_path) as made:
        yield made


def desks(cast: Cast) -> list[tuple[Visitor, str, str]]:
    """Who looks after students, and where each finds Pam and her enrolment in algebra."""
    pam, algebra = cast.people["pam"], cast.sections["algebra"]
    return [
        (signed_in(cast.rig, "clerk"), f"/admin/people/{pam}", f"/admin/sections/{algebra}"),
        (cast.browser("carol"), f"/me/students/{pam}", f"/me/sections/{algebra}"),
    ]


def changes(page: Page) -> list[str]:
    found = page.tree.xpath("//ol[@class='timeline']/li")
    return [" ".join("".join(li.itertext()).split()) for li in found]


def test_both_show_teachers_latest_marks_and_changes_in_words(cast: Cast) -> None:
    cast.push(
        "new_grade", assessmentid="quiz-algebra", userid="id-pam", points_earned=70,
        timemodified=GRADED + 60,
    )  # fmt: skip
    for visitor, page, section in desks(cast):
        shown = visitor.get(page)
        assert_safe(shown)
        card = " ".join(shown.tree.xpath("//section[@id='section-1']")[0].text_content().split())
        assert "Teacher: Tessjq OfTessjq" in card, "who left is not named"
        assert "Quiz of algebra 70 of 100" in card
        assert shown.tree.xpath(f"//a[@href='{section}/people/{cast.people['pam']}?back=person']")
        told = changes(shown)
        assert "Quiz of algebra in Algebra: 70, before that 61.37. By Fake." in told[0]
        assert "Algebra, as student: Active. By Fake." in told[2]
        assert len(told) == 3


def test_of_a_day_that_has_been_nothing_later_is_told(cast: Cast) -> None:
    for visitor, page, _section in desks(cast):
        told = changes(visitor.get(page + "?at=2026-09-25"))
        assert len(told) == 1, told
        assert "Algebra, as student: Active" in told[0]
        assert "61.37" not in visitor.get(page + "?at=2026-09-25").text


def test_old_changes_are_a_click_away(cast: Cast) -> None:
    for number in range(15):
        cast.push(
            "new_grade", assessmentid="quiz-algebra", userid="id-pam", points_earned=number,
            timemodified=GRADED + 60 + number,
        )  # fmt: skip
    for visitor, page, _section in desks(cast):
        shown = visitor.get(page)
        assert len(changes(shown)) == 12
        (more,) = shown.tree.xpath("//a[contains(@href, 'changes=all')]/@href")
        assert len(changes(visitor.get(more.partition("#")[0]))) == 17


@pytest.mark.requirement("R70", "R71")
def test_reports_lead_back_to_the_student(cast: Cast) -> None:
    for name in ("carol", "prue"):
        visitor, page = cast.browser(name), f"/me/students/{cast.people['pam']}"
        for report in ("progress", "transcript"):
            assert visitor.get(page).tree.xpath(f"//a[starts-with(@href, '{page}/{report}')]")
            shown = visitor.get(f"{page}/{report}")
            assert "Algebra" in shown.text
            assert shown.tree.xpath(f"//main//a[@href='{page}']")
            assert "/admin" not in "".join(shown.tree.xpath("//main//@href | //main//@action"))
            assert visitor.get(f"{page}/{report}.csv").status == 200
        for who in ("tess", name):
            assert visitor.get(f"/me/students/{cast.people[who]}/progress").status == 404


def test_a_photo_is_for_whoever_looks_after_students(cast: Cast) -> None:
    stream = BytesIO()
    Image.new("RGB", (192, 192), "teal").save(stream, "PNG")
    with cast.app.database.write() as connection:
        for name in ("pam", "tess"):
            photo = Stored(None, "1", stream.getvalue(), START_UNIX_S)
            pictures.add(connection, cast.people[name], photo)
    pam = f"/picture/{cast.people['pam']}"
    for name in ("carol", "prue"):
        visitor = cast.browser(name)
        shown = visitor.get(f"/me/students/{cast.people['pam']}")
        assert shown.tree.xpath(f"//img[starts-with(@src, '{pam}?')]")
        assert visitor.get(pam).status == 200
        assert visitor.get(f"/picture/{cast.people['tess']}").status == 404, "no student"
    for name in ("tess", "pete", "olga", ""):
        assert cast.browser(name).get(pam).status == 404
