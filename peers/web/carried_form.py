"""What somebody typed into a form that could not be taken yet, carried along until it can be.

A session that ended asks for the password first; the form travels in the sign-in form and comes
back for the same account alone. Nothing is kept here, nothing is done with a right that has
ended, and a form that holds a password is never carried. Pure.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from mnet.language import _
from mnet.settings import SMTP_PASSWORD_FILE, WEBHOOK_SECRET_FILE
from peers.web import origin
from peers.web.view import MAX_FORM_BYTES, FormLimits, PageError, View

FIELD, PATH, AGAIN = "kept", "kept_path", "kept_again"
# On people's own pages a form says whose it is.
WHOSE = "whose"
TOKEN = "form_token"  # noqa: S105 - a field's name
SECRET = frozenset({
    "password", "old_password", "new_password", "new_again",
    SMTP_PASSWORD_FILE, WEBHOOK_SECRET_FILE,
    # An address that often is a secret itself.
    "webhook_url",
})  # fmt: skip
MAX_FIELDS = 20_100
MAX_PATH_CHARS = 2000
# As base64, and a few fields beside it.
MAX_SENT_CHARS = (MAX_FORM_BYTES + 2) // 3 * 4
SIGN_IN_FORM = FormLimits(max_bytes=MAX_SENT_CHARS + 16 * 1024, max_fields=20)
_OURS = re.compile(rb"(?:^|&)form_token=[\w-]{32}\.[0-9a-f]{16}(?:&|$)")


@dataclass(frozen=True, slots=True)
class CarriedForm:
    """A form, and the address that takes it."""

    path: str
    form: Mapping[str, list[str]]

    @property
    def token(self) -> str:
        """The token that its page had."""
        return (self.form.get(TOKEN) or [""])[-1]

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Each field to send anew, without the old token."""
        ours = (TOKEN, AGAIN)
        return [(n, text) for n, texts in self.form.items() if n not in ours for text in texts]

    @property
    def packed(self) -> str:
        """The form as one field of another."""
        return base64.urlsafe_b64encode(urlencode(self.form, doseq=True).encode()).decode()


def may_be_ours(body: bytes) -> bool:
    """Tell, before a form is read, whether an account's page may have sent it."""
    return len(body) <= MAX_FORM_BYTES and _OURS.search(body) is not None


def of(path: str, query: str, form: Mapping[str, list[str]]) -> CarriedForm | None:
    """Return a form to carry along; None for one that must not be or is too large."""
    address = f"{path}?{query}" if query else path
    if SECRET & form.keys() or origin.inside(address) is None or len(address) > MAX_PATH_CHARS:
        return None
    carried = CarriedForm(address, form)
    return carried if len(carried.packed) <= MAX_SENT_CHARS else None


def read(view: View) -> CarriedForm | None:
    """Return the form that came along with a sign-in; raises PageError."""
    packed = view.text(FIELD, limit=MAX_SENT_CHARS)
    path = origin.inside(view.text(PATH, limit=MAX_PATH_CHARS))
    if not packed or path is None:
        return None
    try:
        text = base64.urlsafe_b64decode(packed).decode()
        form = parse_qs(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except (ValueError, binascii.Error):
        raise PageError(_("The form could not be read; load the page anew.")) from None
    return None if SECRET & form.keys() else CarriedForm(path, form)
