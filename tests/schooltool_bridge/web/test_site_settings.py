"""Settings changed in pages and by commands: what wins, what is said, what is never shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mnet import settings as settings_file
from mnet.settings import CHANGEABLE, Settings, SettingsError
from peers.accounts import CLERK, MANAGER
from peers.audit import COMMAND_LINE, By, entries
from schooltool_bridge.server import background
from schooltool_bridge.store import stored_settings
from schooltool_bridge.web.site_settings_pages import GROUPS
from tests.helpers.framed import signed_in
from tests.helpers.rig import OURS, START_UNIX_S, Rig, make_rig
from tests.helpers.site import Refused, Site
from tests.helpers.visitor import Visitor

SETTINGS, MAIL, NOTICES = "/admin/settings", "/admin/settings/mail", "/admin/settings/notices"
SERVER = {"smtp_host": "mail.example.org", "smtp_safety": "starttls", "smtp_user": "peer"}
TO = {"mail_to": "office@example.org"}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    settings_file.write(made.app.settings)
    with made.app:
        yield made


def now(rig: Rig) -> Settings:
    return rig.app.parts.settings_now()


def test_every_setting_that_may_be_changed_has_a_field_on_one_page() -> None:
    names = [field.name for group in GROUPS for field in group.fields]
    assert sorted(names) == sorted(CHANGEABLE)


@pytest.mark.requirement("1.8")
def test_a_change_in_a_page_wins_over_the_file_and_holds_at_once(rig: Rig) -> None:
    manager = signed_in(rig, MANAGER)
    assert manager.send(MAIL, **SERVER, **TO).location == MAIL
    assert now(rig).smtp_url == "smtp://peer@mail.example.org?starttls"
    sender = background.sender_of(rig.app.parts, rig.app.post_json)
    assert [channel.name for channel in sender.channels()] == ["mail"]
    page = manager.get(MAIL)
    assert "Changed here. settings.toml says nothing." in page.text
    assert page.tree.xpath("//input[@name='smtp_host']/@value") == ["mail.example.org"]
    # What is the file's is not written anew when a page is saved.
    with rig.app.database.read() as connection:
        assert {*stored_settings.stored(connection)} == {"smtp_url", "mail_to"}
        trail = entries(connection, subject="mail_to", limit=5)
    assert [(e.actor, e.action, e.detail["after"]) for e in trail] == [
        ("a manager", "setting changed", "office@example.org")
    ]
    # Both at once, since one needs the other: the file says nothing of either.
    assert manager.send(MAIL, smtp_host="", mail_to="").location == MAIL
    assert now(rig).smtp_url == ""


def test_one_setting_goes_back_to_the_file(rig: Rig) -> None:
    manager = signed_in(rig, MANAGER)
    manager.send(NOTICES, **notices(rig, silent_hours="5"))
    assert now(rig).silent_hours == 5
    assert "settings.toml says: 24" in manager.get(NOTICES).text
    manager.send(NOTICES, back="silent_hours")
    assert now(rig).silent_hours == 24
    assert "Changed here" not in manager.get(NOTICES).text


def notices(rig: Rig, **changed: str) -> dict[str, str]:
    """The form as it is, with some fields typed anew."""
    names = [field.name for field in GROUPS[2].fields if field.kind != "yes"]
    as_it_is = {name: str(getattr(now(rig), name)) for name in names}
    return {**as_it_is, "summary_when_well": "on", **changed}


@pytest.mark.parametrize(
    ("path", "typed", "said", "wrong"),
    [
        (SETTINGS, {"name": "", "timezone": "UTC", "language": "en"}, "The school's name: is missing", "name"),
        (SETTINGS, {"name": "S", "timezone": "Mars", "language": "en"}, "'Mars' is not known", "timezone"),
        (NOTICES, {"silent_hours": "many"}, "silent after so many hours: is a number", "silent_hours"),
        (NOTICES, {"quiet_hours": "22"}, "Quiet hours: is two hours", "quiet_hours"),
        (MAIL, {**SERVER, "mail_to": "nobody"}, "Who is told: has 'nobody'", "mail_to"),
        (MAIL, {**TO}, "Mail server: is missing", "smtp_host"),
        (MAIL, {**SERVER, **TO, "smtp_safety": "plain"}, "in the clear", "smtp_host"),
    ],
)  # fmt: skip
def test_bad_input_names_the_field_keeps_what_was_typed_and_changes_nothing(
    rig: Rig, path: str, typed: dict[str, str], said: str, wrong: str
) -> None:
    manager, before = signed_in(rig, MANAGER), now(rig)
    filled = notices(rig, **typed) if path == NOTICES else typed
    refused = manager.send(path, **filled)
    assert refused.status == 400
    assert said in refused.message()
    field = refused.tree.xpath(f"//*[@name='{wrong}']")[0]
    assert field.get("aria-invalid") == "true"
    for name, text in typed.items():
        if name not in ("timezone", "language", "smtp_safety"):
            assert refused.tree.xpath(f"//input[@name='{name}']/@value") == [text]
    assert now(rig) == before


@pytest.mark.requirement("R23")
def test_secrets_are_written_and_never_shown(rig: Rig) -> None:
    manager, home = signed_in(rig, MANAGER), rig.app.settings.home
    hook = "https://hooks.example.org/geheim"
    secrets = {"smtp-password": "hushhush", "webhook-secret": "psst", "webhook_url": hook}
    manager.send(MAIL, **SERVER, **TO, **secrets)
    assert (home / "smtp-password").read_text() == "hushhush\n"
    assert (home / "smtp-password").stat().st_mode & 0o077 == 0
    assert now(rig).webhook_url == hook
    # Empty fields leave them as they are.
    manager.send(MAIL, **SERVER, mail_to="other@example.org")
    assert now(rig).webhook_url == hook
    assert (home / "webhook-secret").exists()
    shown = manager.get(MAIL).text + manager.get("/admin/audit").text
    assert "hooks.example.org" in shown
    for secret in ("hushhush", "psst", "geheim"):
        assert secret not in shown
    manager.send(MAIL, **SERVER, **TO, **{"no_smtp-password": "on", "no_webhook_url": "on"})
    assert not (home / "smtp-password").exists()
    assert now(rig).webhook_url == ""


def test_what_holds_from_the_next_start_on_is_said(rig: Rig) -> None:
    manager = signed_in(rig, MANAGER)
    typed = {"name": "Hill School", "timezone": "Europe/Berlin", "language": "en"}
    manager.send(SETTINGS, **typed)
    assert now(rig).name == "Test SIS"
    page = manager.get(SETTINGS)
    assert "Not in use yet" in page.text
    assert "systemctl restart" in page.text
    assert "Days begin and end in Europe/Berlin" in page.text
    begun = stored_settings.read(rig.app.settings.home)
    assert (begun.name, begun.timezone) == ("Hill School", "Europe/Berlin")


def test_the_environment_wins_and_is_said(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNET_PEER_NAME", "Env School")
    manager = signed_in(rig, MANAGER)
    page = manager.get(SETTINGS)
    assert "Set by the environment" in page.text
    assert page.tree.xpath("//input[@name='name']/@disabled")
    by, wanted = By(COMMAND_LINE, START_UNIX_S), {"name": "Other"}
    with rig.app.database.write() as kept, pytest.raises(SettingsError, match="environment"):
        stored_settings.change(kept, by, rig.app.settings, wanted)


def test_a_clerk_sees_none_of_it(rig: Rig) -> None:
    clerk: Visitor = signed_in(rig, CLERK)
    assert {clerk.get(path).status for path in (SETTINGS, MAIL, NOTICES)} == {403}


@pytest.mark.requirement("1.8")
def test_commands_say_where_each_comes_from_and_change_the_same(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    assert site.run("settings", "set", "held_limit", "7")["changed"]
    found = {row["name"]: (row["value"], row["from"]) for row in site.run("settings", "list")}
    assert found["held_limit"] == ("7", "page")
    assert found["wwwroot"] == (site.wwwroot, "settings.toml")
    assert found["silent_hours"] == ("24", "default")
    steps = {step["name"]: step["detail"] for step in site.run("check")["steps"]}
    assert steps["settings changed in pages"] == "held_limit"
    with pytest.raises(Refused, match="held_limit is a number from 0"):
        site.run("settings", "set", "held_limit", "-1")
    with pytest.raises(Refused, match="wwwroot stands in the file alone"):
        site.run("settings", "set", "wwwroot", OURS)
    assert site.run("settings", "unset", "held_limit")["value"] == "20"
    for words in (("unset", "no_such"), ("set", "no_such", ""), ("unset", "smtp_password")):
        with pytest.raises(Refused, match=f"there is no setting {words[1]}"):
            site.run("settings", *words)
    url = "postgresql://peer:geheim@db.example.org/peer"
    secret = Settings(tmp_path, OURS, "S", database_url=url)
    assert stored_settings.shown("database_url", secret) == "postgresql://db.example.org/…"


@pytest.mark.requirement("1.8")
def test_what_fits_the_file_no_more_is_taken_back_by_command(tmp_path: Path) -> None:
    """A server that does not start has no page to say so."""
    site = Site(tmp_path / "home")
    file = site.home / settings_file.FILE
    before = file.read_text("utf-8")
    mail = 'smtp_url = "smtp://localhost"\nmail_from = "p@example.org"\nmail_to = "a@example.org"\n'
    file.write_text(f"{before}{mail}")
    assert site.run("settings", "set", "mail_to", "office@example.org")["changed"]
    file.write_text(before)
    with pytest.raises(Refused, match=r"\(mail_to; `mnet-peer settings unset NAME`") as refused:
        site.run("settings", "list")
    assert "smtp_url is missing" in str(refused.value)
    assert site.run("settings", "unset", "mail_to")["changed"]
    assert {row["from"] for row in site.run("settings", "list")} == {"settings.toml", "default"}


def test_what_is_new_is_shown(rig: Rig) -> None:
    page = signed_in(rig, MANAGER).get("/admin/settings/news")
    assert page.tree.xpath("//h2[.='0.1.0']")
    assert "<strong>Peer.</strong>" in page.text
