"""Titles that every school begins with, as the language spoken here says them.

They are stored in English, as commands show them; a title that a school gave itself stays as it
is. Source: RULES 1.6, R54, A.4.
"""

from __future__ import annotations

from mnet.language import N_, translated
from schooltool_bridge.store.model import ENROLMENT_STATES

_SCORE_SYSTEMS = (N_("Points"), N_("Percent"), N_("Pass/Fail"), N_("Letter grades"))
# Those of school/usual_scales.py, which a school may add.
_SCALES = (
    N_("Grades 1 to 6"), N_("Grades 6 to 1"), N_("Points 15 to 0"), N_("Points 20 to 0"),
    N_("A to F with plus and minus"),
)  # fmt: skip
_SHIPPED = frozenset({*(state["title"] for state in ENROLMENT_STATES), *_SCORE_SYSTEMS, *_SCALES})


def local_title(title: str) -> str:
    """Say the title of an enrolment state or a score system."""
    return translated(title) if title in _SHIPPED else title
