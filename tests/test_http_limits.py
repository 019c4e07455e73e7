"""HTTP as the server takes it: under limits, byte by byte, and no caller holds up another."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from mnet.connection_shares import MAX_JUST_COME
from tests.helpers.pushing import push, register
from tests.helpers.rig import SIS, FakePeer
from tests.helpers.site import Site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def peer(site: Site) -> FakePeer:
    return register(site)


def raw(site: Site, *pieces: bytes) -> bytes:
    """Send bytes as they are and read until the server closes."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
        for piece in pieces:
            try:
                connection.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                break
        received = b""
        try:
            while data := connection.recv(65536):
                received += data
        except ConnectionResetError:
            pass
        return received


CLOSED = ("endless headers", "chunks over the limit")
POST = b"POST /mnet/xmlrpc/server.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
MB = 1024 * 1024


@pytest.mark.parametrize(
    ("case", "pieces", "status"),
    [
        ("a length over the limit", [POST + b"Content-Length: 99999999\r\n\r\n"], b"413"),
        (
            "chunks over the limit",
            [
                POST + b"Transfer-Encoding: chunked\r\n\r\n",
                *[b"100000\r\n" + b"x" * MB + b"\r\n"] * 10,
            ],
            b"413",
        ),
        ("a length that is none", [POST + b"Content-Length: many\r\n\r\n"], b"400"),
        ("a negative length", [POST + b"Content-Length: -5\r\n\r\n"], b"400"),
        ("two lengths", [POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"], b"400"),
        ("a broken chunk", [POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"], b"400"),
        ("endless headers", [POST, b"A: " + b"b" * 70_000 + b"\r\n\r\n"], b"400"),
        ("no HTTP", [b"\x16\x03\x01 hello\r\n\r\n"], b"400"),
        ("an empty body", [POST + b"Content-Length: 0\r\n\r\n"], b"200"),
        ("no body at all", [POST + b"\r\n"], b"200"),
    ],
)
def test_http_under_limits(site: Site, case: str, pieces: list[bytes], status: bytes) -> None:
    answer = raw(site, *pieces)
    # Where it closes at once, what it said may be lost on the way.
    assert (answer.split(b" ")[1:2] or [b"closed"])[0] in {status, *[b"closed"] * (case in CLOSED)}


def test_who_sends_too_much_is_told_what_to_do(site: Site) -> None:
    head = b"POST /admin/sections/1/upload HTTP/1.1\r\nHost: x\r\n"
    answer = raw(site, head + b"Content-Length: 9000000\r\n\r\n")
    headers, _, body = answer.partition(b"\r\n\r\n")
    assert headers.startswith(b"HTTP/1.1 413 Content Too Large\r\n")
    assert b"Content-Length: %d" % len(body) in headers
    assert b"at most 8 MB" in body
    assert b"send a smaller one, or its parts one by one" in body


def test_a_half_sent_request_changes_nothing_and_others_go_on(site: Site, peer: FakePeer) -> None:
    pem = site.certificate()
    body = peer.request(pem, SIS + "new_section", [{"idnumber": "half", "name": "x"}])
    head = POST + b"Content-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", site.port)) as gone:
        gone.sendall(head + body[:500])
    slow = socket.create_connection(("127.0.0.1", site.port))
    slow.sendall(head[:20])
    assert (
        push(site, peer, "new_section", {"idnumber": "whole", "name": "x"})["status"] == "created"
    )
    slow.close()
    assert "half" not in {s["idnumber"] for s in site.run("section", "list")}


def test_expect_100_continue_is_answered(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as connection:
        connection.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(b"hello")
        assert b"200 OK" in connection.recv(1000)


def answers(port: int, path: bytes = b"/healthz") -> bytes:
    """Ask once, on a connection of its own; returns the status line."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return connection.recv(100).partition(b"\r\n")[0]


@pytest.mark.requirement("1.1")
def test_connections_that_send_no_whole_request_keep_nobody_out(site: Site, peer: FakePeer) -> None:
    told = b"POST /mnet/xmlrpc/server.php HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\nbegins"
    waiting = [told, b"GET / HT", b"", told[:30]]
    slow = []
    try:
        for number in range(MAX_JUST_COME + 100):
            connection = socket.create_connection(("127.0.0.1", site.port), timeout=20)
            connection.sendall(waiting[number % len(waiting)])
            slow.append(connection)
        assert answers(site.port) == b"HTTP/1.1 200 OK"
        assert answers(site.port, b"/") == b"HTTP/1.1 200 OK"
        new = {"idnumber": "amid", "name": "x"}
        assert push(site, peer, "new_section", new)["status"] == "created"
        # It was the oldest that had to go, and the youngest is still served.
        slow[-1].sendall(told[30:] + b" " * 8994)
        assert slow[-1].recv(100).startswith(b"HTTP/1.1 200")
        with pytest.raises(ConnectionResetError):
            slow[0].recv(100)
    finally:
        for connection in slow:
            connection.close()
