"""What was typed at people's own desks comes back: when it is refused, and when the session ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from peers.web.frame import FORM_COOKIE
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import marking
from schooltool_bridge.sign_on import rights
from schooltool_bridge.sign_on.person_sessions import COOKIE
from schooltool_bridge.sign_on.rights import Change
from tests.helpers.cast import Cast, cast_in
from tests.helpers.rig import START_UNIX_S
from tests.helpers.visitor import Page

PASSWORD = "correct horse battery"
# Whose form, at which address, what is typed, and what of it is no good.
FORMS = {
    "a new assessment": (
        "tess", "/me/teaching/1/assessments/new", {"name": "Essay <1>", "points": "20"},
        {"points": "many"},
    ),
    "a worksheet": (
        "tess", "/me/teaching/1/worksheets", {"do": "add", "title": "Autumn"}, {"title": "x" * 300},
    ),
    "weights": ("tess", "/me/teaching/1/weights", {"weight-{category}": "40"},
                {"weight-{category}": "heavy"}),
    "a new section": (
        "carol", "/me/sections/new", {"name": "Choir", "idnumber": "C 1"}, {"name": "x" * 2000},
    ),
    "a withdrawal": (
        "carol", "/me/sections/1/people/1",
        {"role": "student", "code": "wf", "note": "Moved & gone", "day": "", "why": "told"},
        {"day": "someday"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    with cast_in(tmp_path_factory.mktemp("forms")) as made:
        with made.app.database.write() as connection:
            marking.add_category(connection, Author("anna", START_UNIX_S), title="Fieldwork")
            for name in ("tess", "carol"):
                who = made.people[name]
                rights.set_password(connection, Change("anna", START_UNIX_S), who, PASSWORD)
        yield made


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest, cast: Cast) -> tuple[str, str, dict[str, str], Any]:
    who, path, typed, bad = FORMS[request.param]
    with cast.app.database.read() as connection:
        category = next(c.id for c in marking.categories(connection) if c.title == "Fieldwork")
    named = [{k.format(category=category): v for k, v in some.items()} for some in (typed, bad)]
    return who, path, named[0], named[1]


def fields_of(page: Page, action: str) -> dict[str, str]:
    """The fields of a page's form that goes to an address, as they are filled in."""
    (form,) = page.tree.xpath(f"//main//form[@action='{action}']")
    return dict(form.form_values())


def test_what_is_refused_is_still_in_its_fields(
    cast: Cast, form: tuple[str, str, dict[str, str], Any]
) -> None:
    who, path, typed, bad = form
    visitor = cast.browser(who)
    refused = visitor.send(path, **{**typed, **bad})
    assert refused.status == 400
    assert refused.message()
    forms = refused.tree.xpath(f"//main//form[@action='{path}']")
    # The first line's end is none of a text's.
    shown = [{n: v.removeprefix("\n") for n, v in f.form_values()} for f in forms]
    expected = {n: v for n, v in {**typed, **bad}.items() if n != "do" and v}
    assert any(expected.items() <= some.items() for some in shown), shown


def test_what_was_typed_comes_back_after_signing_in_again(
    cast: Cast, form: tuple[str, str, dict[str, str], Any]
) -> None:
    who, path, typed, _bad = form
    visitor = cast.browser(who)
    (whose,) = set(visitor.get(path).tree.xpath("//main//input[@name='whose']/@value"))
    del visitor.cookies[COOKIE]
    token = visitor.cookies[FORM_COOKIE]
    asked = visitor.post(path, {"form_token": token, "whose": whose, **typed})
    assert asked.status == 403
    assert "What you typed is kept" in asked.text
    again = {**fields_of(asked, "/"), "username": who, "password": PASSWORD}
    back = visitor.post("/", again)
    assert "What you typed is still here" in back.text
    carried = fields_of(back, path)
    assert typed.items() <= carried.items()
    done = visitor.post(path, carried)
    assert done.status == 303, done.text


def test_a_form_that_was_open_for_days_is_not_lost(cast: Cast) -> None:
    carol, path = cast.browser("carol"), "/me/sections/new"
    (whose,) = carol.get(path).tree.xpath("//main//input[@name='whose']/@value")
    fields = {"form_token": "of the day before", "whose": whose, "name": "Band", "idnumber": ""}
    kept = carol.post(path, fields)
    assert kept.status == 403
    assert fields_of(kept, path)["name"] == "Band"
    cross = carol.post(path, fields, {"Sec-Fetch-Site": "cross-site"})
    assert "Band" not in cross.text
    assert carol.post(path, fields_of(kept, path)).status == 303
