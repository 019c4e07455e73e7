"""A mail server for tests, real enough for smtplib: STARTTLS, TLS, signing in, refusing, hanging."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any, Self, cast

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.helpers.tls import localhost_certificate


@dataclass
class MailServer:
    """Runs while the block runs; `mails` is what it took."""

    starttls: bool = False
    tls: bool = False
    login: tuple[str, str] | None = None
    refuses: frozenset[str] = frozenset()
    is_down: bool = False
    hangs: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    to: list[list[str]] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)
    context: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Talk)
        self._server.daemon_threads = True
        cast("Any", self._server).mail = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def use_certificate(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have a certificate for localhost that programs trust from now on."""
        certificate, key = localhost_certificate(days=30)
        chain = folder / "mail.pem"
        chain.write_bytes(
            certificate.public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain)
        monkeypatch.setenv("SSL_CERT_FILE", str(chain))


class _Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        mail: MailServer = cast("Any", self.server).mail
        mail.came.set()
        if mail.hangs:
            self.rfile.read()
            return
        try:
            if mail.tls:
                self._secure(mail)
            self._talk(mail)
        except (OSError, ssl.SSLError):
            return
        finally:
            self.connection.close()  # under TLS it is another one than the library closes

    def _secure(self, mail: MailServer) -> None:
        assert mail.context is not None
        self.connection = mail.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = cast("Any", self.connection.makefile("wb", 0))

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def _talk(self, mail: MailServer) -> None:
        is_safe, is_in, to = mail.tls, mail.login is None, list[str]()
        self._say("421 down for today" if mail.is_down else "220 test")
        while line := self.rfile.readline().decode().strip():
            word = line.upper().split(":")[0]
            if word.startswith("EHLO"):
                offers = ["test", *(["STARTTLS"] if mail.starttls and not is_safe else [])]
                offers += ["AUTH PLAIN"] if mail.login and is_safe else []
                self._say("\r\n".join([f"250-{o}" for o in offers] + ["250 8BITMIME"]))
            elif word == "STARTTLS":
                self._say("220 go")
                self._secure(mail)
                is_safe = True
            elif word.startswith("AUTH PLAIN"):
                given = base64.b64decode(line.split()[2]).decode().split("\0")[1:]
                is_in = tuple(given) == mail.login
                self._say("235 in" if is_in else "535 wrong")
            elif word == "MAIL FROM":
                to = []
                self._say("250 ok" if is_in else "530 sign in first")
            elif word == "RCPT TO":
                address = line.partition("<")[2].partition(">")[0]
                if address in mail.refuses:
                    self._say("550 nobody")
                else:
                    to.append(address)
                    self._say("250 ok")
            elif word == "DATA":
                self._say("354 go")
                lines = iter(self.rfile.readline, b".\r\n")
                data = b"".join(row[1:] if row.startswith(b".") else row for row in lines)
                mail.mails.append(message_from_bytes(data, policy=SMTP))
                mail.to.append(to)
                self._say("250 taken")
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")
