"""What comes from outside and is odd or hostile: it is refused, or shown as text, and breaks nothing."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest

from peers import audit
from peers.accounts import CLERK, MANAGER
from peers.web import form_with_files
from peers.web.carried_form import SIGN_IN_FORM
from peers.web.frame import NOTE_COOKIE, Frame
from peers.web.roles import allows
from peers.web.sessions import COOKIE
from schooltool_bridge.web.pages import frame_of
from tests.helpers.framed import HOSTILE, assert_safe, signed_in
from tests.helpers.rig import START_UNIX_S, Rig
from tests.helpers.visitor import SAME, Visitor, in_memory


def test_names_from_outside_are_text_wherever_they_are_shown(rig: Rig) -> None:
    visitor = signed_in(rig, MANAGER)
    visitor.send("/admin/accounts", username=HOSTILE, role=CLERK)
    with rig.app.database.write() as connection:
        audit.record(
            connection,
            actor=HOSTILE,
            action=HOSTILE,
            subject=HOSTILE,
            now_unix_s=START_UNIX_S,
            detail={HOSTILE: HOSTILE, "list": [HOSTILE], "none": None, "yes": True, "in": {"a": 1}},
        )
    for path in (
        "/admin/accounts",
        "/admin/audit",
        f"/admin/audit?{urlencode({'subject': HOSTILE})}",
    ):
        answer = visitor.get(path)
        assert answer.status == 200, path
        assert_safe(answer)
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text
        assert HOSTILE in "".join(answer.tree.itertext())
    visitor.cookies[NOTE_COOKIE] = "%3Cscript%3Ealert(1)%3C/script%3E"
    answer = visitor.get("/admin/accounts")
    assert answer.message("said") == "<script>alert(1)</script>"
    assert_safe(answer)
    assert NOTE_COOKIE not in visitor.cookies


def test_what_was_typed_comes_back_as_text(frame: Frame) -> None:
    visitor = Visitor(in_memory(frame))
    name = HOSTILE[:100]
    answer = visitor.send("/", username=name, password="x" * 10, next="/" + HOSTILE)
    assert answer.tree.xpath("//input[@name='username']/@value") == [name]
    assert answer.tree.xpath("//input[@name='next']/@value") == ["/" + HOSTILE]
    assert_safe(answer)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"a=" + b"x" * SIGN_IN_FORM.max_bytes, {}),
        (b"&".join(b"a=1" for _ in range(501)), {}),
        (b"username=\xff\xfe", {}),
        (b"username=a%00b&password=x", {}),
        (b"a%00=x", {}),
        (b'{"username": "admin"}', {"Content-Type": "application/json"}),
        (b"username=admin", {"Content-Type": "text/plain"}),
        (b"username=admin", {"Content-Type": ""}),
        (b"--x\r\n\r\n--x--", {"Content-Type": "multipart/form-data; boundary=x"}),
    ],
)
def test_forms_that_are_none_are_refused(
    frame: Frame, body: bytes, headers: dict[str, str]
) -> None:
    answer = Visitor(in_memory(frame)).post("/", body, {**SAME, **headers})
    assert answer.status == 400
    assert answer.message()
    assert_safe(answer)


def parts(*heads: bytes) -> tuple[bytes, dict[str, str]]:
    """A form of files with one part for each head."""
    body = b"".join(b"--x\r\n" + head + b"\r\n\r\nvalue\r\n" for head in heads) + b"--x--\r\n"
    return body, {"Content-Type": "multipart/form-data; boundary=x"}


def test_a_part_without_a_name_belongs_to_no_field() -> None:
    named = b'Content-Disposition: form-data; name="kept"'
    nameless = b"Content-Disposition: form-data"
    body, headers = parts(named, nameless, nameless + b'; filename="a.csv"')
    form, files = form_with_files.read(body, headers["Content-Type"], 10)
    assert (form, files) == ({"kept": ["value"]}, {})


def test_nobody_makes_us_read_a_form_without_the_right_to_send_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reads(*_: object) -> None:
        raise AssertionError("the form was read")

    monkeypatch.setattr("peers.web.frame.form_of", reads)
    stranger = Visitor(in_memory(frame_of(rig.app)))
    clerk = signed_in(rig, CLERK)
    routes = [r for r in frame_of(rig.app).routes if "POST" in r.methods and r.role is not None]
    assert [r for r in routes if r.form.takes_files]
    for route in routes:
        path = re.sub(r"<[^>]*>", "1", route.rule)
        assert stranger.post(path, b"a=1").location == "/", path
        if not allows(CLERK, route.role or ""):
            assert clerk.post(path, b"a=1").status == 403, path


@pytest.mark.parametrize(
    "path",
    [
        "/admin/audit?before=99999999999999999999",
        "/admin/audit?before=-1",
        "/admin/audit?before=%C2%B2",
        "/admin/audit?subject=%00",
        "/admin/audit?subject=%FF",
        "/admin/audit?" + "&".join(f"a{n}=1" for n in range(3000)),
        "/admin/audit?before=1&before=2",
    ],
)
def test_questions_that_make_no_sense_are_still_answered(rig: Rig, path: str) -> None:
    answer = signed_in(rig, MANAGER).get(path)
    assert answer.status == 200
    assert "<h1>Audit</h1>" in answer.text


def test_a_number_that_no_row_can_have_is_not_there(rig: Rig) -> None:
    visitor = signed_in(rig, MANAGER)
    for number in (2**31, 2**63, 10**30):
        path = f"/admin/accounts/{number}"
        answer = visitor.send(path, page="/admin/accounts", action="remove")
        assert answer.status == 404, number


@pytest.mark.parametrize(
    "others",
    [
        'other={"a": 1, "b": [2]}; {mine}',
        "MoodleSession=a b c; {mine}",
        "=; ;;x; {mine}",
        "{mine}; mnet_peer_session=older",
        'a="unclosed; {mine}',
        "{mine}; é=ü",
    ],
)
def test_cookies_of_neighbours_do_not_hide_ours(rig: Rig, others: str) -> None:
    visitor = signed_in(rig, MANAGER)
    mine = f"{COOKIE}={visitor.cookies.pop(COOKIE)}"
    answer = visitor.get("/admin/accounts", Cookie=others.replace("{mine}", mine))
    assert answer.status == 200
