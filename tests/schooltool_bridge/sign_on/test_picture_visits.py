"""People's pictures come after a landing, are shown to few, and go along on a visit."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from mnet.dispatcher import Services
from mnet.xmlrpc import FaultResponse, Value
from peers import accounts, store
from peers.accounts import CLERK, MANAGER
from peers.web import tokens
from schooltool_bridge.sign_on import jumping, landing_pictures, person_sessions, pictures
from schooltool_bridge.sign_on.person_sessions import Start
from schooltool_bridge.sign_on.pictures import Stored
from schooltool_bridge.store.model import person
from tests.helpers.roaming import AGENT, TERESA, code_of, sha1
from tests.helpers.visitor import Page, Visitor
from tests.helpers.vouching import LandingSite, Voucher, land, landing_site
from tests.schooltool_bridge.sign_on.test_pictures import bomb, file_of, seen, text_of

A, B = "http://a.example.org", "http://b.example.org"
AUTH = "auth/mnet/auth.php/"
# Our id of somebody, and what a peer asks about them.
Visiting = tuple[int, Callable[..., Value]]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[LandingSite]:
    made = landing_site(tmp_path, A, B)
    yield made
    made.rig.app.database.close()


@pytest.fixture
def moodle(site: LandingSite) -> Voucher:
    return site.vouchers[0]


def known(site: LandingSite, voucher: Voucher) -> int:
    """Teresa, who may sign in; returns our id."""
    assert land(site.browser(), voucher.visit()).status == 403
    return site.allow("teresa")


def arrive(site: LandingSite, voucher: Voucher, **profile: str) -> tuple[Visitor, Page]:
    """Land, and wait for what is done after the page has left."""
    visitor = site.browser(waits=True)
    return visitor, land(visitor, voucher.visit({**TERESA, **profile}))


def asked(voucher: Voucher) -> int:
    return [method for method, _params in voucher.calls].count("fetch_user_image")


def stored(site: LandingSite, person_id: int) -> Stored | None:
    with site.rig.app.database.read() as connection:
        return pictures.of(connection, person_id)


@pytest.mark.requirement("R24", "R25")
def test_a_newer_picture_comes_after_the_landing_and_is_shown(
    site: LandingSite, moodle: Voucher
) -> None:
    teresa = known(site, moodle)
    visitor, page = arrive(site, moodle, picture="0")
    assert (page.status, asked(moodle)) == (303, 0)
    mine = visitor.get("/me")
    assert mine.tree.find_class("face")[0].text == "TŌ"
    moodle.pictures["teresa"] = {"f1": text_of(file_of()), "f2": "", "f1_mimetype": "text/html"}
    visitor, _page = arrive(site, moodle, picture="6", _mnet_userpicture_timemodified="100")
    assert asked(moodle) == 1
    address = visitor.get("/me").tree.find_class("face")[0].get("src")
    shown = visitor.get(address)
    assert (shown.status, seen(shown.body).size) == (200, (192, 192))
    headers = ("Content-Type", "X-Content-Type-Options", "Cache-Control", "Vary")
    assert [shown.header(name) for name in headers] == [
        "image/png", "nosniff", "private, max-age=300", "Cookie",
    ]  # fmt: skip
    # No landing waits for it.
    calls = len(moodle.calls)
    later = {**TERESA, "imagehash": "a", "picture": "6"}
    assert land(site.browser(), moodle.visit(later)).status == 303
    assert [method for method, _params in moodle.calls[calls:]] == ["user_authorise"]
    # The same again is not asked for; another is, under another address.
    arrive(site, moodle, picture="6", _mnet_userpicture_timemodified="100")
    assert asked(moodle) == 1
    moodle.pictures["teresa"] = {"f1": text_of(file_of("JPEG", mode="L"))}
    site.rig.clock.now += 5
    visitor, _page = arrive(site, moodle, picture="7", _mnet_userpicture_timemodified="200")
    now = visitor.get("/me").tree.find_class("face")[0].get("src")
    assert now != address
    assert visitor.get(now).body != shown.body
    # Where there is none any more, ours goes too, without a question.
    arrive(site, moodle, picture="0")
    assert (asked(moodle), stored(site, teresa)) == (2, None)


@pytest.mark.parametrize("none", [[], {}, False, "", {"f1": ""}, {"f1": "", "f2": ""}])
def test_a_peer_that_has_none_after_all_takes_ours_away(
    none: Value, site: LandingSite, moodle: Voucher
) -> None:
    teresa = known(site, moodle)
    moodle.pictures["teresa"] = {"f1": text_of(file_of())}
    arrive(site, moodle, picture="1", imagehash="a")
    assert stored(site, teresa)
    moodle.pictures["teresa"] = none
    arrive(site, moodle, picture="1", imagehash="b")
    assert (asked(moodle), stored(site, teresa)) == (2, None)


@pytest.mark.parametrize("f1", ["%%", "x" * 50, [], {"a": "b"}, text_of(bomb())])
def test_what_cannot_be_read_changes_nothing(f1: Value, site: LandingSite, moodle: Voucher) -> None:
    teresa = known(site, moodle)
    moodle.pictures["teresa"] = {"f1": text_of(file_of())}
    arrive(site, moodle, imagehash="a")
    before = stored(site, teresa)
    assert before
    moodle.pictures["teresa"] = {"f1": f1} if f1 else {"f1": [1]}
    arrive(site, moodle, imagehash="b")
    assert stored(site, teresa) == before
    # A Mahara's own file may be too much for us; its small one does.
    moodle.pictures["teresa"] = {"f1": "x" * 50, "f2": text_of(file_of(size=(40, 40)))}
    arrive(site, moodle, imagehash="b")
    after = stored(site, teresa)
    assert after is not None
    assert after.version == "b"


def test_a_peer_that_cannot_be_asked_delays_and_changes_nothing(
    site: LandingSite, moodle: Voucher
) -> None:
    teresa = known(site, moodle)
    site.rig.clock.now += 1
    visitor = site.browser()
    shown = landing_pictures.Shown(teresa, "teresa", "9")
    moodle.forged = b"<html>"
    app = site.rig.app
    peer = app.registry.find(A)
    assert peer is not None
    landing_pictures.fetch_if_newer(app.database, app.outbound, app.clock, peer, shown)
    assert stored(site, teresa) is None
    moodle.forged = None
    assert land(visitor, moodle.visit({**TERESA, "imagehash": "9"})).status == 303


def test_a_picture_comes_only_from_the_peer_that_the_name_follows(
    site: LandingSite, moodle: Voucher
) -> None:
    teresa, other = known(site, moodle), site.vouchers[1]
    moodle.pictures["teresa"] = {"f1": text_of(file_of())}
    arrive(site, moodle, imagehash="a")
    before = stored(site, teresa)
    app = site.rig.app
    peer = app.registry.find(B)
    assert peer is not None
    other.pictures["teresa"] = {"f1": text_of(file_of("JPEG"))}
    fetch = partial(landing_pictures.fetch_if_newer, app.database, app.outbound, app.clock, peer)
    fetch(landing_pictures.Shown(teresa, "teresa", "b"))
    fetch(landing_pictures.Shown(teresa, "teresa", ""))
    assert (asked(other), stored(site, teresa)) == (0, before)
    # Somebody made by hand follows nobody: then the first that has one gives it.
    with app.database.write() as connection:
        connection.execute(sa.update(person).values(follows_peer_id=None))
        pictures.forget(connection, teresa)
    fetch(landing_pictures.Shown(teresa, "teresa", "b"))
    arrive(site, moodle, imagehash="c")
    kept = stored(site, teresa)
    assert kept is not None
    assert (kept.peer_id, asked(other), asked(moodle)) == (peer.id, 1, 1)


def admin(site: LandingSite, role: str, *, one_time: bool = False) -> Visitor:
    name, password = f"{role}{one_time}", "correct horse battery"
    with site.rig.app.database.write() as connection:
        accounts.add(connection, name, password, role=role, one_time=one_time, now_unix_s=1)
    visitor = site.browser()
    assert visitor.sign_in(name, password).status == 303
    return visitor


def test_a_picture_is_served_to_the_person_and_the_office_and_to_nobody_else(
    site: LandingSite, moodle: Voucher
) -> None:
    teresa = known(site, moodle)
    moodle.pictures["teresa"] = {"f1": text_of(file_of())}
    visitor, _page = arrive(site, moodle, imagehash="a")
    path = f"/picture/{teresa}"
    tom = {**TERESA, "username": "tom"}
    assert code_of(land(site.browser(), moodle.visit(tom))) == "no-right"
    site.allow("tom")
    other = site.browser()
    assert land(other, moodle.visit(tom)).status == 303
    everybody = (
        visitor, other, site.browser(), admin(site, MANAGER), admin(site, CLERK),
        admin(site, CLERK, one_time=True),
    )  # fmt: skip
    assert [who.get(path).status for who in everybody] == [200, 404, 404, 200, 200, 404]
    assert visitor.get("/picture/999").status == other.get("/picture/999").status == 404
    site.rig.clock.now += tokens.IDLE_S
    assert visitor.get(path).status == 404


@pytest.fixture
def visiting(site: LandingSite) -> Visiting:
    """One of ours on the way to a peer: our id, and what the peer asks about them."""
    app = site.rig.app
    peer = app.registry.find(A)
    assert peer is not None
    both = ("sso_idp", "sso_sp")
    with app.database.write() as connection:
        store.set_services(connection, peer.id, publish=both, subscribe=both)
        values = {
            "username": "ida", "username_key": "ida", "firstname": "Ida", "lastname": "B",
            "email": "i@x.org", "can_login": True, "created_unix_s": 1,
        }  # fmt: skip
        made = connection.execute(sa.insert(person).values(values)).inserted_primary_key
        assert made is not None
        token = person_sessions.start(
            connection, Start(made[0], AGENT, "ida"), int(site.rig.clock.now)
        )
        session = person_sessions.find(connection, token, int(site.rig.clock.now))
        assert session is not None
        fresh = app.registry.find(A)
        assert fresh is not None
        url = jumping.start(
            connection, session, replace(fresh, services=Services(frozenset(both), frozenset(both))),
            site=app.site, wantsurl="/", agent_sha1=sha1(AGENT), now_unix_s=int(site.rig.clock.now),
        )  # fmt: skip
    brought = parse_qs(urlsplit(url).query)["token"][0]

    def ask(method: str) -> Value:
        params = [brought, sha1(AGENT)] if method == "user_authorise" else ["ida"]
        answer = site.rig.call(site.vouchers[0].fake, AUTH + method, *params)
        assert not isinstance(answer, FaultResponse)
        return answer

    return made[0], ask


def keep(site: LandingSite, person_id: int, png: bytes) -> None:
    with site.rig.app.database.write() as connection:
        pictures.add(connection, person_id, Stored(None, "1", png, 1_795_000_123))


@pytest.mark.requirement("R26")
def test_our_people_take_their_picture_along(site: LandingSite, visiting: Visiting) -> None:
    person_id, ask = visiting
    keep(site, person_id, pictures.drawn_anew(file_of()))
    assert ask("fetch_user_image") is False  # before the visit
    profile = ask("user_authorise")
    assert isinstance(profile, dict)
    answer = ask("fetch_user_image")
    assert isinstance(answer, dict)
    sizes = {"f1": (100, 100), "f2": (35, 35)}
    for name, size in sizes.items():
        assert answer[f"{name}_mimetype"] == "image/jpeg"
        data = base64.b64decode(str(answer[name]), validate=True)
        image = seen(data)
        assert (image.format, image.size, image.mode) == ("JPEG", size, "RGB")
    # A Moodle looks at the time only after it has seen that there is a picture.
    names = [*profile]
    assert names.index("picture") < names.index("_mnet_userpicture_timemodified")
    large = base64.b64decode(str(answer["f1"]))
    assert [profile[n] for n in ("picture", "_mnet_userpicture_timemodified", "imagehash")] == [
        "1", "1795000123", hashlib.sha1(large, usedforsecurity=False).hexdigest(),
    ]  # fmt: skip
    # What we say, another site of ours understands.
    assert pictures.version_of(profile) == "1795000123"


def test_who_has_no_picture_goes_without(visiting: Visiting) -> None:
    _person_id, ask = visiting
    profile = ask("user_authorise")
    assert isinstance(profile, dict)
    assert (profile["picture"], "imagehash" in profile) == ("0", False)
    assert ask("fetch_user_image") == []
