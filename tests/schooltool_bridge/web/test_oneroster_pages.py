"""OneRoster in the browser: looked at, taken in as it was shown, given out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
import sqlalchemy as sa

from peers.accounts import CLERK, MANAGER
from schooltool_bridge.store.model import person
from schooltool_bridge.web.oneroster_pages import ONEROSTER, OUT, TAKE_IN, WAITING, WAITS_S
from tests.helpers.framed import signed_in
from tests.helpers.rig import START_UNIX_S, Rig, make_rig
from tests.helpers.visitor import SAME, Page, Visitor

CASES = Path(__file__).parents[1] / "oneroster" / "field_cases"
GOOD = (CASES / "15-school-year-as-2026-2027.zip").read_bytes()
BAD = (CASES / "07-nothing-of-oneroster-in-it.zip").read_bytes()
BOUNDARY = "between"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    with made.app:
        yield made


def people(rig: Rig) -> int:
    with rig.app.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(person)).scalar_one()


def upload(visitor: Visitor, data: bytes) -> Page:
    token = visitor.get(ONEROSTER).tree.xpath("//input[@name='form_token']/@value")[0]
    parts = [("form_token", "", token.encode()), ("file", '; filename="school.zip"', data)]
    body = b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, more, content in parts
    )
    kind = {**SAME, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return visitor.post(ONEROSTER, body + f"--{BOUNDARY}--\r\n".encode(), kind)


@pytest.mark.requirement("D.2")
def test_a_package_is_looked_at_then_taken_in_and_given_out_again(rig: Rig) -> None:
    manager = signed_in(rig, MANAGER)
    shown = upload(manager, GOOD)
    assert shown.status == 200
    assert people(rig) == 0
    form = shown.tree.xpath(f"//form[@action='{TAKE_IN}']")[0]
    fields = dict(form.form_values())
    assert manager.post(TAKE_IN, fields).location == ONEROSTER
    taken = people(rig)
    assert taken > 0
    # Once only: the package is gone.
    again = manager.post(TAKE_IN, fields)
    assert again.status == 400
    assert "not here any more" in again.text
    given = manager.send(OUT, page=ONEROSTER, version="1.1")
    with ZipFile(BytesIO(given.body)) as package:
        users = package.read("users.csv").decode().splitlines()
    assert len(users) == taken + 1
    assert "data written for other systems" in manager.get("/admin/audit").text.lower()


def test_a_package_that_cannot_be_read_is_refused_by_its_own_name(rig: Rig) -> None:
    manager = signed_in(rig, MANAGER)
    for data in (BAD, b"no zip"):
        refused = upload(manager, data)
        assert str(rig.app.settings.home) not in refused.text
        assert not refused.tree.xpath(f"//form[@action='{TAKE_IN}']")
        assert not [*(rig.app.settings.home / WAITING).iterdir()]
    assert manager.send(OUT, page=ONEROSTER, version="3").status == 400
    assert signed_in(rig, CLERK).get(ONEROSTER).status == 403


def test_a_package_waits_for_a_day_at_most(rig: Rig) -> None:
    manager = signed_in(rig, MANAGER)
    shown = upload(manager, GOOD)
    fields = dict(shown.tree.xpath(f"//form[@action='{TAKE_IN}']")[0].form_values())
    (waiting,) = (rig.app.settings.home / WAITING).iterdir()
    assert waiting.stat().st_mode & 0o077 == 0
    long_ago = START_UNIX_S - WAITS_S - 1
    os.utime(waiting, (long_ago, long_ago))
    assert manager.post(TAKE_IN, fields).status == 400
    assert people(rig) == 0
    assert not waiting.exists()
