"""The ways out for messages: mail to the school's admins, JSON to a webhook.

Blocking and bounded in time; for worker threads. What a failure says names no password, no
secret and no webhook's path (which often is one). Source: manual/notices.md.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import structlog

from keys.protect import too_open
from mnet.call_errors import CallError
from mnet.exchange import Site
from mnet.mail_url import MailServer, addresses, mail_server
from mnet.settings import SMTP_PASSWORD_FILE, WEBHOOK_SECRET_FILE, Settings
from schooltool_bridge.common.days import local
from schooltool_bridge.notices.message_text import Message

# One step of the talk with a mail server, and all of it.
STEP_TIMEOUT_S = 20.0
MAIL_TIMEOUT_S = 60.0
WEBHOOK_TIMEOUT_S = 30.0
SIGNATURE_HEADER = "X-Mnet-Peer-Signature"
MAX_SAID_CHARS = 200
GREETING = 220

log = structlog.get_logger("telling")


class NotSent(Exception):
    """A message did not leave; the text says why and what to do."""


class Channel(Protocol):
    """A way out for messages."""

    @property
    def name(self) -> str:
        """Its name: mail or webhook."""
        ...

    def send(self, message: Message) -> str:
        """Send and say how that went, or raise NotSent."""
        ...


class PostJson(Protocol):
    """POST a JSON body; raises CallError when the answer is not one of success."""

    def __call__(self, url: str, body: bytes, headers: dict[str, str], *, timeout_s: float) -> None:
        """Send and wait for the answer, whose body is dropped."""
        ...


def configured(settings: Settings, site: Site, post: Callable[[], PostJson]) -> list[Channel]:
    """Return the channels that the settings name; `post` is asked for when a webhook needs it."""
    found: list[Channel] = []
    if settings.mail_to:
        found.append(
            Mail(
                mail_server(settings.smtp_url),
                settings.sender,
                addresses(settings.mail_to),
                settings,
            )
        )
    if settings.webhook_url:
        found.append(Webhook(settings.webhook_url, site, settings, post()))
    return found


@dataclass(frozen=True, slots=True)
class Mail:
    """Mail through the school's mail server."""

    server: MailServer
    sender: str
    to: tuple[str, ...]
    settings: Settings
    name: str = "mail"

    def send(self, message: Message) -> str:
        """Send one mail to all; raises NotSent."""
        where = f"{self.server.host}:{self.server.port}"
        try:
            with self._client() as client:
                self._sign_in(client)
                refused = client.send_message(self._mail(message), self.sender, list(self.to))
        except NotSent:
            raise
        except ssl.SSLCertVerificationError as problem:
            raise NotSent(
                f"The mail server {where} has a certificate that cannot be trusted "
                f"({problem.verify_message}); see host and port in smtp_url."
            ) from None
        except smtplib.SMTPAuthenticationError:
            raise NotSent(
                f"The mail server {where} refused the user name or the password; see smtp_url and "
                f"the file {SMTP_PASSWORD_FILE} in the data folder."
            ) from None
        except smtplib.SMTPNotSupportedError as problem:
            raise NotSent(f"The mail server {where} cannot do this: {problem}") from None
        except smtplib.SMTPResponseException as problem:
            raise NotSent(f"The mail server {where} said {_answer_text(problem)}") from None
        except smtplib.SMTPRecipientsRefused:
            raise NotSent(f"The mail server {where} takes mail to nobody in mail_to.") from None
        except (OSError, smtplib.SMTPException, ValueError) as problem:
            # ValueError: what smtplib makes of a socket that was shut by the time limit.
            raise NotSent(
                f"The mail server {where} could not be used: {problem or type(problem).__name__}. "
                "See smtp_url in the settings."
            ) from None
        if refused:
            # The others have it; to send it all again would not change that.
            log.warning("addresses refused", server=where, count=len(refused))
            return f"The mail server {where} refused: {', '.join(sorted(refused))}."
        return f"{where} took it for {', '.join(self.to)}."

    @contextmanager
    def _client(self) -> Iterator[smtplib.SMTP]:
        """Connect; whatever the server does, all of it ends when the time is up."""
        server, context = self.server, ssl.create_default_context()
        # Our name in the greeting; else it is looked up, which may take its time.
        name = self.sender.rpartition("@")[2]
        client = (
            smtplib.SMTP_SSL(local_hostname=name, timeout=STEP_TIMEOUT_S, context=context)
            if server.safety == "tls"
            else smtplib.SMTP(local_hostname=name, timeout=STEP_TIMEOUT_S)
        )
        # The name that TLS checks; given to the constructor it would connect before the clock runs.
        client._host = server.host  # type: ignore[attr-defined] # noqa: SLF001 - the only way
        clock = threading.Timer(MAIL_TIMEOUT_S, _shut, [client])
        clock.daemon = True
        clock.start()
        try:
            code, greeting = client.connect(server.host, server.port)
            if code != GREETING:
                raise smtplib.SMTPConnectError(code, greeting)
            if server.safety == "starttls":
                client.starttls(context=context)
            yield client
            with suppress(OSError, smtplib.SMTPException):
                client.quit()  # the mail is on its way already
        finally:
            clock.cancel()
            client.close()

    def _sign_in(self, client: smtplib.SMTP) -> None:
        if not self.server.user:
            return
        file = self.settings.home / SMTP_PASSWORD_FILE
        password = _secret(file, self.settings.smtp_password)
        if password is None:
            raise NotSent(
                f"smtp_url names a user, but there is no password: write it into {file} (mode 600)."
            )
        if not password.isascii():
            raise NotSent(f"The password in {file} has characters outside of ASCII; change it.")
        client.login(self.server.user, password.decode("ascii"))

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        mail["Subject"] = message.subject
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.to)
        mail["Date"] = local(message.at_unix_s, UTC)
        # The same when it is sent twice: many mail programs then show one.
        mail["Message-ID"] = f"<{message.id}@{self.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail


