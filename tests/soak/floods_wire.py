"""Floods of what is sent to server.php by anybody, or by a peer that means no good."""

from __future__ import annotations

import time

from keys.keypair import generate
from mnet import xmlrpc
from mnet.xmlrpc import Dialect
from tests.helpers.rig import SIS
from tests.soak.flood import Until, flood, many, post, raw, unique, wait
from tests.soak.stage import Stage

KB, MB = 1024, 1024 * 1024


@flood("quiet")
def quiet(_stage: Stage, until: Until) -> None:
    """Nothing at all: what the machine itself does to the numbers."""
    wait(until)


@flood("white space")
def white_space(stage: Stage, until: Until) -> None:
    """White space before <methodCall>, below and above what is taken unsealed."""
    rest = b"<methodCall><methodName>x</methodName></methodCall>"
    bodies = [b" " * (60 * KB) + rest, b" " * (120 * KB) + rest, b"\n\t" * MB + rest]
    prolog = b'<?xml version="1.0"?>' + b"\n" * (60 * KB) + rest
    many(until, 4, lambda n: post(stage, [*bodies, prolog][n % 4]))


@flood("plain messages")
def plain(stage: Stage, until: Until) -> None:
    """Messages that are not sealed, up to 7 MB."""
    text = b"<methodCall><methodName>system.keyswap</methodName><params>"
    text += b"<param><value><string>" + b"x" * (7 * MB) + b"</string></value></param></params>"
    many(until, 3, lambda n: post(stage, text[: (65 * KB, MB, 7 * MB)[n % 3]]))


@flood("long method names")
def method_names(stage: Stage, until: Until) -> None:
    """Names of 7.8 MB, plain, and 1 MB sealed and signed."""
    name = b"<methodCall><methodName>" + b"m" * (7_800_000) + b"</methodName></methodCall>"

    def once(number: int) -> None:
        if number % 2:
            post(stage, name)
        else:
            post(stage, stage.silent.request(stage.pem, "m" * MB + unique(), []))

    many(until, 2, once)


@flood("combining marks")
def combining_marks(stage: Stage, until: Until) -> None:
    """A peer's fetch_user with 156 KB of combining marks in one field."""
    marks = ["\u0301\u0327" * (39 * KB), "a" + "\u0315\u0300\u05ae" * (26 * KB)]

    def once(number: int) -> None:
        fields = ("firstname", "username", "idnumber", "email")
        person = {"idnumber": unique(), "username": unique(), "firstname": "A", "lastname": "B"}
        person[fields[number % 4]] = marks[number // 4 % 2]
        post(stage, stage.silent.request(stage.pem, SIS + "fetch_user", [dict(person)]))

    many(until, 2, once)


@flood("strangers")
def strangers(stage: Stage, until: Until) -> None:
    """Keyswaps of made-up sites, by few certificates and by many."""
    pairs = [generate(f"http://s{n}.example.org", "S", int(time.time())) for n in range(6)]

    def once(number: int) -> None:
        pem = pairs[number % len(pairs)].certificate_pem
        wwwroot = (
            f"http://{unique()}.example.org" if number % 3 else f"http://s{number % 6}.example.org"
        )
        post(
            stage, xmlrpc.write_call("system/keyswap", [wwwroot, pem, "moodle"], Dialect.PHPXMLRPC)
        )

    many(until, 4, once)


@flood("slow connections")
def slow_connections(stage: Stage, until: Until) -> None:
    """More connections than there is room for, none of which sends a whole request."""
    begins = [
        b"POST /mnet/xmlrpc/server.php HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n",
        b"GET ",
    ]

    def once(number: int) -> None:
        with raw(stage) as connection:
            connection.sendall(begins[number % 2])
            for _byte in range(600):
                if until.is_over:
                    return
                time.sleep(1)
                connection.sendall(b"x")

    many(until, 350, once)
