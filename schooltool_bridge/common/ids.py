"""The ids by which peers and schools call people and things, and when two are the same. Pure.

Source: RULES 1.3.
"""

from __future__ import annotations

from mnet.letters import nfc

OWN_ID = "#"  # how a Moodle writes its own id where there is no idnumber


def key(text: str) -> str:
    """The form in which ids and user names are compared: NFC, case folded."""
    return nfc(nfc(text).casefold())


def own_id(idnumber: str | None, moodle_id: str | None = None) -> str | None:
    """Moodle's own id of a thing: sent beside its idnumber, or in its stead (#42)."""
    if idnumber and idnumber.startswith(OWN_ID):
        return idnumber.removeprefix(OWN_ID) or None
    return moodle_id