@dataclass(frozen=True, slots=True)
class Webhook:
    """JSON to an address of the school's own choice, signed when there is a secret."""

    url: str
    site: Site
    settings: Settings
    post: PostJson
    name: str = "webhook"

    def send(self, message: Message) -> str:
        """Send one JSON document; raises NotSent."""
        body = json.dumps(
            {
                "id": message.id,
                "kind": message.kind,
                "site": {"name": self.site.name, "wwwroot": self.site.wwwroot},
                "at_unix_s": message.at_unix_s,
                "subject": message.subject,
                "text": message.text,  # what chat programs show
                **message.values,
            }
        ).encode()
        secret = _secret(self.settings.home / WEBHOOK_SECRET_FILE, self.settings.webhook_secret)
        headers = {SIGNATURE_HEADER: f"sha256={_sign(secret, body)}"} if secret else {}
        try:
            self.post(self.url, body, headers, timeout_s=WEBHOOK_TIMEOUT_S)
        except CallError as problem:
            raise NotSent(
                f"The webhook at {urlsplit(self.url).hostname} did not take it: {problem} "
                "See webhook_url in the settings."
            ) from None
        return f"{urlsplit(self.url).hostname} took it{', signed' if secret else ''}."


def _sign(secret: bytes, body: bytes) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def _secret(file: Path, secret: bytes | None) -> bytes | None:
    """Return a secret, unless others can read its file."""
    if secret is not None and (problem := too_open(file)):
        raise NotSent(f"{problem}.")
    return secret


def _answer_text(problem: smtplib.SMTPResponseException) -> str:
    text = problem.smtp_error
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return f"{problem.smtp_code} {' '.join(words.split())[:MAX_SAID_CHARS]}"


def _shut(client: smtplib.SMTP) -> None:
    """End a talk that takes too long, from outside."""
    if isinstance(client.sock, socket.socket):
        with suppress(OSError):
            client.sock.shutdown(socket.SHUT_RDWR)
