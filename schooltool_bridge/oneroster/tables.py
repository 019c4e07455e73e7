"""The files of a OneRoster package as data: columns in order, what is required, what may stand in.

One place for the writer, the checker and the import; no reading or writing. Source: OneRoster CSV
tables 1.1.1 and CSV binding 1.2.1; RULES D.2, D.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

V1_1, V1_2 = "1.1", "1.2"
MANIFEST = "manifest"
MANIFEST_VERSION = "1.0"
ABSENT, BULK, DELTA = "absent", "bulk", "delta"
MODES = (ABSENT, BULK, DELTA)
YES, NO = "true", "false"
# In 1.2 a school may add words of its own to most vocabularies.
OWN_WORD = "ext:"


class Kind(Enum):
    """What a cell holds."""

    ID = "id"  # of this row: 1-255 of 0-9 A-Z a-z . / @ _ -
    REFERENCE = "reference"  # the id of a row of another file
    REFERENCES = "references"  # several, with commas
    TEXT = "text"
    DATE = "date"  # 2026-11-21
    MOMENT = "moment"  # 2026-11-21T08:30:00.000Z
    YEAR = "year"
    YES_NO = "yes or no"  # true | false
    NUMBER = "number"
    WHOLE = "whole number"
    CHOICE = "choice"
    CHOICES = "several choices"  # with commas; a lenient reader takes others as well


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file."""

    name: str
    kind: Kind = Kind.TEXT
    is_required: bool = False
    # The file whose ids a reference names.
    target: str = ""
    choices: Sequence[str] = ()
    # Names of older or careless exporters, taken when reading.
    aliases: Sequence[str] = ()
    # Closed vocabularies have no words of a school's own, in 1.2 either.
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One file; `name` is without .csv."""

    name: str
    columns: Sequence[Column]
    # What the standard leaves room for, behind its own columns: metadata.*
    extensions: Sequence[Column] = ()

    @property
    def file(self) -> str:
        """The file's name."""
        return f"{self.name}.csv"

    @property
    def header(self) -> list[str]:
        """The names of the columns in order."""
        return [c.name for c in self.columns]

    @property
    def all_columns(self) -> Sequence[Column]:
        """Its columns, and those of ours."""
        return (*self.columns, *self.extensions)


def _text(name: str, *, required: bool = False, aliases: Sequence[str] = ()) -> Column:
    return Column(name, is_required=required, aliases=aliases)


def _of(name: str, kind: Kind, *, required: bool = False) -> Column:
    return Column(name, kind, required)


def _to(
    name: str,
    target: str,
    *,
    required: bool = False,
    several: bool = False,
    aliases: Sequence[str] = (),
) -> Column:
    kind = Kind.REFERENCES if several else Kind.REFERENCE
    return Column(name, kind, required, target=target, aliases=aliases)


def _one_of(name: str, *choices: str, required: bool = False, closed: bool = False) -> Column:
    return Column(name, Kind.CHOICE, required, choices=choices, is_closed=closed)


TO_BE_DELETED = "tobedeleted"
# `inactive` is of 1.0 and meant the same.
ENDED = (TO_BE_DELETED, "inactive")
STATUS = _one_of("status", "active", TO_BE_DELETED, closed=True)
MODIFIED = _of("dateLastModified", Kind.MOMENT)
_COMMON = (Column("sourcedId", Kind.ID, is_required=True), STATUS, MODIFIED)
# Codes of CEDS for the years of a school.
_GRADES = Column(
    "grades",
    Kind.CHOICES,
    choices=(
        "IT", "PR", "PK", "TK", "KG", *(f"{year:02}" for year in range(1, 14)), "PS", "UG", "Other",
    ),
    aliases=("grade",),
)  # fmt: skip
_RACES = (
    "americanIndianOrAlaskaNative", "asian", "blackOrAfricanAmerican",
    "nativeHawaiianOrOtherPacificIslander", "white", "demographicRaceTwoOrMoreRaces",
    "hispanicOrLatinoEthnicity",
)  # fmt: skip

