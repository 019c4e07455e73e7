"""What Moodles told of people whom an import brings comes in by it, as by an entry by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from keys.certificate import load
from keys.keypair import generate
from peers import store
from tests.helpers.school import NOW, A, B, School
from tests.helpers.site import Refused, Site
from tests.schooltool_bridge.oneroster.packages import district, edited


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "home")


def pushed_by(site: Site, *peers: str) -> School:
    """Moodles that said of n1 that she is a pupil, before anybody knows her."""
    school = School.open(f"sqlite:///{site.home / 'mnet-peer.sqlite'}", *peers)
    for peer in peers:
        _known_by_key(school, peer)
        school.push("new_section", peer, idnumber="5", name="Biology")
        pupil = {"sectionid": "5", "userid": "n1", "role": "student"}
        assert school.status("new_enrolment", peer, **pupil) == "held"
    return school


def _known_by_key(school: School, peer: str) -> None:
    """A peer without a certificate is none."""
    certificate = load(generate(peer, "M", NOW).certificate_pem)
    with school.database.write() as connection:
        store.set_certificate(
            connection,
            school.sources[peer].peer_id,
            pem=certificate.pem,
            fingerprint=certificate.fingerprint,
            origin="file",
            now_unix_s=NOW,
        )


def test_what_waits_for_a_person_comes_in_with_the_import(site: Site, tmp_path: Path) -> None:
    school = pushed_by(site, A, B)
    package = str(district(tmp_path / "d"))
    assert site.run("import", "oneroster", package, "--preview")["released"] == 0
    assert len(school.inbox("held")) == 2, "a preview brings nobody"
    done = site.run("import", "oneroster", package)
    assert (done["applied"], done["released"]) == (True, 2)
    assert school.inbox() == []
    assert school.enrolments()["5", "n1", "student"] == "a"
    assert site.run("import", "oneroster", package)["released"] == 0


def test_a_number_that_a_later_package_corrects_frees_what_waits_for_it(
    site: Site, tmp_path: Path
) -> None:
    package = district(tmp_path / "d")
    edited(package, "users", lambda rows: rows[0].update(identifier="typo"))
    school = pushed_by(site, A)
    site.run("import", "oneroster", str(package))
    assert len(school.inbox("held")) == 1
    edited(package, "users", lambda rows: rows[0].update(identifier="n1"))
    said = site.text("import", "oneroster", str(package))
    assert "1 more that waited for it came in too." in said
    assert school.inbox() == []


def test_a_package_with_a_problem_frees_nothing(site: Site, tmp_path: Path) -> None:
    package = district(tmp_path / "d")
    edited(package, "enrollments", lambda rows: rows[0].update(endDate="2026-08-01"))
    school = pushed_by(site, A)
    with pytest.raises(Refused, match="nothing was changed"):
        site.run("import", "oneroster", str(package))
    assert len(school.inbox("held")) == 1
