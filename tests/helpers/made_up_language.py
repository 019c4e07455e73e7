"""A site in a language that wraps whatever is said in ⟦ ⟧: what stands outside is data.

The data of its school is called Xq…, so that a word that nobody marked shows.
"""

from __future__ import annotations

import gettext
import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mnet import language
from peers.policy import PeerPolicy
from schooltool_bridge.events.applied import Source
from schooltool_bridge.hand import assessments, enrolments, grades, people, sections, worksheets
from schooltool_bridge.hand.assessments import Detail
from schooltool_bridge.hand.people import Names
from schooltool_bridge.history.author import Author
from schooltool_bridge.school import closing, courses, filing, marking, scores, years
from schooltool_bridge.sign_on import person_sessions
from schooltool_bridge.sign_on.person_sessions import Start
from schooltool_bridge.store.model import person
from tests.catalogue import forms, stored
from tests.helpers.rig import OURS, START_UNIX_S, Rig, make_rig
from tests.helpers.school import School
from tests.helpers.visitor import Page, Visitor

MOODLE = "http://moodle.example.org"
AUTHOR = Author("xqhead", START_UNIX_S)
# A catalogue's entries that are no words, but say how days and numbers are written.
PATTERNS = {"."}
# What catalogues translate, and nothing else: as in a real language, other words stay.
MESSAGES = {form for m in stored("de") if m.id for form in forms(m.id)} - PATTERNS
# What stands on pages in every language.
NAMES = re.compile(
    r"""(?x)
    \b(?:mnet-peer|Moodle|Mahara|MNet|SchoolTool|schooltool|CSV|PDF|EX|MB|SSO|SQLite|RC4|HTTP|TCP|TLS|XML-RPC)\b
    | \b(?:Identity[ ]Provider|Service[ ]Provider|Remote[ ]enrolment[ ]service)\b  # in a Moodle
    | BEGIN[ ]CERTIFICATE | (?<=\s)/\S+                         # a certificate's first line, paths
    | \b[0-9a-f]{64}\b | \bXX\b | \bstudent\b                   # digests, initials, what was sent
    | \b(?:https?://|[a-z0-9.-]+\.example\.org|127\.0\.0\.1)\S*  # addresses
    | \b(?:Assignment|Essay|Exam|Homework|Journal|Lab|Presentation|Project)\b  # the school's own
    | \b(?:Test[ ]SIS|Fake|mnet/publickey|cn|UTC)\b              # how this test calls things
    | \b(?:ps|fl|wn|wp|wf|en)\b                                 # codes of states
    | \b(?:English|Deutsch)\b                                    # languages by their own names
    """
)
# The trail shows these as they were stored: how a report was downloaded.
AS_STORED = {"/admin/audit": {"csv", "pdf", "xlsx"}}
WORD = re.compile(r"[^\W\d_]{2,}")
SPOKEN = ("title", "alt", "placeholder", "aria-label", "data-ask", "data-busy")
# What a page declares to be in English, within another language: the manual.
ENGLISH = "[@lang='en']"
# Nothing in these is for reading, or it is as a machine says it.
MUTE = f"//script|//style|//code|//pre|//kbd|//textarea|//select[@id='timezone' or @id='language']|//time|//body//*{ENGLISH}"


