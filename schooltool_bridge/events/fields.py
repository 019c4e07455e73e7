"""Reading events: from whatever PHP sent to typed values, or a Malformed that names the field.

Ids come as int or string, booleans in seven shapes, an empty struct as an array. Pure.
Source: RULES 1.3 and 2.10.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from mnet.faults import Malformed
from mnet.letters import UNREADABLE, holds_controls, nfc, one_line, within
from mnet.stored_sentences import E_, english
from schooltool_bridge.common import flags, hiding, times
from schooltool_bridge.common.ids import key
from schooltool_bridge.common.points import MAX_DECIMALS, MAX_POINTS
from schooltool_bridge.common.roles import STUDENT, TEACHER
from schooltool_bridge.history.fold import When
from schooltool_bridge.history.meaning import ACTIVE, SUSPENDED
from schooltool_bridge.store.model import ID_CHARS, NAME_CHARS

MAX_NUMBER_CHARS = 60  # the column's width
# Python's own reading would also take 1_000 and the digits of every script.
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
MAX_ATTEMPT = 10**6
MAX_SENT_CHARS = 4 * NAME_CHARS + 1  # what is longer is too long in NFC as well
MAX_EXTRA_FIELDS = 200
MAX_EXTRA_CHARS = 10_000
_MAX_WHOLE = 2**53
_WHOLE_DIGITS = 16  # as many as 2**53 has


@dataclass(frozen=True, slots=True)
class UserEvent:
    """fetch_user."""

    when: When
    idnumber: str | None
    username: str | None
    firstname: str
    lastname: str
    email: str
    moodle_id: str | None
    password_hash: str | None
    password_algorithm: str | None
    others: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SectionEvent:
    """new_section, delete_section."""

    when: When
    idnumber: str
    segment: str | None
    name: str
    teacheridnumber: str
    moodle_id: str | None
    deleted: bool
    # When the course begins and ends there; None: it does not tell.
    starts_unix_s: int | None = None
    ends_unix_s: int | None = None
    # Here and below: Moodle's own id of what a number beside it means (own_ids.py).
    teacher_moodle_id: str | None = None


@dataclass(frozen=True, slots=True)
class EnrolmentEvent:
    """new_enrolment, end_enrolment (no code)."""

    when: When
    sectionid: str
    segment: str | None
    userid: str
    role: str | None
    code: str | None
    timestart_unix_s: int | None
    timeend_unix_s: int | None
    section_moodle_id: str | None = None
    user_moodle_id: str | None = None


@dataclass(frozen=True, slots=True)
class AssessmentEvent:
    """new_assessment, delete_assessment; hidden (hiding.py): None does not say."""

    when: When
    idnumber: str
    sectionid: str
    segment: str | None
    name: str
    points: Decimal
    chapternum: str
    honors_required: bool
    nonhonors_required: bool
    extra_credit: bool
    moodle_id: str | None
    deleted: bool
    # With the blanks around it, if any: what is the same must be so exactly (RULES R65).
    name_as_sent: str = ""
    section_moodle_id: str | None = None
    hidden: int | None = None


class GradeEvent(NamedTuple):
    """new_grade (no attempt: fold.with_attempts), delete_grade (deleted; no attempt: all)."""

    when: When
    assessmentid: str
    userid: str
    points: Decimal | None
    excepted: bool
    attempt: int | None
    deleted: bool
    assessment_moodle_id: str | None = None
    user_moodle_id: str | None = None
    hidden: int | None = None


Event = UserEvent | SectionEvent | EnrolmentEvent | AssessmentEvent | GradeEvent


_MISSING = E_("%(event)s: %(field)s is missing.")
_EMPTY = E_("%(event)s: %(field)s is empty.")
_HOLDS_CONTROLS = E_("%(event)s: %(field)s holds control characters.")
_TOO_LONG = E_("%(event)s: %(field)s is longer than %(most)s characters.")
_NO_NUMBER = E_("%(event)s: %(field)s must be a number.")
_BEYOND = E_("%(event)s: %(field)s is beyond %(most)s.")


class Fields:
    """The fields of one event; every reader raises Malformed naming its field."""

    def __init__(self, event: str, data: object) -> None:
        """Take an event's one parameter: a struct (PHP sends an empty one as an array)."""
        if data == []:
            data = {}
        if not isinstance(data, dict):
            raise Malformed(english("%(event)s takes a struct of fields.", event=event))
        self._event = event
        self._data: dict[str, object] = data

    def has(self, name: str) -> bool:
        """Tell whether a field is there at all."""
        return name in self._data

    def text(self, name: str, *, limit: int = NAME_CHARS, required: bool = False) -> str:
        """Read a text of one line; empty when it is missing and may be.

        A tab or line end in it is a blank.
        """
        return self._within(name, one_line(self._given(name)), limit, required=required)

    def _given(self, name: str) -> str:
        value = self._data.get(name)
        if value is None or value == []:
            value = ""
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise self._wrong(name, E_("%(event)s: %(field)s must be a text."))
        return str(value)

    def _within(self, name: str, given: str, limit: int, *, required: bool) -> str:
        text = within(given, limit)
        if text is None:
            raise self._wrong(name, _TOO_LONG, most=limit)
        if holds_controls(text):
            raise self._wrong(name, _HOLDS_CONTROLS)
        if required and not text:
            raise self._wrong(name, _EMPTY if self.has(name) else _MISSING)
        return text

    def as_sent(self, name: str) -> str:
        """A text as `text` reads it, but with the blanks around it; cut when it is too long."""
        return nfc(one_line(str(self._data.get(name, ""))[:MAX_SENT_CHARS]))

    def id(self, name: str, *, required: bool = True) -> str:
        """Read an id: an int or a string, kept as a string; no control characters, tabs, line ends.

        It is within its limit also in the form in which ids are compared, where some letters
        become two or three.
        """
        value = self._data.get(name)
        if isinstance(value, float) and value.is_integer() and abs(value) < _MAX_WHOLE:
            self._data = {**self._data, name: int(value)}
        given = self._given(name)
        if holds_controls(given) or UNREADABLE in given:
            raise self._wrong(name, _HOLDS_CONTROLS)
        text = self._within(name, given, ID_CHARS, required=required)
        if not text.isascii() and len(key(text)) > ID_CHARS:
            raise self._wrong(name, _TOO_LONG, most=ID_CHARS)
        return text

    def own(self, name: str) -> str | None:
        """Read Moodle's own id of something; None when it is missing."""
        return None if self._data.get(name) is None else self.id(name, required=False) or None

    def boolean(self, name: str) -> bool:
        """Read a flag, false when missing."""
        found = flags.read(self._data.get(name))
        if found is None:
            raise self._wrong(name, E_("%(event)s: %(field)s must be a boolean."))
        return found

    def hidden(self) -> int | None:
        """Read whether students see it (hiding.py); None where the event does not say."""
        found, problem = hiding.read(self._data.get("hidden"))
        if problem:
            raise self._wrong("hidden", problem)
        return found

    def points(self, name: str, *, required: bool) -> Decimal | None:
        """Read a number of points; None when it is null or empty and may be."""
        if not self.has(name):
            raise self._wrong(name, _MISSING)
        value = self._data[name]
        if value is None or value == [] or (isinstance(value, str) and not value.strip()):
            if required:
                raise self._wrong(name, _EMPTY)
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise self._wrong(name, _NO_NUMBER)
        text = str(value).strip()
        if len(text) > MAX_NUMBER_CHARS or not _NUMBER.fullmatch(text):
            raise self._wrong(name, _NO_NUMBER)
        number = Decimal(text)
        if abs(number) > MAX_POINTS:
            raise self._wrong(name, _BEYOND, most=MAX_POINTS)
        return round(number, MAX_DECIMALS)

    def whole(self, name: str, *, limit: int) -> int | None:
        """Read a whole number from 0 on; None when missing or empty."""
        value = self._data.get(name)
        if type(value) is int and 0 <= value <= limit:  # as nearly all are; no boolean
            return value
        if value is None or value in ("", []):
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        text = str(value).strip()
        is_whole = text.isascii() and text.isdigit() and len(text) <= _WHOLE_DIGITS
        if isinstance(value, bool) or not is_whole:
            raise self._wrong(name, E_("%(event)s: %(field)s must be a whole number from 0 on."))
        if int(text) > limit:
            raise self._wrong(name, _BEYOND, most=limit)
        return int(text)

    def when(self) -> When:
        """Read the event's time and running number."""
        seq = self.whole("seq", limit=_MAX_WHOLE)
        return When(self.time("timemodified"), -1 if seq is None else seq)

    def time(self, name: str) -> int | None:
        """Read a time (unix seconds, from 1970 to 2200); None for one that says nothing."""
        value = self._data.get(name)
        if type(value) is int and 0 < value <= times.LATEST_UNIX_S:  # as nearly all are
            return value
        if times.says_nothing(value):
            return None
        if problem := times.beyond(value):
            raise self._wrong(name, problem)
        return self.whole(name, limit=times.LATEST_UNIX_S)

    def time_or_none(self, name: str) -> int | None:
        """Read a time that may be anything: what cannot be read says nothing, and fails no call."""
        try:
            return self.time(name)
        except Malformed:
            return None

    def others(self, known: frozenset[str]) -> dict[str, object]:
        """Return simple further fields, cut to sane sizes, for the record."""
        further = {
            str(name)[:NAME_CHARS]: value[:MAX_EXTRA_CHARS] if isinstance(value, str) else value
            for name, value in self._data.items()
            if name not in known and isinstance(value, (str, int, float, bool))
        }
        return dict(list(further.items())[:MAX_EXTRA_FIELDS])

    def _wrong(self, name: str, what: str, **values: object) -> Malformed:
        return Malformed(english(what, event=self._event, field=name, **values))


