"""A peer that pushes events to a real server."""

from __future__ import annotations

from typing import Any

from mnet import xmlrpc
from mnet.envelope import SignedMessage
from mnet.xmlrpc import FaultResponse
from tests.helpers.rig import SIS, FakePeer
from tests.helpers.site import Site

PEER = "http://load.example.org"


def register(site: Site) -> FakePeer:
    peer = FakePeer(PEER)
    (site.home / "peer.pem").write_text(peer.pair.certificate_pem)
    site.run("peer", "add", PEER, "--certificate", str(site.home / "peer.pem"), "--yes")
    site.run("peer", "services", PEER, "--publish", "schooltool")
    return peer


def push(site: Site, peer: FakePeer, event: str, data: Any) -> Any:
    return answered(peer, site.post(peer.request(site.certificate(), SIS + event, [data])))


def answered(peer: FakePeer, body: bytes) -> Any:
    signed = peer.open(body)
    assert isinstance(signed, SignedMessage)
    response = xmlrpc.read_response(signed.payload)
    return response if isinstance(response, FaultResponse) else response.value
