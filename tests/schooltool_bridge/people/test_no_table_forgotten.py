"""Every table with a person in it is known to the export, to erasing and to merging."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest
import sqlalchemy as sa

import peers
import schooltool_bridge
from mnet.database import metadata
from schooltool_bridge.hand import merging
from schooltool_bridge.people import erasing, erasing_texts, person_data
from schooltool_bridge.people.person_data import ABOUT

for package in (peers, schooltool_bridge):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if "migrations" not in module.name and ".cli" not in module.name:
            importlib.import_module(module.name)

# A row that refers to one of these is a person's; an assessment is of a section, a cell a person's.
ROOTS = {"person", "person_link", "grade"}
# Columns that say in words who somebody is.
NAMING = re.compile(
    r"user_?(name|id)(_key)?|(first|last)name|email|(teacher)?idnumber_key|teacheridnumber|actor"
    r"|subject|payload|about|person(_id)?"
)
BY_NAME = {about.table.name: about for about in ABOUT}


def about_people(table: sa.Table) -> bool:
    return bool({f.column.table.name for f in table.foreign_keys} & ROOTS)


def test_every_table_that_refers_to_a_person_is_handed_out_and_erased() -> None:
    for table in metadata.sorted_tables:
        if about_people(table):
            assert table.name in BY_NAME, f"{table.name} holds something of a person"
    assert set(BY_NAME) == erasing.GO | erasing.STAY | erasing.RENAMED


def test_every_table_that_names_a_person_in_words_is_searched_or_left_alone_for_a_reason() -> None:
    known = BY_NAME.keys() | person_data.NAMED_IN | person_data.LEFT_ALONE.keys()
    searched = {table.name for table in erasing_texts.SWEPT}
    for table in metadata.sorted_tables:
        names = {c.name for c in table.columns if NAMING.fullmatch(c.name)}
        if names:
            assert table.name in known | searched, f"{table.name} names people in {names}"
    assert known <= {table.name for table in metadata.sorted_tables}
    assert not BY_NAME.keys() & person_data.LEFT_ALONE.keys()


def test_every_table_about_people_has_its_place_in_a_merge() -> None:
    parts = (merging.FOLDED, merging.ENDED, merging.READ_TOGETHER, merging.LEFT_ALONE.keys())
    assert set(BY_NAME) == set().union(*parts)
    assert sum(map(len, parts)) == len(BY_NAME), "in one place only"


@pytest.mark.parametrize("reference", ["person.id", "person_link.id", "grade.id"])
def test_a_new_table_about_people_would_be_noticed(reference: str) -> None:
    fresh = sa.Table("fresh", metadata, sa.Column("of", sa.ForeignKey(reference)))
    try:
        with pytest.raises(AssertionError, match="fresh holds something of a person"):
            test_every_table_that_refers_to_a_person_is_handed_out_and_erased()
    finally:
        metadata.remove(fresh)


def test_a_new_table_that_names_people_would_be_noticed() -> None:
    fresh = sa.Table("fresh", metadata, sa.Column("username", sa.Text))
    try:
        with pytest.raises(AssertionError, match="fresh names people"):
            test_every_table_that_names_a_person_in_words_is_searched_or_left_alone_for_a_reason()
    finally:
        metadata.remove(fresh)


def test_every_free_text_is_searched_or_said_not_to_be() -> None:
    swept = {t.name for t in erasing_texts.SWEPT}
    by_row = erasing.GO | erasing.RENAMED
    others = {"key_pair", "peer_certificate", "site_memory", "peer_check"}
    for table in metadata.sorted_tables:
        has_text = any(isinstance(c.type, sa.Text) and c.name != "png" for c in table.columns)
        if has_text:
            assert table.name in swept | by_row | others | erasing_texts.NOT_SWEPT, table.name
