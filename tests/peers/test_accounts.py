"""A manager looks after the accounts, and the trail tells what was done."""

from __future__ import annotations

import re

import pytest

from peers import accounts, audit
from peers.accounts import CLERK, MANAGER
from peers.web.headers import HEADERS
from tests.helpers.rig import START_UNIX_S, Rig
from tests.helpers.signing_in import OWN, actions, add, browser, is_in
from tests.helpers.visitor import Visitor


@pytest.fixture
def rig(rig: Rig) -> Rig:
    add(rig, "anna", MANAGER)
    return rig


@pytest.fixture
def visitor(rig: Rig) -> Visitor:
    return browser(rig)


def test_a_manager_looks_after_accounts_and_the_trail_tells(rig: Rig, visitor: Visitor) -> None:
    visitor.sign_in("anna", OWN)
    roles = visitor.get("/admin/accounts").tree.xpath("//select[@id='role']/option/@value")
    assert roles[0] == "", "nobody is made a manager by not choosing"
    assert visitor.send("/admin/accounts", username="nobody", role="").status == 400
    answer = visitor.send("/admin/accounts", username=" Clara ", role=CLERK)
    made = answer.tree.xpath("//code[@class='big']/text()")[0]
    assert answer.header("Cache-Control") == "no-store"
    assert made not in visitor.get("/admin/accounts").text
    clara = browser(rig)
    assert clara.sign_in("clara", made).status == 303
    assert clara.get("/admin/accounts").location == "/admin/password"
    with rig.app.database.read() as connection:
        found = accounts.by_name(connection, "clara")
    path = f"/admin/accounts/{found.id}"
    visitor.send(path, page="/admin/accounts", action="role", role=MANAGER)
    again = visitor.send(path, page="/admin/accounts", action="reset")
    second = again.tree.xpath("//code[@class='big']/text()")[0]
    assert second != made
    visitor.send(path, page="/admin/accounts", action="remove")
    assert actions(rig) == [
        ("anna", "signed in", "anna"),
        ("anna", "account added", "Clara"),
        ("Clara", "signed in", "Clara"),
        ("anna", "role changed", "Clara"),
        ("anna", "password reset", "Clara"),
        ("anna", "account removed", "Clara"),
    ]
    shown = visitor.get("/admin/audit?subject=Clara").text
    assert "account removed" in shown
    for secret in (made, second, OWN):
        assert secret not in shown
        assert secret not in repr(rig.dump())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"username": "anna", "role": CLERK}, "already"),
        ({"username": "", "role": CLERK}, "printable"),
        ({"username": "a\u202eb", "role": CLERK}, "printable"),
        ({"username": "x" * 101, "role": CLERK}, "100 printable"),
        ({"username": "x", "role": "king"}, "role is one of"),
        ({"username": "x"}, "role is one of"),
    ],
)
def test_accounts_that_cannot_be_are_refused(
    visitor: Visitor, fields: dict[str, str], said: str
) -> None:
    visitor.sign_in("anna", OWN)
    answer = visitor.send("/admin/accounts", **fields)
    assert answer.status == 400
    assert said in answer.message()


def test_somebody_always_stays_who_may_manage(rig: Rig, visitor: Visitor) -> None:
    clara_id = add(rig, "clara", CLERK)
    visitor.sign_in("anna", OWN)
    with rig.app.database.read() as connection:
        anna_id = accounts.by_name(connection, "anna").id
    for fields in ({"action": "remove"}, {"action": "role", "role": CLERK}):
        answer = visitor.send(f"/admin/accounts/{anna_id}", page="/admin/accounts", **fields)
        assert answer.status == 400
        assert "last site manager" in answer.message()
    visitor.send(f"/admin/accounts/{clara_id}", page="/admin/accounts", action="role", role=MANAGER)
    answer = visitor.send(f"/admin/accounts/{anna_id}", page="/admin/accounts", action="remove")
    assert answer.status == 303
    assert not is_in(visitor)


@pytest.mark.parametrize(("action", "status"), [("explode", 400), ("", 400), ("remove", 404)])
def test_an_action_that_is_none_and_an_account_that_is_gone(
    visitor: Visitor, action: str, status: int
) -> None:
    visitor.sign_in("anna", OWN)
    number = 1 if status == 400 else 77
    answer = visitor.send(f"/admin/accounts/{number}", page="/admin/accounts", action=action)
    assert answer.status == status
    assert dict(answer.headers)["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


def test_the_trail_is_read_page_by_page(rig: Rig, visitor: Visitor) -> None:
    with rig.app.database.write() as connection:
        for number in range(150):
            audit.record(
                connection,
                actor="server",
                action=f"deed {number}",
                subject="s",
                detail={},
                now_unix_s=START_UNIX_S,
            )
    visitor.sign_in("anna", OWN)
    first = visitor.get("/admin/audit?subject=s")
    older = visitor.get(first.tree.xpath("//a[text()='Older']/@href")[0])
    deeds = [re.findall(r"deed (\d+)", page.text) for page in (first, older)]
    assert [int(n) for n in deeds[0] + deeds[1]] == [*range(149, -1, -1)]
    assert not older.tree.xpath("//a[text()='Older']")
