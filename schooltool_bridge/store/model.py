"""Tables of the SIS. Only definitions: no queries, no rules.

What was told is kept in *_history tables, which the store lets nobody change or delete
(model_guards.py). What holds now stands beside it, folded from the history (fold.py), so that
an everyday question needs no fold. Times are unix seconds: `effective` is when the sender says
that something happened, `recorded` when we learnt it. Source: RULES 1.3-1.6.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from mnet.database import metadata
from mnet.language import N_

ACTIVE, DELETED = "active", "deleted"

ID_CHARS = 255
NAME_CHARS = 1333  # a Moodle 5's course name
# SQLite looks at no length: what its tables say stays as it was, since it would be made anew.
NAME = sa.String(1000).with_variant(sa.String(NAME_CHARS), "postgresql")
# An account's or a person's name, with what kind of actor it is.
ACTOR_CHARS = 300


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True)


def _when() -> tuple[sa.Column[Any], ...]:
    """When a row's fact took effect, its order among equals, when and from whom we learnt it."""
    return (
        sa.Column("effective_unix_s", sa.BigInteger, nullable=False),
        # The sender's running number; -1 when it gave none.
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("recorded_unix_s", sa.BigInteger, nullable=False),
        # Who here wrote it by hand, and why; None: the peer sent it.
        sa.Column("by_actor", sa.String(ACTOR_CHARS), nullable=True),
        sa.Column("why", sa.Text, nullable=False, server_default=""),
    )


def _own(column: str) -> sa.ForeignKey:
    """A row of the same table, checked late where many rows are copied in one transaction."""
    return sa.ForeignKey(column, deferrable=True, initially="IMMEDIATE")


def _peer(*, nullable: bool = False) -> sa.Column[int]:
    return sa.Column("peer_id", sa.ForeignKey("peer.id"), nullable=nullable)


person = sa.Table(
    "person",
    metadata,
    _id(),
    sa.Column("idnumber", sa.String(ID_CHARS), nullable=True),
    sa.Column("idnumber_key", sa.String(ID_CHARS * 3), nullable=True, unique=True),
    sa.Column("username", sa.String(ID_CHARS * 2), nullable=False),
    sa.Column("username_key", sa.String(ID_CHARS * 6), nullable=False, unique=True),
    sa.Column("firstname", NAME, nullable=False),
    sa.Column("lastname", NAME, nullable=False),
    sa.Column("email", NAME, nullable=False),
    sa.Column("can_login", sa.Boolean, nullable=False, default=False),
    # The peer whose values name and email follow; none when people here decide them.
    sa.Column("follows_peer_id", sa.ForeignKey("peer.id"), nullable=True),
    sa.Column("created_unix_s", sa.BigInteger, nullable=False),
    # Set while this is known to be somebody who has another row; every row of its own stays.
    sa.Column("merged_into_id", _own("person.id"), nullable=True),
    # Few are merged, and every reader asks for them.
    sa.Index(
        "ix_person_merged_into_id",
        "merged_into_id",
        sqlite_where=sa.text("merged_into_id IS NOT NULL"),
        postgresql_where=sa.text("merged_into_id IS NOT NULL"),
    ),
)

