"""Whether a form really came from our own page: by what the browser says, and by a token. Pure.

Every browser of the last years says Sec-Fetch-Site or Origin, which no page can forge; the token
in the form serves the older ones and stands beside the others. A cookie's SameSite is the third.
"""

from __future__ import annotations

import hmac
import re
from urllib.parse import unquote, urlsplit

_PORTS = {"http": 80, "https": 443}
# Where the admin pages begin.
ADMINS = "/admin"
_HOST_ENDS = re.compile(r"[/?#]")


def is_ours(
    *, fetch_site: str | None, origin: str | None, host: str, wwwroot: str, token: str, wanted: str
) -> bool:
    """Tell whether a POST came from a page of this site and carries the right token."""
    if not wanted or not hmac.compare_digest(token.encode(), wanted.encode()):
        return False
    is_own = browser_says(fetch_site=fetch_site, origin=origin, host=host, wwwroot=wwwroot)
    return is_own is not False


def browser_says(
    *, fetch_site: str | None, origin: str | None, host: str, wwwroot: str
) -> bool | None:
    """Tell whether the browser says that a page of this site sent a form; None: it says nothing."""
    if fetch_site is not None:
        return fetch_site == "same-origin"
    if origin is not None:
        return _host_and_port(origin) in {host.lower(), _host_and_port(wwwroot)} - {""}
    return None


def inside(path: str) -> str | None:
    """Return `path` when it leads to one of our own pages, else None (no open redirect).

    Beside ours another site may live below the same host name, so no way up either (RULES R33).
    """
    if not path.startswith("/") or path.startswith("//") or "\\" in path:
        return None
    if ".." in unquote(path.partition("?")[0].partition("#")[0]).split("/"):
        return None
    return path if path.isprintable() else None


def is_admins(path: str) -> bool:
    """Tell whether a path of ours is one of the admin pages'."""
    return path == ADMINS or path.startswith((f"{ADMINS}/", f"{ADMINS}?"))


def within(url: str, wwwroot: str) -> str | None:
    """Return the path within a site that a path or one of its whole addresses means, else None.

    A site's wwwroot may have a path of its own; the path returned begins behind it.
    """
    if url.startswith("/"):
        return inside(url)
    if not url.isprintable():
        return None
    # A browser reads odd addresses otherwise than we do: only what is written as ours is.
    scheme, _mark, rest = url.partition("://")
    host = _HOST_ENDS.split(rest, maxsplit=1)[0]
    path, own_path = rest[len(host) :], urlsplit(wwwroot).path
    if _host_and_port(f"{scheme}://{host}") != _host_and_port(wwwroot) or not path.startswith(
        own_path
    ):
        return None
    if scheme.lower() != urlsplit(wwwroot).scheme:
        return None
    path = path.removeprefix(own_path)
    return inside("/" + path if path[:1] in ("", "?", "#") else path)


def _host_and_port(url: str) -> str:
    """Return an address's host and port as browsers write them in Origin; empty for nonsense."""
    try:
        parts = urlsplit(url)
        usual = parts.port is not None and parts.port == _PORTS.get(parts.scheme)
    except ValueError:
        return ""
    host = parts.netloc.lower()
    return host.rpartition(":")[0] if usual else host
