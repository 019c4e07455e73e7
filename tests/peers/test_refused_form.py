"""A form that is refused comes back on its own page, with what was typed and why it was refused."""

from __future__ import annotations

import pytest
from lxml import html

from peers.accounts import CLERK, MANAGER
from peers.web import refused_form
from peers.web.frame import Frame
from tests.helpers.framed import HOSTILE, PASSWORD, assert_safe, signed_in
from tests.helpers.rig import Rig
from tests.helpers.visitor import SAME, Page, Visitor, in_memory

ACCOUNTS = "/admin/accounts"
ISSUED = "/admin/reports/issued"
OURS = "http://sis.example.org"
LONG = "z" * 1001


def values(answer: Page, name: str) -> list[str]:
    """What stands in the fields of a name; of a choice what is chosen."""
    main = answer.tree.xpath("//main")[0]
    found: list[str] = main.xpath(
        f".//input[@name='{name}']/@value | .//textarea[@name='{name}']/text()"
        f" | .//select[@name='{name}']/option[@selected]/@value"
    )
    return found


def typed_into(visitor: Visitor, path: str, page: str, came_from: str = "", **fields: str) -> Page:
    token = visitor.get(page).form_token
    headers = SAME | ({"Referer": OURS + came_from} if came_from else {})
    return visitor.post(path, {"form_token": token, **fields}, headers)


def test_what_was_typed_comes_back_with_why_it_was_refused(rig: Rig) -> None:
    anna = signed_in(rig, MANAGER, "anna")
    answer = typed_into(anna, ACCOUNTS, ACCOUNTS, username=LONG, role=CLERK)
    assert answer.status == 400
    assert "username is longer than 1000 characters" in answer.message()
    (form,) = answer.tree.xpath(f"//main//form[@action='{ACCOUNTS}']")
    assert form.fields["username"] == LONG
    assert form.fields["role"] == CLERK
    assert form.fields["form_token"] == anna.get(ACCOUNTS).form_token
    assert_safe(answer)
    # And corrected it can be sent as it is.
    form.fields["username"] = "zoe"
    sent = anna.post(ACCOUNTS, dict(form.form_values()))
    assert sent.status == 200
    assert "zoe" in sent.text


def test_it_comes_back_on_the_page_that_it_was_sent_from(rig: Rig) -> None:
    anna = signed_in(rig, MANAGER, "anna")
    made = anna.send(ACCOUNTS, username="zoe", role=CLERK)
    (place,) = made.tree.xpath("//tr[contains(., 'zoe')]//form[.//button[@value='role']]/@action")
    asked = {"role": "x" * 1001, "action": "role"}
    answer = typed_into(anna, place, ACCOUNTS, f"{ACCOUNTS}?x=1#y", **asked)
    assert (answer.status, answer.tree.xpath("//h1/text()")) == (400, ["Accounts"])
    assert "longer than" in answer.message()
    # A page elsewhere is no page of ours, and one that nobody may see is not shown.
    for elsewhere in ("//evil.example/admin/accounts", "/admin/nowhere", "/sign-on/change"):
        answer = typed_into(anna, place, ACCOUNTS, elsewhere, **asked)
        assert "What you sent is still here" in answer.text


def test_where_no_page_has_it_the_fields_stand_in_a_plain_form(rig: Rig) -> None:
    anna = signed_in(rig, MANAGER, "anna")
    made = anna.send(ACCOUNTS, username="zoe", role=CLERK)
    (place,) = made.tree.xpath("//tr[contains(., 'zoe')]//form[.//button[@value='role']]/@action")
    answer = typed_into(
        anna, place, ACCOUNTS, role=LONG + HOSTILE, action="role", password="s3cret"
    )
    assert "s3cret" not in answer.text
    answer = typed_into(anna, place, ACCOUNTS, role=LONG + HOSTILE, action="role", note="a\nb")
    assert answer.status == 400
    assert "longer than" in answer.message()
    assert_safe(answer)
    (form,) = answer.tree.xpath(f"//main//form[@action='{place}']")
    assert form.fields["role"].strip() == LONG + HOSTILE
    assert form.fields["note"].strip() == "a\nb"


