"""The kinds of events that a peer may push, each one entry with all that differs between them.

From this table are made: the methods and push_events (methods.py, reading.py), what each does
(receiving.py), which policy keeps it out, its words on pages (web/words.py), and what is told of
personal data (people/sharing.py). Source: RULES 1.3, R38, R39a.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy.engine import Connection

from mnet.language import N_
from peers.policy import PeerPolicy
from schooltool_bridge.events import (
    assessments,
    enrolments,
    enrolments_together,
    fields,
    grades,
    people,
    people_together,
    sections,
)
from schooltool_bridge.events.applied import ENROLMENT, Applied, Source
from schooltool_bridge.events.fields import (
    AssessmentEvent,
    EnrolmentEvent,
    Fields,
    GradeEvent,
    SectionEvent,
    UserEvent,
)

E = TypeVar("E", UserEvent, SectionEvent, EnrolmentEvent, AssessmentEvent, GradeEvent)
# Applies an event at a moment (unix seconds): Applied, or raises Held or a fault.
Apply = Callable[[Connection, Source, E, int], Applied]

FETCH_USER, NEW_ENROLMENT, NEW_ASSESSMENT = "fetch_user", "new_enrolment", "new_assessment"
# What an event is about: the kinds of keys of what others wait for (applied.user_key, ...).
USER, SECTION, ASSESSMENT, GRADE = "user", "section", "assessment", "grade"

RECORD = N_("as long as the school keeps its records; their history is never deleted")


@dataclass(frozen=True, slots=True)
class Personal:
    """Personal data in an event."""

    # By their names on the wire.
    fields: tuple[str, ...]
    # Whose data it is, in a word: people, students, teachers.
    about: str
    why: str
    # How long it is kept, and where.
    retention: str = RECORD


# Without slots: a generic class notes on each object of what it is one.
@dataclass(frozen=True)
class Together(Generic[E]):
    """How plain events of a kind that come one after the other are applied set by set."""

    # What becomes of the first of them, as far as they are plain; only looks. Each plan has
    # `ready`, the keys of what is there then (applied.Applied).
    plan: Callable[[Connection, Source, Sequence[E], int], Sequence[Any]]
    # Does what was planned, when nothing waits for any of it.
    write: Callable[[Connection, Source, Sequence[Any], int], list[Applied]]


# Without slots: a generic class notes on each object of what it is one.
@dataclass(frozen=True)
class Kind(Generic[E]):
    """A kind of event."""

    # On the wire: the method's last segment, and `event` in push_events.
    name: str
    # What it brought, for a school's clerk.
    title: str
    # For system/methodHelp.
    help: str
    # What it is about: USER, SECTION, ENROLMENT, ASSESSMENT or GRADE.
    key: str
    # The policy that lets it in (a field of PeerPolicy, yes or no).
    policy: str
    # Raises Malformed.
    read: Callable[[Fields, PeerPolicy], E]
    apply: Apply[E]
    # What is left of it for an event that is held; None: everything.
    apply_held: Apply[E] | None = None
    # None: each goes alone.
    together: Together[E] | None = None
    personal: tuple[Personal, ...] = ()


_ABOUT_A_USER = (
    Personal(
        ("idnumber", "username", "firstname", "lastname", "email", "moodleid", "further fields"),
        N_("people of the peer"),
        N_("to know the school's people; further profile fields stand only in the history"),
    ),
    Personal(
        ("password_hash", "password_hash_algorithm"),
        N_("people of the peer"),
        N_("so that a person may be let in by the same password; lets nobody in by itself"),
        N_("wrapped once more in argon2id, never shown, until another replaces it"),
    ),
)
_ABOUT_AN_ENROLMENT = (
    Personal(
        ("sectionid", "userid", "usermoodleid", "role", "status", "timestart", "timeend"),
        N_("students and teachers"),
        N_("to know who is in which section, and since when"),
    ),
)
_ABOUT_A_GRADE = (
    Personal(
        (
            "assessmentid",
            "userid",
            "usermoodleid",
            "points_earned",
            "excepted",
            "attempt_num",
            "hidden",
        ),
        N_("students"),
        N_("for the gradebook and the reports"),
    ),
)

_PEOPLE = Together[UserEvent](people_together.plan, people_together.write)
_ENROLMENTS = Together[EnrolmentEvent](enrolments_together.plan, enrolments_together.write)

# In the order in which they are listed to peers.
_ALL: tuple[Kind[Any], ...] = (
    Kind[UserEvent](
        name=FETCH_USER,
        title=N_("Person"),
        help="Create or update a person; with only idnumber or username we ask get_user.",
        key=USER,
        policy="accept_people",
        read=lambda given, _policy: fields.user(given),
        apply=people.apply,
        together=_PEOPLE,
        personal=_ABOUT_A_USER,
    ),
    Kind[SectionEvent](
        name="new_section",
        title=N_("Section"),
        help="Create or update a section (a course in Moodle).",
        key=SECTION,
        policy="accept_sections",
        read=lambda given, _policy: fields.section(given, deleted=False),
        apply=sections.apply,
        # Only its teacher was not there.
        apply_held=sections.attach_teacher,
        personal=(
            Personal(
                ("teacheridnumber", "teachermoodleid"),
                N_("teachers"),
                N_("to know who teaches a section"),
            ),
        ),
    ),
    Kind[EnrolmentEvent](
        name=NEW_ENROLMENT,
        title=N_("Enrolment"),
        help="Enrol a person in a section as student or teacher.",
        key=ENROLMENT,
        policy="accept_enrolments",
        read=lambda given, policy: fields.enrolment(given, policy.roles, ended=False),
        apply=enrolments.apply,
        together=_ENROLMENTS,
        personal=_ABOUT_AN_ENROLMENT,
    ),
    Kind[AssessmentEvent](
        name=NEW_ASSESSMENT,
        title=N_("Assessment"),
        help="Create or update an assessment (a grade item) of a section.",
        key=ASSESSMENT,
        policy="accept_grades",
        read=lambda given, _policy: fields.assessment(given, deleted=False),
        apply=assessments.apply,
    ),
    Kind[GradeEvent](
        name="new_grade",
        title=N_("Grade"),
        help="Record a person's grade for an assessment; empty points_earned clears it.",
        key=GRADE,
        policy="accept_grades",
        read=lambda given, _policy: fields.grade(given, deleted=False),
        apply=grades.apply,
        personal=_ABOUT_A_GRADE,
    ),
    Kind[EnrolmentEvent](
        name="end_enrolment",
        title=N_("End of an enrolment"),
        help="End a person's enrolment; without role all of that person's there.",
        key=ENROLMENT,
        policy="accept_enrolments",
        read=lambda given, policy: fields.enrolment(given, policy.roles, ended=True),
        apply=enrolments.apply,
        together=_ENROLMENTS,
        personal=_ABOUT_AN_ENROLMENT,
    ),
    Kind[SectionEvent](
        name="delete_section",
        title=N_("Section deleted"),
        help="Mark a section as deleted; its history stays.",
        key=SECTION,
        policy="accept_sections",
        read=lambda given, _policy: fields.section(given, deleted=True),
        apply=sections.apply,
    ),
    Kind[AssessmentEvent](
        name="delete_assessment",
        title=N_("Assessment deleted"),
        help="Mark an assessment as deleted; its history stays.",
        key=ASSESSMENT,
        policy="accept_grades",
        read=lambda given, _policy: fields.assessment(given, deleted=True),
        apply=assessments.apply,
    ),
    Kind[GradeEvent](
        name="delete_grade",
        title=N_("Grade deleted"),
        help="Take a person's grade for an assessment back; its history stays.",
        key=GRADE,
        policy="accept_grades",
        read=lambda given, _policy: fields.grade(given, deleted=True),
        apply=grades.apply,
        personal=_ABOUT_A_GRADE,
    ),
)
BY_NAME = {kind.name: kind for kind in _ALL}