ORGS = Table(
    "orgs",
    (
        *_COMMON,
        _text("name", required=True),
        _one_of(
            "type", "department", "school", "district", "local", "state", "national", required=True
        ),
        _text("identifier"),
        _to("parentSourcedId", "orgs"),
    ),
)
SESSIONS = Table(
    "academicSessions",
    (
        *_COMMON,
        _text("title", required=True),
        _one_of("type", "gradingPeriod", "semester", "schoolYear", "term", required=True),
        _of("startDate", Kind.DATE, required=True),
        _of("endDate", Kind.DATE, required=True),
        _to("parentSourcedId", "academicSessions"),
        _of("schoolYear", Kind.YEAR, required=True),
    ),
)
COURSES = Table(
    "courses",
    (
        *_COMMON,
        _to("schoolYearSourcedId", "academicSessions", aliases=("schoolYearId",)),
        _text("title", required=True),
        _text("courseCode"),
        _GRADES,
        _to("orgSourcedId", "orgs", required=True, aliases=("orgId",)),
        _text("subjects"),
        _text("subjectCodes"),
    ),
)
CLASSES = Table(
    "classes",
    (
        *_COMMON,
        _text("title", required=True),
        _GRADES,
        _to("courseSourcedId", "courses", required=True, aliases=("courseId",)),
        _text("classCode"),
        _one_of("classType", "homeroom", "scheduled", required=True),
        _text("location"),
        _to("schoolSourcedId", "orgs", required=True, aliases=("schoolId",)),
        _to(
            "termSourcedIds", "academicSessions", required=True, several=True,
            aliases=("termSourcedId", "termId", "termIds"),
        ),
        _text("subjects"),
        _text("subjectCodes"),
        _text("periods"),
    ),
)  # fmt: skip
_USER_START = (
    *_COMMON,
    _of("enabledUser", Kind.YES_NO, required=True),
)
_USER_ROLE_1_1 = (
    _to("orgSourcedIds", "orgs", required=True, several=True, aliases=("orgIds", "orgSourcedId")),
    _one_of(
        "role", "administrator", "aide", "guardian", "parent", "proctor", "relative", "student",
        "teacher", required=True,
    ),
)  # fmt: skip
_USER_END = (
    _text("username", required=True),
    _text("userIds", aliases=("userId",)),
    _text("givenName", required=True),
    _text("familyName", required=True),
    _text("middleName"),
    _text("identifier"),
    _text("email"),
    _text("sms"),
    _text("phone"),
    _to("agentSourcedIds", "users", several=True, aliases=("agents", "agentSourcedId")),
    _GRADES,
    _text("password"),
)
USERS_1_1 = Table("users", (*_USER_START, *_USER_ROLE_1_1, *_USER_END))
USERS_1_2 = Table(
    "users",
    (
        *_USER_START,
        *_USER_END,
        _text("userMasterIdentifier"),
        _text("preferredGivenName"),
        _text("preferredMiddleName"),
        _text("preferredFamilyName"),
        _to("primaryOrgSourcedId", "orgs"),
        _text("pronouns"),
    ),
)
PROFILES = Table(
    "userProfiles",
    (
        *_COMMON,
        _to("userSourcedId", "users", required=True),
        _text("profileType", required=True),
        _text("vendorId", required=True),
        _text("applicationId"),
        _text("description"),
        _text("credentialType", required=True),
        _text("username", required=True),
        _text("password"),
    ),
)
ROLES = Table(
    "roles",
    (
        *_COMMON,
        _to("userSourcedId", "users", required=True),
        _one_of("roleType", "primary", "secondary", required=True, closed=True),
        _one_of(
            "role", "aide", "counselor", "districtAdministrator", "guardian", "parent",
            "principal", "proctor", "relative", "siteAdministrator", "student",
            "systemAdministrator", "teacher", required=True,
        ),
        _of("beginDate", Kind.DATE),
        _of("endDate", Kind.DATE),
        _to("orgSourcedId", "orgs", required=True),
        _to("userProfileSourcedId", "userProfiles"),
    ),
)  # fmt: skip
ENROLLMENTS = Table(
    "enrollments",
    (
        *_COMMON,
        _to("classSourcedId", "classes", required=True, aliases=("classId",)),
        _to("schoolSourcedId", "orgs", required=True, aliases=("schoolId",)),
        _to("userSourcedId", "users", required=True, aliases=("userId",)),
        _one_of("role", "administrator", "proctor", "student", "teacher", required=True),
        _of("primary", Kind.YES_NO),
        _of("beginDate", Kind.DATE),
        _of("endDate", Kind.DATE),
    ),
)


def _demographics(*more_sexes: str) -> Table:
    return Table(
        "demographics",
        (
            Column("sourcedId", Kind.ID, is_required=True, aliases=("userSourcedId",)),
            STATUS,
            MODIFIED,
            Column("birthDate", Kind.DATE, aliases=("birthdate",)),
            _one_of("sex", "male", "female", *more_sexes),
            *(_of(name, Kind.YES_NO) for name in _RACES),
            _text("countryOfBirthCode"),
            _text("stateOfBirthAbbreviation"),
            _text("cityOfBirth"),
            _text("publicSchoolResidenceStatus"),
        ),
    )