@pytest.mark.parametrize("text", [HOSTILE, "a\x0bb\x01", "\N{BELL}\N{SNOWMAN}", "\ufffe"])
def test_whatever_was_typed_is_text(rig: Rig, text: str) -> None:
    anna = signed_in(rig, MANAGER, "anna")
    answer = typed_into(anna, ACCOUNTS, ACCOUNTS, username=text + LONG, role=text)
    assert answer.status == 400
    assert_safe(answer)
    shown = "".join("\ufffd" if c in "\x0b\x01\ufffe" else c for c in text)
    assert values(answer, "username") == [shown + LONG]


def test_a_page_that_says_itself_what_is_wrong_keeps_what_was_typed(rig: Rig) -> None:
    anna = signed_in(rig, MANAGER, "anna")
    answer = typed_into(anna, ACCOUNTS, ACCOUNTS, username="anna", role=CLERK)
    assert answer.status == 400
    assert len(answer.tree.find_class("problem")) == 1
    assert values(answer, "username") == ["anna"]


def test_passwords_are_never_shown(rig: Rig, frame: Frame) -> None:
    visitor = Visitor(in_memory(frame))
    answer = visitor.send("/", username=LONG, password="s3cret phrase")
    assert answer.status == 400
    assert "s3cret" not in answer.text
    assert values(answer, "username") == [LONG]
    anna = signed_in(rig, MANAGER, "anna")
    answer = anna.send("/admin/password", old_password=PASSWORD, new_password="no", new_again="no")
    assert answer.status == 400
    assert PASSWORD not in answer.text


def test_files_have_to_be_chosen_again(rig: Rig) -> None:
    anna = signed_in(rig, MANAGER, "anna")
    fields = {"form_token": anna.get(ISSUED).form_token, "sha256": LONG}
    said = b"".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in fields.items()
    )
    file = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n\r\n--x--'
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = anna.post(ISSUED, said + file, SAME | kind)
    assert answer.status == 400
    assert "choose the file again" in "".join(answer.tree.itertext())
    assert values(answer, "sha256") == [LONG]
    assert_safe(answer)


def filled(form: str, **typed: list[str]) -> html.FormElement | None:
    body = f"<!doctype html><body><main><form method=post action=/a>{form}</form></main>"
    found = refused_form.filled(body.encode(), "/a", typed, "Why")
    return None if found is None else forms(found)[0]


def forms(body: bytes) -> list[html.FormElement]:
    return [
        f for f in html.document_fromstring(body).iter("form") if isinstance(f, html.FormElement)
    ]


def test_each_kind_of_field_is_filled() -> None:
    form = filled(
        "<input name=one value=old><input name=two><input name=two><textarea name=long>old"
        "</textarea><input type=checkbox name=box value=a checked><input type=checkbox name=box "
        "value=b><input type=checkbox name=agreed required><input type=radio name=way value=x "
        "checked><input type=radio name=way value=y><select name=s><option selected>1<option>2"
        "</select><select name=gone><option selected>1</select><input type=hidden name=seen "
        "value=new><input type=password name=password><input name=left value=stays>",
        one=["1"],
        two=["2", "3"],
        long=["\n4"],
        box=["b"],
        agreed=["on"],
        way=["y"],
        s=["2"],
        gone=["9"],
        seen=["old"],
        password=["x"],
    )
    assert form is not None
    # A browser takes the first line's end of a longer text away.
    assert form.form_values() == [
        ("one", "1"), ("two", "2"), ("two", "3"), ("long", "\n\n4"), ("box", "b"), ("way", "y"),
        ("s", "2"), ("gone", "1"), ("seen", "new"), ("left", "stays"),
    ]  # fmt: skip


def test_of_several_forms_to_one_place_the_one_that_was_sent_is_filled() -> None:
    one = "<input type=hidden name=id value=1><input name=t><button name=do value=x>"
    two = "<input type=hidden name=id value=2><input name=t><button name=do value=x>"
    both = f"{one}</form><form method=post action=/a>{two}"
    body = f"<main><form method=post action=/a>{both}</form></main>".encode()
    found = refused_form.filled(body, "/a", {"id": ["2"], "t": ["typed"], "do": ["x"]})
    assert found is not None
    assert [f.fields["t"] or "" for f in forms(found)] == ["", "typed"]
    assert refused_form.filled(body, "/b", {"t": ["typed"]}) is None
    assert refused_form.filled(body, "/a", {"other": ["typed"]}) is None