_USER_FIELDS = frozenset(
    {
        "username", "firstname", "lastname", "idnumber", "email", "password_hash", "password",
        "password_hash_algorithm", "moodleid", "timemodified", "seq", "to",
    }
)  # fmt: skip
_HASH_CHARS = 255


def user(fields: Fields) -> UserEvent:
    """Read fetch_user."""
    idnumber = fields.id("idnumber", required=False)
    username = fields.id("username", required=False)
    if not idnumber and not username:
        raise Malformed(english(_MISSING, event="fetch_user", field="idnumber"))
    return UserEvent(
        when=fields.when(),
        idnumber=idnumber or None,
        username=username or None,
        firstname=fields.text("firstname", required=True),
        lastname=fields.text("lastname", required=True),
        email=fields.text("email"),
        moodle_id=fields.own("moodleid"),
        password_hash=fields.text("password_hash", limit=_HASH_CHARS) or None,
        password_algorithm=fields.text("password_hash_algorithm", limit=40).lower() or None,
        others=fields.others(_USER_FIELDS),
    )


def section(fields: Fields, *, deleted: bool) -> SectionEvent:
    """Read new_section or delete_section."""
    return SectionEvent(
        when=fields.when(),
        idnumber=fields.id("idnumber"),
        segment=fields.id("segment", required=False) or None,
        name=fields.text("name", required=not deleted),
        teacheridnumber="" if deleted else fields.id("teacheridnumber", required=False),
        moodle_id=fields.own("moodleid"),
        deleted=deleted,
        starts_unix_s=fields.time_or_none("startdate"),
        ends_unix_s=fields.time_or_none("enddate"),
        teacher_moodle_id=fields.own("teachermoodleid"),
    )


