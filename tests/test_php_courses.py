"""A Moodle's courses asked by our commands of a peer in PHP, in PHP's own arrays and both dialects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import roaming
from tests.helpers.course_host import CourseHost
from tests.helpers.site import Refused, Site
from tests.php_peer.runner import PhpPeer
from tests.schooltool_bridge.remote_enrolment.test_remote_courses import add_person

NAME = "Ōda Œuvre €"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("sis") / "home") as running:
        yield running


@pytest.mark.parametrize("style", ["moodle-old", "moodle-new"])
def test_courses_and_people_of_a_php_peer(style: str, site: Site, tmp_path: Path) -> None:
    old = CourseHost(is_old=style == "moodle-old", enrolled={3: [("oda", "mnet")]})
    old.courses[1]["fullname"] = NAME
    with PhpPeer(tmp_path, style) as peer:
        peer.do("add", site.wwwroot)
        site.run("peer", "add", peer.wwwroot, "--yes", "--application", "moodle")
        with pytest.raises(Refused, match="Subscribe to the service mnet_enrol"):
            site.run("peer", "courses", peer.wwwroot)
        site.run("peer", "services", peer.wwwroot, "--subscribe", "mnet_enrol")
        with pytest.raises(Refused, match="tick Publish for Remote enrolment service"):
            site.run("peer", "courses", peer.wwwroot)
        answers = {
            "available_courses": old.available_courses(),
            "course_enrolments": old.course_enrolments(3),
            "enrol_user": True,
            "unenrol_user": False,
        }
        peer.do("set", "answers", answers)
        listed = site.run("peer", "courses", peer.wwwroot)
        assert [(c["id"], c["fullname"]) for c in listed] == [
            ("2", "Geography & <Maps>"),
            ("3", NAME),
        ]
        (row,) = site.run("peer", "enrolled", peer.wwwroot, "HIST")
        assert (row["username"], row["plugin"], row["role"]) == ("oda", "mnet", "student")
        with roaming.app_of(site) as app:
            who = str(add_person(app, style))
        (done,) = site.run("peer", "enrol", peer.wwwroot, "HIST", who)
        assert done["ok"]
        method, (user, course_id) = peer.calls()[-1]
        assert (method, course_id) == ("enrol/mnet/enrol.php/enrol_user", "3")
        assert (user["username"], user["firstname"], user["confirmed"]) == (style, "Ada", "1")
        with pytest.raises(Refused) as refused:
            site.run("peer", "unenrol", peer.wwwroot, "HIST", "oda")
        assert "does not say why" in refused.value.stdout
        for answer in ("no course", 7, {"a": "b"}):
            peer.do("set", "answers", {**answers, "course_enrolments": answer})
            with pytest.raises(Refused, match=r"no such course|no list of"):
                site.run("peer", "enrolled", peer.wwwroot, "HIST")
        peer.do("set", "answers", {**answers, "available_courses": False})
        assert site.run("peer", "courses", peer.wwwroot) == []
