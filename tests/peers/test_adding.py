"""Adding a peer: what the first step says when the site cannot be asked."""

from __future__ import annotations

from typing import Any

import pytest

from mnet.call_errors import CannotReach
from peers import bootstrap
from tests.helpers.framed import signed_in
from tests.helpers.rig import Rig

ADD = "/admin/peers/add"


@pytest.mark.parametrize(
    ("reason", "is_offered"), [("other", True), ("name", False), ("connection", False), ("time", False)]
)  # fmt: skip
def test_an_unchecked_certificate_is_offered_only_where_it_may_be_the_trouble(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, reason: Any, is_offered: bool
) -> None:
    def discover(*_about: object, **_how: object) -> None:
        raise CannotReach("No way there.", reason=reason)

    monkeypatch.setattr(bootstrap, "discover", discover)
    answer = signed_in(rig, "manager").send(ADD, wwwroot="https://moodle.example.org")
    assert answer.status == 400
    assert "No way there." in answer.text
    assert ('name="any_tls"' in answer.text) == is_offered
