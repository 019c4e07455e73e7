"""The first pages of each role: what waits for them, what is new, the school in figures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peers.accounts import CLERK, MANAGER
from schooltool_bridge.hand import enrolments
from schooltool_bridge.history.author import Author
from schooltool_bridge.web import visits
from tests.helpers.cast import Cast, cast_in
from tests.helpers.framed import signed_in
from tests.helpers.rig import START_UNIX_S
from tests.helpers.visitor import Page, Visitor

DAY_S = 86_400


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    with cast_in(tmp_path_factory.mktemp("homes")) as made:
        yield made


def links(page: Page, heading: str) -> dict[str, str]:
    """The links of a card, and the text beside each."""
    found = page.tree.xpath("//section[.//h2[normalize-space()=$title]]//li", title=heading)
    return {
        str(li.xpath("string(.//a/@href)")): " ".join(li.text_content().split()) for li in found
    }


def as_students(visitor: Visitor, path: str) -> list[str]:
    return [str(a) for a in visitor.get(path).tree.xpath("//main//tbody//th/text()")]


@pytest.mark.requirement("R54")
def test_the_office_sees_what_waits_for_it_and_goes_there_at_once(cast: Cast) -> None:
    clerk, pete, algebra = signed_in(cast.rig, CLERK), cast.people["pete"], cast.sections["algebra"]
    before = links(clerk.get("/admin"), "Waits for you")
    assert before["/admin/sections?place=ongoing"].endswith("2")
    assert "/admin#without-code" not in before
    author = Author("anna", START_UNIX_S)
    with cast.app.database.write() as connection:
        enrolments.set_state(connection, author, algebra, pete, "student", "w")
    page = clerk.get("/admin")
    assert links(page, "Waits for you")["/admin#without-code"].endswith("1")
    [there] = links(page, "Withdrawals without a code")
    assert there == f"/admin/sections/{algebra}/people/{pete}"
    assert clerk.get(there).status == 200
    assert f"/admin/people/{pete}" in links(page, "People who came last")
    assert not page.tree.xpath("//section[contains(@class, 'peer-card')]")
    manager = signed_in(cast.rig, MANAGER).get("/admin")
    assert manager.tree.xpath("//section[contains(@class, 'peer-card')]")
    assert links(manager, "Waits for you") == links(page, "Waits for you")


@pytest.mark.requirement("R77")
def test_a_teacher_sees_what_came_since_the_last_visit(cast: Cast) -> None:
    algebra = cast.sections["algebra"]
    tess = cast.browser("tess")
    tess.get("/me")
    who, _since, seen = tess.cookies[visits.NAME].split("-")
    assert (int(who), int(seen)) == (cast.people["tess"], int(cast.rig.clock()))
    # She was here ninety days ago, before all of it.
    tess.cookies[visits.NAME] = f"{who}-1-{START_UNIX_S - 90 * DAY_S}"
    page = tess.get("/me")
    assert "new grades" in page.text
    [gradebook] = page.tree.xpath("//main//a[starts-with(., 'Gradebook')]/@href")
    assert gradebook == f"/me/teaching/{algebra}/gradebook"
    assert tess.get(gradebook).status == 200
    # The same visit: it is still new. Nonsense and somebody else's cookie are no visit.
    assert "new grades" in tess.get("/me").text
    for cookie in ("", "x", "1-2", f"{who}-1-99999999999999999999", f"1-1-{START_UNIX_S}"):
        tess.cookies[visits.NAME] = cookie
        assert tess.get("/me").status == 200
    now = int(cast.rig.clock())
    tess.cookies[visits.NAME] = f"{who}-{now}-{now}"
    assert "new grades" not in tess.get("/me").text


@pytest.mark.requirement("R58")
def test_a_principal_sees_the_school_in_figures_as_of_any_day(cast: Cast) -> None:
    prue = cast.browser("prue")
    page = prue.get("/me/school")
    counts = [
        " ".join(li.text_content().split()) for li in page.tree.xpath("//ul[@class='counts']/li")
    ]
    assert counts[1] == "2 sections"
    for path in page.tree.xpath("//main//a[starts-with(@href, '/me/')]/@href"):
        assert prue.get(path).status == 200, path
    assert len(page.tree.xpath("//main//figure//*[local-name()='svg']")) == 2
    assert set(as_students(prue, "/me/school")) == {"Algebra", "Biology"}
    long_ago = prue.get("/me/school?at=2001-01-01")
    assert "0 students" in " ".join(long_ago.text.replace("<b>", "").replace("</b>", "").split())
    assert prue.get("/me/school/failing.csv").header("Content-Type").startswith("text/csv")
    assert prue.get("/me/school?at=nonsense").status == 200


def test_a_counselor_sees_which_students_changed(cast: Cast) -> None:
    author = Author("anna", START_UNIX_S)
    mia = cast.people["mia"]
    with cast.app.database.write() as connection:
        enrolments.set_state(connection, author, cast.sections["algebra"], mia, "student", "wn")
    changed = links(cast.browser("carol").get("/me"), "Students with changes")
    assert "Algebra" in next(text for text in changed.values())
    assert not links(cast.browser("tess").get("/me"), "Students with changes")
