"""The first steps to a site: what can be wrong with its TLS, told apart."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest

from peers import reach
from tests.helpers.tls import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


class Door:
    """Takes one connection and shakes hands, or speaks plainly when there is no TLS."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.wwwroot = f"https://localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with self._listener:
            connection, _address = self._listener.accept()
        with connection:
            try:
                if self._context is None:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    connection.recv(1000)
                else:
                    self._context.wrap_socket(connection, server_side=True).close()
            except OSError:  # the other side did not like what it saw
                return


def knock(context: ssl.SSLContext | None, *, verify: bool = True) -> reach.TlsFound:
    door = Door(context)
    raw = reach.connect(door.wwwroot, reach.resolve(door.wwwroot.replace("localhost", "127.0.0.1")))
    return reach.handshake(door.wwwroot, raw, verify=verify)


def test_a_good_certificate_tells_its_end(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    found = knock(authority.server(authority.certificate("localhost")))
    assert found.version.startswith("TLSv1")
    assert found.not_after_unix_s is not None


@pytest.mark.parametrize(
    ("host", "how", "says", "advises"),
    [
        ("localhost", {"ended": True}, "expired", "certbot renew"),
        ("www.example.org", {}, "another name than localhost", "www"),
        ("localhost", {"self_signed": True}, "self-signed", "tls=none"),
    ],
)
def test_a_bad_certificate_is_told_apart_and_tls_none_takes_it(
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    how: dict[str, bool],
    says: str,
    advises: str,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    context = authority.server(authority.certificate(host, **how))
    with pytest.raises(reach.NoWay, match=says) as problem:
        knock(context)
    assert advises in problem.value.remedy
    assert knock(context, verify=False).not_after_unix_s is None


def test_an_authority_that_this_machine_does_not_know(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(other.file))
    with pytest.raises(reach.NoWay, match="authority") as problem:
        knock(authority.server(authority.certificate("localhost")))
    assert "fullchain.pem" in problem.value.remedy


def test_a_port_without_tls_is_told() -> None:
    with pytest.raises(reach.NoWay, match="no TLS") as problem:
        knock(None)
    assert "https is right" in problem.value.remedy
