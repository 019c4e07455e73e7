"""OneRoster in the browser: everything out as a package; a package in, once it was looked at.

A package that was looked at waits as a file in the data folder until it is taken in, a day at most.
Source: RULES 1.8, D.2; manual/oneroster.md.
"""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from keys import protect
from mnet.language import N_, _
from mnet.refusal import Refusal
from peers.accounts import MANAGER
from peers.audit import By
from peers.web.view import (
    FormLimits,
    PageError,
    Reply,
    Route,
    View,
    download,
    go,
    long_pages,
    page,
)
from schooltool_bridge.common.days import local
from schooltool_bridge.hand.resolving import Resolving
from schooltool_bridge.oneroster import tables
from schooltool_bridge.oneroster.export import export
from schooltool_bridge.oneroster.import_work import OUTCOMES
from schooltool_bridge.oneroster.importing import Imported, import_package
from schooltool_bridge.oneroster.reading import Package
from schooltool_bridge.server.parts import Parts

ONEROSTER = "/admin/settings/oneroster"
OUT, TAKE_IN = ONEROSTER + "/package", ONEROSTER + "/take-in"
WAITING = "imports"
WAITS_S = 24 * 3600
MIB = 1024 * 1024
# A message may have 8 MB at most, with the form around the file.
MAX_FILE_BYTES = 7 * MIB
FORM = FormLimits(max_bytes=MAX_FILE_BYTES + 64 * 1024, max_fields=10, takes_files=True)
ZIP = "application/zip"
# The titles of what happens to rows (OUTCOMES).
SAID = {
    "unchanged": N_("unchanged"),
    "updated": N_("updated"),
    "new": N_("new"),
    "failed": N_("failed"),
}


class OneRosterPages:
    """The pages of packages."""

    def __init__(self, parts: Parts, resolving: Resolving) -> None:
        """Take the server's parts, and what applies events that waited for a package."""
        self._parts = parts
        self._resolving = resolving

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            Route(ONEROSTER, self.show, MANAGER),
            Route(ONEROSTER, self.preview, MANAGER, ("POST",), form=FORM, waits_for=long_pages),
            Route(OUT, self.give, MANAGER, ("POST",), waits_for=long_pages),
            Route(TAKE_IN, self.take_in, MANAGER, ("POST",), waits_for=long_pages),
        ]

    def show(self, _view: View) -> Reply:
        """Show both ways."""
        return self._page()

    def give(self, view: View) -> Reply:
        """Give out everything as a package."""
        version, parts = view.text("version"), self._parts
        if version not in tables.TABLES:
            return self._page(_("Choose 1.1 or 1.2."))
        name = f"oneroster-{local(view.now_unix_s, parts.settings.zone):%Y%m%d-%H%M}.zip"
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / name
            export(parts.database, parts.settings, file, version, view.now_unix_s)
            body = file.read_bytes()
        with parts.database.write() as connection:
            by = By(view.who, view.now_unix_s)
            by.note(connection, N_("data written for other systems"), "OneRoster", {"file": name})
        return download(body, ZIP, name)

    def preview(self, view: View) -> Reply:
        """Show what a package would change, and keep it for the yes."""
        file = view.files.get("file")
        if file is None or not file.data:
            return self._page(_("Choose a file first."))
        folder = self._folder(view.now_unix_s)
        token = secrets.token_hex(16)
        waiting = folder / f"{token}.zip"
        protect.write_secret(waiting, file.data)
        try:
            done = self._import(view, waiting, preview=True)
        except Refusal as problem:
            waiting.unlink()
            # What it is called here says nothing to whoever chose the file.
            return self._page(str(problem).replace(str(waiting), file.name))
        if not done.report.ok:
            waiting.unlink()
        return self._page(done=done, token=token, name=file.name)

    def take_in(self, view: View) -> Reply:
        """Take in the package that was looked at, all of it or nothing."""
        folder = self._folder(view.now_unix_s)
        there = {file.stem: file for file in folder.glob("*.zip")}
        waiting = there.get(view.text("token"))
        if waiting is None:
            raise PageError(_("That package is not here any more; please upload it again."))
        done = self._import(view, waiting, preview=False)
        waiting.unlink(missing_ok=True)
        if not done.applied:
            return self._page(done=done)
        self._resolving.brought_by_hand(done.names, done.memberships)
        return go(ONEROSTER, _("Taken in."))

    def _import(self, view: View, file: Path, *, preview: bool) -> Imported:
        parts, now = self._parts, view.now_unix_s
        with Package(file) as package:
            return import_package(
                parts.database, parts.settings, package, preview=preview, actor=view.who,
                now_unix_s=now,
            )  # fmt: skip

    def _folder(self, now_unix_s: int) -> Path:
        """Return where packages wait, without those that waited too long."""
        folder = self._parts.settings.home / WAITING
        folder.mkdir(mode=0o700, exist_ok=True)
        for file in folder.glob("*.zip"):
            if file.stat().st_mtime < now_unix_s - WAITS_S:
                file.unlink(missing_ok=True)
        return folder

    def _page(
        self, problem: str = "", *, done: Imported | None = None, token: str = "", name: str = ""
    ) -> Reply:
        counts = done.counts if done else {}
        return page(
            "oneroster.html",
            status=400 if problem else 200,
            versions=[*tables.TABLES],
            done=done,
            rows=[(n, [(SAID[w], c[w]) for w in OUTCOMES if c.get(w)]) for n, c in counts.items()],
            token=token,
            name=name,
            max_bytes=MAX_FILE_BYTES,
            max_mb=MAX_FILE_BYTES // MIB,
            problem=problem,
        )
