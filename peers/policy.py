"""A peer's policy: the settings that an admin may change for one peer, their types and defaults.

Stored as a small JSON object of what differs from the default. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import time

from mnet.language import _
from mnet.refusal import Refusal

OUT_OF_RANGE = ("accept", "clamp", "reject")
# Whether an enrolment begins and ends with its dates: both, without the begin, without the end, no.
DATES = ("hold", "ignore start", "ignore end", "ignore")
# Whether a full sync asks before it withdraws anybody: always, or above a small number.
ABSENCES = ("small", "preview")
# Whether a section never seen before comes in by itself, or waits for a person.
NEW_SECTIONS = ACCEPT, APPROVE = ("accept", "approve")
_CHOICES = {
    "absences": ABSENCES,
    "new_sections": NEW_SECTIONS,
    "out_of_range": OUT_OF_RANGE,
    "dates_students": DATES,
    "dates_teachers": DATES,
    "tls": ("verify", "none"),
}
# What somebody is at the school; other: in no section, neither as student nor as teacher.
STUDENT, TEACHER, OTHER = SCHOOL_ROLES = ("student", "teacher", "other")
# What the policy `names` may take from another of a peer's fields.
MAPPED_FIELDS = ("firstname", "lastname", "email")
# Never a password: names are shown to everybody.
_FIELD = re.compile(r"(?!password)[a-z0-9_.-]{0,60}")
# Not longer apart than a year.
MAX_EVERY_HOURS = 24 * 366
TRUE_WORDS = {"true": True, "yes": True, "on": True, "1": True}
FALSE_WORDS = {"false": False, "no": False, "off": False, "0": False}


class BadPolicy(Refusal, ValueError):
    """A policy's name or value is not one that exists; the text says which there are."""


@dataclass(frozen=True, slots=True)
class PeerPolicy:
    """What an admin decided for one peer (RULES 1.3-1.6)."""

    # Match a pushed person to one of ours by equal username when no idnumber or link decides.
    match_username: bool = False
    # Grades below zero or above the assessment's points: accept | clamp | reject.
    out_of_range: str = "accept"
    # The dates of enrolments (timestart, timeend): hold | ignore start | ignore end | ignore.
    dates_students: str = "hold"
    dates_teachers: str = "ignore end"
    # Moodle's role names for ours, e.g. editingteacher=teacher,nonediting=teacher.
    roles: Mapping[str, str] = field(default_factory=dict)
    # Which of a peer's fields tell a first name, last name or email, e.g.
    # firstname=alternatename,email= (nothing: left out); a field that came empty changes nothing.
    names: Mapping[str, str] = field(default_factory=dict)
    accept_people: bool = True
    accept_sections: bool = True
    # Sections never seen before: accept | approve (RULES 1.12).
    new_sections: str = ACCEPT
    accept_enrolments: bool = True
    accept_grades: bool = True
    # Who may sign on from the peer here, and go over from here to it, whatever right they have:
    # whoever has one of these roles at the school now (RULES R30). Empty: nobody.
    land_roles: tuple[str, ...] = SCHOOL_ROLES
    jump_roles: tuple[str, ...] = SCHOOL_ROLES
    # Full sync (RULES 1.10): whether to ask before somebody is withdrawn (small | preview), how
    # often it is done (0: never by itself), from which time of day on, by the school's clock.
    absences: str = "small"
    sync_every_hours: int = 24
    sync_at: str = "03:00"
    # TLS: "verify" checks certificate and host name, "none" takes any.
    tls: str = "verify"
    # A new key that verified TLS brings is believed; a Mahara's rotation heals only by that.
    trust_tls_key: bool = True

    def dates_of(self, role: str | None) -> str:
        """Return the policy for the dates of an enrolment in a role; none: an ending has none."""
        return self.dates_teachers if role == TEACHER else self.dates_students

    @classmethod
    def from_stored(cls, stored: Mapping[str, str]) -> PeerPolicy:
        """Read the stored form ({name: text}); raises BadPolicy naming what is wrong."""
        policy = cls()
        values = {f.name: getattr(policy, f.name) for f in fields(cls)}
        for name, text in stored.items():
            values[name] = _value(name, text)
        return cls(**values)


