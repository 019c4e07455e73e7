"""How far a run is: what its bars show, which only go forward."""

from __future__ import annotations

from itertools import pairwise

from schooltool_bridge.full_sync import runs, walking
from schooltool_bridge.full_sync.carrying import carry_out
from schooltool_bridge.full_sync.runs import Wanted
from tests.helpers.listing import ListingSite


def seen_of(site: ListingSite, wanted: Wanted) -> list[int]:
    """What a bar shows before each page of a run, and at its end."""
    seen: list[int] = []
    run = site.sync.begin(site.peer, wanted, "test")
    run = carry_out(site.sync, run, lambda run: seen.append(run.percent))
    assert run.state == runs.DONE
    return [*seen, run.percent]


def test_a_bar_goes_only_forward(site: ListingSite) -> None:
    """A list that begins was not counted before, and yet takes nothing back."""
    site.lister.small_school(walking.PAGE_ITEMS + 1)
    seen = seen_of(site, Wanted())
    assert all(earlier <= later for earlier, later in pairwise(seen)), seen
    assert seen[0] == 0
    assert seen[-1] == 99
    # The long list at the end, of grades, has its own long part of the bar.
    assert max(later - earlier for earlier, later in pairwise(seen)) < 60


def test_a_part_has_a_whole_bar(site: ListingSite) -> None:
    site.lister.small_school(walking.PAGE_ITEMS + 1)
    assert seen_of(site, Wanted(only=("users",)))[:2] == [0, 99]