# A peer's own names for a person: either finds that person (RULES 1.4).
person_link = sa.Table(
    "person_link",
    metadata,
    _id(),
    _peer(),
    sa.Column("person_id", sa.ForeignKey("person.id"), nullable=False, index=True),
    sa.Column("idnumber_key", sa.String(ID_CHARS * 3), nullable=True),
    sa.Column("username", sa.String(ID_CHARS), nullable=True),
    sa.Column("username_key", sa.String(ID_CHARS * 3), nullable=True),
    # Moodle's own id, which stood for the idnumber (#42) or came beside it; still finds the person.
    sa.Column("moodle_id", sa.String(ID_CHARS), nullable=True),
    # A hash that a Moodle sent, wrapped in argon2id; storing it never lets anybody in.
    sa.Column("password_wrapped", sa.String(255), nullable=True),
    sa.Column("password_algorithm", sa.String(40), nullable=True),
    # Whether the peer may sign this person in here (RULES 1.7).
    sa.Column("can_login", sa.Boolean, nullable=False, server_default=sa.false()),
    # Whether somebody ever gave or took that right; a new link's is still to be decided.
    sa.Column("decided", sa.Boolean, nullable=False, server_default=sa.false()),
    # The person has several rows (identity.py), so that what comes is folded with the others' too.
    sa.Column("is_several", sa.Boolean, nullable=False, server_default=sa.false()),
    # Decided by hand: the peer's idnumber for this person is not the school's, though it looks so.
    sa.Column("kept_apart", sa.Boolean, nullable=False, server_default=sa.false()),
    # Cut by a person: it finds nobody any more, and a person decides whom the peer means.
    sa.Column("unlinked", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("effective_unix_s", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("peer_id", "idnumber_key"),
    sa.UniqueConstraint("peer_id", "username_key"),
    sa.Index("ix_person_link_peer_id_moodle_id", "peer_id", "moodle_id"),
    # Few are kept apart, and every reader asks for them (SQLite: in just these words).
    sa.Index(
        "ix_person_link_kept_apart",
        "kept_apart",
        sqlite_where=sa.text("kept_apart = 1"),
        postgresql_where=sa.text("kept_apart"),
    ),
)

person_history = sa.Table(
    "person_history",
    metadata,
    _id(),
    sa.Column("link_id", sa.ForeignKey("person_link.id"), nullable=False, index=True),
    # Username, names, email and what else the peer sent, for the record; no password.
    sa.Column("fields", sa.JSON, nullable=False),
    *_when(),
)

# The courses in which a peer says that our person is (update_enrolments).
peer_course = sa.Table(
    "peer_course",
    metadata,
    sa.Column("peer_id", sa.ForeignKey("peer.id"), primary_key=True),
    sa.Column("person_id", sa.ForeignKey("person.id"), primary_key=True, index=True),
    sa.Column("course_id", sa.String(ID_CHARS), primary_key=True),
    sa.Column("fullname", NAME, nullable=False),
    sa.Column("shortname", NAME, nullable=False),
    sa.Column("told_unix_s", sa.BigInteger, nullable=False),
)

section = sa.Table(
    "section",
    metadata,
    _id(),
    # None: made here by hand, and so has an idnumber only if somebody gave it one.
    _peer(nullable=True),
    sa.Column("idnumber", sa.String(ID_CHARS), nullable=True),
    sa.Column("segment", sa.String(ID_CHARS), nullable=False),
    # Moodle's own id, by which it stays known after a real idnumber took its place.
    sa.Column("moodle_id", sa.String(ID_CHARS), nullable=True),
    sa.Column("name", NAME, nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("effective_unix_s", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    # Where an admin filed it; neither: the ongoing container.
    sa.Column("course_id", sa.ForeignKey("course.id"), nullable=True, index=True),
    sa.Column("term_id", sa.ForeignKey("term.id"), nullable=True, index=True),
    # The section that this one continues, where no shared idnumber says so.
    sa.Column("previous_id", _own("section.id"), nullable=True),
    # Its first and last day at its peer, by the school's clock, where that told.
    sa.Column("starts_day", sa.Date, nullable=True),
    sa.Column("ends_day", sa.Date, nullable=True),
    # Cut from its peer by a person (model_linking.link_change): ours as if made by hand.
    sa.Column("unlinked", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("peer_id", "idnumber", "segment"),
    sa.Index(
        "uq_section_own",
        "idnumber",
        "segment",
        unique=True,
        sqlite_where=sa.text("peer_id IS NULL"),
        postgresql_where=sa.text("peer_id IS NULL"),
    ),
    sa.Index("ix_section_peer_id_moodle_id", "peer_id", "moodle_id"),
)

section_history = sa.Table(
    "section_history",
    metadata,
    _id(),
    sa.Column("section_id", sa.ForeignKey("section.id"), nullable=False, index=True),
    sa.Column("name", NAME, nullable=False),
    # As the peer wrote it; empty when it named none.
    sa.Column("teacheridnumber", sa.String(ID_CHARS), nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False),
    *_when(),
)

enrolment_state = sa.Table(
    "enrolment_state",
    metadata,
    sa.Column("code", sa.String(20), primary_key=True),
    sa.Column("meaning", sa.String(20), nullable=False),
    sa.Column("title", sa.String(100), nullable=False),
)

enrolment = sa.Table(
    "enrolment",
    metadata,
    _id(),
    sa.Column("section_id", sa.ForeignKey("section.id"), nullable=False),
    sa.Column("person_id", sa.ForeignKey("person.id"), nullable=False, index=True),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("code", sa.ForeignKey("enrolment_state.code"), nullable=False),
    sa.Column("since_unix_s", sa.BigInteger, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    # What comes of itself by its dates, and after that (present.py); None: nothing.
    sa.Column("next_code", sa.ForeignKey("enrolment_state.code"), nullable=True),
    sa.Column("next_unix_s", sa.BigInteger, nullable=True),
    sa.Column("last_code", sa.ForeignKey("enrolment_state.code"), nullable=True),
    sa.Column("last_unix_s", sa.BigInteger, nullable=True),
    sa.UniqueConstraint("section_id", "person_id", "role"),
)

enrolment_history = sa.Table(
    "enrolment_history",
    metadata,
    _id(),
    sa.Column("section_id", sa.ForeignKey("section.id"), nullable=False),
    sa.Column("person_id", sa.ForeignKey("person.id"), nullable=False),
    # None: an ending of whatever that person was there.
    sa.Column("role", sa.String(20), nullable=True),
    # None: ended by the peer; which withdrawal that is depends on the grades (fold.py).
    sa.Column("code", sa.ForeignKey("enrolment_state.code"), nullable=True),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("timestart_unix_s", sa.BigInteger, nullable=True),
    sa.Column("timeend_unix_s", sa.BigInteger, nullable=True),
    # The policy for dates under which it first arrived (fold_enrolments.DATES).
    sa.Column("dates", sa.String(20), nullable=True),
    # An ending by the peer that named no part (segment): it holds in every part of the section.
    sa.Column("whole_section", sa.Boolean, nullable=False, server_default=sa.false()),
    *_when(),
    sa.Index("ix_enrolment_history_section_id_person_id", "section_id", "person_id"),
)

assessment = sa.Table(
    "assessment",
    metadata,
    _id(),
    # None: made here by hand, until a peer's of the same name takes it over. One given back
    # after that keeps its link, for what its peer may still send of it (fold.item_state).
    _peer(nullable=True),
    sa.Column("idnumber", sa.String(ID_CHARS), nullable=True),
    sa.Column("section_id", sa.ForeignKey("section.id"), nullable=False, index=True),
    sa.Column("moodle_id", sa.String(ID_CHARS), nullable=True),
    sa.Column("name", NAME, nullable=False),
    sa.Column("points", sa.String(60), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("effective_unix_s", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    # What the school itself adds (model_school.assessment_detail has the history of it).
    sa.Column("label", sa.String(ID_CHARS), nullable=False, server_default=""),
    sa.Column("description", sa.Text, nullable=False, server_default=""),
    sa.Column("category_id", sa.ForeignKey("category.id"), nullable=True),
    sa.Column("worksheet_id", sa.ForeignKey("worksheet.id"), nullable=True),
    sa.Column("score_system_id", sa.ForeignKey("score_system.id"), nullable=True),
    sa.Column("due_day", sa.Date, nullable=True),
    sa.Column("hidden", sa.BigInteger, nullable=False, server_default="0"),  # common/hiding.py
    # Cut from its peer by a person, as in section.
    sa.Column("unlinked", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("peer_id", "idnumber"),
    sa.Index("ix_assessment_peer_id_moodle_id", "peer_id", "moodle_id"),
)

assessment_history = sa.Table(
    "assessment_history",
    metadata,
    _id(),
    sa.Column("assessment_id", sa.ForeignKey("assessment.id"), nullable=False, index=True),
    sa.Column("section_id", sa.ForeignKey("section.id"), nullable=False),
    sa.Column("name", NAME, nullable=False),
    sa.Column("points", sa.String(60), nullable=False),
    sa.Column("chapternum", sa.String(ID_CHARS), nullable=False),
    sa.Column("honors_required", sa.Boolean, nullable=False),
    sa.Column("nonhonors_required", sa.Boolean, nullable=False),
    sa.Column("extra_credit", sa.Boolean, nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.Column("hidden", sa.BigInteger, nullable=True),  # None: it does not say
    *_when(),
    # All that ever stood in a section is asked for by every report.
    sa.Index("ix_assessment_history_section_id_assessment_id", "section_id", "assessment_id"),
)

# One cell of the gradebook: the attempt that counts, folded.
grade = sa.Table(
    "grade",
    metadata,
    _id(),
    sa.Column("assessment_id", sa.ForeignKey("assessment.id"), nullable=False),
    sa.Column("person_id", sa.ForeignKey("person.id"), nullable=False, index=True),
    # None while there is no grade: cleared, or taken back (then `exists` is false too).
    sa.Column("points", sa.String(60), nullable=True),
    sa.Column("excepted", sa.Boolean, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("exists", sa.Boolean, nullable=False),
    # peer | manual; a manual entry wins until it is released
    sa.Column("authority", sa.String(20), nullable=False),
    # What the peer says, beside a manual entry.
    sa.Column("peer_points", sa.String(60), nullable=True),
    sa.Column("peer_excepted", sa.Boolean, nullable=True),
    sa.Column("hidden", sa.BigInteger, nullable=False, server_default="0"),  # common/hiding.py
    sa.Column("effective_unix_s", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("recorded_unix_s", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("assessment_id", "person_id"),
)

grade_history = sa.Table(
    "grade_history",
    metadata,
    _id(),
    sa.Column("grade_id", sa.ForeignKey("grade.id"), nullable=False, index=True),
    # As the peer sent it, before any policy; None clears.
    sa.Column("raw_points", sa.String(60), nullable=True),
    sa.Column("excepted", sa.Boolean, nullable=False),
    # None: written by hand, a deletion of every attempt up to that time, or a peer's grade
    # without a number: the rows around it say to which it belongs (fold.with_attempts).
    sa.Column("attempt", sa.Integer, nullable=True),
    # Taken back; of an entry by hand: released, so that the peer's value counts again.
    sa.Column("deleted", sa.Boolean, nullable=False),
    # It arrived under the policy that holds points between nought and the maximum.
    sa.Column("is_clamped", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("hidden", sa.BigInteger, nullable=True),  # None: it does not say
    *_when(),
)

# Events that could not be applied: held, in conflict, or rejected; with their payload.
inbox = sa.Table(
    "inbox",
    metadata,
    _id(),
    _peer(),
    sa.Column("event", sa.String(40), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    # SHA-256 of event and payload: an event that is repeated while it waits stands here once.
    sa.Column("digest", sa.LargeBinary(32), nullable=False),
    sa.Column("waiting_for", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("effective_unix_s", sa.BigInteger, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("received_unix_s", sa.BigInteger, nullable=False),
    # What of the peer's policy then goes with it for good (applied.under); a row from
    # before there was such says nothing.
    sa.Column("arrived_under", sa.JSON, nullable=False, server_default="{}"),
    # With the status, or SQLite would look through all of a status instead.
    sa.Index("ix_inbox_peer_id_digest_status", "peer_id", "digest", "status"),
    sa.Index("ix_inbox_peer_id_status_id", "peer_id", "status", "id"),
)

inbox_wait = sa.Table(
    "inbox_wait",
    metadata,
    sa.Column("inbox_id", sa.ForeignKey("inbox.id"), primary_key=True),
    sa.Column("key", sa.String(600), primary_key=True),
    _peer(),
    # The event's name, so that a later one of its kind is found without looking at others.
    sa.Column("event", sa.String(40), nullable=False, server_default=""),
    sa.Index("ix_inbox_wait_peer_id_key_event_inbox_id", "peer_id", "key", "event", "inbox_id"),
)

# How many events of a peer lie in the inbox in which state (inbox_counts.py).
inbox_count = sa.Table(
    "inbox_count",
    metadata,
    sa.Column("peer_id", sa.ForeignKey("peer.id"), primary_key=True),
    sa.Column("status", sa.String(20), primary_key=True),
    sa.Column("events", sa.Integer, nullable=False),
)

HISTORY_TABLES = (
    person_history,
    section_history,
    enrolment_history,
    assessment_history,
    grade_history,
)

# The states that a school starts with (RULES 1.6); it may add its own.
ENROLMENT_STATES = (
    {"code": "a", "meaning": "active", "title": N_("Active")},
    {"code": "p", "meaning": "inactive", "title": N_("Pending")},
    {"code": "w", "meaning": "inactive", "title": N_("Withdrawn (code to be given)")},
    {"code": "wn", "meaning": "inactive", "title": N_("Withdrawn - No Grade")},
    {"code": "wp", "meaning": "inactive", "title": N_("Withdrawn - Passing")},
    {"code": "wf", "meaning": "inactive", "title": N_("Withdrawn - Failing")},
    {"code": "ps", "meaning": "completed", "title": N_("Passed")},
    {"code": "fl", "meaning": "completed", "title": N_("Failed")},
    {"code": "s", "meaning": "inactive", "title": N_("Suspended in Moodle")},
    {"code": "en", "meaning": "inactive", "title": N_("Ended")},
    {"code": "e", "meaning": "inactive", "title": N_("Added in error")},
)
