"""Checks between rows of a OneRoster package, beyond references: dates, types, sums.

Fed row by row by checking.py; keeps only what later rows are compared with. Source: OneRoster
1.1.1 and 1.2.1 (a class belongs to a school, one primary teacher a class, ends exclude their day).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Protocol

from schooltool_bridge.common.days import ONE_DAY
from schooltool_bridge.oneroster.tables import V1_1

Note = Callable[[str, int, str, str], None]  # file, row, column, message
_SCHOOL_KEEPERS = ("classes", "enrollments", "lineItems")


class Cells(Protocol):
    """A row's cells by name, empty where there is none."""

    def __getitem__(self, name: str, /) -> str:
        """A cell."""
        ...


class Agreement:
    """Compares the rows of a package with each other."""

    def __init__(self, wrong: Note, odd: Note, version: str, *, strict: bool) -> None:
        """Begin a package; a lenient reader only minds what it could not take in."""
        self._wrong = wrong
        self._odd = odd
        self._version = version
        self._strict = strict
        self._org_types: dict[str, str] = {}
        self._session_types: dict[str, str] = {}
        self._class_of_item: dict[str, str] = {}
        self._worth_of_item: dict[str, Decimal | None] = {}
        self._enrolled: set[tuple[str, str]] = set()
        self._primary_teacher: set[str] = set()
        self._primary_role: set[tuple[str, str]] = set()

    def look_at(self, name: str, row: int, cells: Cells) -> None:
        """Compare a row with those before it, and keep what later rows need."""
        self._remember(name, cells)
        for column, message in self._disagreements(name, cells):
            self._wrong(f"{name}.csv", row, column, message)
        if self._strict:
            for column, message in self._strictly(name, cells):
                self._wrong(f"{name}.csv", row, column, message)
            if name == "results" and self._is_beyond(cells):
                sentence = (
                    "is above the line item's resultValueMax; some readers refuse extra credit"
                )
                self._odd("results.csv", row, "score", sentence)

    def _remember(self, name: str, cells: Cells) -> None:
        own = cells["sourcedId"]
        if name == "orgs":
            self._org_types[own] = cells["type"]
        elif name == "academicSessions":
            self._session_types[own] = cells["type"]
        elif name == "lineItems":
            self._class_of_item[own] = cells["classSourcedId"]
            self._worth_of_item[own] = _number(cells["resultValueMax"])
        elif name == "enrollments":
            self._enrolled.add((cells["classSourcedId"], cells["userSourcedId"]))

    def _disagreements(self, name: str, cells: Cells) -> list[tuple[str, str]]:
        found = []
        starts, ends = ("startDate" if name == "academicSessions" else "beginDate"), "endDate"
        if cells[starts] and cells[ends] and cells[ends] < cells[starts]:
            found.append((ends, f"is before {starts}"))
        if name == "lineItems":
            low, high = _number(cells["resultValueMin"]), _number(cells["resultValueMax"])
            if low is not None and high is not None and low > high:
                found.append(("resultValueMax", "is below resultValueMin"))
        return found

    def _strictly(self, name: str, cells: Cells) -> list[tuple[str, str]]:
        found = []
        school = cells["schoolSourcedId"]
        if name in _SCHOOL_KEEPERS and self._org_types.get(school, "school") != "school":
            found.append(("schoolSourcedId", "names an org that is no school"))
        if name == "academicSessions":
            found += self._session(cells)
        if name == "courses":
            year = cells["schoolYearSourcedId"]
            if self._session_types.get(year, "schoolYear") != "schoolYear":
                found.append(("schoolYearSourcedId", "names a session that is no schoolYear"))
        elif name == "lineItems":
            found += self._period(cells)
        elif name == "enrollments" and cells["primary"] == "true":
            found += self._only_primary(cells)
        elif name == "roles" and cells["roleType"] == "primary":
            user_and_org = (cells["userSourcedId"], cells["orgSourcedId"])
            if user_and_org in self._primary_role:
                found.append(("roleType", "this user has a primary role there already"))
            self._primary_role.add(user_and_org)
        elif name == "results":
            found += self._result(cells)
        return found

    def _session(self, cells: Cells) -> list[tuple[str, str]]:
        if cells["endDate"] == cells["startDate"]:
            return [("endDate", "is the day of startDate; it is the first day that is out")]
        if cells["type"] == "schoolYear" and not _is_of_its_end(cells):
            return [("schoolYear", "is not the year in which the school year ends")]
        return []

    def _period(self, cells: Cells) -> list[tuple[str, str]]:
        if self._version == V1_1:
            period = cells["gradingPeriodSourcedId"]
            if self._session_types.get(period, "gradingPeriod") != "gradingPeriod":
                return [("gradingPeriodSourcedId", "names a session that is no gradingPeriod")]
        elif self._session_types.get(cells["academicSessionSourcedId"]) == "schoolYear":
            return [("academicSessionSourcedId", "names a schoolYear")]
        return []

    def _only_primary(self, cells: Cells) -> list[tuple[str, str]]:
        of_class = cells["classSourcedId"]
        if cells["role"] != "teacher":
            return [("primary", "only a teacher is primary")]
        if of_class in self._primary_teacher:
            return [("primary", "this class has a primary teacher already")]
        self._primary_teacher.add(of_class)
        return []

    def _result(self, cells: Cells) -> list[tuple[str, str]]:
        of_class = self._class_of_item.get(cells["lineItemSourcedId"])
        if of_class is None:
            return []
        if cells["classSourcedId"] not in ("", of_class):
            return [("classSourcedId", "is not the class of the line item")]
        if self._enrolled and (of_class, cells["studentSourcedId"]) not in self._enrolled:
            return [("studentSourcedId", "has no enrollment in the class of the line item")]
        return []

    def _is_beyond(self, cells: Cells) -> bool:
        score = _number(cells["score"])
        worth = self._worth_of_item.get(cells["lineItemSourcedId"])
        return score is not None and worth is not None and score > worth


def _is_of_its_end(year: Cells) -> bool:
    """Tell whether a school year is called by its end; what is no day is reported elsewhere."""
    try:
        last_day = date.fromisoformat(year["endDate"]) - ONE_DAY
    except (ValueError, OverflowError):
        return True
    return year["schoolYear"] in ("", f"{last_day.year:04}")


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        return None
