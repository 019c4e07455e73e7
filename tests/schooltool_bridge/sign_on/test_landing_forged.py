"""Ten thousand landings that are forged or mutated, of every kind that we know; none lets in.

In memory, but with the real pages, envelopes, keys and store; each comes from an address of its
own, so that it is not the limit on failures that keeps it out.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peers import store
from peers.sign_on import person_session
from tests.helpers.roaming import AGENT, COOKIE, TERESA, code_of
from tests.helpers.visitor import Page, Visitor
from tests.helpers.vouching import CONFIRM_S, LandingSite, Voucher, land, landing_site

IN_ALL = 10_000
A, B, NO_SERVICES, OFF = (f"http://{n}.example.org" for n in ("a", "b", "none", "off"))
TOM = {**TERESA, "username": "tom", "firstname": "Tom"}
# What a page that lets nobody in may answer.
REFUSED = {400, 403, 409, 502, 503}
TOKEN_SIGNS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEF+/=_-"
ODD_SIGNS = "%\0 \n\t&#;'\"<>\u00ff\uff11\u200b"


@dataclass
class Forge:
    """A site with people who may sign in, and somebody who would like to be one of them."""

    site: LandingSite
    chance: random.Random = field(default_factory=lambda: random.Random(20261121))

    @property
    def a(self) -> Voucher:
        return self.site.vouchers[0]

    @property
    def b(self) -> Voucher:
        return self.site.vouchers[1]

    def browser(self) -> Visitor:
        return self.site.browser(str(IPv4Address(self.chance.getrandbits(32))))

    def true(self, user: Any = None) -> tuple[dict[str, str], Visitor]:
        """Land as one may; return what was brought, and the browser."""
        visitor, brought = self.browser(), self.a.visit(user)
        page = land(visitor, brought)
        assert (page.status, COOKIE in page.set_cookies) == (303, True)
        return brought, visitor

    def sessions(self) -> int:
        with self.site.rig.app.database.read() as connection:
            count = sa.select(sa.func.count()).select_from(person_session)
            return int(connection.execute(count).scalar_one())


# What somebody brings, as which browser, with which cookie; given what was used and by whom.
Tried = tuple[Any, str, str]
Kind = Callable[[Forge, dict[str, str], Visitor], Tried]


def token_mutated(f: Forge, _used: dict[str, str], _tom: Visitor) -> Tried:
    brought = f.a.visit()
    token = brought["token"]
    place, sign = f.chance.randrange(40), f.chance.choice(TOKEN_SIGNS + ODD_SIGNS)
    mutated = f.chance.choice([
        token[:place] + sign + token[place + 1 :], token[:place], token[place:],
        token[:place] + sign + token[place:], token[::-1], sign * f.chance.randrange(70),
        "".join(f.chance.choices(TOKEN_SIGNS, k=40)), f"{token}{sign}", f"{sign}{token}",
    ])  # fmt: skip
    if mutated.lower() == token:
        mutated = mutated[:-1]
    return {**brought, "token": mutated}, AGENT, ""


def used_again(f: Forge, used: dict[str, str], _tom: Visitor) -> Tried:
    token = used["token"]
    cased = "".join(f.chance.choice((c.upper(), c)) for c in token)
    return {**used, "token": f.chance.choice((token, token.upper(), cased))}, AGENT, ""


def at_another_peer(f: Forge, used: dict[str, str], _tom: Visitor) -> Tried:
    fresh = f.a.visit()
    idp = f.chance.choice((B, NO_SERVICES, OFF))
    return {**f.chance.choice((fresh, used)), "idp": idp}, AGENT, ""


def by_another_browser(f: Forge, _used: dict[str, str], _tom: Visitor) -> Tried:
    place = f.chance.randrange(len(AGENT))
    agent = f.chance.choice((AGENT[:place], AGENT + "x", AGENT.upper(), "", AGENT[:place] + "é"))
    return f.a.visit(f.chance.choice((TERESA, TOM))), agent, ""


def idp_spelt_otherwise(f: Forge, _used: dict[str, str], _tom: Visitor) -> Tried:
    idp = f.chance.choice([
        A + "/", A.upper(), A.replace("http", "https"), A + ":80", A + "/x", A + "?", A + "#",
        A.replace("//", "//www."), A.replace("//", "//u@"), A.replace(".org", ".org."), f" {A}",
        f"{A} ", quote(A, safe=""), "a.example.org", "//a.example.org", A + "\\", f"{A},{B}", B + A,
        A.replace("a.ex", "%61.ex"), A.replace("a.ex", "\u0430.ex"), A + "\0", "", A[:-1], "%",
    ])  # fmt: skip
    return {**f.a.visit(), "idp": idp}, AGENT, ""


def too_late(f: Forge, _used: dict[str, str], _tom: Visitor) -> Tried:
    brought = f.a.visit()
    agent_sha1, left, user = f.a.visits[brought["token"]]
    f.a.visits[brought["token"]] = (agent_sha1, left - CONFIRM_S - f.chance.randint(1, 9999), user)
    return brought, AGENT, ""


def of_somebody_without_the_right(f: Forge, _used: dict[str, str], _tom: Visitor) -> Tried:
    """Of another person at the same peer, or of the same name at another one."""
    stranger = {**TERESA, "username": f"stranger{f.chance.randrange(50)}"}
    return f.chance.choice((f.a.visit(stranger), f.b.visit(), f.b.visit(TOM))), AGENT, ""


def answer_with_fields_swapped(f: Forge, _used: dict[str, str], _tom: Visitor) -> Tried:
    names = ["username", "firstname", "lastname", "email", "idnumber"]
    values = ["teresa", "Teresa", "Ōquist", "t@x.org", "n1"]
    # The letters of a user name may be in capitals, so Teresa's first name would do as well.
    values[1] = f.chance.choice(("Maria", "tom smith", "admin"))
    while values[0].lower() == "teresa":
        f.chance.shuffle(values)
    if f.chance.random() < 0.95:  # else most are conflicts, and a long history takes its time
        names, values = names[:4], values[:4]
        values[0] += str(f.chance.randrange(10**6))
    return f.a.visit(dict(zip(names, values, strict=True))), AGENT, ""


def answer_of_wrong_shape(f: Forge, _used: dict[str, str], _tom: Visitor) -> Tried:
    name = f.chance.choice(("username", "firstname", "lastname"))
    value: Any = f.chance.choice([
        "", " ", [], {}, ["teresa"], {"0": "teresa"}, True, 1.5, "x" * 256, "t\u200b",
        b"teresa", "\u202eteresa",
        # In a name a line's end is a blank; a user name has none.
        *(["te\nresa"] if name == "username" else []),
    ])  # fmt: skip
    shapes: list[Any] = [{**TERESA, name: value}, {k: v for k, v in TERESA.items() if k != name}]
    shapes += [
        [TERESA],
        "teresa",
        1,
        True,
        [],
        {},
        {"user": TERESA},
        [["username", "teresa"]],
        b"x",
    ]
    return f.a.visit(f.chance.choice(shapes)), AGENT, ""


def answer_not_from_the_peer(f: Forge, _used: dict[str, str], _tom: Visitor) -> Tried:
    """Something else on the way answers: what was said before, another peer, a page, nothing."""
    place = f.chance.randrange(200, len(f.a.answered) - 1)
    broken = f.a.answered[:place] + b"A" + f.a.answered[place + 1 :]
    own = f.b.fake.sign(f.b.fake.payload("x", ["teresa"]), timestamp=int(f.site.rig.clock.now))
    others = f.b.fake.seal(own, f.site.rig.pem)
    f.a.forged = f.chance.choice(
        (f.a.answered, broken, f.a.answered[:place], f.b.answered, others, own, b"<html>", b"")
    )
    return f.a.visit(), AGENT, ""


def percent_encoded(f: Forge, _used: dict[str, str], _tom: Visitor) -> Tried:
    brought = f.a.visit()
    token, place = brought["token"], f.chance.randrange(40)
    twice = token[:place] + quote(f"%{ord(token[place]):02x}") + token[place + 1 :]
    tricks = [twice, token + "%00", token + "%20", "+" + token, token + "%0a", token + "%2500",
              token[:place] + "%ff" + token[place:], token + "%c0%80", token + "%u0030", "%" + token,
              token[:place] + "%ef%bc%91" + token[place + 1 :], token + ";x", token + "%26"]  # fmt: skip
    return f"token={f.chance.choice(tricks)}&idp={A}&wantsurl=/me", AGENT, ""


def parameters_doubled(f: Forge, used: dict[str, str], _tom: Visitor) -> Tried:
    good, rest = f.a.visit()["token"], f"idp={A}&wantsurl=/me"
    bad = f.chance.choice((used["token"], "f" * 40, "", good))
    return f.chance.choice([
        f"token={good}&token={bad}&{rest}", f"token={bad}&{rest}&token={good}",
        f"token={good}&idp={B}&{rest}", f"token={good}&{rest}&idp=", f"token={good}&{rest}&wantsurl=/",
        f"token[]={good}&{rest}", f"Token={good}&{rest}", f"token={good};{rest}", f"%74oken={bad}&token={good}&{rest}",
        f"token={good}&{rest.replace('idp', 'idp[]')}", f"&token%00={good}&{rest}", f"token={bad}0&{rest}",
    ]), AGENT, ""  # fmt: skip


def wantsurl_outside(f: Forge, _used: dict[str, str], _tom: Visitor) -> Tried:
    where = f.chance.choice(
        ["//evil.example", "https://evil.example", "/\\evil.example", "/..", "evil", "/\n"]
    )
    brought = {**f.a.visit(), "wantsurl": where}
    if f.chance.random() < 0.2:
        del brought["wantsurl"]
    return brought, AGENT, ""


def with_somebodys_cookie(f: Forge, used: dict[str, str], tom: Visitor) -> Tried:
    cookie = f.chance.choice((tom.cookies[COOKIE], used["token"], "x" * 43))
    return {**used, "token": f.chance.choice((used["token"], "f" * 40))}, AGENT, cookie


KINDS: list[Kind] = [
    token_mutated, used_again, at_another_peer, by_another_browser, idp_spelt_otherwise, too_late,
    of_somebody_without_the_right, answer_with_fields_swapped, answer_of_wrong_shape,
    answer_not_from_the_peer, percent_encoded, parameters_doubled, wantsurl_outside,
    with_somebodys_cookie,
]  # fmt: skip


@pytest.fixture(scope="module")
def forge() -> Iterator[Forge]:
    # In memory where there is such a place: three commits for each landing.
    shm = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shm if shm.is_dir() else None))
    site = landing_site(folder, A, B, NO_SERVICES, OFF)
    with site.rig.app.database.write() as connection:
        for wwwroot in (NO_SERVICES, OFF):
            stored = store.find(connection, wwwroot)
            assert stored is not None
            if wwwroot == OFF:
                store.set_state(connection, stored.id, store.DISABLED)
            else:
                store.set_services(connection, stored.id, publish=(), subscribe=())
    made = Forge(site)
    for user in (TERESA, TOM):
        assert land(made.browser(), made.a.visit(user)).status == 403
        site.allow(user["username"])
        # The same names at another peer are other people, without the right.
        assert code_of(land(made.browser(), made.b.visit(user))) == "no-right"
    yield made
    site.rig.app.database.close()
    shutil.rmtree(folder)


def refused(forge: Forge, page: Page) -> bool:
    forge.site.rig.clock.now += 2  # so that failures leak away as fast as they come
    return page.status in REFUSED and COOKIE not in page.set_cookies


@pytest.mark.requirement("R24", "R25")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_forged_or_mutated_landing_lets_nobody_in(kind: Kind, forge: Forge) -> None:
    used, _first = forge.true()
    _brought, tom = forge.true(TOM)
    before, seen = forge.sessions(), Counter[str]()
    for _number in range(-(-IN_ALL // len(KINDS))):
        brought, agent, cookie = kind(forge, used, tom)
        visitor = forge.browser()
        if cookie:
            visitor.cookies[COOKIE] = cookie
        page = land(visitor, brought, agent=agent)
        forge.a.forged = None
        assert refused(forge, page), (page.status, brought, agent)
        seen[code_of(page)] += 1
    assert forge.sessions() == before, seen
    assert tom.get("/me").status == 200
    forge.true()
    assert forge.sessions() == before + 1


@pytest.fixture(scope="module")
def worn(forge: Forge) -> list[str]:
    """Tokens that let in no more, or not here."""
    used, _first = forge.true()
    elsewhere = forge.b.visit()["token"], forge.a.visit(agent="other")["token"]
    return [used["token"], used["token"].upper(), *elsewhere]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(data=st.data())
def test_no_way_of_putting_an_address_together_lets_in(
    data: st.DataObject, forge: Forge, worn: list[str]
) -> None:
    before = forge.sessions()
    names = st.sampled_from(["token", "idp", "wantsurl", "remoteurl", "Token", "token[]", ""])
    values = st.one_of(st.sampled_from([*worn, A, B, "/me", "1", ""]), st.text(max_size=9))
    pairs = data.draw(st.lists(st.tuples(names, values), max_size=6))
    query = data.draw(st.sampled_from(["&", ";"])).join(urlencode([pair]) for pair in pairs)
    page = land(forge.browser(), query)
    assert refused(forge, page), (page.status, query)
    assert forge.sessions() == before
