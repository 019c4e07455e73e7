"""The courses of a Moodle, as its enrol plugin answers about them: of 2.x and later, or of 1.9."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mnet.xmlrpc import FaultResponse

START_UNIX_S = 1_790_000_000
HOSTILE = "<script>alert('x')</script>"


def course(number: int, fullname: str, shortname: str, category: int = 1, **more: str) -> Any:
    """A course as available_courses lays it out."""
    return {
        "remoteid": str(number), "fullname": fullname, "shortname": shortname, "idnumber": "",
        "summary": "<p>x</p>", "summaryformat": "1", "sortorder": str(10_000 + number),
        "startdate": str(START_UNIX_S), "cat_id": str(category), "cat_name": f"Year {category}",
        "cat_description": "", "cat_descriptionformat": "0", "cost": "", "currency": "",
        "defaultroleid": "5", "defaultrolename": "", **more,
    }  # fmt: skip


def fault(code: int) -> FaultResponse:
    return FaultResponse(code, f"enrol_mnet/{HOSTILE}", None)


@dataclass
class CourseHost:
    """Its courses and who is in them; `scripted` goes to tests/helpers/moodle.py."""

    is_old: bool = False
    courses: list[Any] = field(
        default_factory=lambda: [
            course(2, "Geography & <Maps>", "GEO", 1, idnumber="GEO-9"),
            course(3, f"History {HOSTILE}", "HIST", 2),
        ]
    )
    # By course: user name, plugin.
    enrolled: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    accounts: dict[str, Any] = field(default_factory=dict)
    # Faults to answer with in place of work, by user name.
    refuses: dict[str, int] = field(default_factory=dict)

    @property
    def scripted(self) -> dict[str, Callable[..., Any]]:
        return {
            "available_courses": self.available_courses,
            "course_enrolments": self.course_enrolments,
            "enrol_user": self.enrol_user,
            "unenrol_user": self.unenrol_user,
        }

    def available_courses(self) -> Any:
        if not self.is_old:
            return self.courses
        rows = [{k: v for k, v in c.items() if not k.endswith("format")} for c in self.courses]
        return {c["remoteid"]: c for c in rows} or False

    def course_enrolments(self, course_id: int, _roles: str = "") -> Any:
        known = {int(c["remoteid"]) for c in self.courses}
        if course_id not in known and self.is_old:
            return "no course"
        rows = [
            {
                "username": username, "shortname": "student", "name": "", "enrol": plugin,
                "timemodified": str(START_UNIX_S + 60),
            }
            for username, plugin in self.enrolled.get(course_id, [])
        ]  # fmt: skip
        return {row["username"]: row for row in rows} if self.is_old else rows

    def enrol_user(self, user: Any, course_id: str) -> Any:
        username = user["username"]
        if username in self.refuses:
            return False if self.is_old else fault(self.refuses[username])
        if course_id not in {c["remoteid"] for c in self.courses}:
            return False if self.is_old else fault(5012)
        self.accounts.setdefault(username, user)
        there = self.enrolled.setdefault(int(course_id), [])
        if (username, "mnet") not in there:
            there.append((username, "mnet"))
        return True

    def unenrol_user(self, username: str, course_id: str) -> Any:
        if username in self.refuses:
            return False if self.is_old else fault(self.refuses[username])
        there = self.enrolled.get(int(course_id), [])
        if username not in {name for name, _plugin in there}:
            return False if self.is_old else fault(5014)
        self.enrolled[int(course_id)] = [
            (name, plugin)
            for name, plugin in there
            if name != username or (plugin != "mnet" and not self.is_old)
        ]
        return True
