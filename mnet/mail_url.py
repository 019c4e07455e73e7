"""Where mail leaves: reads the setting smtp_url and the addresses beside it. Pure.

The password is no part of the address; it stands in a file of its own (settings.py).
Source: manual/notices.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal
from urllib.parse import SplitResult, quote, unquote, urlsplit

from mnet.language import _

Safety = Literal["plain", "starttls", "tls"]
PORTS: dict[Safety, int] = {"plain": 25, "starttls": 587, "tls": 465}
# A list that is longer than this wants a mailing list of its own.
MAX_ADDRESSES = 20
# The longest that a mail server takes (RFC 5321).
MAX_ADDRESS_CHARS = 254
MAX_URL_CHARS = 2000

# Nothing that means something in a header, and nothing outside of ASCII.
_ADDRESS = re.compile(r'[^\s@<>()\[\],;:"\\\x00-\x20\x7f-\U0010ffff]+@[A-Za-z0-9.\-]+')


class BadMail(ValueError):
    """An address or URL for mail is wrong; the text says what and shows a right one."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server and how to speak to it; `user` is empty when nobody signs in."""

    host: str
    port: int
    safety: Safety
    user: str = ""


def mail_server(url: str) -> MailServer:
    """Read smtp://host, smtp://user@host:587?starttls or smtps://user@host; raises BadMail."""
    parts, port = _split(url, ("smtp", "smtps"), "smtp://user@mail.example.org:587?starttls")
    if parts.password is not None:
        raise BadMail(_("has a password in it; put that into the file smtp-password instead"))
    if parts.path not in ("", "/") or parts.query not in ("", "starttls") or parts.fragment:
        raise BadMail(_("may end in ?starttls and in nothing else"))
    if parts.scheme == "smtps" and parts.query:
        raise BadMail(_("is smtps (TLS from the start) or ?starttls, not both"))
    safety: Safety = "tls" if parts.scheme == "smtps" else "starttls" if parts.query else "plain"
    host, user = parts.hostname or "", unquote(parts.username or "")
    if user and safety == "plain" and not _is_here(host):
        raise BadMail(_("would send the password in the clear; add ?starttls or use smtps://"))
    if not user.isascii() or not user.isprintable():
        raise BadMail(_("has a user name with characters that no mail server takes"))
    return MailServer(host, port or PORTS[safety], safety, user)


def written(host: str, port: str, safety: str, user: str) -> str:
    """Write such a URL of its parts; an empty port is the usual one. Raises BadMail."""
    if safety not in PORTS:
        raise BadMail(_("is encrypted in none of the ways that there are"))
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    named = f"{quote(user, safe='')}@" if user else ""
    url = f"{'smtps' if safety == 'tls' else 'smtp'}://{named}{shown}"
    url += (f":{port}" if port else "") + ("?starttls" if safety == "starttls" else "")
    if mail_server(url).host != host.strip("[]").lower():
        raise BadMail(
            _("has a host that is none; write it like %(example)s", example="mail.example.org")
        )
    return url


def addresses(text: str) -> tuple[str, ...]:
    """Read addresses with commas between them; raises BadMail."""
    found = tuple(part for part in (p.strip() for p in text.split(",")) if part)
    for address in found:
        if len(address) > MAX_ADDRESS_CHARS or not _ADDRESS.fullmatch(address):
            raise BadMail(
                _(
                    "has %(value)s, which is no mail address like office@example.org",
                    value=repr(address),
                )
            )
    if len(found) > MAX_ADDRESSES:
        raise BadMail(_("has more than %(most)s addresses; use a mailing list", most=MAX_ADDRESSES))
    return found


def address(text: str) -> str:
    """Read one address; raises BadMail."""
    found = addresses(text)
    if len(found) != 1:
        raise BadMail(_("is one address, such as mnet-peer@example.org"))
    return found[0]


def check_hook(url: str) -> str:
    """Check the address of a webhook; raises BadMail."""
    parts, _port = _split(url, ("https", "http"), "https://hooks.example.org/...")
    if parts.username is not None or parts.fragment:
        raise BadMail(_("has a user name or a # in it; write it without"))
    return url


def _split(url: str, schemes: tuple[str, ...], example: str) -> tuple[SplitResult, int | None]:
    """Cut a URL into its parts; its text is never repeated, since it may hold a secret."""
    if len(url) > MAX_URL_CHARS or not url.isascii() or not url.isprintable() or " " in url:
        raise BadMail(
            _(
                "has characters that no address has, or too many; write it like %(example)s",
                example=example,
            )
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadMail(_("is no address; write it like %(example)s", example=example)) from None
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        raise BadMail(_("is not like %(example)s", example=example))
    return parts, port


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