CATEGORIES_1_1 = Table("categories", (*_COMMON, _text("title", required=True)))
CATEGORIES_1_2 = Table("categories", (*CATEGORIES_1_1.columns, _of("weight", Kind.WHOLE)))
_ITEM_START = (
    *_COMMON,
    _text("title", required=True),
    _text("description"),
    _of("assignDate", Kind.DATE, required=True),
    _of("dueDate", Kind.DATE, required=True),
    _to("classSourcedId", "classes", required=True),
    _to("categorySourcedId", "categories", required=True),
)
EXTENSION = "metadata."
# An assessment that adds only points; the standard has no word for it.
EXTRA_CREDIT = f"{EXTENSION}extraCredit"
_ITEM_EXTENSIONS = (_of(EXTRA_CREDIT, Kind.YES_NO),)
ITEMS_1_1 = Table(
    "lineItems",
    (
        *_ITEM_START,
        _to("gradingPeriodSourcedId", "academicSessions", required=True),
        _of("resultValueMin", Kind.NUMBER, required=True),
        _of("resultValueMax", Kind.NUMBER, required=True),
    ),
    _ITEM_EXTENSIONS,
)
ITEMS_1_2 = Table(
    "lineItems",
    (
        *_ITEM_START,
        _to("academicSessionSourcedId", "academicSessions", required=True),
        _of("resultValueMin", Kind.NUMBER),
        _of("resultValueMax", Kind.NUMBER),
        _to("schoolSourcedId", "orgs", required=True),
    ),
    _ITEM_EXTENSIONS,
)
EXEMPT, GRADED = "exempt", "fully graded"


def _result_start(*, score_required: bool) -> tuple[Column, ...]:
    return (
        *_COMMON,
        _to("lineItemSourcedId", "lineItems", required=True),
        _to("studentSourcedId", "users", required=True),
        _one_of(
            "scoreStatus", EXEMPT, GRADED, "not submitted", "partially graded", "submitted",
            required=True,
        ),
        _of("score", Kind.NUMBER, required=score_required),
        _of("scoreDate", Kind.DATE, required=True),
        _text("comment"),
    )  # fmt: skip


RESULTS_1_1 = Table("results", _result_start(score_required=True))
RESULTS_1_2 = Table(
    "results",
    (
        *_result_start(score_required=False),
        _text("textScore"),
        _to("classSourcedId", "classes"),
        *(_of(n, Kind.YES_NO) for n in ("inProgress", "incomplete", "late", "missing")),
    ),
)

# Each file stands after those that it refers to (or refers to itself).
TABLES: Mapping[str, Mapping[str, Table]] = {
    version: {t.name: t for t in tables}
    for version, tables in {
        V1_1: (
            ORGS, SESSIONS, COURSES, CLASSES, USERS_1_1, ENROLLMENTS, _demographics(),
            CATEGORIES_1_1, ITEMS_1_1, RESULTS_1_1,
        ),
        V1_2: (
            ORGS, SESSIONS, COURSES, CLASSES, USERS_1_2, PROFILES, ROLES, ENROLLMENTS,
            _demographics("unspecified", "other"), CATEGORIES_1_2, ITEMS_1_2, RESULTS_1_2,
        ),
    }.items()
}  # fmt: skip
# Files of the standard that are not for us; the manifest has a row for them too.
_NOT_OURS_1_1 = ("classResources", "courseResources", "resources")
NOT_OURS: Mapping[str, Sequence[str]] = {
    V1_1: _NOT_OURS_1_1,
    V1_2: (
        *_NOT_OURS_1_1, "lineItemLearningObjectiveIds", "lineItemScoreScales",
        "resultLearningObjectiveIds", "resultScoreScales", "scoreScales", "userResources",
    ),
}  # fmt: skip
MANIFEST_TABLE = Table(MANIFEST, (_text("propertyName", required=True), _text("value")))


def files_of(version: str) -> list[str]:
    """The names of all data files of a version, without .csv, as its manifest lists them."""
    return sorted([*TABLES[version], *NOT_OURS[version]], key=str.casefold)


# The names of all files that a package of either version may have, without .csv.
FILES = (MANIFEST, *dict.fromkeys((*files_of(V1_2), *files_of(V1_1))))
# What our own export fills the gaps of the format with; on the way in they mean "none".
SYSTEM_NAME = "mnet-peer"
ONGOING_YEAR, ONGOING_TERM, NO_CATEGORY = "year-ongoing", "term-ongoing", "category-none"
COURSE_OF_SECTION = "course-of-section-"
