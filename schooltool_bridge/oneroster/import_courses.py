"""Import of courses into the catalogue; a course of the same code is the same.

Source: RULES R43, A.2, D.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.database import insert_all
from mnet.language import N_
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.history.author import text
from schooltool_bridge.oneroster.import_work import (
    COURSE,
    NEW,
    UNCHANGED,
    UPDATED,
    Work,
    is_stand_in,
)
from schooltool_bridge.oneroster.report import Record
from schooltool_bridge.store.model import ID_CHARS
from schooltool_bridge.store.model_school import course

COURSES = "courses"


@dataclass(slots=True)
class _Catalogue:
    """The courses that are there, and what is to become of them."""

    rows: dict[int, sa.Row[Any]]
    codes: dict[str, int]
    # For which some imported id stands already.
    meant: set[int]
    # By their numbers below zero.
    new: dict[int, dict[str, object]] = field(default_factory=dict)
    titles: dict[int, str] = field(default_factory=dict)

    @classmethod
    def read(cls, connection: Connection, meant: set[int]) -> _Catalogue:
        rows = {row.id: row for row in connection.execute(sa.select(course))}
        return cls(rows, {row.code: row.id for row in rows.values()}, meant)


def courses(work: Work) -> None:
    """Take in the catalogue."""
    there = _Catalogue.read(work.connection, set(work.ids.own[COURSE].values()))
    for record in work.lasting(COURSES):
        if is_stand_in(work.report, record["sourcedId"]):
            continue
        try:
            work.count(COURSES, _course(work, there, record))
        except Refused as problem:
            work.leave_out(COURSES, record, problem)
    made = insert_all(work.connection, course, list(there.new.values()))
    work.ids.fulfil(COURSE, dict(zip(there.new, made, strict=True)))
    if there.titles:
        changes = [{"own": own_id, "new": title} for own_id, title in there.titles.items()]
        work.connection.execute(_RENAME, changes)


def _course(work: Work, there: _Catalogue, record: Record) -> str:
    sourced_id = record["sourcedId"]
    title = text("title", record["title"] or record["courseCode"] or sourced_id)
    own_id = work.ids.get(COURSE, sourced_id)
    if own_id is None:
        code = text("code", record["courseCode"] or sourced_id, limit=ID_CHARS)
        own_id = there.codes.get(code)
        if own_id in there.meant:
            # Two courses of the file under one code: the second keeps apart by its id.
            code = text("code", f"{code} ({sourced_id})", limit=ID_CHARS)
            own_id = there.codes.get(code)
        if own_id is None:
            return _promise(work, there, sourced_id, code, title)
        work.ids.remember(COURSE, sourced_id, own_id)
        there.meant.add(own_id)
    if own_id in there.new:
        there.new[own_id]["title"] = title
        return UPDATED
    row = there.rows[own_id]
    before = there.titles.get(own_id, row.title)
    if before == title:
        return UNCHANGED
    there.titles[own_id] = title
    work.note(N_("course changed"), row.code, {"before": before, "title": title})
    return UPDATED


def _promise(work: Work, there: _Catalogue, sourced_id: str, code: str, title: str) -> str:
    number = work.ids.promise(COURSE, sourced_id)
    there.new[number] = {"code": code, "title": title, "description": "", "credits": ""}
    there.codes[code] = number
    there.meant.add(number)
    work.note(N_("course added"), code, {"title": title})
    return NEW


_RENAME = (
    sa.update(course)
    .where(course.c.id == sa.bindparam("own"))
    .values(title=sa.bindparam("new"))
)  # fmt: skip
