"""Identity providers in memory that answer our questions, and the pages of a site in memory."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa

from mnet import xmlrpc
from mnet.envelope import SignedMessage
from mnet.xmlrpc import Dialect, FaultResponse, Value
from peers import store
from peers.web.frame import Frame
from schooltool_bridge.sign_on import rights
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.store.model import person
from schooltool_bridge.web.pages import frame_of
from tests.helpers.rig import FakePeer, Rig, make_rig
from tests.helpers.roaming import AGENT, LAND, SERVICES, TERESA, sha1
from tests.helpers.visitor import Page, Visitor, in_memory

CONFIRM_S = 30


@dataclass(slots=True)
class Voucher:
    """An identity provider; like a Moodle it does not consume its tokens."""

    fake: FakePeer
    clock: Callable[[], float]
    # By token in small letters, since a Moodle's MySQL knows no others: the browser's SHA-1, when
    # its user left, and what user_authorise tells of them.
    visits: dict[str, tuple[str, float, Any]] = field(default_factory=dict)
    # What fetch_user_image answers, by user name.
    pictures: dict[str, Value] = field(default_factory=dict)
    # What further methods answer to their parameters, by last segment.
    scripted: dict[str, Callable[..., Any]] = field(default_factory=dict)
    # Every call that came: its method's last segment, and its parameters.
    calls: list[tuple[str, list[Value]]] = field(default_factory=list)
    # An answer in place of its own, and the last one that it gave.
    forged: bytes | None = None
    answered: bytes = b""

    @property
    def wwwroot(self) -> str:
        return self.fake.wwwroot

    def visit(self, user: Any = None, agent: str = AGENT, **more: str) -> dict[str, str]:
        """Let a user jump; return what the browser brings to the landing address."""
        token = secrets.token_hex(20)
        self.visits[token] = (sha1(agent), self.clock(), TERESA if user is None else user)
        return {"token": token, "idp": self.wwwroot, "wantsurl": "/me", **more}

    def answer(self, body: bytes, our_pem: str) -> bytes:
        if self.forged is not None:
            return self.forged
        signed = self.fake.open(body)
        assert isinstance(signed, SignedMessage)
        call = xmlrpc.read_call(signed.payload)
        method, params = call.name.rpartition("/")[2], list(call.params)
        self.calls.append((method, params))
        answered = self.fake.sign(self._payload(method, params), timestamp=int(self.clock()))
        self.answered = self.fake.seal(answered, our_pem)
        return self.answered

    def _payload(self, method: str, params: list[Value]) -> bytes:
        value: Any = True
        if method == "user_authorise":
            agent_sha1, left, value = self.visits.get(str(params[0]).lower(), ("", 0.0, None))
            if agent_sha1 != params[1]:
                return xmlrpc.write_fault(1, "authfail_nosessionexists")
            if self.clock() - left > CONFIRM_S:
                return xmlrpc.write_fault(2, "authfail_sessiontimedout")
        elif method == "fetch_user_image":
            value = self.pictures.get(str(params[0]), [])
        elif method in self.scripted:
            value = self.scripted[method](*params)
            if isinstance(value, FaultResponse):
                return xmlrpc.write_fault(value.code, value.text)
        return xmlrpc.write_response(value, Dialect.PHPXMLRPC)


@dataclass
class LandingSite:
    """A site of ours in memory, with the identity providers that it knows."""

    rig: Rig
    vouchers: list[Voucher]
    frame: Frame

    def browser(self, sender: str = "198.51.100.7", *, waits: bool = False) -> Visitor:
        return Visitor(in_memory(self.frame, sender, waits=waits))

    def allow(self, username: str) -> int:
        """Give a person the right at every peer that brought them; return our id."""
        with self.rig.app.database.write() as connection:
            row = person.c.username_key == username
            found = connection.execute(sa.select(person.c.id).where(row)).scalar_one()
            rights.set_right(connection, Change("test", 1), found, None, allowed=True)
        return int(found)


def land(visitor: Visitor, brought: Any, *, agent: str = AGENT) -> Page:
    query = brought if isinstance(brought, str) else urlencode(brought)
    return visitor.get(f"{LAND}?{query}", **{"User-Agent": agent})


def landing_site(folder: Path, *wwwroots: str) -> LandingSite:
    rig = make_rig(folder)
    vouchers = []
    for wwwroot in wwwroots:
        vouchers.append(Voucher(rig.add(wwwroot), rig.clock))
        with rig.app.database.write() as connection:
            stored = store.find(connection, wwwroot)
            assert stored is not None
            store.set_services(connection, stored.id, publish=SERVICES[0], subscribe=SERVICES[1])
    by_wwwroot = {v.wwwroot: v for v in vouchers}

    def post(url: str, body: bytes, **_how: object) -> bytes:
        found = next(v for w, v in by_wwwroot.items() if url.startswith(w + "/"))
        return found.answer(body, rig.pem)

    rig.app.outbound = rig.app.peer_client.outbound = replace(rig.app.outbound, post=post)
    return LandingSite(rig, vouchers, frame_of(rig.app))
