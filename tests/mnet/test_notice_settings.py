"""The settings of notices: what is taken, and how a mistake is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mnet import mail_url, settings
from mnet.mail_url import MailServer
from mnet.settings import Settings, SettingsError

HOME = Path("/nowhere")
NEEDED = {"wwwroot": "http://sis.example.org", "name": "S"}
MAIL: dict[str, Any] = {"mail_to": "a@b.example", "smtp_url": "smtp://localhost"}


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.org", MailServer("mail.example.org", 25, "plain")),
        ("smtp://mail.example.org?starttls", MailServer("mail.example.org", 587, "starttls")),
        ("smtp://u@mail.example.org:2525/?starttls", MailServer("mail.example.org", 2525, "starttls", "u")),
        ("smtps://u%40x.org@mail.example.org", MailServer("mail.example.org", 465, "tls", "u@x.org")),
        ("smtp://u@localhost:25", MailServer("localhost", 25, "plain", "u")),
        ("smtp://u@[::1]", MailServer("::1", 25, "plain", "u")),
    ],
)  # fmt: skip
def test_mail_servers(url: str, server: MailServer) -> None:
    assert mail_url.mail_server(url) == server


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("smtp_url", "mail.example.org", "is not like smtp://"),
        ("smtp_url", "http://mail.example.org", "is not like smtp://"),
        ("smtp_url", "smtp://", "is not like smtp://"),
        ("smtp_url", "smtp://h:0", "is not like smtp://"),
        ("smtp_url", "smtp://h:99999", "is no address"),
        ("smtp_url", "smtp://u:geheim@h?starttls", "put that into the file smtp-password"),
        ("smtp_url", "smtp://u@h", "in the clear"),
        ("smtp_url", "smtp://h?tls", "may end in ?starttls"),
        ("smtp_url", "smtps://h?starttls", "not both"),
        ("smtp_url", "smtp://h\r\nX", "characters"),
        ("smtp_url", "smtp://u%0d%0aX@h?starttls", "characters"),
        ("smtp_url", "smtp://" + "h" * 2000, "too many"),
        ("mail_to", "office", "no mail address"),
        ("mail_to", "a@b.example\nBcc: c@d.example", "no mail address"),
        ("mail_to", "Office <a@b.example>", "no mail address"),
        ("mail_to", "é@b.example", "no mail address"),
        ("mail_to", ",".join(f"a{n}@b.example" for n in range(21)), "more than 20"),
        ("mail_to", f"{'a' * 250}@b.example", "no mail address"),
        ("mail_from", "a@b.example, c@d.example", "is one address"),
        ("webhook_url", "ftp://h/geheim", "is not like https://"),
        ("webhook_url", "https:///geheim", "is not like https://"),
        ("webhook_url", "https://u:geheim@h/", "a user name"),
        ("webhook_url", "https://h/geheim x", "characters"),
        ("webhook_url", "https://[h/geheim", "is no address"),
        ("summary_hour", 24, "from -1 to 23"),
        ("summary_hour", "seven", "from -1 to 23"),
        ("summary_hour", "--1", "from -1 to 23"),
        ("summary_hour", "²", "from -1 to 23"),
        ("summary_when_well", "perhaps", "true or false"),
        ("silent_hours", 0, "from 1 to 744"),
        ("held_limit", -1, "from 0 to 100000"),
        ("held_limit", "9" * 5000, "from 0 to 100000"),
        ("key_days", 0, "from 1 to 3650"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key_and_shows_no_secret(
    key: str, value: object, said: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        settings.check(HOME, {**NEEDED, **MAIL, key: value}, "settings.toml")
    text = str(refused.value)
    assert text.startswith(f"settings.toml: {key} ")
    assert said in text
    assert "geheim" not in text


@pytest.mark.parametrize(("key", "other"), [("mail_to", "smtp_url"), ("smtp_url", "mail_to")])
def test_one_of_a_pair_asks_for_the_other(key: str, other: str) -> None:
    with pytest.raises(SettingsError, match=f"{other} is missing; {key} needs it"):
        settings.check(HOME, {**NEEDED, key: MAIL[key]}, "settings.toml")


def test_settings_are_written_and_read_back(tmp_path: Path) -> None:
    made = Settings(
        tmp_path, "http://sis.example.org", "S", **MAIL, summary_hour=-1, summary_when_well=False
    )
    settings.write(made)
    assert settings.read(tmp_path, {}) == made
    assert settings.read(tmp_path, {"MNET_PEER_SUMMARY_WHEN_WELL": "yes"}).summary_when_well


def test_mail_comes_from_ourselves_unless_said_otherwise() -> None:
    made = settings.check(HOME, {**NEEDED, **MAIL}, "x")
    assert made.sender == "mnet-peer@sis.example.org"
    assert (
        settings.check(HOME, {**NEEDED, **MAIL, "mail_from": "s@b.example"}, "x").sender
        == "s@b.example"
    )


def test_secrets_are_read_from_their_files(tmp_path: Path) -> None:
    made = settings.check(tmp_path, NEEDED, "x")
    assert (made.smtp_password, made.webhook_secret) == (None, None)
    (tmp_path / "smtp-password").write_text("p w \n")
    (tmp_path / "webhook-secret").write_text("s\n")
    assert (made.smtp_password, made.webhook_secret) == (b"p w", b"s")
