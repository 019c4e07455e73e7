"""The manual's table of roles and rights, held against every route there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from peers.accounts import CLERK, MANAGER
from peers.web.frame import FORM_COOKIE
from peers.web.view import Route
from schooltool_bridge.gradebook import grid
from schooltool_bridge.hand import assessments
from schooltool_bridge.history.author import Author
from schooltool_bridge.web import manual
from tests.helpers.cast import Cast, cast_in
from tests.helpers.framed import signed_in
from tests.helpers.rig import START_UNIX_S
from tests.helpers.visitor import Visitor

Rights = dict[str, frozenset[str]]
# Somebody of each role, as the table calls them.
PEOPLE = {"pupil": "pam", "teacher": "tess", "counselor": "carol", "principal": "prue"}
ACCOUNTS = {"clerk": CLERK, "site manager": MANAGER}


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    with cast_in(tmp_path_factory.mktemp("rights")) as made:
        yield made


@pytest.fixture(scope="module")
def table() -> Rights:
    """Addresses, in their order, and who may ask for them."""
    text = Path(manual.__file__).parents[1].joinpath("manual/pages.md").read_text("utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|\n").split("|")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]
    at = next(n for n, row in enumerate(rows) if row[0] == "addresses")
    roles = rows[at][1:]
    found: Rights = {}
    for row in rows[at + 1 :]:
        if len(row) != len(roles) + 1:
            break
        who = frozenset(role for role, mark in zip(roles, row[1:], strict=True) if mark)
        found |= dict.fromkeys(re.findall(r"`([^`]*)`", row[0]), who)
    return found


def kind_of(route: Route, table: Rights) -> str:
    """The address of the table that a route falls under: the first one that fits."""
    path = re.sub(r"<[^>]*>", "*", route.rule)
    for address in table:
        method, _blank, rule = address.rpartition(" ")
        if (not method or method in route.methods) and fnmatchcase(path, rule):
            return address
    raise AssertionError(f"{route.rule} is not in the table of pages.md")


def test_every_route_is_in_the_table_and_every_row_has_one(cast: Cast, table: Rights) -> None:
    assert {kind_of(route, table) for route in cast.frame.routes} == set(table)


def test_each_role_gets_what_the_table_says_and_nothing_else(cast: Cast, table: Rights) -> None:
    section, pam = cast.sections["algebra"], cast.people["pam"]
    with cast.app.database.write() as connection:
        assessments.add(connection, Author("anna", START_UNIX_S), section, "Essay", Decimal(20))
        snapshot = grid.section_of(connection, section)
        essay = next(i.id for i in snapshot.items if i.name == "Essay")
    visitors: dict[str, Visitor] = {"nobody": cast.browser()}
    visitors |= {role: cast.browser(name) for role, name in PEOPLE.items()}
    visitors |= {role: signed_in(cast.rig, name) for role, name in ACCOUNTS.items()}
    looked = 0
    for route in cast.frame.routes:
        if "GET" not in route.methods or route.rule.startswith(("/auth/", "/invitation")):
            continue
        path = route.rule.replace("<int:section_id>", str(section))
        path = path.replace("<int:person_id>", str(pam)).replace("<int:assessment_id>", str(essay))
        path = re.sub(r"<int:[^>]*>", "1", path.replace("/help/<name>", "/help/reports"))
        path = re.sub(r"<[^>]*>", "x", path)
        if path.endswith(".pdf"):
            continue  # as the page itself, and slow
        may = table[kind_of(route, table)]
        for role, visitor in visitors.items():
            answer = visitor.get(path)
            sent_away = answer.location.startswith("/?next=")
            if role in may:
                assert not sent_away, (role, path)
                assert answer.status != 403, (role, path)
                is_there = answer.status != 404 or path.startswith("/admin")
                assert is_there or "/picture/" in path, (role, path)
            else:
                assert sent_away or answer.status in {403, 404}, (role, path)
            looked += 1
    assert looked > 300


def test_no_form_is_taken_from_a_role_that_the_table_leaves_out(cast: Cast, table: Rights) -> None:
    visitors: dict[str, Visitor] = {"nobody": cast.browser()}
    visitors |= {role: cast.browser(name) for role, name in PEOPLE.items()}
    visitors |= {role: signed_in(cast.rig, name) for role, name in ACCOUNTS.items()}
    tokens = {}
    for role, visitor in visitors.items():
        page = visitor.get("/admin/password" if role in ACCOUNTS else "/forgotten")
        tokens[role] = page.form_token if role in ACCOUNTS else visitor.cookies[FORM_COOKIE]
    for route in cast.frame.routes:
        if "POST" not in route.methods:
            continue
        may = table[kind_of(route, table)]
        path = route.rule.replace("<int:section_id>", str(cast.sections["biology"]))
        path = re.sub(r"<int:[^>]*>", "1", path)
        path = re.sub(r"<[^>]*>", "x", path)
        # Biology is not the teacher's: that is as if she were none.
        for role in visitors.keys() - may | ({"teacher"} if "/me/teaching" in path else set()):
            answer = visitors[role].post(path, {"form_token": tokens[role]})
            away = answer.location == "/" or answer.location.startswith("/?next=")
            assert away or answer.status in {403, 404}, (role, path)
