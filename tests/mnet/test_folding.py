"""Names are found and put in order whatever their accents, capitals and apostrophes, in any store."""

from __future__ import annotations

import unicodedata

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from mnet.database import Database
from mnet.folding import FoldedColumn, folded, words

NAMES = (
    ("García", "garcia"), ("GARCI\u0301A", "garcia"), ("Müller", "muller"), ("O'Brien", "obrien"),
    ("O’Brien", "obrien"), ("D`Angelo", "dangelo"), ("Nguyễn", "nguyen"), ("Łukasz", "lukasz"),
    ("Søren", "soren"), ("Weiß", "weiss"), ("GROẞ", "gross"), ("Æsa Þór", "aesa thor"),
    ("Đặng", "dang"), ("Kovač-Šimić", "kovac-simic"), ("ΑΛΈΞΗΣ", "αλεξης"), ("Жанна Ё", "жанна е"),
    ("İpek", "ipek"), ("ｆｕｌｌ", "full"), ("", ""), ("plain", "plain"),
)  # fmt: skip
# A final sigma is another letter to some stores; nobody looks for the difference.
SIGMA = str.maketrans("ς", "σ")


@pytest.mark.parametrize(("name", "form"), NAMES)
def test_a_name_has_one_form_to_be_looked_for(name: str, form: str) -> None:
    assert folded(name).translate(SIGMA) == form.translate(SIGMA)


def test_every_store_folds_alike(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    table = sa.Table(
        "named",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text),
    )
    with database.write() as connection:
        table.create(connection)
        connection.execute(
            table.insert(), [{"id": i, "name": n} for i, (n, _f) in enumerate(NAMES)]
        )
        connection.execute(table.insert().values(id=-1, name=None))
        form = FoldedColumn(table.c.name)
        found = connection.execute(sa.select(table.c.id, form).order_by(table.c.id)).all()
        assert found[0][1] is None
        assert [f.translate(SIGMA) for _i, f in found[1:]] == [
            f.translate(SIGMA) for _n, f in NAMES
        ]
        wanted = sa.select(table.c.name).where(form.contains("50%", autoescape=True))
        assert connection.execute(wanted).all() == []
    database.close()


def test_what_is_looked_for_is_cut_into_a_few_words() -> None:
    assert words("Nguyễn, Henry;  x\0y") == ["nguyen", "henry", "xy"]
    assert words("a b c d e f g h") == ["a", "b", "c", "d", "e", "f"]
    assert words("x" * 5000) == ["x" * 100]


@given(st.text())
def test_it_does_not_matter_how_a_name_is_composed_and_a_form_is_its_own(name: str) -> None:
    form = folded(name)
    assert folded(unicodedata.normalize("NFD", name)) == form
    assert folded(unicodedata.normalize("NFC", name)) == form
    assert folded(form) == form
