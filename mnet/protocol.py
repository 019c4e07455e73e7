"""Names, paths and limits of the Moodle network protocol. Only facts; no behaviour but URL rules.

Source: PROTOCOL.md sections 1 (addresses), 3 (limits), 6 (services). Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from mnet.refusal import Refusal
from mnet.stored_sentences import english

# A text node above 10 MB is refused by PHP's parser; base64 twice over leaves about 5.6 MB of
# payload. 8 MiB of body holds any message that a Moodle can make and stays cheap to refuse.
MAX_MESSAGE_BYTES = 8 * 1024 * 1024
# What is not both signed and sealed can only be a keyswap: a certificate of 16 KiB at most.
MAX_KEYSWAP_BYTES = 64 * 1024
MAX_WWWROOT_CHARS = 255  # Moodle's column
SUBJECT_CHARS = 64  # an X.509 common name; Moodle compares the wwwroot's first 64
MAX_DRIFT_S = 15  # a Moodle refuses an answer that is further ahead of its clock


@dataclass(frozen=True, slots=True)
class Application:
    """Where an application type serves the protocol, below its wwwroot (section 1)."""

    name: str
    server: str
    public_key: str
    land: str
    jump: str


APPLICATIONS = {
    "moodle": Application(
        "moodle",
        "/mnet/xmlrpc/server.php",
        "/mnet/publickey.php",
        "/auth/mnet/land.php",
        "/auth/mnet/jump.php",
    ),
    "mahara": Application(
        "mahara",
        "/api/xmlrpc/server.php",
        "/api/xmlrpc/publickey.php",
        "/auth/xmlrpc/land.php",
        "/auth/xmlrpc/jump.php",
    ),
}
DEFAULT_APPLICATION = APPLICATIONS["moodle"]

SERVICE_SIS = "schooltool"
SERVICE_IDP = "sso_idp"
SERVICE_SP = "sso_sp"
SERVICE_ENROL = "mnet_enrol"
SERVICES = (SERVICE_ENROL, SERVICE_SIS, SERVICE_IDP, SERVICE_SP)
API_VERSION = "1"

KEYSWAP = "system/keyswap"
SIS_PATH = "schooltool/sis.php/"
AUTH_PATH = "auth/mnet/auth.php/"  # of sso_idp and sso_sp, at a Mahara too


class KeyCame(Enum):
    """How a new key of a known peer came to us (section 6); the value is kept with the key."""

    PROVEN = "fault 7025"  # signed by the key that we know
    UNPROVEN = "fault 7025, unproven"  # signed otherwise
    VERIFIED_TLS = "verified TLS"  # we fetched it, over TLS with a verified certificate
    KEYSWAP = "keyswap"  # we fetched it, and nothing proves whose answer that was
    STRANGER = "sent by a stranger"  # somebody's plain keyswap named the peer
    ADMIN = "admin"  # an admin compared the fingerprint


_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)


class BadWwwroot(Refusal, ValueError):
    """The address cannot serve as a wwwroot; the text says why."""


def check_wwwroot(text: str) -> str:
    """Return `text` as a wwwroot: trimmed, without a trailing slash (section 1).

    The rest stays as it is, since the other side compares it character by character. Raises
    BadWwwroot for what no Moodle would take.
    """
    wwwroot = text.strip().removesuffix("/")
    if len(wwwroot) > MAX_WWWROOT_CHARS:
        message = english("The address is longer than %(most)s characters.", most=MAX_WWWROOT_CHARS)
        raise BadWwwroot(message)
    if not wwwroot.isascii() or any(c.isspace() or c in "<>\"'&#?%\\" for c in wwwroot):
        message = english(
            "%(address)s: use plain ASCII without spaces, quotes, &, #, ? or %%.",
            address=repr(text),
        )
        raise BadWwwroot(message)
    try:
        parts = urlsplit(wwwroot)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        port_ok = False
        parts = urlsplit("")
    if parts.scheme not in ("http", "https"):
        message = english(
            "%(address)s does not begin with http:// or https://.", address=repr(text)
        )
        raise BadWwwroot(message)
    if not port_ok or "@" in parts.netloc or not _HOST.fullmatch(parts.hostname or ""):
        message = english(
            "%(address)s has no host name or port that a Moodle would take.", address=repr(text)
        )
        raise BadWwwroot(message)
    return wwwroot
