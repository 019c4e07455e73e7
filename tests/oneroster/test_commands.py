"""The commands: export oneroster, import oneroster; as a script and as a person use them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.oneroster.story import table
from tests.site import Refused, Site


def test_a_package_goes_in_and_comes_out_by_commands(
    tmp_path: Path, made_once: Path, out: Path
) -> None:
    site = Site(tmp_path / "home", name="Another school")
    done = site.run("import", "oneroster", str(made_once / "1.2"))
    assert (done["ok"], done["applied"]) == (True, True)
    packed = tmp_path / "out.zip"
    told = site.run("export", "oneroster", str(packed), "--version", "1.2")
    assert told["rows"]["users"] == len(table(made_once / "1.2", "users")) == done["rows"]["users"]
    assert told["grades_beyond_worth"] == 1
    said = site.text("import", "oneroster", str(packed), "--check")
    assert "as the standard wants it" in said
    users = out / "users.csv"
    users.write_text(users.read_text().replace(",true,", ",maybe,", 1))
    with pytest.raises(Refused) as refused:
        site.text("import", "oneroster", str(out), "--preview")
    assert "users.csv, row 2, enabledUser: 'maybe' is neither true nor" in refused.value.stdout
    assert refused.value.stderr.count("\n") == 1
    with pytest.raises(Refused) as refused:
        site.text("export", "oneroster", str(out))
    assert refused.value.status == 1
    assert "not empty" in refused.value.stderr
