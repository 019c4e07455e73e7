"""Signing on between a running server of ours and a peer in PHP, in the style of each kind."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.helpers.roaming import AGENT, browser, code_of, person_id, sha1, soon
from tests.helpers.site import Site
from tests.php_peer.runner import PhpFault, PhpPeer
from tests.schooltool_bridge.sign_on.test_roaming import pupil, sign_in

PATHS = {"moodle-old": "/auth/mnet", "moodle-new": "/auth/mnet", "mahara": "/auth/xmlrpc"}
AUTH = "auth/mnet/auth.php/"
SERVICES = "schooltool,sso_idp,sso_sp"
NAME = {"User-Agent": AGENT}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("sis") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def peers(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, PhpPeer]]:
    with ExitStack() as stack:
        found = {}
        for style in PATHS:
            folder: Path = tmp_path_factory.mktemp(style)
            peer = stack.enter_context(PhpPeer(folder, style))
            peer.do("add", site.wwwroot)
            kind = "mahara" if style == "mahara" else "moodle"
            said = site.text("peer", "add", peer.wwwroot, "--yes", "--application", kind)
            assert ("--publish sso_idp,sso_sp" in said) is (kind == "mahara")
            site.run(
                "peer", "services", peer.wwwroot, "--publish", SERVICES, "--subscribe", SERVICES
            )
            found[style] = peer
        yield found


@pytest.mark.parametrize("style", PATHS)
def test_users_of_a_php_peer_land_and_are_signed_out_by_it(
    style: str, site: Site, peers: dict[str, PhpPeer]
) -> None:
    peer, visitor = peers[style], browser(site)
    name = f"{style}-oda"
    user = {
        "username": name, "firstname": "Ōda", "lastname": "Œuvre €", "email": "o@x.org",
        "session.gc_maxlifetime": "1440", "auth": "mnet", "wwwroot": peer.wwwroot,
        "myhosts": [{"name": "x", "url": "http://evil.example.org", "count": 1}], "mailformat": 1,
    }  # fmt: skip

    def land(token: str, agent: str = AGENT) -> int:
        query = urlencode({"token": token, "idp": peer.wwwroot, "wantsurl": "/me"})
        page = visitor.get(f"{PATHS[style]}/land.php?{query}", **{"User-Agent": agent})
        return page.status

    tokens = [secrets.token_hex(20) for _ in range(2)]
    peer.do("set", "visits", {token: [sha1(AGENT), user] for token in tokens})
    unknown = visitor.get(
        f"{PATHS[style]}/land.php?{urlencode({'token': 'f' * 40, 'idp': peer.wwwroot, 'wantsurl': '/me'})}",
        **NAME,
    )
    assert code_of(unknown) == "token-unknown"
    assert land(tokens[0]) == 403
    site.run("person", "allow-login", person_id(site, name))
    assert land(tokens[1]) == 303
    assert "Ōda Œuvre €" in visitor.get("/me").text
    assert land(tokens[1]) == 403
    assert peer.do("call", site.wwwroot, AUTH + "kill_child", [name, sha1("other")]) is False
    assert peer.do("call", site.wwwroot, AUTH + "kill_child", [name, sha1(AGENT)]) is True
    assert visitor.get("/me").status == 303


@pytest.mark.parametrize("style", PATHS)
def test_our_people_jump_to_a_php_peer_which_asks_about_them(
    style: str, site: Site, peers: dict[str, PhpPeer]
) -> None:
    peer, visitor, name = peers[style], browser(site), f"ours-{style}"
    pupil(site, name)
    assert sign_in(visitor, name).status == 200
    page = visitor.get(f"{PATHS[style]}/jump.php?hostwwwroot={peer.wwwroot}&wantsurl=/my/", **NAME)
    assert page.location.startswith(f"{peer.wwwroot}{PATHS[style]}/land.php?token=")
    brought = parse_qs(urlsplit(page.location).query)
    assert (brought["idp"], brought["wantsurl"]) == ([site.wwwroot], ["/my/"])
    asked = ("call", site.wwwroot, AUTH + "user_authorise", [brought["token"][0], sha1(AGENT)])
    told = peer.do(*asked)
    assert (told["username"], told["firstname"], told["wwwroot"]) == (name, "Ōda", site.wwwroot)
    with pytest.raises(PhpFault) as raised:
        peer.do(*asked)
    assert raised.value.code == 1
    alive = peer.do("call", site.wwwroot, AUTH + "keepalive_server", [[name]])
    assert (alive["code"], alive["last log id"]) == (0, 0)
    visitor.send("/sign-out", page="/me")
    soon(lambda: [AUTH + "kill_child", [name, sha1(AGENT)]] in peer.calls())
