"""The letterhead: on what is handed out, by page and command; what was issued keeps its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from peers.accounts import CLERK
from peers.changes import NotPossible
from schooltool_bridge.history.author import Author
from schooltool_bridge.reports import issuing, letterheads, registry
from schooltool_bridge.reports.issuing import Office
from schooltool_bridge.reports.paper import Paper
from schooltool_bridge.reports.pdf import make_pdf
from schooltool_bridge.reports.report import Asked
from schooltool_bridge.web.pages import frame_of
from tests.helpers.framed import signed_in
from tests.helpers.report_story import ADA, ZONE, begin, on, person_id
from tests.helpers.rig import Rig, make_rig
from tests.helpers.school import School
from tests.helpers.site import Refused, Site
from tests.helpers.visitor import Visitor, in_memory

ADDRESS, SIGNATURES = "Hill Road 1\r\n\r\n 12345 Hillton ", "Date\nHead teacher"


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    school = begin(database_url)
    school.now = on(40)
    yield school
    school.database.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    with made.app:
        yield made


def picture(kind: str = "PNG", size: tuple[int, int] = (2000, 500)) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "red").save(out, kind)
    return out.getvalue()


def change(school: School, **what: str | bytes | None) -> bool:
    with school.database.write() as connection:
        return letterheads.change(connection, Author("carl", school.now), **what)  # type: ignore[arg-type] # what a test makes up


def paper(school: School, name: str, about: int) -> Paper:
    report = registry.find(None, name)
    with school.database.read() as connection:
        chosen = report.chosen(connection, {})
        return report.made(Asked(connection, about, None, school.now, ZONE, chosen))


@pytest.mark.system
@pytest.mark.requirement("R70")
def test_it_stands_on_what_is_handed_out_and_on_nothing_else(
    school: School, tmp_path: Path
) -> None:
    assert paper(school, "progress", person_id(school, ADA)).head is None
    assert change(school, address=ADDRESS, signatures=SIGNATURES, logo=picture())
    made = paper(school, "transcript", person_id(school, ADA))
    assert made.head is not None
    assert made.head.address == ("Hill Road 1", "12345 Hillton")
    file = tmp_path / "t.pdf"
    file.write_bytes(make_pdf(made, school="Hill School"))
    text = subprocess.run(["pdftotext", "-layout", str(file), "-"], capture_output=True, check=True).stdout.decode()  # fmt: skip
    places = [
        text.rindex(w) for w in ("12345 Hillton", "Transcript: Ada", "Algebra", "Head teacher")
    ]
    assert places == sorted(places)
    images = subprocess.run(["pdfimages", "-list", str(file)], capture_output=True, check=True).stdout  # fmt: skip
    assert len(images.splitlines()) == 3, "two lines of heads, and the logo"
    assert paper(school, "roster", 1).head is None


def test_what_was_issued_keeps_the_one_it_was_printed_with(school: School) -> None:
    change(school, address="Old Road")
    ada, office = person_id(school, ADA), Office("Hill School", ZONE)
    issued = issuing.issue_to(school.database, Author("carl", school.now), "transcript", ada, None, office)  # fmt: skip
    with school.database.read() as connection:
        before = issuing.pdf_of(connection, issued.number)[1]
    change(school, address="New Road")
    with school.database.read() as connection:
        assert issuing.pdf_of(connection, issued.number)[1] == before
    later = issuing.issue_to(school.database, Author("carl", school.now), "transcript", ada, None, office)  # fmt: skip
    assert later.sha256 != issued.sha256


def test_what_is_not_named_stays_and_nothing_new_writes_nothing(school: School) -> None:
    assert not change(school, address="", signatures="")
    assert change(school, address="A", signatures="B", logo=picture("JPEG"))
    assert not change(school, address="A")
    assert change(school, signatures="C")
    with school.database.read() as connection:
        found = letterheads.current(connection)
    assert found is not None
    assert (found.address, found.signatures, found.logo[:4]) == (("A",), ("C",), b"\x89PNG")
    with Image.open(BytesIO(found.logo)) as image:
        assert image.size == (640, 160)
    assert change(school, address="", signatures="", logo=b"")
    with school.database.read() as connection:
        assert letterheads.current(connection) is None


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"logo": b"no picture"}, "cannot be read"),
        ({"logo": bytes(letterheads.MAX_FILE_BYTES + 1)}, "larger than 2 MB"),
        ({"logo": picture(size=(5000, 5000))}, "too many pixels"),
        ({"address": "a\n" * 7}, "The address: at most 6 lines"),
        ({"address": "a" * 501}, "The address is longer than 500"),
        ({"signatures": "a\nb\nc\nd"}, "The signatures: at most 3 lines"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    school: School, what: dict[str, str | bytes | None], words: str
) -> None:
    with pytest.raises(NotPossible, match=words):
        change(school, **what)
    with school.database.read() as connection:
        assert letterheads.current(connection) is None


def test_it_is_changed_on_its_page(rig: Rig) -> None:
    clerk = signed_in(rig, CLERK)
    path = "/admin/school/letterhead"
    assert clerk.get(path + "/logo").status == 404
    assert clerk.send(path, address="Hill Road 1", signatures="Date").status == 303
    shown = clerk.get(path)
    assert [area.text for area in shown.tree.iter("textarea")] == ["Hill Road 1", "Date"]
    again = clerk.send(path, address="x\n" * 9, signatures="Date")
    assert again.status == 400
    assert "at most 6 lines" in again.text
    assert "x\nx" in again.text, "what was typed stands there again"
    with rig.app.database.write() as connection:
        letterheads.change(connection, Author("carl", 1), logo=picture())
    assert clerk.get(path + "/logo").body.startswith(b"\x89PNG")
    assert clerk.send(path, address="", signatures="", no_logo="on").status == 303
    with rig.app.database.read() as connection:
        assert letterheads.current(connection) is None
    stranger = Visitor(in_memory(frame_of(rig.app)))
    assert stranger.get(path).status == 303, "whoever is not signed in is asked to"


def test_it_is_changed_by_commands(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    file = tmp_path / "logo.png"
    file.write_bytes(picture())
    command = ("letterhead", "set", "--address", "Hill Road 1", "--address", "Hillton")
    found = site.run(*command, "--sign", "Date", "--logo", str(file))
    assert found == {
        "address": ["Hill Road 1", "Hillton"],
        "signatures": ["Date"],
        "has_logo": True,
    }
    assert site.run("letterhead", "set", "--no-logo")["has_logo"] is False
    assert site.run("letterhead", "show")["signatures"] == ["Date"]
    assert "signatures: Date" in site.text("letterhead", "show")
    file.write_text("nothing")
    with pytest.raises(Refused, match="cannot be read"):
        site.text("letterhead", "set", "--logo", str(file))
