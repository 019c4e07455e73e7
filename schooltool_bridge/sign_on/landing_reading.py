"""What comes with a landing: the query, the identity provider's answer; read strictly. Pure.

Source: RULES 1.7, R24, R25, R33; PROTOCOL.md section 11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from mnet.letters import one_line
from mnet.protocol import MAX_WWWROOT_CHARS
from mnet.xmlrpc import Value
from peers.registry import Peer
from peers.web.origin import within
from schooltool_bridge.sign_on import pictures
from schooltool_bridge.sign_on.landing_refusals import LandingRefused

# Letters, digits and base64's signs, as a Moodle takes them; its own has 40.
_TOKEN = re.compile(r"[A-Za-z0-9+/=_-]{1,64}")
MAX_QUERY_CHARS = 4000
# What a person's history keeps of an identity provider's answer, beside name and address.
_KEPT = ("city", "country", "lang", "timezone")
MAX_FIELD_CHARS = 255


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a browser brought to the landing address."""

    token: str
    idp: str
    wantsurl: str
    agent_sha1: str


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the identity provider names."""

    username: str
    data: dict[str, object]
    # Which picture of the person it has; empty for none.
    picture: str


def read_arrival(
    raw_query: str, agent_sha1: str, *, wwwroot: str, default_path: str | None
) -> Arrival:
    """Read the landing address's query, each part by its own rule; raises LandingRefused.

    `wwwroot` is our own. `default_path` stands for a missing wantsurl; None: it must be there, as
    for a Moodle. With remoteurl the peer asks us to send the browser back to it, which we never do:
    then the start.
    """
    given = _query(raw_query)
    if not given.get("token"):
        raise LandingRefused("token-missing")
    if not _TOKEN.fullmatch(given["token"]):
        raise LandingRefused("token-malformed")
    if not given.get("idp"):
        raise LandingRefused("idp-missing")
    if len(given["idp"]) > MAX_WWWROOT_CHARS or not given["idp"].isprintable():
        raise LandingRefused("idp-malformed")
    wantsurl = given.get("wantsurl", default_path)
    if wantsurl is None:
        raise LandingRefused("wantsurl-missing")
    path = within(wantsurl or "/", wwwroot)
    if path is None:
        raise LandingRefused("wantsurl-outside")
    goes_back = given.get("remoteurl", "") not in ("", "0")
    return Arrival(given["token"], given["idp"], "/" if goes_back else path, agent_sha1)


def _query(raw_query: str) -> dict[str, str]:
    if len(raw_query) > MAX_QUERY_CHARS:
        raise LandingRefused("query-long")
    given: dict[str, str] = {}
    try:
        pairs = parse_qsl(raw_query, keep_blank_values=True, errors="strict")
    except ValueError:
        raise LandingRefused("query-unreadable") from None
    for name, value in pairs:
        if name in given and name in ("token", "idp", "wantsurl"):
            raise LandingRefused("query-twice")
        given[name] = value
    return given


def read_vouched(peer: Peer, answer: Value) -> Vouched:
    """Read the answer of user_authorise; what it claims beyond names and address is left out."""
    if not isinstance(answer, dict):
        raise LandingRefused("answer-incomplete", peer, "user_authorise gave no struct")
    texts = {name: _text(answer, name) for name in ("username", "firstname", "lastname")}
    missing = [name for name, value in texts.items() if not value]
    if missing:
        raise LandingRefused("answer-incomplete", peer, f"missing: {', '.join(missing)}")
    data: dict[str, object] = {**texts, "email": _text(answer, "email")}
    for name in ("idnumber", *_KEPT, *peer.policy.names.values()):
        if value := _text(answer, name):
            data[name] = value
    return Vouched(texts["username"], data, pictures.version_of(answer))


def _text(answer: Mapping[str, Value], name: str) -> str:
    value = answer.get(name)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    text = str(value).strip()
    text = text if name in ("username", "idnumber") else one_line(text)
    return text if len(text) <= MAX_FIELD_CHARS and text.isprintable() else ""
