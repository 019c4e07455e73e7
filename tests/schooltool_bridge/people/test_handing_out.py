"""A person's data handed out: all of it, readable, and nothing of anybody else."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from peers import audit
from peers.accounts import sign_in_failure
from peers.web import throttle
from schooltool_bridge.people import person_data, person_export
from schooltool_bridge.store.model import person_link
from schooltool_bridge.store.model_people import person_password
from tests.helpers.cast import NAMES, Cast, cast_in
from tests.schooltool_bridge.people.traces import AUTHOR, accounts_and_traces


@pytest.fixture
def cast(tmp_path: Path, database_url: str) -> Iterator[Cast]:
    with cast_in(tmp_path, database_url) as made:
        accounts_and_traces(made)
        yield made


@pytest.mark.requirement("R37", "R38")
def test_everything_about_a_person_is_handed_out_readable(cast: Cast) -> None:
    with cast.app.database.write() as connection:
        data, name = person_export.make(connection, AUTHOR, cast.people["pam"], site="Hill")
        entry = audit.entries(connection)[0]
    assert (entry.action, entry.subject) == (
        "personal data handed out",
        f"person {cast.people['pam']}",
    )
    assert name == f"person-{cast.people['pam']}.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        members = {n: archive.read(n) for n in archive.namelist()}
    assert members["reports/2026-000001.pdf"] == b"%PDF of Pamxq"
    assert members["picture.png"].startswith(b"\x89PNG")
    told = json.loads(members["person.json"])
    text = members["person.json"].decode()
    for secret in (
        "Pamxq", "id-pam", "pam@pamxq.example", "pam.2", "Pamname", "555-0199", "Her note",
        "Pamcity", "old-pam", "id-pam-import", "61.37", "70.25", "Quiz of algebra", "2026-000001",
        "Withdrawn - Failing",
    ):  # fmt: skip
        assert secret in text, secret
    for kind in ("enrolment history", "grade history", "audit trail", "events that waited",
                 "names told by peers", "sections that named them as teacher", "sessions here"):  # fmt: skip
        rows = list(csv.DictReader(io.StringIO(members[f"tables/{kind}.csv"].decode("utf-8-sig"))))
        assert len(rows) == len(told[kind]) > 0, kind
    assert {e["event"] for e in told["events that waited"]} >= {"new_grade", "fetch_user"}
    # Nothing that signs anybody in, and nothing of anybody else.
    with cast.app.database.read() as connection:
        secrets = [
            *connection.execute(sa.select(person_password.c.password_hash)).scalars(),
            *(
                p
                for p in connection.execute(sa.select(person_link.c.password_wrapped)).scalars()
                if p
            ),
        ]
    assert len(secrets) == 2
    assert not [s for s in secrets if s in text]
    for other, whole in NAMES.items():
        if other != "pam":
            assert whole not in text


def test_a_spreadsheet_takes_no_cell_for_a_formula() -> None:
    rows: list[dict[str, object]] = [
        {"a": "=1+1", "b": -5, "c": None},
        {"a": "-x", "d": {"k": "é"}},
    ]
    text = person_export.as_csv(rows).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(text))) == [
        ["a", "b", "c", "d"], ["'=1+1", "-5", "", ""], ["'-x", "", "", '{"k": "é"}'],
    ]  # fmt: skip


def test_what_names_somebody_is_found_in_events_of_every_shape(cast: Cast) -> None:
    with cast.app.database.read() as connection:
        who = person_data.known(connection, cast.people["pam"])
        found = [(r.event, r.status) for r in person_data.inbox_about(connection, who)]
        failures = connection.execute(
            sa.select(sign_in_failure.c.key).where(
                sign_in_failure.c.key.in_(
                    throttle.failures(connection, person_data.sign_in_names(who))
                )
            )
        ).scalars()
        assert sorted(failures) == ["at ::2 person old-pam", "name person old-pam"]
    assert ("new_grade", "held") in found
    assert ("fetch_user", "conflict") in found
    assert ("new_enrolment", "rejected") in found
