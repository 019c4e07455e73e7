"""The navigation: groups and their pages, the way back from below, banners that are put away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peers.accounts import CLERK, MANAGER
from schooltool_bridge.web.pages import frame_of
from tests.helpers.cast import Cast, cast_in
from tests.helpers.framed import signed_in
from tests.helpers.visitor import Page

TOP, BELOW = "//header/nav[1]", "//header/nav[2]"


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    with cast_in(tmp_path_factory.mktemp("navigation")) as made:
        yield made


def here(page: Page, row: str) -> list[str]:
    return [str(text) for text in page.tree.xpath(f"{row}//a[@aria-current]/text()")]


def trail(page: Page) -> list[str]:
    return [str(path) for path in page.tree.xpath("//nav[@class='trail']//a/@href")]


@pytest.mark.requirement("R11")
@pytest.mark.parametrize("role", [CLERK, MANAGER])
def test_each_page_of_the_navigation_is_titled_as_it_is_called_there(cast: Cast, role: str) -> None:
    visitor = signed_in(cast.rig, role)
    tabs = [t for t in frame_of(cast.app).tabs if role == MANAGER or t.role == CLERK]
    assert len(tabs) > 10
    for tab in tabs:
        page = visitor.get(tab.path)
        assert here(page, TOP) == [tab.group or tab.title]
        assert here(page, BELOW) == ([tab.title] if tab.group else [])
        assert page.tree.xpath("string(//h1)").strip() == tab.title
        assert page.tree.xpath("string(//title)").startswith(f"{tab.title} – ")
        assert len(page.tree.xpath(f"{TOP}//a")) <= 6
        assert not trail(page)


def test_a_page_below_leads_back_step_by_step(cast: Cast) -> None:
    visitor, pam = signed_in(cast.rig, CLERK), cast.people["pam"]
    algebra = cast.sections["algebra"]
    section = f"/admin/sections/{algebra}"
    for path, way in (
        (f"/admin/people/{pam}", ["/admin/people"]),
        (f"/admin/people/{pam}/edit", ["/admin/people", f"/admin/people/{pam}"]),
        (f"/admin/people/{pam}/transcript", ["/admin/people", f"/admin/people/{pam}"]),
        (f"{section}/gradebook", ["/admin/sections", section]),
        (f"{section}/people/{pam}", ["/admin/sections", section]),
        ("/admin/reports/failing", ["/admin/reports"]),
        ("/admin/reports/prints", ["/admin/reports"]),
        ("/admin/peers/1/verify", ["/admin/peers", "/admin/peers/1"]),
    ):
        assert trail(visitor.get(path)) == way, path


def test_people_have_the_same_frame_with_their_own_words(cast: Cast) -> None:
    teaching = f"/me/teaching/{cast.sections['algebra']}"
    for who, path, top, way in (
        ("pam", "/me", ["My page", "My marks"], []),
        ("tess", f"{teaching}/gradebook", ["My page"], [teaching]),
        ("tess", f"{teaching}/roster", ["My page"], [teaching]),
        ("carol", f"/me/students/{cast.people['pam']}", ["My page", "Students", "Sections"],
         ["/me/students"]),
        ("prue", "/me/help/reports", ["My page", "The school", "Students"], ["/me/help"]),
    ):  # fmt: skip
        page = cast.browser(who).get(path)
        assert page.tree.xpath(f"{TOP}//a/text()") == top, (who, path)
        assert trail(page) == way, (who, path)
        assert page.tree.xpath("//header//a[.='Help']/@href")[0].startswith("/me/help/")
        assert page.tree.xpath("//header//form[@method='post']/@action") == ["/sign-out"]
    taught = cast.browser("tess").get("/me").tree.xpath(f"{BELOW}//a/@href")
    assert teaching in taught


def test_whoever_is_not_signed_in_has_no_navigation(cast: Cast) -> None:
    for path in ("/", "/forgotten", "/me/students/12"):
        page = cast.browser().get(path)
        assert page.location or not page.tree.xpath("//header/nav | //header//form")
