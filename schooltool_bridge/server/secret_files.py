"""Secrets that a page may set: each in a file of its own in the data folder, written, never shown.

Source: manual/settings.md; RULES R23.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import Connection

from keys import protect
from mnet.language import N_
from mnet.settings import SMTP_PASSWORD_FILE, WEBHOOK_SECRET_FILE
from peers.audit import By

# By the file's name, how a page calls it.
SECRETS = {
    SMTP_PASSWORD_FILE: N_("Password for the mail server"),
    WEBHOOK_SECRET_FILE: N_("Secret that signs what goes to the webhook"),
}


def write_secret(connection: Connection, by: By, home: Path, name: str, text: str) -> None:
    """Write a secret's file, or remove it where the text is empty; the trail says which alone."""
    if text:
        protect.write_secret(home / name, f"{text}\n".encode())
    else:
        (home / name).unlink(missing_ok=True)
    by.note(connection, N_("secret changed") if text else N_("secret removed"), name, {})
