"""An account's own ways: its mail address, links to a password, coming in from a Moodle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from peers import accounts, changes, store
from peers.accounts import CLERK, MANAGER
from peers.audit import By, entries
from schooltool_bridge.web.pages import frame_of
from tests.helpers.framed import PASSWORD, signed_in
from tests.helpers.mail_server import MailServer
from tests.helpers.rig import START_UNIX_S
from tests.helpers.roaming import AGENT, sha1, user
from tests.helpers.site import Refused, Site
from tests.helpers.visitor import Page, Visitor
from tests.helpers.vouching import LandingSite, land, landing_site

MOODLE, OTHER = "http://moodle.example.org", "http://other.example.org"
KILL_CHILD = "auth/mnet/auth.php/kill_child"
NEW = "another fine battery"
BY = By("test", START_UNIX_S)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[LandingSite]:
    made = landing_site(tmp_path, MOODLE, OTHER)
    with made.rig.app.database.write() as connection:
        accounts.add(
            connection, "Anna", PASSWORD, one_time=False, now_unix_s=START_UNIX_S, role=CLERK
        )
    yield made
    made.rig.app.database.close()


def account_id(site: LandingSite) -> int:
    with site.rig.app.database.read() as connection:
        return accounts.by_name(connection, "anna").id


def change(site: LandingSite, **fields: str) -> Page:
    path = f"/admin/accounts/{account_id(site)}"
    return signed_in(site.rig, MANAGER).send(f"{path}/ways", page=path, **fields)


def peer_id(site: LandingSite, wwwroot: str) -> str:
    with site.rig.app.database.read() as connection:
        found = store.find(connection, wwwroot)
    assert found is not None
    return str(found.id)


def arrives(
    site: LandingSite, username: str, voucher: int = 0, **more: str
) -> tuple[Visitor, Page]:
    visitor = site.browser()
    return visitor, land(visitor, site.vouchers[voucher].visit(user(username), **more))


@pytest.mark.requirement("R24", "R28")
def test_an_admin_comes_in_only_where_a_manager_said_so(site: LandingSite) -> None:
    # A name that is alike opens nothing.
    visitor, refused = arrives(site, "anna")
    assert refused.status == 403
    assert visitor.get("/admin").location.startswith("/?next=")
    assert change(site, do="allow", peer=peer_id(site, MOODLE), username="a.lee").status == 303
    visitor, landed = arrives(site, "A.Lee")
    assert landed.location == "/admin"
    assert "Anna" in visitor.get("/admin").text
    assert visitor.get("/admin/accounts").status == 403  # a clerk, as the account is
    # The same user name of another peer is somebody else, and the account's own name still is.
    visitor, other = arrives(site, "a.lee", voucher=1)
    assert not other.location.startswith("/admin")
    assert visitor.get("/admin").location.startswith("/?next=")
    assert arrives(site, "anna")[1].status == 403
    with site.rig.app.database.read() as connection:
        (came, *_) = entries(connection, subject="Anna", limit=1)
    assert (came.action, came.detail["peer"]) == ("signed in", MOODLE)


def test_a_wanted_page_of_admins_is_gone_to_and_taking_it_back_signs_out(site: LandingSite) -> None:
    moodle = peer_id(site, MOODLE)
    change(site, do="allow", peer=moodle, username="a.lee")
    visitor, landed = arrives(site, "a.lee", wantsurl="/admin/people")
    assert landed.location == "/admin/people"
    change(site, do="deny", way=f"{moodle} a.lee")
    assert visitor.get("/admin").location.startswith("/?next=")
    assert not arrives(site, "a.lee")[1].location.startswith("/admin")


def test_a_strangers_link_changes_nobodys_session(site: LandingSite) -> None:
    change(site, do="allow", peer=peer_id(site, MOODLE), username="a.lee")
    manager = signed_in(site.rig, MANAGER)
    refused = land(manager, site.vouchers[0].visit(user("a.lee")))
    assert refused.status == 403
    assert "admin-other" in refused.text
    assert manager.get("/admin/accounts").status == 200
    # Their own session is begun anew.
    visitor, _landed = arrives(site, "a.lee")
    assert land(visitor, site.vouchers[0].visit(user("a.lee"))).location == "/admin"


def test_a_peer_that_is_removed_brings_no_admin_any_more(site: LandingSite) -> None:
    change(site, do="allow", peer=peer_id(site, MOODLE), username="a.lee")
    again = change(site, do="allow", peer=peer_id(site, MOODLE), username="A.LEE")
    assert "already" in again.message()
    with site.rig.app.database.write() as connection:
        changes.remove_peer(connection, BY, int(peer_id(site, MOODLE)))
        store.set_state(connection, int(peer_id(site, MOODLE)), store.ENABLED)
    assert not arrives(site, "a.lee")[1].location.startswith("/admin")
    with site.rig.app.database.write() as connection:
        accounts.remove(connection, "anna")


@pytest.mark.requirement("R28")
def test_the_session_ends_with_what_the_peer_may_and_by_its_word(site: LandingSite) -> None:
    """As a person's does; who came by the password stays."""
    moodle = int(peer_id(site, MOODLE))
    change(site, do="allow", peer=str(moodle), username="a.lee")
    by_password = site.browser()
    by_password.sign_in("anna", PASSWORD)
    visitor, _landed = arrives(site, "a.lee")
    with site.rig.app.database.write() as connection:
        changes.set_enabled(connection, BY, moodle, enabled=False)
        changes.set_enabled(connection, BY, moodle, enabled=True)
    assert visitor.get("/admin").location.startswith("/?next=")
    visitor, _landed = arrives(site, "a.lee")
    answers = []
    for voucher in reversed(site.vouchers):
        assert visitor.get("/admin").status == 200
        answers.append(site.rig.call(voucher.fake, KILL_CHILD, "a.lee", sha1(AGENT)))
    assert answers == [False, True]
    assert visitor.get("/admin").location.startswith("/?next=")
    assert by_password.get("/admin").status == 200


