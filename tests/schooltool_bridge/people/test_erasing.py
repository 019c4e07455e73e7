"""A person's data erased from the whole store, while marks stay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from mnet.database import metadata
from peers import audit
from schooltool_bridge.common.refusals import Refused
from schooltool_bridge.history import as_of
from schooltool_bridge.people import erasing, person_data, person_export
from schooltool_bridge.people.erasing_texts import ERASED, Hunt
from schooltool_bridge.reports import issuing
from schooltool_bridge.store.model import (
    person_history,
    section_history,
)
from schooltool_bridge.store.model_guards import GUARDED
from tests.helpers.cast import NAMES, Cast, cast_in
from tests.helpers.rig import START_UNIX_S
from tests.schooltool_bridge.people.traces import AUTHOR, accounts_and_traces

# What names Pam, in any way it was ever told.
SECRETS = (
    "Pamxq", "OfPamxq", "id-pam", "pam@pamxq.example", "pam.2", "Pamname", "555-0199",
    "Pam2xq", "Her note", "Pamcity", "old-pam",
)  # fmt: skip
# Random letters, which say any short name once in some hundred runs.
KEYS = re.compile(r"(?s)(-----BEGIN [A-Z ]+-----).*?(-----END)")


@pytest.fixture
def cast(tmp_path: Path, database_url: str) -> Iterator[Cast]:
    with cast_in(tmp_path, database_url) as made:
        accounts_and_traces(made)
        yield made


def everything(cast: Cast) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with cast.app.database.read() as connection:
        return {
            t.name: [tuple(r) for r in connection.execute(t.select().order_by(*t.primary_key))]
            for t in metadata.sorted_tables
        }


def text_of(cast: Cast) -> str:
    """Every text in the store, as one, without keys and certificates."""
    found = []
    for name, rows in everything(cast).items():
        for row in rows:
            found += [
                f"{name}: "
                + (
                    v.decode("latin-1")
                    if isinstance(v, bytes)
                    else v
                    if isinstance(v, str)
                    else json.dumps(v, ensure_ascii=False, default=str)
                )
                for v in row
            ]
    return KEYS.sub(r"\1\2", "\n".join(found))


def erase(cast: Cast, name: str = "pam") -> int:
    with cast.app.database.write() as connection:
        return erasing.erase(connection, AUTHOR, cast.people[name])


def marks(cast: Cast) -> Any:
    """Every section as reports see it, without the reasons that somebody wrote."""
    with cast.app.database.read() as connection:
        found = as_of.of_sections(
            connection, sa.select(sa.literal_column("id")).select_from(sa.text("section"))
        )
    return [
        replace(
            s,
            name="",
            enrolments={k: replace(v, note="") for k, v in s.enrolments.items()},
            entries={k: replace(v, why="") for k, v in s.entries.items()},
        )
        for s in found
    ]


@pytest.mark.requirement("R39", "1.3")
def test_what_names_whoever_has_the_number_now_is_not_about_the_person(cast: Cast) -> None:
    for own in ("5", "77123", ""):
        told = {"assessmentid": f"of {own}", "points_earned": 4, "usermoodleid": own}
        cast.push("new_grade", userid="id-pam", **told)
    with cast.app.database.read() as connection:
        rows = person_data.inbox_about(
            connection, person_data.known(connection, cast.people["pam"])
        )
    named = {row.payload.get("assessmentid") for row in rows if isinstance(row.payload, dict)}
    assert {n for n in named if n and n.startswith("of ")} == {"of 77123", "of "}


@pytest.mark.requirement("R37", "R38")
def test_after_erasing_no_text_in_the_whole_store_names_the_person(cast: Cast) -> None:
    before, table_counts = marks(cast), {n: len(r) for n, r in everything(cast).items()}
    assert all(secret in text_of(cast) for secret in SECRETS)
    erase(cast)
    left = text_of(cast)
    found = [line for line in left.splitlines() for s in SECRETS if s.casefold() in line.casefold()]
    # A word by itself may be anybody's, and an address is a peer's.
    assert found == [
        "audit_entry: http://pamxq.example.org",
        f"grade_history: copied from {ERASED}; not Pamxq",
    ]
    assert not [line for line in left.splitlines() if line.endswith((": pam", " pam", "77123"))]
    assert marks(cast) == before
    with cast.app.database.read() as connection:
        row = erasing.preview(connection, cast.people["pam"])
        assert (row.name, row.is_erased) == (f"Erased person {cast.people['pam']}", True)
        entry = audit.entries(connection)[0]
    assert (entry.actor, entry.action) == ("anna", "person erased")
    # Nothing else lost a row.
    after = {n: len(r) for n, r in everything(cast).items()}
    changed = {n for n, count in after.items() if count != table_counts[n]}
    assert changed == {
        "person_password", "person_picture", "person_session", "jump_denied", "staff_role",
        "imported_id", "errand", "sign_in_address", "sign_in_failure", "inbox_wait",
        "inbox_count", "audit_entry",
    }  # fmt: skip


def test_a_report_of_somebody_erased_says_so_instead_of_printing(cast: Cast) -> None:
    erase(cast)
    with cast.app.database.read() as connection, pytest.raises(Refused, match="was erased"):
        issuing.pdf_of(connection, "2026-000001")


def test_nobody_else_is_touched(cast: Cast) -> None:
    erase(cast)
    text = text_of(cast)
    for name, whole in NAMES.items():
        if name != "pam":
            assert whole in text
            assert f"id-{name}" in text


def test_the_guards_are_back_on_every_table(cast: Cast) -> None:
    erase(cast)
    rows = {name: rows for name, rows in everything(cast).items() if name in GUARDED and rows}
    assert len(rows) > 6
    for name in rows:
        for change in (sa.delete(metadata.tables[name]), _same(metadata.tables[name])):
            with (
                pytest.raises(DatabaseError, match="append-only"),
                cast.app.database.write() as connection,
            ):
                connection.execute(change)


def _same(table: sa.Table) -> sa.Update:
    column = next(iter(table.primary_key))
    return sa.update(table).values({column.name: column})


def test_an_erasing_that_fails_leaves_everything_as_it_was(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(cast)

    def fail(*_all: object, **_named: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(audit, "record", fail)
    with pytest.raises(RuntimeError, match="disk"):
        erase(cast)
    assert everything(cast) == before
    with (
        pytest.raises(DatabaseError, match="append-only"),
        cast.app.database.write() as connection,
    ):
        connection.execute(sa.delete(person_history))


@pytest.mark.requirement("R37", "R38")
def test_what_a_peer_pushes_later_is_a_new_person(cast: Cast) -> None:
    gone = erase(cast)
    with pytest.raises(Refused, match="erased before"):
        erase(cast)
    answer = cast.push(
        "fetch_user", idnumber="id-pam", username="pam.2", firstname="Pam", lastname="Again",
        email="", moodleid="77123",
    )  # fmt: skip
    assert (answer["status"], answer["id"] != str(gone)) == ("created", True)
    for event, data in (
        ("new_enrolment", {"sectionid": "algebra", "role": "student"}),
        ("new_grade", {"assessmentid": "quiz-algebra", "points_earned": 5}),
    ):
        for userid in ("id-pam", "#77123"):
            assert cast.push(event, userid=userid, **data)["status"] in ("created", "unchanged")
    with cast.app.database.read() as connection:
        mine = as_of.of_person(connection, gone)
        theirs = as_of.of_person(connection, int(answer["id"]))
    assert [(str(e.points), s.name) for s in mine for e in s.entries.values()] == [
        ("70.25", "Algebra")
    ]
    assert [str(e.points) for s in theirs for e in s.entries.values()] == ["5"]
    assert "Tutorial" in [s.name for s in mine], "what they taught is still theirs"


def test_a_teacher_stays_the_teacher_of_the_sections_history(cast: Cast) -> None:
    cast.push("new_section", idnumber="lab", name="Lab", teacheridnumber="id-theo")
    before = marks(cast)
    erase(cast, "theo")
    assert marks(cast) == before
    with cast.app.database.read() as connection:
        named = connection.execute(sa.select(section_history.c.teacheridnumber)).scalars().all()
    assert "id-theo" not in named
    made = next(n for n in named if n.startswith("#erased-"))
    # Nobody gets at the record by an older or a made-up name.
    cast.push("fetch_user", idnumber="#erased-1", username="x", firstname="X", lastname="Y",
              email="")  # fmt: skip
    assert made != "#erased-1"
    assert marks(cast) == before
    # The section goes on with somebody of that id, who is somebody else.
    cast.push("fetch_user", idnumber="id-theo", username="theo", firstname="T", lastname="N",
              email="")  # fmt: skip
    cast.push("new_section", idnumber="lab", name="Lab", teacheridnumber="id-theo",
              timemodified=START_UNIX_S + 9)  # fmt: skip
    lab = next(s for s in marks(cast) if s.idnumber == "lab")
    assert sorted(state.code for state in lab.enrolments.values()) == ["a", "w"]


def test_a_merged_person_is_erased_whole(cast: Cast) -> None:
    kept = erase(cast, "mia2")
    assert kept == cast.people["mia"]
    text = text_of(cast)
    assert not [n for n in ("Miajx", "Miakz", "id-mia", "id-mia2") if n in text]
    assert "65.67" in text
    assert "66.71" in text


@pytest.mark.parametrize("person_id", [0, 999, 2**31 - 1])
def test_nobody_cannot_be_erased_or_handed_out(cast: Cast, person_id: int) -> None:
    for work in (
        lambda c: erasing.erase(c, AUTHOR, person_id),
        lambda c: erasing.preview(c, person_id),
        lambda c: person_export.make(c, AUTHOR, person_id, site="S"),
    ):
        with (
            pytest.raises(Refused, match="nobody with id"),
            cast.app.database.write() as connection,
        ):
            work(connection)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Anna Ōquist", ERASED),
        ("seen with ANNA ōQUIST.", f"seen with {ERASED}."),
        ("(Anna Ōquist), twice: Anna Ōquist!", f"({ERASED}), twice: {ERASED}!"),
        ("Anna Ōquistsson", "Anna Ōquistsson"),
        ("Joanna Ōquist", "Joanna Ōquist"),
        ("http://a.b1@example.org", "http://a.b1@example.org"),
        ("a.b1", ERASED),
        ("user a.b1: gone", f"user {ERASED}: gone"),
        ("a1b1 aXb1", "a1b1 aXb1"),
        ("Anna O\u0304quist", ERASED),
        ("", ""),
    ],
)
def test_whole_words_are_replaced_however_they_are_written(text: str, clean: str) -> None:
    hunt = Hunt(["Anna Ōquist", "a.b1"])
    assert hunt.clean(text) == clean
    assert hunt.clean({"k": [text, 1, None]}) == {"k": [clean, 1, None]}
    assert Hunt([]).clean(text) == text
