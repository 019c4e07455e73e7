"""What managers do with a person, by pages and commands: staff roles, handing out, erasing."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers import accounts, audit
from peers.accounts import CLERK, MANAGER
from tests.helpers.admins import PASSWORD
from tests.helpers.cast import Cast, cast_in
from tests.helpers.pushing import push, register
from tests.helpers.rig import START_UNIX_S
from tests.helpers.roaming import app_of
from tests.helpers.site import Refused, Site
from tests.helpers.visitor import Visitor, in_memory


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Cast]:
    with cast_in(tmp_path) as made:
        with made.app.database.write() as connection:
            for name, role in (("anna", MANAGER), ("carl", CLERK)):
                accounts.add(
                    connection, name, PASSWORD, one_time=False, now_unix_s=START_UNIX_S, role=role
                )
        yield made


def admin(cast: Cast, name: str = "anna") -> Visitor:
    visitor = Visitor(in_memory(cast.frame))
    assert visitor.sign_in(name, PASSWORD).status == 303
    return visitor


def last_entry(cast: Cast) -> tuple[str, str, str]:
    with cast.app.database.read() as connection:
        entry = audit.entries(connection)[0]
    return entry.actor, entry.action, entry.subject


def test_a_manager_makes_somebody_counselor_and_takes_it_back(cast: Cast) -> None:
    olga = f"/admin/people/{cast.people['olga']}"
    anna, own = admin(cast), cast.browser("olga")
    assert own.get("/me/students").status == 404
    assert anna.send(olga + "/staff", page=olga, role="counselor").location == olga
    assert "Olgawq OfOlgawq is counselor now" in anna.get(olga).message("said")
    assert last_entry(cast) == ("anna", "staff role given", f"person {cast.people['olga']}")
    assert own.get("/me/students").status == 200
    chosen = anna.get(olga).tree.xpath("//select[@id='staff-role']/option[@selected]/@value")
    assert chosen == ["counselor"]
    anna.send(olga + "/staff", page=olga, role="")
    assert last_entry(cast)[1] == "staff role taken"
    assert own.get("/me/students").status == 404
    assert anna.send(olga + "/staff", page=olga, role="king").status == 400
    merged = f"/admin/people/{cast.people['mia2']}"
    answer = anna.send(merged + "/staff", page=olga, role="principal")
    assert "was merged into" in answer.text


def test_only_managers_give_staff_roles_hand_out_and_erase(cast: Cast) -> None:
    pam = f"/admin/people/{cast.people['pam']}"
    clerk = admin(cast, "carl")
    shown = clerk.get(pam)
    assert shown.status == 200
    assert "Erase" not in shown.text
    visitor = admin(cast, "carl")
    token = visitor.get("/admin/password").form_token
    assert visitor.get(pam + "/erase").status == 403
    for what in ("staff", "export", "erase"):
        assert visitor.post(f"{pam}/{what}", {"form_token": token}).status == 403
    for what in ("staff", "export", "erase"):
        assert admin(cast).send(f"/admin/people/999/{what}", page=pam).status == 404


@pytest.mark.requirement("R37", "R38")
def test_a_manager_hands_out_a_zip_and_erases_after_writing_the_name(cast: Cast) -> None:
    pam = f"/admin/people/{cast.people['pam']}"
    anna, own = admin(cast), cast.browser("pam")
    packed = anna.send(pam + "/export", page=pam)
    assert (packed.status, packed.header("Content-Type")) == (200, "application/zip")
    assert f'filename="person-{cast.people["pam"]}.zip"' in packed.header("Content-Disposition")
    with zipfile.ZipFile(io.BytesIO(packed.body)) as archive:
        assert "Pamxq" in archive.read("person.json").decode()
    assert last_entry(cast)[1] == "personal data handed out"
    question = anna.get(pam + "/erase")
    for words in ("This goes", "This stays", "cannot be undone", "Backups from before"):
        assert words in question.text
    wrong = anna.send(pam + "/erase", username="Pam")
    assert (wrong.status, wrong.message()) == (
        400,
        "That is not the user name. Nothing was erased.",
    )
    assert own.get("/me").status == 200
    done = anna.send(pam + "/erase", username="pam")
    assert (done.status, done.location) == (303, pam)
    assert own.get("/me").status == 303, "they are signed out"
    page = anna.get(pam)
    assert "Older backups still hold it all" in page.message("said")
    assert "Pamxq" not in page.text
    assert "erased before" in anna.get(pam + "/erase").text
    teacher = cast.browser("tess").get(f"/me/teaching/{cast.sections['algebra']}")
    assert "Pamxq" not in teacher.text
    assert "61.37 %" in teacher.text


def test_by_commands(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    with site:
        peer = register(site)
        user = {
            "idnumber": "n1",
            "username": "ada",
            "firstname": "Adaxq",
            "lastname": "L",
            "email": "",
        }
        push(site, peer, "fetch_user", user)
    assert site.run("person", "staff", "n1", "--role", "principal")["role"] == "principal"
    assert site.run("person", "staff", "n1", "--role", "none")["role"] == "none"
    file = tmp_path / "ada.zip"
    site.run("person", "export", "n1", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with zipfile.ZipFile(file) as archive:
        assert json.loads(archive.read("person.json"))["person"][0]["firstname"] == "Adaxq"
    with pytest.raises(Refused, match="exists already"):
        site.run("person", "export", "n1", str(file))
    with pytest.raises(Refused, match="cannot be written"):
        site.run("person", "export", "n1", str(tmp_path / "none" / "x.zip"))
    with pytest.raises(Refused, match="Nothing was erased") as told:
        site.text("person", "erase", "n1")
    assert "would go:" in told.value.stdout
    assert len(told.value.stderr.splitlines()) == 1
    with pytest.raises(Refused) as told:
        site.text("person", "erase", "n1", "--json")
    assert json.loads(told.value.stdout)["erased"] is False
    erased = site.run("person", "erase", "n1", "--yes")
    assert erased["erased"] is True
    with pytest.raises(Refused, match="There is no person 'n1'"):
        site.run("person", "show", "n1")
    with pytest.raises(Refused, match="erased before"):
        site.run("person", "erase", erased["id"], "--yes")
    actions = [
        e["action"] for e in site.run("audit", "list", "--subject", f"person {erased['id']}")
    ]
    assert actions == [
        "person erased", "personal data handed out", "staff role taken", "staff role given",
    ]  # fmt: skip
    with app_of(site) as app, app.database.read() as connection:
        assert {e.actor for e in audit.entries(connection)} == {audit.COMMAND_LINE}
