"""What a page is given and what it gives back; no HTML and no server in here. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mnet.language import N_, _
from mnet.refusal import Refusal
from peers.web.sessions import Session

# What an everyday form may hold; a page that needs more says so in its Route.
MAX_FORM_BYTES = 256 * 1024
MAX_FIELDS = 500
MAX_ID = 2**31 - 1  # the greatest that a row can have
# What the pages of the navigation are sorted into.
# The empty one stands beside them.
ALONE = ""
SCHOOL_GROUP, NETWORK_GROUP, SYSTEM_GROUP = GROUPS = (N_("School"), N_("Network"), N_("System"))


class PageError(Refusal):
    """A page cannot be shown or a form not be taken; the text is for the person who sent it."""

    def __init__(self, text: str, status: int = 400) -> None:
        """Keep the HTTP status to answer with."""
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that came with a form; its name is whatever the sender calls it."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class FormLimits:
    """How much a page takes in one form, and whether files may come with it."""

    max_bytes: int = MAX_FORM_BYTES
    max_fields: int = MAX_FIELDS
    takes_files: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """Where somebody works who has no account: a page of admins', narrowed to what is theirs."""

    # The address below which the narrowed pages stand, in place of the admins' own.
    base: str
    # How what they enter is signed.
    actor: str


@dataclass(frozen=True, slots=True)
class View:
    """One request for a page, read and checked."""

    method: str
    path: str
    query: Mapping[str, str]
    form: Mapping[str, list[str]]
    sender: str
    session: Session | None
    now_unix_s: int
    cookies: Mapping[str, str] = field(default_factory=dict)
    # The query as it was sent.
    raw_query: str = ""
    # SHA-1 in hex of the User-Agent header, byte for byte, by which the protocol names a browser.
    agent_sha1: str = ""
    files: Mapping[str, UploadedFile] = field(default_factory=dict)
    # None: an admin's page, or one that is nobody else's.
    desk: Desk | None = None

    @property
    def who(self) -> str:
        """The user name of whoever is signed in, or how they sign at their desk; else empty."""
        if self.desk:
            return self.desk.actor
        return self.session.account.username if self.session else ""

    @property
    def role(self) -> str:
        """The role of whoever is signed in; empty for nobody."""
        return self.session.account.role if self.session else ""

    def text(self, name: str, *, limit: int = 1000) -> str:
        """Return a form's field, trimmed; empty when it is missing. Raises PageError."""
        value = (self.form.get(name) or [""])[-1].strip()
        if len(value) > limit:
            raise PageError(
                _("%(name)s is longer than %(limit)s characters.", name=name, limit=limit)
            )
        return value

    def number(self, name: str) -> int | None:
        """Return a number of the address' question, such as a row's id; None for anything else."""
        text = self.query.get(name, "")
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID))
        return min(int(text), MAX_ID) if is_number else None

    def all(self, name: str) -> list[str]:
        """Return every value of a form's field, such as ticked boxes."""
        return self.form.get(name, [])

    def ticked(self, name: str) -> bool:
        """Tell whether a box is ticked."""
        return bool(self.form.get(name))


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie to keep for a time; 0 seconds take it away."""

    name: str
    value: str
    age_s: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What a page answers: a template to fill, a place to go to, or bytes."""

    template: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    status: int = 200
    location: str = ""
    note: str = ""  # shown on the next page
    body: bytes = b""
    content_type: str = ""
    filename: str = ""
    # A token to keep in the session's cookie: None leaves it, empty takes it away.
    session_token: str | None = None
    cookies: tuple[Cookie, ...] = ()
    # A whole address elsewhere to go to, in place of `location`.
    outside: str = ""
    # How long this browser, with this cookie, may keep the answer; 0: not at all.
    private_s: int = 0
    # Work for after the answer has left.
    afterwards: tuple[Callable[[], object], ...] = ()


def page(template: str, *, status: int = 200, **values: object) -> Reply:
    """Answer with a template."""
    return Reply(template=template, values=values, status=status)


def go(location: str, note: str = "", *, session_token: str | None = None) -> Reply:
    """Send the browser to another page of ours (303), which shows `note` once."""
    return Reply(status=303, location=location, note=note, session_token=session_token)


def download(body: bytes, content_type: str, filename: str) -> Reply:
    """Answer with a file to keep."""
    return Reply(body=body, content_type=content_type, filename=filename)


Handler = Callable[..., Reply]
# Whose share a page takes that waits for a site: by the View and the parts of its address.
WaitsFor = Callable[[View, Mapping[str, Any]], Hashable]


def its_peer(_view: View, parts: Mapping[str, Any]) -> Hashable:
    """Say that a page waits for the peer whose number is in its address."""
    return parts.get("peer_id")


def long_pages(_view: View, _parts: Mapping[str, Any]) -> Hashable:
    """Say that a page waits for no site, but takes so long that all such have one share."""
    return "long pages"


def busy(_view: View) -> Reply:
    """Say that so much waits already that this page cannot be begun."""
    raise PageError(
        _(
            "So many wait for this at the moment that one more would not be served in time. "
            "Nothing was changed. Please try again in a minute."
        ),
        503,
    )


@dataclass(frozen=True, slots=True)
class Route:
    """One page's address, who may see it, and what makes it.

    The handler takes the View and the parts of the address. `role` None: everybody.
    `waits_for` is for a page that waits for other sites or takes long, so that it must not keep
    everyday pages waiting: whose share it takes; where that is None this time, it does neither.
    """

    rule: str
    handler: Handler
    role: str | None
    methods: tuple[str, ...] = ("GET",)
    waits_for: WaitsFor | None = None
    form: FormLimits = FormLimits()
    # Shows the form anew, filled in with what came, where it could not be taken (carried_form.py).
    again: Handler | None = None
    # What it answers when there is no room in that share.
    busy: Callable[[View], Reply] = busy


@dataclass(frozen=True, slots=True)
class Tab:
    """A page of the navigation; its title is the page's own."""

    title: str
    path: str
    # Who may see it.
    role: str
    # One of GROUPS.
    group: str = SYSTEM_GROUP
    # Where else pages stand that are below it.
    also: tuple[str, ...] = ()

    def begins(self, path: str) -> int:
        """Return how much of a page's path is this tab's; 0: the page is not below it."""
        fitting = [p for p in (self.path, *self.also) if path == p or path.startswith(f"{p}/")]
        return max(map(len, fitting), default=0)
