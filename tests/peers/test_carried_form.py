"""Forms that came too early: carried past the password, shown again, never for somebody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import pytest

import peers.web
import schooltool_bridge.web
from peers import accounts
from peers.accounts import CLERK, MANAGER
from peers.web import carried_form, sessions, tokens
from peers.web.sessions import COOKIE
from peers.web.view import MAX_FORM_BYTES
from schooltool_bridge.server import secret_files
from schooltool_bridge.web.pages import frame_of
from tests.helpers.framed import HOSTILE, PASSWORD, assert_safe, signed_in
from tests.helpers.rig import START_UNIX_S, Rig, make_rig
from tests.helpers.visitor import Page, Visitor, in_memory

ACCOUNTS = "/admin/accounts"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    with made.app:
        yield made


def hidden(page: Page) -> dict[str, str]:
    """The fields of the first form of the page itself."""
    fields = page.tree.xpath("(//main//form)[1]//input")
    return {f.get("name"): f.get("value") or "" for f in fields}


def end(rig: Rig, visitor: Visitor, how: str) -> None:
    if how == "idle":
        rig.clock.now += tokens.IDLE_S + 1
    elif how == "elsewhere":
        with rig.app.database.write() as connection:
            sessions.end(connection, visitor.cookies[COOKIE])
    else:
        visitor.send("/admin/sign-out", page=ACCOUNTS)


def names(rig: Rig) -> set[str]:
    with rig.app.database.read() as connection:
        return {a.username for a in accounts.all_accounts(connection)}


@pytest.mark.parametrize("how", ["idle", "elsewhere", "another tab"])
def test_a_session_that_ended_asks_for_the_password_and_goes_on(rig: Rig, how: str) -> None:
    anna = signed_in(rig, MANAGER, "anna")
    token = anna.get(ACCOUNTS).form_token
    typed = {"form_token": token, "username": "zoë", "role": CLERK}
    end(rig, anna, how)
    asked = anna.post(ACCOUNTS, typed)
    assert asked.status == 403
    assert "What you typed is kept" in asked.message("said")
    assert_safe(asked)
    assert names(rig) == {"anna"}
    wrong = anna.post("/", hidden(asked) | {"username": "anna", "password": "x"})
    assert "do not fit" in wrong.message()
    again = anna.post("/", hidden(wrong) | {"username": "anna", "password": PASSWORD})
    assert again.status == 200
    assert_safe(again)
    assert names(rig) == {"anna"}, "nothing is done before it is sent once more"
    fields = hidden(again)
    assert (fields["username"], fields["role"]) == ("zoë", CLERK)
    assert token not in again.text
    assert anna.post(again.tree.xpath("//main//form/@action")[0], fields).status == 200
    assert names(rig) == {"anna", "zoë"}


def test_another_account_is_shown_nothing_of_it(rig: Rig) -> None:
    anna = signed_in(rig, MANAGER, "anna")
    signed_in(rig, MANAGER, "berta")
    token = anna.get(ACCOUNTS).form_token
    end(rig, anna, "elsewhere")
    asked = anna.post(ACCOUNTS, {"form_token": token, "username": "zoe", "role": CLERK})
    into = anna.post("/", hidden(asked) | {"username": "berta", "password": PASSWORD})
    assert (into.status, into.location) == (303, "/admin")
    # Nor by a form of anna's in a browser where berta is signed in now.
    refused = anna.post(ACCOUNTS, {"form_token": token, "username": "zoe", "role": CLERK})
    assert refused.status == 403
    assert "zoe" not in refused.text


def test_a_page_that_is_too_old_keeps_what_was_typed(rig: Rig) -> None:
    anna = signed_in(rig, MANAGER, "anna")
    token = anna.get(ACCOUNTS).form_token
    anna.cookies.update(signed_in(rig, MANAGER, "anna").cookies)
    typed = {"form_token": token, "username": "zoe", "role": CLERK}
    kept = anna.post(ACCOUNTS, typed)
    assert kept.status == 403
    assert names(rig) == {"anna"}
    assert anna.post(ACCOUNTS, hidden(kept)).status == 200
    assert names(rig) == {"anna", "zoe"}
    # What the browser does not call ours is not carried, whatever its token.
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        refused = anna.post(ACCOUNTS, typed, headers)
        assert refused.status == 403
        assert "kept_again" not in refused.text
    end(rig, anna, "elsewhere")
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {}):
        assert anna.post(ACCOUNTS, typed, headers).location == "/"


def test_passwords_and_what_is_too_large_are_never_carried(rig: Rig) -> None:
    anna = signed_in(rig, MANAGER, "anna")
    token = anna.get(ACCOUNTS).form_token
    end(rig, anna, "elsewhere")
    for name in carried_form.SECRET:
        answer = anna.post("/admin/password", {"form_token": token, name: "s3cret phrase"})
        assert (answer.status, answer.location) == (303, "/")
    large = {"form_token": token, "username": "x" * MAX_FORM_BYTES}
    assert anna.post(ACCOUNTS, large).location == "/"
    most = "x" * (MAX_FORM_BYTES - 100)
    asked = anna.post(ACCOUNTS, {"form_token": token, "username": most})
    again = anna.post("/", hidden(asked) | {"username": "anna", "password": PASSWORD})
    assert hidden(again)["username"] == most


def test_every_password_field_of_a_page_is_known() -> None:
    found = set()
    for package in (peers.web, schooltool_bridge.web):
        for file in (Path(package.__path__[0]) / "templates").glob("*.html"):
            for tag in re.findall(r"<input[^>]*type=\"password\"[^>]*>", file.read_text()):
                found |= set(re.findall(r" name=\"(\w+)\"", tag))
    # Their names stand with the settings, and an address that often is a secret itself.
    found |= {*secret_files.SECRETS, "webhook_url"}
    assert found == carried_form.SECRET


@pytest.mark.parametrize("packed", ["x", "%%%", "=", "gA==", "é"])
def test_what_is_no_kept_form_changes_nothing(rig: Rig, packed: str) -> None:
    signed_in(rig, MANAGER, "anna")
    visitor = Visitor(in_memory(frame_of(rig.app)))
    form = {"username": "anna", "password": PASSWORD, "kept": packed}
    for path in (ACCOUNTS, "//evil.example", "https://evil.example/"):
        answer = visitor.send("/", **form, kept_path=path)
        assert answer.status in (303, 400)
        assert "evil" not in answer.location
        visitor.cookies.pop(COOKIE, None)


def test_a_form_comes_back_as_it_was() -> None:
    form = {"a": ["1", "2"], "b": [HOSTILE], "form_token": ["t"], "empty": [""]}
    kept = carried_form.of("/admin/x", "y=1", form)
    assert kept is not None
    assert kept.path == "/admin/x?y=1"
    assert kept.fields == [("a", "1"), ("a", "2"), ("b", HOSTILE), ("empty", "")]
    assert parse_qs(urlencode(kept.fields), keep_blank_values=True)["a"] == ["1", "2"]


def test_a_token_names_its_account_alone(rig: Rig) -> None:
    signed_in(rig, MANAGER, "anna")
    with rig.app.database.write() as connection:
        found = accounts.by_name(connection, "anna")
        session = sessions.find(
            connection, sessions.start(connection, found.id, START_UNIX_S), START_UNIX_S
        )
    assert session is not None
    assert carried_form.may_be_ours(b"a=1&form_token=" + session.form_token.encode())
    assert sessions.is_form_of(session.form_token, found.id)
    assert not sessions.is_form_of(session.form_token, found.id + 1)
    assert not sessions.is_form_of("", found.id)
