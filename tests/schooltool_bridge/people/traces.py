"""Somebody who left a trace in every table that can hold one: for tests."""

from __future__ import annotations

from decimal import Decimal

import sqlalchemy as sa

from peers import accounts, audit
from peers.web import throttle
from schooltool_bridge.hand import enrolments as hand_enrolments
from schooltool_bridge.hand import grades as hand_grades
from schooltool_bridge.hand import people as hand_people
from schooltool_bridge.history.author import Author
from schooltool_bridge.sign_on import pictures, rights
from schooltool_bridge.sign_on.pictures import Stored
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.store.model import (
    assessment,
)
from schooltool_bridge.store.model_access import jump_denied
from schooltool_bridge.store.model_people import imported_id
from schooltool_bridge.store.model_reports import final_mark, issued_report
from tests.helpers.cast import Cast
from tests.helpers.rig import START_UNIX_S
from tests.schooltool_bridge.sign_on.test_pictures import file_of

AUTHOR = Author("anna", START_UNIX_S)


def accounts_and_traces(cast: Cast) -> None:
    """Pam leaves a trace in every table that can hold one."""
    pam = cast.people["pam"]
    cast.push(
        "fetch_user", idnumber="id-pam", username="pam.2", firstname="Pam2xq", lastname="Pamname",
        email="pam@pamxq.example", moodleid="77123", phone="555-0199", city="Pamcity",
        password_hash="$2y$10$" + "a" * 53, password_hash_algorithm="bcrypt",
    )  # fmt: skip
    # Held, in conflict, rejected, and too long.
    cast.push("new_grade", assessmentid="none", userid="id-pam", points_earned=4)
    cast.push(
        "fetch_user", idnumber="id-olga", username="pam.2", firstname="O", lastname="G", email=""
    )
    cast.push("new_enrolment", sectionid="algebra", userid="id-pam", role="cook")
    cast.push("new_section", idnumber="tut", name="Tutorial of Pam2xq Pamname",
              teacheridnumber="id-pam")  # fmt: skip
    cast.push("new_section", idnumber="tut", name="Tutorial", teacheridnumber="id-theo")
    with cast.app.database.write() as connection:
        accounts.add(
            connection, "anna", "long enough", one_time=False, now_unix_s=1, role="manager"
        )
        rights.set_password(connection, Change("anna", START_UNIX_S), pam, "long enough too")
        names = hand_people.Names("old-pam", "Pamxq", "OfPamxq", "id-pam", "pam@pamxq.example")
        hand_people.change(connection, AUTHOR, pam, names)
        hand_people.set_staff_role(connection, AUTHOR, pam, "counselor")
        author = Author("anna", START_UNIX_S, "Her note on Pamxq")
        hand_enrolments.set_state(
            connection, author, cast.sections["algebra"], pam, "student", "wf", text="Her note"
        )
        quiz = connection.execute(
            sa.select(assessment.c.id).where(assessment.c.idnumber == "quiz-algebra")
        ).scalar_one()
        hand_grades.enter(connection, author, quiz, pam, Decimal("70.25"))
        # A note about somebody else that names her, and one that only seems to.
        other = Author("Pamxq OfPamxq", START_UNIX_S, "copied from Pamxq OfPamxq; not Pamxq")
        hand_grades.enter(connection, other, quiz, cast.people["pete"], Decimal(33))
        connection.execute(
            sa.insert(final_mark).values(
                section_id=cast.sections["algebra"], person_id=pam, percent="70.25", mark="C",
                code="wf", recorded_unix_s=START_UNIX_S, by_actor="anna", why="Her note",
            )
        )  # fmt: skip
        connection.execute(
            sa.insert(issued_report).values(
                number="2026-000001", kind="transcript", person_id=pam, at_unix_s=START_UNIX_S,
                issued_unix_s=START_UNIX_S, by_actor="anna", pdf=b"%PDF of Pamxq", sha256="ab",
                title="Transcript of Pamxq OfPamxq",
            )
        )  # fmt: skip
        connection.execute(
            sa.insert(imported_id).values(kind="user", sourced_id="id-pam-import", own_id=pam)
        )
        connection.execute(sa.insert(jump_denied).values(person_id=pam, peer_id=1))
        pictures.add(connection, pam, Stored(1, "1", pictures.drawn_anew(file_of()), START_UNIX_S))
        throttle.succeeded(connection, "person old-pam", "::2", START_UNIX_S)
        for address in ("::1", "::2"):
            throttle.failed(connection, "person old-pam", address, START_UNIX_S)
        for subject, detail in (
            ("user old-pam", {"course": "12"}),
            ("3 people", {"filter": "search pamxq; role Students", "persons": [pam, 999]}),
            ("http://pamxq.example.org", {"said": "by Pam2xq, twice"}),
        ):
            audit.record(
                connection, actor="anna", action="looked", subject=subject, detail=detail,
                now_unix_s=START_UNIX_S,
            )  # fmt: skip
    cast.session("pam")
