"""Answering what is not both signed and sealed: keyswap, and a refusal of everything else.

Source: PROTOCOL.md sections 5 and 8.
"""

from __future__ import annotations

from collections.abc import Callable

from mnet import xmlrpc
from mnet.batching import Slow, Steps
from mnet.dispatcher import MAX_NAME_CHARS, is_keyswap
from mnet.exchange_parts import Directory, OurKeys, Peer
from mnet.faults import BadParameters, Fault, NotSealed
from mnet.protocol import MAX_KEYSWAP_BYTES
from mnet.xmlrpc import MethodCall


def plain_call(
    keys: Callable[[], OurKeys],
    directory: Directory[Peer],
    payload: bytes,
    notes: dict[str, object],
    refusal: type[Fault] = NotSealed,
) -> Steps[bytes]:
    """Answer what is not both signed and sealed: keyswap, or a refusal (sections 5 and 8)."""
    try:
        if len(payload) > MAX_KEYSWAP_BYTES:
            raise refusal
        call = xmlrpc.read_call(payload)
        notes["method"] = call.name[:MAX_NAME_CHARS]
        if not is_keyswap(call.name):
            raise refusal
        if call.params:
            yield Slow("strangers")
        _note_stranger(directory, call)
        return xmlrpc.write_response(keys().certificate_pem, call.dialect)
    except Fault as fault:
        notes["fault"] = fault.code
        return xmlrpc.write_fault(fault.code, fault.text)


def _note_stranger(directory: Directory[Peer], call: MethodCall) -> None:
    match call.params:
        case [] | [str()]:
            pass  # only asks for our certificate
        case [str() as wwwroot, str() as certificate]:  # a Mahara sends no application
            directory.stranger(wwwroot, certificate, "mahara")
        case [str() as wwwroot, str() as certificate, str()]:
            directory.stranger(wwwroot, certificate, "moodle")
        case _:
            raise BadParameters("system/keyswap takes wwwroot, certificate and application.")
