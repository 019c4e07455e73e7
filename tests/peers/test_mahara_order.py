"""A Mahara gives up at the first of its two ways, so the page says which is to be added first."""

from __future__ import annotations

import pytest

from keys.certificate import load
from keys.keypair import generate
from peers import accounts, changes
from peers.audit import By
from tests.helpers.framed import signed_in
from tests.helpers.rig import OURS, START_UNIX_S, Rig

WHERE = "http://mahara.example.org"
OLGA = By("olga", START_UNIX_S + 1)
CERTIFICATE = load(generate(WHERE, "x", START_UNIX_S).certificate_pem)
FIRST = "Add They SSO in first"


@pytest.mark.requirement("R13")
@pytest.mark.parametrize(
    ("publish", "subscribe", "says_so"),
    [
        ({"sso_idp", "sso_sp"}, {"sso_idp", "sso_sp"}, True),
        ({"sso_idp"}, {"sso_sp"}, False),  # one way has no order
    ],
)
def test_the_page_says_in_which_order_a_mahara_needs_both_ways(
    rig: Rig, publish: set[str], subscribe: set[str], says_so: bool
) -> None:
    with rig.app.database.write() as connection:
        peer_id = changes.add_peer(
            connection, OLGA, wwwroot=WHERE, our_wwwroot=OURS, name="Mahara", application="mahara",
            certificate=CERTIFICATE, origin="file",
        )  # fmt: skip
        changes.set_services(connection, OLGA, peer_id, publish=publish, subscribe=subscribe)
    text = " ".join(
        signed_in(rig, accounts.MANAGER)
        .get(f"/admin/peers/{peer_id}/verify")
        .tree.text_content()
        .split()
    )
    assert "SSO in" in text
    assert (FIRST in text) is says_so
