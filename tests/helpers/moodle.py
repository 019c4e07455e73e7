"""A Moodle on a real port that can be broken in every way that schools meet."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from keys.certificate import load
from keys.keypair import KeyPair, generate
from mnet import envelope, xmlrpc
from mnet.envelope import SealedMessage
from mnet.xmlrpc import Dialect, FaultResponse, MethodCall, Value
from tests.helpers.rig import FakePeer

TICKED: list[dict[str, Any]] = [
    {"name": "schooltool", "apiversion": "1", "publish": "1", "subscribe": "1"}
]
METHODS: list[Value] = ["local/schooltool/lib.php/site_info"]


@dataclass
class Moodle:
    """As a context manager it serves; change its fields to break it."""

    ours: str
    our_pem: str
    knows_us: bool = True
    services: Any = field(default_factory=lambda: [dict(row) for row in TICKED])
    methods: Any = field(default_factory=list)
    clock_ahead_s: int = 0
    before_xml: bytes = b""
    page: tuple[int, str] = (200, "")
    # What its page for landing shows.
    land: tuple[int, bytes] = (200, b"<html></html>")
    server: tuple[int, str] = (200, "")
    body: bytes | None = None
    keyswap: Any = None
    fault: tuple[int, str] | None = None
    old: KeyPair | None = None
    info: Any = field(default_factory=lambda: {"release": "4.5.1 (Build: 20241202)"})
    tls: ssl.SSLContext | None = None
    port: int = 0
    asked: list[str] = field(default_factory=list)
    # Who is on the way to us, by token: the browser's SHA-1 and what user_authorise tells of them.
    visits: dict[str, tuple[str, Any]] = field(default_factory=dict)
    # Every sealed call that came: its method's last segment, and its parameters.
    calls: list[tuple[str, list[Value]]] = field(default_factory=list)
    # What further methods answer to their parameters, by last segment; a FaultResponse too.
    scripted: dict[str, Callable[..., Any]] = field(default_factory=dict)
    # Plain answers to the next calls of a method, by last segment.
    plain: dict[str, list[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._http = _Http(("127.0.0.1", self.port), _Handler)
        self._http.moodle = self
        self.wwwroot = f"http://127.0.0.1:{self._http.server_port}"
        if self.tls is not None:
            self._http.socket = self.tls.wrap_socket(
                self._http.socket, server_side=True, do_handshake_on_connect=False
            )
            self.wwwroot = f"https://localhost:{self._http.server_port}"
        self.fake = FakePeer(self.wwwroot)
        self.fake.pair = generate(self.wwwroot, "Moodle", int(time.time()))

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, body: bytes) -> bytes:
        message = envelope.read_message(body)
        if not isinstance(message, SealedMessage):
            given = self.fake.pair.certificate_pem if self.keyswap is None else self.keyswap
            return xmlrpc.write_response(given, Dialect.PHPXMLRPC)
        if self.fault is not None:
            return xmlrpc.write_fault(*self.fault)
        if not self.knows_us:
            return xmlrpc.write_fault(7020, "wrong-wwwroot")
        try:
            call, signer = self._opened(body), self.fake.pair
        except ValueError:  # sealed to a key that this Moodle does not have (any more)
            if self.old is None:
                return xmlrpc.write_fault(7023, "encryption-invalid")
            call, signer = None, self.old
        if call is not None and self.plain.get(call.name.rpartition("/")[2]):
            return self.plain[call.name.rpartition("/")[2]].pop(0)
        if call is not None:
            payload = self._payload(call.name.rpartition("/")[2], list(call.params))
        else:
            payload = xmlrpc.write_fault(7025, self.fake.pair.certificate_pem)
        now = int(time.time()) + self.clock_ahead_s
        signed = self.fake.sign(payload, pair=signer, timestamp=now)
        return self.fake.seal(signed, self.our_pem)

    def _payload(self, method: str, params: list[Value]) -> bytes:
        self.calls.append((method, params))
        if method == "user_authorise":
            agent_sha1, user = self.visits.get(str(params[0]), ("", None))
            if agent_sha1 != params[1]:
                return xmlrpc.write_fault(1, "authfail_nosessionexists")
            if isinstance(user, int):
                return xmlrpc.write_fault(user, "fault")
            return xmlrpc.write_response(user, Dialect.PHPXMLRPC)
        if method in self.scripted:
            answer = self.scripted[method](*params)
            if isinstance(answer, FaultResponse):
                return xmlrpc.write_fault(answer.code, answer.text)
            return xmlrpc.write_response(answer, Dialect.PHPXMLRPC)
        values = {"listServices": self.services, "listMethods": self.methods}
        return xmlrpc.write_response(values.get(method, self.info), Dialect.PHPXMLRPC)

    def _opened(self, body: bytes) -> MethodCall:
        message = envelope.read_message(body)
        assert isinstance(message, SealedMessage)
        key = self.fake.pair.private_key.decrypt(message.wrapped_key, PKCS1v15())
        text = envelope.open_text(message, key)
        if text is None:
            raise ValueError
        signed = envelope.read_signed(text)
        assert envelope.verify(signed, load(self.our_pem).public_key)
        return xmlrpc.read_call(signed.payload)


class _Http(http.server.ThreadingHTTPServer):
    moodle: Moodle
    daemon_threads = True

    def handle_error(self, *_arguments: object) -> None:
        """Somebody hung up, as a verification does after its first look."""


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/auth/mnet/land.php?"):
            status, body = self._moodle.land
            return self._say(status, "", body)
        return self._say(*self._moodle.page, b"<html><title>Moodle</title></html>")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        moodle = self._moodle
        answer = moodle.body
        if answer is None:
            answer = moodle.before_xml + moodle.answer(body)
        self._say(*moodle.server, answer)

    @property
    def _moodle(self) -> Moodle:
        assert isinstance(self.server, _Http)
        self.server.moodle.asked.append(json.dumps([self.command, self.path]))
        return self.server.moodle

    def _say(self, status: int, location: str, body: bytes) -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass
