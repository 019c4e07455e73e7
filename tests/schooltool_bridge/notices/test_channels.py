"""Mail by every kind of server, and every way in which it does not leave."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mnet.settings import Settings
from schooltool_bridge.notices import channels
from schooltool_bridge.notices.channels import Mail, NotSent
from schooltool_bridge.notices.message_text import trial
from schooltool_bridge.server.app import App
from tests.helpers.mail_server import MailServer
from tests.helpers.rig import START_UNIX_S

TO = "office@example.org"
NOW = START_UNIX_S


def mail_of(server: MailServer, home: Path, url: str, to: str = TO) -> Mail:
    settings = Settings(
        home, "http://sis.example.org", "S", smtp_url=url.format(port=server.port), mail_to=to
    )
    (made,) = channels.configured(settings, App(settings).site, lambda: pytest.fail("no webhook"))
    assert isinstance(made, Mail)
    return made


def password(home: Path, text: str) -> None:
    (home / "smtp-password").touch(0o600)
    (home / "smtp-password").write_text(text + "\n")


def a_test(mail: Mail, name: str = "School") -> str:
    site = replace(App(mail.settings).site, name=name)
    return mail.send(trial(site, NOW))


@pytest.mark.parametrize(
    ("safety", "url"),
    [
        ({}, "smtp://127.0.0.1:{port}"),
        ({"starttls": True}, "smtp://localhost:{port}?starttls"),
        ({"starttls": True, "login": ("u@x", "pw")}, "smtp://u%40x@127.0.0.1:{port}?starttls"),
        ({"tls": True, "login": ("u", "pw")}, "smtps://u@localhost:{port}"),
    ],
)
def test_mail_by_every_kind_of_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, safety: dict[str, Any], url: str
) -> None:
    password(tmp_path, "pw")
    with MailServer(**safety) as server:
        server.use_certificate(tmp_path, monkeypatch)
        a_test(
            mail_of(server, tmp_path, url, to=f"{TO}, it@example.org"), name="École\r\nBcc: x@y.z"
        )
        (mail,) = server.mails
    assert server.to == [[TO, "it@example.org"]]
    assert mail["Subject"] == "École Bcc: x@y.z: a test"
    assert mail["Bcc"] is None
    assert mail["From"] == "mnet-peer@sis.example.org"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "http://sis.example.org" in mail.get_content()


@pytest.mark.parametrize(
    ("what", "safety", "url", "secret", "said"),
    [
        ("wrong password", {"tls": True, "login": ("u", "right")}, "smtps://u@localhost:{port}", "geheim", "refused the user name or the password"),
        ("password beyond ASCII", {"tls": True, "login": ("u", "x")}, "smtps://u@localhost:{port}", "geheimß", "outside of ASCII"),
        ("no password", {"tls": True, "login": ("u", "x")}, "smtps://u@localhost:{port}", "", "there is no password"),
        ("STARTTLS taken away on the way", {}, "smtp://u@localhost:{port}?starttls", "geheim", "STARTTLS"),
        ("nobody there", {"refuses": frozenset({TO})}, "smtp://localhost:{port}", "", "takes mail to nobody"),
        ("down", {"is_down": True}, "smtp://localhost:{port}", "", "421 down for today"),
        ("not signed in", {"login": ("u", "x")}, "smtp://localhost:{port}", "", "530 sign in first"),
        ("silent", {"hangs": True}, "smtp://localhost:{port}", "", "could not be used"),
    ],
)  # fmt: skip
def test_mail_that_does_not_leave_says_why_and_no_secret(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    safety: dict[str, Any],
    url: str,
    secret: str,
    said: str,
) -> None:
    monkeypatch.setattr(channels, "MAIL_TIMEOUT_S", 1.0)
    if secret:
        password(tmp_path, secret)
    with MailServer(**safety) as server:
        server.use_certificate(tmp_path, monkeypatch)
        with pytest.raises(NotSent) as failed:
            a_test(mail_of(server, tmp_path, url))
    assert said in str(failed.value), what
    assert "geheim" not in str(failed.value)
    assert not server.mails


def test_a_mail_server_that_cannot_be_trusted_gets_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password(tmp_path, "pw")
    with MailServer(tls=True, login=("u", "pw")) as server:
        server.use_certificate(tmp_path, monkeypatch)
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(NotSent, match="cannot be trusted"):
            a_test(mail_of(server, tmp_path, "smtps://u@localhost:{port}"))


def test_a_password_that_others_can_read_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password(tmp_path, "pw")
    (tmp_path / "smtp-password").chmod(0o644)
    with MailServer(tls=True, login=("u", "pw")) as server:
        server.use_certificate(tmp_path, monkeypatch)
        with pytest.raises(NotSent, match="chmod 600"):
            a_test(mail_of(server, tmp_path, "smtps://u@localhost:{port}"))


def test_one_address_that_is_refused_keeps_nobody_else_from_their_mail(tmp_path: Path) -> None:
    with MailServer(refuses=frozenset({"gone@example.org"})) as server:
        said = a_test(
            mail_of(server, tmp_path, "smtp://127.0.0.1:{port}", f"gone@example.org,{TO}")
        )
    assert "refused: gone@example.org" in said
    assert server.to == [[TO]]