def _value(name: str, text: str) -> bool | int | str | Mapping[str, str] | tuple[str, ...]:
    known = [f.name for f in fields(PeerPolicy)]
    if name not in known:
        raise BadPolicy(
            _(
                "There is no policy %(name)s; there are: %(known)s.",
                name=repr(name),
                known=", ".join(known),
            )
        )
    if name in _CHOICES:
        return _one_of(name, text, _CHOICES[name])
    if name in ("land_roles", "jump_roles"):
        return _school_roles(name, text)
    if name in _READ:
        return _READ[name](text)
    word = text.strip().casefold()
    if word not in TRUE_WORDS and word not in FALSE_WORDS:
        raise BadPolicy(_("%(name)s is yes or no, not %(text)s.", name=name, text=repr(text)))
    return word in TRUE_WORDS


def _one_of(name: str, text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise BadPolicy(
            _(
                "%(name)s is one of %(choices)s, not %(text)s.",
                name=name,
                choices=", ".join(choices),
                text=repr(text),
            )
        )
    return text


def _hours(text: str) -> int:
    text = text.strip()
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_EVERY_HOURS))
    if not is_number or int(text) > MAX_EVERY_HOURS:
        raise BadPolicy(
            _(
                "sync_every_hours is a whole number of hours from 0 (never) to %(most)s, not "
                "%(text)s.",
                most=MAX_EVERY_HOURS,
                text=repr(text),
            )
        )
    return int(text)


def _time_of_day(text: str) -> str:
    text = text.strip()
    try:
        read = time.fromisoformat(text)
    except ValueError:
        read = None
    if read is None or text != read.isoformat("minutes"):
        raise BadPolicy(_("sync_at is a time of day such as 03:00, not %(text)s.", text=repr(text)))
    return text


def _roles(text: str) -> Mapping[str, str]:
    roles = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        theirs, equals, ours = pair.partition("=")
        if not equals or ours.strip() not in ("student", "teacher"):
            raise BadPolicy(
                _(
                    "roles is NAME=student or NAME=teacher, with commas; not %(text)s.",
                    text=repr(pair),
                )
            )
        roles[theirs.strip().casefold()] = ours.strip()
    return roles


def _names(text: str) -> Mapping[str, str]:
    names = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        ours, equals, theirs = (part.strip().casefold() for part in pair.partition("="))
        is_known = ours in MAPPED_FIELDS and (theirs or ours == "email")
        if not equals or not is_known or not _FIELD.fullmatch(theirs):
            raise BadPolicy(
                _(
                    "names is firstname=FIELD, lastname=FIELD or email=FIELD, with commas, FIELD "
                    "being what the peer calls it; email= leaves it out; not %(text)s.",
                    text=repr(pair),
                )
            )
        names[ours] = theirs
    return names


def _school_roles(name: str, text: str) -> tuple[str, ...]:
    wanted = {part.strip().casefold() for part in text.split(",")} - {""}
    if unknown := wanted - set(SCHOOL_ROLES):
        raise BadPolicy(
            _(
                "%(name)s is a list, with commas, out of %(known)s; empty for nobody; "
                "not %(text)s.",
                name=name,
                known=", ".join(SCHOOL_ROLES),
                text=repr(", ".join(sorted(unknown))),
            )
        )
    return tuple(role for role in SCHOOL_ROLES if role in wanted)


_READ: Mapping[str, Callable[[str], int | str | Mapping[str, str]]] = {
    "roles": _roles,
    "names": _names,
    "sync_every_hours": _hours,
    "sync_at": _time_of_day,
}
