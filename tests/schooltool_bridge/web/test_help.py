"""Help: each page of the admin area has its chapter, the chapters are pages, in every language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.accounts import CLERK, MANAGER
from peers.web.frame import DOOR
from schooltool_bridge.web import help_pages, manual
from schooltool_bridge.web.pages import frame_of
from tests.helpers import made_up_language
from tests.helpers.framed import assert_safe, signed_in
from tests.helpers.rig import Rig, make_rig

marked_rig = made_up_language.rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    with made.app:
        yield made


def pages_of(rig: Rig) -> list[str]:
    """The addresses of all pages of accounts and people, with a number where each has one."""
    rules = [
        route.rule
        for route in frame_of(rig.app).routes
        if "GET" in route.methods and route.rule.startswith(("/admin", "/me"))
    ]
    # The help itself leads to its list; a file is no page.
    no_pages = (help_pages.HELP, help_pages.OWN_HELP, "/admin/static/")
    left = [r for r in rules if not r.startswith(no_pages)]
    assert len(left) > 60
    return [re.sub(r"<[^>]*>", "12", rule) for rule in left]


def test_every_page_has_a_chapter(rig: Rig) -> None:
    without = [path for path in pages_of(rig) if not help_pages.about(path)]
    assert not without


def test_every_entry_of_the_table_is_about_a_page_and_leads_to_a_part_of_a_chapter(
    rig: Rig,
) -> None:
    pages = pages_of(rig)
    for rule, target in help_pages.ABOUT.items():
        shape = re.compile(re.escape(rule).replace(r"\*", "12") + r"([/.].*)?")
        assert any(shape.fullmatch(path) for path in pages), rule
        name, _, anchor = target.partition("#")
        known = {heading.anchor for heading in manual.chapter(name, "").headings}
        assert not anchor or anchor in known, target


@pytest.mark.parametrize(
    ("path", "chapter"),
    [
        ("/admin", "pages#today"),
        ("/admin/people", "people"),
        ("/admin/people/7", "people"),
        ("/admin/people/add", "people#by-hand"),
        ("/admin/people/7/progress.pdf", "reports"),
        ("/admin/sections/7/assessments/3/join", "gradebook#same-name-same-item"),
        ("/admin/peers/3/courses/9", "peers#courses-over-there"),
        ("/admin/nothing-here", ""),
        ("/admin/peoples", ""),
        ("/me", "signing-on#their-own-pages"),
        ("/me/teaching/7/gradebook", "gradebook"),
    ],
)
def test_the_entry_that_says_most_about_a_page_counts(path: str, chapter: str) -> None:
    assert help_pages.about(path) == chapter


def test_each_page_leads_to_its_chapter_and_a_page_without_one_to_the_list(rig: Rig) -> None:
    clerk = signed_in(rig, CLERK)
    for path, help_path in (
        ("/admin/people", "/admin/help/people"),
        ("/admin/inbox", "/admin/help/events#the-inbox"),
        ("/admin/help", "/admin/help"),
        ("/admin/people/999", "/admin/help/people"),
    ):
        links = clerk.get(path).tree.xpath("//header//a[.='Help']/@href")
        assert [link.removeprefix("/") for link in links] == [help_path.removeprefix("/")]


@pytest.mark.parametrize("role", [CLERK, MANAGER])
def test_whoever_may_sign_in_reads_the_manual(rig: Rig, role: str) -> None:
    visitor = signed_in(rig, role)
    listed = visitor.get("/admin/help")
    assert listed.status == 200
    links = listed.tree.xpath("//ul[@class='manual-list']//a/@href")
    assert links == [f"/admin/help/{name}" for name in manual.CHAPTERS]
    for link in links:
        assert visitor.get(link).status == 200


def test_nobody_else_does(rig: Rig) -> None:
    visitor = signed_in(rig, CLERK)
    visitor.cookies.clear()
    for path in ("/admin/help", "/admin/help/people"):
        page = visitor.get(path)
        assert page.location.partition("?")[0] == DOOR
    assert not visitor.get(DOOR).tree.xpath("//header//a[.='Help']")


@pytest.mark.parametrize("name", ["nothing", "..", "README", "people.md"])
def test_no_other_file_is_served(rig: Rig, name: str) -> None:
    assert signed_in(rig, CLERK).get(f"/admin/help/{name}").status == 404


@pytest.mark.parametrize("name", manual.CHAPTERS)
def test_a_chapter_is_safe_and_its_links_stay_in_the_product(rig: Rig, name: str) -> None:
    visitor = signed_in(rig, CLERK)
    page = visitor.get(f"/admin/help/{name}")
    assert_safe(page)
    tree = page.tree
    ids = tree.xpath("//article//@id")
    assert len(ids) == len(set(ids))
    for link in tree.xpath("//main//a/@href"):
        path, _, anchor = link.partition("#")
        there = visitor.get(path).tree if path else tree
        assert not anchor or there.xpath(f"//*[@id='{anchor}']"), link
    contents = tree.xpath("//nav[@class='contents']//a/@href")
    assert contents == [f"#{h.get('id')}" for h in tree.xpath("//article/h2")] != []


def test_below_a_path_links_keep_it() -> None:
    body = manual.chapter("signing-on", "/sis/admin/help/").body
    assert 'href="/sis/admin/help/peers#services"' in body


def test_raw_html_in_a_chapter_stays_text() -> None:
    assert manual.parser().render("a <b>c</b> <script>x</script>") == (
        "<p>a &lt;b&gt;c&lt;/b&gt; &lt;script&gt;x&lt;/script&gt;</p>\n"
    )


def test_in_another_language_only_the_manual_itself_is_english(marked_rig: Rig) -> None:
    visitor = signed_in(marked_rig, CLERK, "xqanna")
    listed, chapter = visitor.get("/admin/help"), visitor.get("/admin/help/people")
    for page in (listed, chapter):
        assert "⟦The manual is in English.⟧" in page.text
    assert made_up_language.unmarked(listed) == []
    # The title of the browser's window has no element that could say which language it is in.
    assert set(made_up_language.unmarked(chapter)) == {"Who", "is", "who"}
    assert chapter.tree.xpath("//article/@lang") == ["en"]


def test_in_english_nothing_is_said_of_that(rig: Rig) -> None:
    assert "The manual is in English." not in signed_in(rig, CLERK).get("/admin/help").text
