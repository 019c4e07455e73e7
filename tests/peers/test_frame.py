"""The frame around every page: who gets in, forms' origin, headers, what handlers do wrong."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from jinja2 import DictLoader

from peers import accounts, audit
from peers.accounts import CLERK, MANAGER, ROLES
from peers.web import sessions
from peers.web.frame import FORM_COOKIE, Frame
from peers.web.headers import HEADERS
from peers.web.roles import allows
from peers.web.sessions import COOKIE
from peers.web.view import PageError, Reply, Route, View, go, page
from schooltool_bridge.web.own_desks import COUNSELORS, PRINCIPALS, REPORTS, TEACHERS
from tests.helpers.framed import ask, assert_safe, raw, signed_in
from tests.helpers.rig import START_UNIX_S, Rig
from tests.helpers.site import Site
from tests.helpers.visitor import Visitor, filled, over_http

# Nobody signs in for these. Whoever adds one thinks about it here.
OPEN = {
    "/", "/forgotten", "/invitation/<token>", "/me/password", "/admin/static/<name>", "/admin/sign-in", "/me", "/sign-in", "/sign-out", "/sign-on/change",
    "/picture/<int:person_id>",
    "/me/marks", "/me/teaching/<int:section_id>", "/me/teaching/<int:section_id>/gradebook", "/me/students", "/me/students/<int:person_id>",
    *("/me/teaching/<int:section_id>/" + name for name in TEACHERS),
    "/me/sections", *("/me/sections/" + name for name in COUNSELORS),
    "/me/sections/<int:section_id>", *("/me/students" + name for name in REPORTS),
    "/me/school", *("/me/school" + name for name in PRINCIPALS),
    "/me/search", "/me/help", "/me/help/<name>",
    "/auth/mnet/land.php", "/auth/mnet/jump.php", "/auth/xmlrpc/land.php", "/auth/xmlrpc/jump.php",
}  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site") / "home", name="Lycée <Ünï> & Co") as running:
        yield running


# Every route there is, also those that are added later.


def spied(frame: Frame) -> list[tuple[Route, list[str]]]:
    """Every route of the server, with a handler that only notes that it was reached."""
    found = []
    for route in frame.routes:
        reached: list[str] = []

        def handler(_view: View, reached: list[str] = reached, **_parts: Any) -> Reply:
            reached.append("here")
            return Reply(body=b"in", content_type="text/plain")

        found.append((replace(route, handler=handler), reached))
    return found


def test_without_signing_in_only_the_open_pages_are_there(frame: Frame) -> None:
    assert {route.rule for route in frame.routes if route.role is None} == OPEN
    for route, reached in spied(frame):
        if route.role is None:
            continue
        for method in route.methods:
            for cookie in ("", f"{COOKIE}=made-up"):
                answer = ask(frame, route, raw(method, filled(route.rule), cookie))
                assert answer.status == 303, route
                assert answer.location.partition("?")[0] == "/", route
                assert not answer.body, route
        assert not reached, route


def test_a_role_that_is_too_low_gets_in_nowhere_and_one_that_fits_does(
    rig: Rig, frame: Frame
) -> None:
    cookies = {role: signed_in(rig, role).cookies[COOKIE] for role in ROLES}
    tokens = {}
    with rig.app.database.read() as connection:
        for role, cookie in cookies.items():
            found = sessions.find(connection, cookie, START_UNIX_S)
            assert found is not None
            tokens[role] = found.form_token
    too_low = 0
    for route, reached in spied(frame):
        for role in ROLES:
            for method in route.methods:
                reached.clear()
                body = urlencode({"form_token": tokens[role]}).encode()
                asked = raw(
                    method,
                    filled(route.rule),
                    f"{COOKIE}={cookies[role]}",
                    body,
                    sec_fetch_site="same-origin",
                )
                answer = ask(frame, route, asked)
                may = route.role is None or allows(role, route.role)
                assert answer.status == (200 if may else 403), (route, role)
                assert bool(reached) is may, (route, role)
                too_low += not may
    assert too_low >= 5


def test_no_form_is_taken_without_its_token_or_from_elsewhere(rig: Rig, frame: Frame) -> None:
    visitor = signed_in(rig, MANAGER)
    with rig.app.database.read() as connection:
        session = sessions.find(connection, visitor.cookies[COOKIE], START_UNIX_S)
    assert session is not None
    cookie = f"{COOKIE}={session.token}; {FORM_COOKIE}=mine"
    right = urlencode({"form_token": session.form_token}).encode()
    cases: list[tuple[bytes, dict[str, str], bool]] = [
        (b"", {"sec_fetch_site": "same-origin"}, False),
        (b"form_token=", {"sec_fetch_site": "same-origin"}, False),
        (b"form_token=wrong", {"sec_fetch_site": "same-origin"}, False),
        (b"form_token=mine", {"sec_fetch_site": "same-origin"}, False),  # signed in: the session's
        (right, {"sec_fetch_site": "cross-site"}, False),
        (right, {"sec_fetch_site": "same-site"}, False),
        (right, {"sec_fetch_site": "none"}, False),
        (right, {"origin": "null"}, False),
        (right, {"origin": "http://evil.example.org"}, False),
        (right, {"sec_fetch_site": "cross-site", "origin": "http://sis.example.org"}, False),
        (right, {"sec_fetch_site": "same-origin"}, True),
        (right, {"origin": "http://sis.example.org"}, True),
        (right, {}, True),  # a browser too old to say where a form comes from
    ]
    posts = [(route, reached) for route, reached in spied(frame) if "POST" in route.methods]
    assert len(posts) >= 4
    for route, reached in posts:
        for body, headers, is_taken in cases:
            reached.clear()
            answer = ask(frame, route, raw("POST", filled(route.rule), cookie, body, **headers))
            assert answer.status == (200 if is_taken else 403), (route, headers, body)
            assert bool(reached) is is_taken, (route, headers, body)
            if not is_taken:
                assert "load the page anew" in answer.message()


def test_every_page_without_parts_answers_a_manager(rig: Rig, frame: Frame) -> None:
    visitor = signed_in(rig, MANAGER)
    shown = 0
    for route in frame.routes:
        if "GET" in route.methods and "<" not in route.rule:
            answer = visitor.get(route.rule)
            # 404: a page that needs to be asked about something, such as a peer's address; 400 and
            # 403: where somebody comes from a peer, or a person's own page.
            is_admins = route.rule.startswith("/admin")
            assert answer.status in ({200, 303, 404} if is_admins else {200, 303, 400, 403}), route
            shown += answer.status == 200
            assert_safe(answer)
    assert shown >= 8


# What stands in each answer.


def test_the_policy_for_content_lets_nothing_inline_in() -> None:
    policy = dict(
        part.strip().partition(" ")[::2] for part in HEADERS["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_every_kind_of_answer_of_the_real_server_carries_the_headers(site: Site) -> None:
    visitor = Visitor(over_http(site.port))
    style = visitor.get("/").tree.xpath("//link[@rel='stylesheet']/@href")[0]
    asked = [
        (visitor.get("/"), 200),
        (visitor.get("/", "HEAD"), 200),
        (visitor.get("/"), 200),
        (visitor.get("/admin/accounts"), 303),
        (visitor.get("/admin/accounts", "HEAD"), 303),
        (visitor.get(style), 200),
        (visitor.get("/admin/static/nothing.css"), 404),
        (visitor.get("/admin/static/..%2fframe.py"), 404),
        (visitor.get("/nothing"), 404),
        (visitor.get("/%ff"), 404),
        (visitor.get("/admin/sign-in"), 303),
        (visitor.get("//admin//sign-in"), 404),
        (visitor.get("/admin/sections/file"), 405),
        (visitor.get("/", "PUT"), 405),
        (visitor.get("/", "DELETE"), 405),
        (visitor.get("/admin/sign-out"), 405),
        (visitor.post("/nothing", {}), 404),
        (visitor.post("/me", {}), 405),
        (visitor.post("/", {"username": "x"}), 403),
        (visitor.post("/", b"\xff=1"), 400),
    ]
    for number, (answer, status) in enumerate(asked):
        assert answer.status == status, number
        assert_safe(answer)
        if status == 405:
            assert answer.header("Allow"), number
    assert "Ünï" in visitor.get("/").text
    assert visitor.get("/", "HEAD").body == b""
    assert "max-age=31536000" in visitor.get(style).header("Cache-Control")
    assert visitor.get("/").header("Cache-Control") == "no-store"
    assert visitor.get("/nothing").header("Cache-Control") == "no-store"


def test_bytes_that_are_no_text_in_the_headers_break_nothing(site: Site) -> None:
    for line in (b"Cookie: mnet_peer_session=\xff\xfe", b"Origin: \xff", b"User-Agent: \xc3("):
        with socket.create_connection(("127.0.0.1", site.port), timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n\r\n")
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert answer.status == 200, line
            assert answer.getheader("Content-Security-Policy"), line
    assert '"bug"' not in site.log()


def test_a_page_that_is_not_there_spoils_no_form_that_is_open(site: Site) -> None:
    visitor = Visitor(over_http(site.port))
    token = visitor.get("/").form_token
    visitor.get("/apple-touch-icon.png")
    answer = visitor.post("/", {"form_token": token, "username": "no", "password": "x"})
    assert "do not fit" in answer.message()


def test_what_a_handler_does_wrong_is_answered_and_tells_nothing(frame: Frame) -> None:
    def bad(_view: View) -> Reply:
        raise RuntimeError("the secret innards")

    answer = ask(frame, Route("/x", bad, None), raw("GET", "/x"))
    assert answer.status == 500
    assert "secret" not in answer.text
    assert_safe(answer)
    assert isinstance(frame._jinja.loader, object)
    frame._jinja.loader = DictLoader(
        {"half.html": "{{ nothing.like.this }}", "problem.html": "{{ text }}"}
    )
    half = ask(frame, Route("/x", lambda _view: page("half.html"), None), raw("GET", "/x"))
    assert half.status == 500


def test_a_store_that_fails_is_an_answer_too(rig: Rig, frame: Frame) -> None:
    cookie = signed_in(rig, MANAGER).cookies[COOKIE]
    with rig.app.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE admin_session")
    route = next(r for r in frame.routes if r.rule == "/admin/audit")
    answer = ask(frame, route, raw("GET", "/admin/audit", f"{COOKIE}={cookie}"))
    assert answer.status == 503
    assert_safe(answer)


# Hostile input.


def test_a_note_is_shown_once_on_the_next_page(rig: Rig) -> None:
    visitor = signed_in(rig, MANAGER)
    visitor.send("/admin/accounts", username="eve", role=CLERK)
    with rig.app.database.read() as connection:
        eve = accounts.by_name(connection, "eve")
    path = f"/admin/accounts/{eve.id}"
    answer = visitor.send(path, page="/admin/accounts", action="remove")
    assert (answer.status, answer.location) == (303, "/admin/accounts")
    assert visitor.get("/admin/accounts").message("said") == "eve is removed."
    assert visitor.get("/admin/accounts").message("said") == ""


def test_a_page_error_keeps_its_status_and_says_its_text(frame: Frame) -> None:
    def refuse(_view: View) -> Reply:
        raise PageError("Not <now>.", 409)

    answer = ask(frame, Route("/x", refuse, None), raw("GET", "/x"))
    assert (answer.status, answer.message()) == (409, "Not <now>.")


def test_going_on_never_leaves_for_another_site(frame: Frame) -> None:
    route = Route("/x", lambda _view: go("/a?b=ü\r\nSet-Cookie: x=1"), None)
    answer = ask(frame, route, raw("GET", "/x"))
    assert answer.status == 303
    assert "\n" not in answer.location
    assert "\r" not in answer.location


# A wwwroot with a path, as when the site shares its host with a Moodle.


def test_the_audit_trail_speaks_the_language_and_leaves_user_names_alone(rig: Rig) -> None:
    rig.app.settings = replace(rig.app.settings, language="de")
    with rig.app.database.write() as connection:
        for actor in ("admin", audit.SERVER):
            audit.record(
                connection,
                actor=actor,
                action="peer added",
                subject="x",
                detail={"before": "y"},
                now_unix_s=START_UNIX_S,
            )
    rows = signed_in(rig, MANAGER).get("/admin/audit").tree.xpath("//tbody/tr")
    told = [[" ".join(cell.text_content().split()) for cell in row] for row in rows]
    assert [row[1:] for row in told[:2]] == [
        ["Server", "Partner hinzugefügt", "x", "zuvor y"],
        ["admin", "Partner hinzugefügt", "x", "zuvor y"],
    ]