@pytest.mark.requirement("R11", "R28")
def test_a_forgotten_password_of_an_account_goes_to_its_address_alone(site: LandingSite) -> None:
    app = site.rig.app
    with MailServer() as server:
        mail: dict[str, Any] = {
            "mail_to": "x@b.example",
            "smtp_url": f"smtp://127.0.0.1:{server.port}",
        }
        app.parts = replace(app.parts, file_settings=replace(app.settings, **mail))
        site = replace(site, frame=frame_of(app))
        asks = site.browser(waits=True)
        asked = asks.send("/forgotten", who="anna")
        assert not server.mails  # it has no address
        assert change(site, do="email", email="nobody").status == 400
        change(site, do="email", email="anna@example.org")
        assert asks.send("/forgotten", who="ANNA@example.org").text == asked.text
    (mail_sent,) = server.mails
    assert mail_sent["To"] == "anna@example.org"
    words = mail_sent.get_content().split()
    link = next(word for word in words if "/invitation/" in word)
    path = link.removeprefix(app.settings.wwwroot)
    chosen = site.browser().send(path, new_password=NEW, new_again=NEW)
    assert chosen.location == "/admin"
    assert site.browser().sign_in("anna", NEW).location == "/admin"
    assert site.browser().get(path).status == 404


def test_an_invitation_is_shown_once_and_ends_with_another_password(site: LandingSite) -> None:
    shown = change(site, do="link")
    (address,) = (code.text for code in shown.tree.xpath("//code") if "/invitation/" in code.text)
    path = address.removeprefix(site.rig.app.settings.wwwroot)
    assert "Anna" in site.browser().get(path).text
    with site.rig.app.database.write() as connection:
        accounts.reset_password(connection, "anna", PASSWORD, one_time=True)
    assert site.browser().get(path).status == 404


def test_commands_do_the_same(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    assert site.run("admin", "email", "admin", "a@example.org")["email"] == "a@example.org"
    assert "/invitation/" in site.run("admin", "invite", "admin")["link"]
    with pytest.raises(Refused, match="sends no mail"):
        site.run("admin", "invite", "admin", "--mail")
    with pytest.raises(Refused, match="There is no peer"):
        site.run("admin", "allow-login", "admin", "--peer", MOODLE, "--user", "a")
    (row,) = site.run("admin", "list")
    assert (row["email"], row["from"]) == ("a@example.org", [])
