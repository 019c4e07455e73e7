"""What the journal says of a call that brought an HTTP status in place of an answer."""

from __future__ import annotations

import pytest

from mnet.call_errors import CannotReach, Reason, outcome_of
from mnet.transport import Page

URL = "https://moodle.example.org/mnet/xmlrpc/server.php"


@pytest.mark.parametrize(
    ("status", "location", "asks_for_the_address"),
    [(502, "", False), (500, "", False), (503, "", False), (404, "", True), (403, "", True),
     (301, "https://www.example.org/", True)],
)  # fmt: skip
def test_what_answered_is_not_called_unreachable(
    status: int, location: str, asks_for_the_address: bool
) -> None:
    with pytest.raises(CannotReach) as failed:
        Page(status, location, "", b"<html>").good(URL)
    outcome, reason = outcome_of(failed.value)
    assert outcome == "bad answer"
    assert f"answered with HTTP status {status}" in reason
    assert ("Is the address exactly" in reason) is asks_for_the_address


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [("name", "unreachable"), ("connection", "unreachable"), ("time", "unreachable"),
     ("rests", "unreachable"), ("other", "unreachable"), ("status", "bad answer"),
     ("size", "bad answer"), ("packed", "bad answer")],
)  # fmt: skip
def test_who_answered_with_anything_is_not_unreachable(reason: Reason, outcome: str) -> None:
    assert outcome_of(CannotReach("No.", reason=reason))[0] == outcome
