"""The commands: export oneroster, import oneroster; as a script and as a person use them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnet.settings import read
from schooltool_bridge.server.app import App
from tests.helpers.rig import SIS, START_UNIX_S, Clock, Rig
from tests.helpers.site import Refused, Site
from tests.schooltool_bridge.oneroster.packages import district, edited
from tests.schooltool_bridge.oneroster.story import table


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
    users.write_text(users.read_text().replace("\nuser-2,", "\nuser-1,", 1))
    with pytest.raises(Refused) as refused:
        site.text("import", "oneroster", str(out), "--preview")
    assert "users.csv, row 3, sourcedId: 'user-1' stands there twice" in refused.value.stdout
    assert refused.value.stderr.count("\n") == 1
    with pytest.raises(Refused) as refused:
        site.text("export", "oneroster", str(out))
    assert refused.value.status == 1
    assert "not empty" in refused.value.stderr


def test_an_import_lets_come_again_what_a_moodle_sent_too_early(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    with App(read(site.home, {})) as app:
        rig = Rig(app, Clock(app.clock()))
        moodle = rig.add("http://moodle.example.org")
        place = {"sectionid": "5", "userid": "n1", "role": "student"}
        rig.call(moodle, SIS + "new_section", {"idnumber": "5", "name": "Algebra"})
        rig.call(moodle, SIS + "new_enrolment", {**place, "role": "teacher", "timemodified": 1})
        rig.call(moodle, SIS + "end_enrolment", {**place, "timemodified": START_UNIX_S})
    # It brings the person, for whom the teacher's place waits; the end waits for a pupil's place.
    assert site.run("import", "oneroster", str(district(tmp_path / "theirs")))["released"] == 1
    assert [e["waiting_for"] for e in site.run("inbox", "list")] == [["enrolment:5/n1"]]
    ours = tmp_path / "ours"
    site.run("export", "oneroster", str(ours))
    (algebra,) = [c["sourcedId"] for c in table(ours, "classes") if c["title"] == "Algebra"]
    edited(
        ours, "enrollments",
        lambda rows: rows.append(
            {
                **next(r for r in rows if r["role"] == "student"),
                "sourcedId": "e9",
                "classSourcedId": algebra,
            }
        ),
    )  # fmt: skip
    said = site.text("import", "oneroster", str(ours))
    assert "Taken in. 1 more that waited for it came in too." in said
    listed = site.run("enrolment", "list", "--section", "5")
    assert {(r["role"], r["code"]) for r in listed} == {("teacher", "a"), ("student", "wn")}