def enrolment(fields: Fields, roles: Mapping[str, str], *, ended: bool) -> EnrolmentEvent:
    """Read new_enrolment or end_enrolment; `roles` maps a peer's role names to ours."""
    named = fields.text("role", limit=ID_CHARS, required=not ended).casefold()
    role = named if named in (STUDENT, TEACHER) else roles.get(named)
    if named and role is None:
        raise Malformed(
            english(
                "%(event)s: role %(role)s is neither student nor teacher, nor mapped to one by the "
                "policy for your site.",
                event="end_enrolment" if ended else "new_enrolment",
                role=repr(named),
            )
        )
    status = fields.text("status", limit=ID_CHARS).casefold()
    suspended = status in ("1", "suspended") or fields.boolean("suspended")
    timeend = fields.time("timeend")
    return EnrolmentEvent(
        when=fields.when(),
        sectionid=fields.id("sectionid"),
        segment=fields.id("segment", required=False) or None,
        userid=fields.id("userid"),
        role=role,
        code=None if ended else SUSPENDED if suspended else ACTIVE,
        timestart_unix_s=fields.time("timestart"),
        timeend_unix_s=None if timeend == times.NEVER_UNIX_S else timeend,
        section_moodle_id=fields.own("sectionmoodleid"),
        user_moodle_id=fields.own("usermoodleid"),
    )


def assessment(fields: Fields, *, deleted: bool) -> AssessmentEvent:
    """Read new_assessment or delete_assessment."""
    points = Decimal(0) if deleted else fields.points("pointval", required=True)
    assert points is not None
    if points < 0:
        raise Malformed(english("new_assessment: pointval is below zero."))
    return AssessmentEvent(
        when=fields.when(),
        idnumber=fields.id("idnumber"),
        sectionid=fields.id("sectionid", required=not deleted),
        segment=fields.id("segment", required=False) or None,
        name=fields.text("name", required=not deleted),
        points=points,
        chapternum=fields.id("chapternum", required=False),
        honors_required=fields.boolean("honors_required"),
        nonhonors_required=fields.boolean("nonhonors_required"),
        extra_credit=fields.boolean("extra_credit"),
        moodle_id=fields.own("moodleid"),
        deleted=deleted,
        name_as_sent=fields.as_sent("name"),
        hidden=None if deleted else fields.hidden(),
        section_moodle_id=fields.own("sectionmoodleid"),
    )


def grade(fields: Fields, *, deleted: bool) -> GradeEvent:
    """Read new_grade or delete_grade."""
    return GradeEvent(
        when=fields.when(),
        assessmentid=fields.id("assessmentid"),
        userid=fields.id("userid"),
        points=None if deleted else fields.points("points_earned", required=False),
        excepted=fields.boolean("excepted"),
        attempt=fields.whole("attempt_num", limit=MAX_ATTEMPT),
        deleted=deleted,
        hidden=None if deleted else fields.hidden(),
        assessment_moodle_id=fields.own("assessmentmoodleid"),
        user_moodle_id=fields.own("usermoodleid"),
    )
