"""The search on every page: whatever the accents and the order of words, and within rights."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import sqlalchemy as sa

from peers.accounts import CLERK
from schooltool_bridge.hand import assessments
from schooltool_bridge.history.author import Author
from schooltool_bridge.people import searching
from schooltool_bridge.school import courses
from schooltool_bridge.store.model import person
from tests.helpers.cast import Cast, cast_in
from tests.helpers.framed import signed_in
from tests.helpers.rig import START_UNIX_S
from tests.helpers.visitor import Page

AUTHOR = Author("anna", START_UNIX_S)
NAME = "Øyvind Ångström-Łuk"


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    with cast_in(tmp_path_factory.mktemp("search")) as made:
        with made.app.database.write() as connection:
            first, _blank, last = NAME.partition(" ")
            renamed = sa.update(person).where(person.c.id == made.people["pam"])
            connection.execute(renamed.values(firstname=first, lastname=last))
            courses.add(connection, AUTHOR, code="ALG-1", title="Algèbre élémentaire")
            for where in ("algebra", "biology"):
                section = made.sections[where]
                assessments.add(connection, AUTHOR, section, f"Essay {where}", Decimal(20))
        yield made


def found(page: Page) -> list[str]:
    if page.status == 303:
        return [page.location]
    return [str(p) for p in page.tree.xpath("//main//section//a/@href")]


@pytest.mark.requirement("R60")
@pytest.mark.parametrize(
    "words", ["oyvind angstrom", "ANGSTROM oyv", "luk, øyvind", "id-pam", "pam", NAME]
)
def test_somebody_is_found_whatever_the_accents_and_the_order(cast: Cast, words: str) -> None:
    there = f"/admin/people/{cast.people['pam']}"
    assert signed_in(cast.rig, CLERK).get(f"/admin/search?q={words}").location == there


def test_everything_that_the_office_has_is_found_by_kind(cast: Cast) -> None:
    clerk, algebra = signed_in(cast.rig, CLERK), cast.sections["algebra"]
    assert found(clerk.get("/admin/search?q=elementaire algebre")) == ["/admin/school/courses/1"]
    both = clerk.get("/admin/search?q=alg")
    titles = both.tree.xpath("//main//h2/text()")
    assert titles == ["Sections", "Courses", "Assessments"]
    # A section's name tells apart what is called alike.
    [essay] = found(clerk.get("/admin/search?q=essay algebra"))
    assert essay.startswith(f"/admin/sections/{algebra}/assessments/")
    for nothing in ("xyzzy", "", " , ", "%25", "_", "\\"):
        assert not found(clerk.get(f"/admin/search?q={nothing}")), nothing


def test_nobody_finds_more_than_their_pages_show(cast: Cast) -> None:
    algebra, pam, paul = cast.sections["algebra"], cast.people["pam"], cast.people["paul"]
    teaching = f"/me/teaching/{algebra}"
    for who, words, paths in (
        ("tess", "oyvind", [teaching]),
        ("tess", "algebra", [teaching]),
        ("tess", "paul", []),  # is only in biology
        ("tess", "biology", []),
        ("tess", "carol", []),
        ("carol", "paul", [f"/me/students/{paul}"]),
        ("carol", "biology", [f"/me/sections/{cast.sections['biology']}/enrol"]),
        ("carol", "tess", []),
        ("prue", "oyvind", [f"/me/students/{pam}"]),
        ("prue", "biology", []),
        ("prue", "alg-1", []),
    ):
        assert found(cast.browser(who).get(f"/me/search?q={words}")) == paths, (who, words)
    [essay] = found(cast.browser("tess").get("/me/search?q=essay"))
    assert essay.startswith(f"{teaching}/assessments/")
    assert cast.browser("tess").get(essay).status == 200
    assert cast.browser("pam").get("/me/search?q=pete").status == 404
    assert not cast.browser("pam").get("/me").tree.xpath("//form[@role='search']")
    assert cast.browser("tess").get("/me").tree.xpath("//form[@role='search']")


def test_a_kind_with_many_leads_to_its_list(cast: Cast) -> None:
    with cast.app.database.write() as connection:
        count = searching.MAX_OF_A_KIND + 1
        for n in range(count):
            courses.add(connection, AUTHOR, code=f"MANY-{n}", title="Many")
    page = signed_in(cast.rig, CLERK).get("/admin/search?q=many")
    assert len(found(page)) == searching.MAX_OF_A_KIND
    assert "another word narrows them down" in page.text
