"""A manager's first hour in a real browser: settings, the first backup, the first steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import PASSWORD
from tests.browser.looks import Watched, looks_right
from tests.helpers.site import Site


@pytest.mark.requirement("R14")
def test_a_manager_sets_mail_up_backs_up_and_sees_what_is_next(
    page: Watched, school: Site, tmp_path: Path
) -> None:
    tab = page.page
    page.goto("/admin/settings/mail")
    tab.get_by_label("Host").fill("mail.example.org")
    tab.get_by_label("Who is told").fill("nobody")
    tab.get_by_role("button", name="Save").click()
    assert "Who is told" in tab.get_by_role("alert").inner_text()
    assert tab.get_by_label("Host").input_value() == "mail.example.org"
    assert any("400" in problem for problem in page.problems)
    page.problems.clear()
    looks_right(tab)
    tab.get_by_label("Who is told").fill("office@example.org")
    tab.get_by_role("button", name="Save").click()
    tab.get_by_text("Saved.").wait_for()
    looks_right(tab)
    page.goto("/admin/settings/backups")
    tab.get_by_role("button", name="Make a backup now").click()
    tab.get_by_role("link", name="Download").click()
    looks_right(tab)
    tab.get_by_label("Your password, once more").fill(PASSWORD)
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "backup.sqlite")
    (made,) = (school.home / "backups").iterdir()
    assert (tmp_path / "backup.sqlite").read_bytes() == made.read_bytes()
    page.goto("/admin")
    box = tab.get_by_role("region", name="First steps: 2 of 6 done")
    box.get_by_role("link", name="Go on").click()
    assert tab.url == school.wwwroot + "/admin/school"
    page.goto("/admin/first-steps")
    looks_right(tab)
    for path in ("/admin/settings", "/admin/settings/notices", "/admin/settings/oneroster"):
        page.goto(path)
        looks_right(tab)
