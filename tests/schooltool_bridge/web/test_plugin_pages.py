"""The page with the Moodle plugins: what it gives out is what it says."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.accounts import CLERK
from schooltool_bridge.web.plugin_pages import PLUGINS
from tests.helpers.framed import assert_safe, signed_in
from tests.helpers.rig import Rig, make_rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    with made.app:
        yield made


@pytest.mark.parametrize(
    ("component", "root"), [("local_schooltool", "schooltool"), ("auth_mnet", "mnet")]
)
def test_a_clerk_gets_the_zip_whose_digest_the_page_shows(
    rig: Rig, component: str, root: str
) -> None:
    clerk = signed_in(rig, CLERK)
    shown = clerk.get(PLUGINS)
    assert shown.status == 200
    assert_safe(shown)
    assert rig.app.settings.wwwroot in shown.text
    given = clerk.get(f"{PLUGINS}/{component}.zip")
    assert given.status == 200
    digest = hashlib.sha256(given.body).hexdigest()
    assert digest in "".join(shown.tree.itertext())
    names = zipfile.ZipFile(io.BytesIO(given.body)).namelist()
    assert f"{root}/version.php" in names
    assert all(name.startswith(f"{root}/") for name in names)


def test_there_are_no_other_files(rig: Rig) -> None:
    assert signed_in(rig, CLERK).get(f"{PLUGINS}/passwords.zip").status == 404


def test_the_manual_leads_there(rig: Rig) -> None:
    assert PLUGINS in signed_in(rig, CLERK).get("/admin/help").text