class Wrapped(gettext.NullTranslations):
    """A catalogue of a language that nobody speaks."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧" if message in MESSAGES else message

    def ngettext(self, one: str, many: str, count: int) -> str:
        return self.gettext(one if count == 1 else many)


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    made = make_rig(tmp_path)
    with made.app:
        made.add(MOODLE)
        made.app.settings = replace(made.app.settings, language="de")
        monkeypatch.setattr(language, "_catalogue", lambda _code: Wrapped())
        yield made


def stocked(rig: Rig) -> dict[str, int]:
    """A school with a bit of everything; the ids that addresses name."""
    database = rig.app.database
    ids: dict[str, int] = {"peer_id": 1, "inbox_id": 1}
    with database.write() as connection:
        names = Names("xqada", "Xqada", "Xqlove", "7")
        ids["person_id"] = who = people.add(connection, AUTHOR, names)
        teacher = people.add(connection, AUTHOR, Names("xqtess", "Xqtess", "Xqhill", "8"))
        left = people.add(connection, AUTHOR, Names("xqbo", "Xqbo", "Xqgone", "9"))
        ids["section_id"] = here = sections.add(connection, AUTHOR, "Xqalgebra")
        enrolments.set_state(connection, AUTHOR, here, who, "student", "a")
        enrolments.set_state(connection, AUTHOR, here, teacher, "teacher", "a")
        enrolments.set_state(connection, AUTHOR, here, left, "student", "wp", text="xqmoved")
        days: dict[str, Any] = {"first_day": date(2026, 8, 1), "last_day": date(2027, 7, 31)}
        ids["year_id"] = years.add_year(connection, AUTHOR, title="2026/27", **days)
        term_days: dict[str, Any] = {"first_day": date(2026, 8, 1), "last_day": date(2027, 1, 31)}
        ids["term_id"] = years.add_term(
            connection, AUTHOR, year_id=ids["year_id"], title="Xqautumn", **term_days
        )
        ids["course_id"] = courses.add(
            connection, AUTHOR, code="XQ1", title="Xqmaths", credits_text="1.5"
        )
        filing.file(
            connection,
            AUTHOR,
            [here],
            course_id=ids["course_id"],
            term_id=ids["term_id"],
        )
        homework = marking.categories(connection)[0].id
        marking.set_weights(connection, AUTHOR, here, {homework: Decimal("0.5")})
        worksheets.add(connection, AUTHOR, here, "Xqsheet")
        letters = scores.find(connection, "Letter grades").id
        detail = Detail(label="Xq", category_id=homework, due_day=date(2026, 12, 1))
        ids["assessment_id"] = quiz = assessments.add(
            connection, AUTHOR, here, "Xqquiz", Decimal("12.5"), detail=detail
        )
        essay = Detail(score_system_id=letters)
        assessments.add(connection, AUTHOR, here, "Xqtalk", Decimal(20), detail=essay)
        grades.enter(connection, AUTHOR, quiz, who, Decimal("11.5"))
        closing.close_section(connection, AUTHOR, here, scores.find(connection, "Percent").id)
        grades.enter(connection, AUTHOR, quiz, who, Decimal("3.25"))
    school = School(database, START_UNIX_S)
    school.sources[MOODLE] = Source(
        ids["peer_id"], MOODLE, OURS, PeerPolicy(), enabled=True, names_addressee=False
    )
    for event, data in (
        ("fetch_user", {"idnumber": "21", "username": "xqolga", "firstname": "Xqolga",
                        "lastname": "Xqunn", "email": ""}),
        ("new_section", {"idnumber": "5", "name": "Xqbiology"}),
        ("new_enrolment", {"sectionid": "5", "userid": "21", "role": "student"}),
        ("new_assessment", {"sectionid": "5", "idnumber": "7", "name": "Xqtest", "pointval": 20}),
        ("new_grade", {"assessmentid": "7", "userid": "21", "points_earned": 12.5}),
        ("new_enrolment", {"sectionid": "77", "userid": "21", "role": "student"}),
    ):  # fmt: skip
        school.push(event, MOODLE, **data)
    return ids


def person_of(rig: Rig, visitor: Visitor, username: str) -> None:
    """Let the browser be one of the school's people too."""
    with rig.app.database.write() as connection:
        mine = person.c.username == username
        connection.execute(sa.update(person).where(mine).values(can_login=True))
        person_id = connection.execute(sa.select(person.c.id).where(mine)).scalar_one()
        begun = Start(person_id, hashlib.sha1(b"").hexdigest(), username, None, None)
        token = person_sessions.start(connection, begun, START_UNIX_S)
    visitor.cookies[person_sessions.COOKIE] = token


def address(rule: str, ids: dict[str, int]) -> str:
    return re.sub(r"<(?:\w+[^:>]*:)?(\w+)>", lambda m: str(ids.get(m[1], 1)), rule)


def unmarked(page: Page) -> list[str]:
    """The words of a page that stand outside of ⟦ ⟧ and are no data."""
    tree = page.tree
    spoken = f"//*[not(ancestor-or-self::*{ENGLISH})]"
    texts = [str(value) for name in SPOKEN for value in tree.xpath(f"{spoken}/@{name}")]
    for mute in tree.xpath(MUTE):
        for child in [*mute]:
            mute.remove(child)
        mute.text = ""
    visible = [*tree.xpath("//title"), *tree.xpath("//body")]
    # What is said may have tags inside, so that one text is looked at as a whole.
    texts += ["\n".join(map(closed, each.itertext())) for each in visible]
    left = [NAMES.sub(" ", outside(text)) for text in texts]
    return sorted({w for text in left for w in WORD.findall(text) if "xq" not in w.lower()})


def closed(piece: str) -> str:
    """Close what is said where a page cut it."""
    is_cut = piece.rstrip().endswith("…")
    return piece + "⟧" * (piece.count("⟦") - piece.count("⟧")) if is_cut else piece


def outside(text: str) -> str:
    """What stands outside of ⟦ ⟧, which may hold each other."""
    depth, kept = 0, ""
    for character in text:
        depth += (character == "⟦") - (character == "⟧")
        kept += character if depth == 0 and character != "⟧" else " "
    assert depth == 0, "what is said is cut in the middle: " + " ".join(text.split())
    return kept
