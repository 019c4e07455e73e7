"""Answers of other sites are counted as they come: nothing is unpacked, nothing goes on for ever."""

from __future__ import annotations

import gzip
import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from mnet.call_errors import CannotReach
from mnet.protocol import MAX_MESSAGE_BYTES
from mnet.transport import Transport
from tests.helpers.tls import Authority

Write = Callable[[bytes], object]


class _Site(http.server.ThreadingHTTPServer):
    """Answers every request by `write`, and keeps what it was asked and how much it could send."""

    def __init__(self, write: Callable[[Write], object]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.write, self.asked, self.sent_bytes = write, [""], 0


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Site

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(str(self.headers))

        def write(data: bytes) -> None:
            self.wfile.write(data)
            self.server.sent_bytes += len(data)

        with suppress(OSError):
            self.server.write(write)
        self.close_connection = True

    do_GET = do_POST = _answer  # noqa: N815 - the library's names

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def serving(write: Callable[[Write], object], tls: ssl.SSLContext | None = None) -> Iterator[_Site]:
    site = _Site(write)
    if tls:
        site.socket = tls.wrap_socket(site.socket, server_side=True)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        site.shutdown()
        site.server_close()


@pytest.fixture(scope="module")
def transport(running_reactor: Any) -> Transport:
    return Transport(running_reactor)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def post(transport: Transport, site: _Site, scheme: str = "http") -> bytes:
    url = f"{scheme}://127.0.0.1:{site.server_port}/x"
    return transport.post(url, b"asked", verify_tls=False, timeout_s=20)


def head(*lines: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()


def test_no_compression_is_asked_for(transport: Transport) -> None:
    with serving(lambda write: write(head("Content-Length: 2") + b"ok")) as site:
        assert post(transport, site) == b"ok"
        assert (
            transport.get(f"http://127.0.0.1:{site.server_port}/", verify_tls=True, timeout_s=20)
            == b"ok"
        )
        transport.post_json(
            f"http://127.0.0.1:{site.server_port}/", b"{}", {"X-A": "b"}, timeout_s=20
        )
    assert len(site.asked) == 4
    assert "encoding" not in "".join(site.asked).lower()
    assert "X-A: b" in site.asked[3]


PACKED = gzip.compress(gzip.compress(b"x" * 40_000_000))


@pytest.mark.requirement("R23")
@pytest.mark.parametrize("named", ["gzip", "gzip, gzip", "GZIP", "identity, gzip", "br", "deflate"])
def test_what_is_packed_is_not_unpacked(transport: Transport, named: str) -> None:
    assert len(PACKED) < 1000
    answer = head(f"Content-Encoding: {named}", f"Content-Length: {len(PACKED)}") + PACKED
    says = "compressed data, for which this site did not ask"
    with (
        serving(lambda write: write(answer)) as site,
        pytest.raises(CannotReach, match=says) as failed,
    ):
        post(transport, site)
    assert failed.value.has_answered


@pytest.mark.parametrize("named", ["identity", "", " Identity "])
def test_what_says_that_it_is_not_packed_is_taken(transport: Transport, named: str) -> None:
    answer = head(f"Content-Encoding: {named}", "Content-Length: 2") + b"ok"
    with serving(lambda write: write(answer)) as site:
        assert post(transport, site) == b"ok"


def for_ever(first: bytes, again: bytes) -> Callable[[Write], object]:
    def write(send: Write) -> None:
        send(first)
        while True:
            send(again * (65536 // len(again)))

    return write


ENDLESS = {
    "headers": for_ever(b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"b" * 1000 + b"\r\n"),
    "interim answers": for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body": for_ever(head("Content-Type: text/xml"), b"x"),
    "chunks of one byte": for_ever(head("Transfer-Encoding: chunked"), b"1\r\nx\r\n"),
}


@pytest.mark.requirement("R23")
@pytest.mark.parametrize("what", ENDLESS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_answer_without_end_is_refused_for_its_size(
    transport: Transport, authority: Authority, what: str, scheme: str
) -> None:
    tls = authority.server(authority.certificate("127.0.0.1")) if scheme == "https" else None
    with serving(ENDLESS[what], tls) as site, pytest.raises(CannotReach) as refused:
        post(transport, site, scheme)
    assert refused.value.reason == "size", refused.value
    assert site.sent_bytes < 5 * MAX_MESSAGE_BYTES  # with what lay in the machine's buffers


def test_the_largest_answer_is_taken_in_chunks_too(transport: Transport) -> None:
    part = b"x" * 4096
    chunks = b"%x\r\n%s\r\n" % (len(part), part) * (MAX_MESSAGE_BYTES // len(part)) + b"0\r\n\r\n"
    with serving(lambda write: write(head("Transfer-Encoding: chunked") + chunks)) as site:
        assert len(post(transport, site)) == MAX_MESSAGE_BYTES


def test_a_site_that_says_nothing_is_told_as_too_slow(transport: Transport) -> None:
    over = threading.Event()
    for first in (b"", b"HTTP/1.1 200 OK\r\n", head("Content-Length: 9") + b"x"):

        def wait(write: Write, first: bytes = first) -> None:
            write(first)
            over.wait(20)

        with serving(wait) as site:
            url = f"http://127.0.0.1:{site.server_port}/"
            with pytest.raises(CannotReach) as refused:
                transport.get(url, verify_tls=True, timeout_s=0.5)
            assert refused.value.reason == "time", refused.value
            over.set()
        over.clear()
