"""A site's name, out of the first pages that real sites show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnet.protocol import APPLICATIONS
from peers.site_name import name_of


@pytest.mark.requirement("R15", "R18")
@pytest.mark.parametrize(
    ("application", "page", "name"),
    [
        # As a Moodle 3.11, 4.5, 5.1 and a Mahara 22.10 wrote them.
        ("moodle", "<title>Élan 311</title> <h1>Élan 311</h1>", "Élan 311"),
        ("moodle", '<title>Home | E45</title> <h1 class="h2 mb-0">Élan 45</h1>', "E45"),
        ("moodle", '<title>Home | E51</title> <h1 class="h2 mb-0">Élan 51</h1>', "E51"),
        ("mahara", "<title>Home - Élan Mahara</title><h1>Welcome</h1>", "Élan Mahara"),
        ("moodle", "<title>Startseite | Élan</title>", "Élan"),
        ("moodle", "<title>Home | A | B</title><h1>A school</h1>", "A | B"),
        ("moodle", "<title>A | B</title><h1>A | B</h1>", "A | B"),
        ("moodle", "<title>St. John - Upper School</title>", "St. John - Upper School"),
        ("mahara", "<title>Accueil - St. John - Upper</title>", "St. John - Upper"),
        ("moodle", "<TITLE lang=x>\n Home |\tCaf&eacute;\n</TITLE>", "Café"),
        ("moodle", "<titles>no</titles><title>yes</title>", "yes"),
        ("moodle", "<title>Home | </title>", "Home |"),
        ("moodle", "<title>never ends", ""),
        ("moodle", "no title", ""),
    ],
)
def test_the_name_is_taken_out_of_the_title(application: str, page: str, name: str) -> None:
    assert name_of(page.encode(), APPLICATIONS[application]) == name


@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from([b"<title", b">", b"</title", b"<h1", b" | ", b"x"])).map(b"".join)
)
def test_any_page_gives_a_short_printable_name_or_none(page: bytes) -> None:
    for application in APPLICATIONS.values():
        assert name_of(page, application).isprintable()
