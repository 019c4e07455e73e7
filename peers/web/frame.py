"""The frame around every page: routes, sign-in, roles, forms' origin, headers, templates.

Each page itself is a function from View to Reply, run in a worker thread. Nothing here knows
what a page is about. Source: RULES R11; manual/pages.md.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from werkzeug.exceptions import MethodNotAllowed

from mnet import language
from mnet.connection_shares import SlowPages
from mnet.database import Database
from mnet.language import N_, _
from mnet.logs import log_failure
from mnet.refusal import Refusal
from mnet.slow_work import SlowWork
from mnet.store_errors import STORE_ERRORS
from mnet.stored_sentences import localized
from mnet.workers import Workers
from peers.web import carried_form, navigation, refused_form, sessions, static_files, tokens
from peers.web.form_check import FormCheck
from peers.web.headers import HEADERS
from peers.web.navigation import Navigation
from peers.web.roles import allows
from peers.web.sessions import COOKIE, Session
from peers.web.view import MAX_ID, PageError, Reply, Route, Tab, View, go, page
from peers.web.wire import (
    Pages,
    Raw,
    Sent,
    Waiting,
    cookies_of,
    form_of,
    on_worker,
    raw_of,
    send,
)

HERE = Path(__file__).parent
# The first page, where everybody signs in.
DOOR = "/"
SIGN_OUT, PASSWORD = "/admin/sign-out", "/admin/password"
FORM_COOKIE, NOTE_COOKIE = "mnet_peer_form", "mnet_peer_note"
MAX_NOTE_CHARS = 400
LOCATION_SAFE = "%/?#[]@!$&'()*+,;=:~"  # what is an address already stays as it is
TITLES = {
    403: N_("Not for you"),
    404: N_("Nothing here"),
    405: N_("Not this way"),
    400: N_("That did not work"),
}

T = TypeVar("T")

log = structlog.get_logger("pages")


class Frame:
    """All pages of one server."""

    def __init__(
        self,
        *,
        wwwroot: str,
        name: str,
        database: Database,
        clock: Callable[[], float],
        templates: Sequence[Path] = (),
        filters: Mapping[str, Callable[..., object]] | None = None,
        spoken: str = language.SOURCE,
    ) -> None:
        """Take the site's address and name; `templates` are further folders of templates.

        `spoken` is the language of all pages.
        """
        self.wwwroot = wwwroot
        self.prefix = urlsplit(wwwroot).path.rstrip("/")
        self._spoken = spoken
        self._is_https = wwwroot.startswith("https://")
        self.database = database
        self.clock = clock
        self.routes: list[Route] = []
        self.tabs: list[Tab] = []
        # Shown on top of every page to whoever is signed in; set by the composition root.
        self.banner: Callable[[View], object] = lambda _view: None
        # Asks whoever sent a form after their session ended to sign in; set there, too.
        self.sign_in_first: Callable[[View, carried_form.CarriedForm], Reply] = _only_to_the_door
        # Where the help about a page is, by the page's path; set there too. Empty: there is none.
        self.help_about: Callable[[str], str] = lambda _path: ""
        # What stands around a page of somebody who has no account here, by the page's values.
        self.navigation_of_others: Callable[[View, Mapping[str, object]], Navigation | None] = (
            lambda _view, _values: None
        )
        self._static = static_files.read()
        self._forms = FormCheck(wwwroot)
        self._again = refused_form.Again(self.begin, self.routes, wwwroot)
        self._jinja = Environment(
            loader=FileSystemLoader([HERE / "templates", *templates]),
            autoescape=True,
            auto_reload=False,  # a template is the program's; looking at its file takes time
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        self._jinja.policies["ext.i18n.trimmed"] = True
        language.install(self._jinja)
        self._jinja.globals.update(
            url=self.url, static=self._static_url, site_name=name, spoken=spoken
        )
        # For texts that are stored: unlike `_` it takes them as they are, and they are escaped.
        self._jinja.filters["translated"] = language.translated
        self._jinja.filters["localized"] = localized
        self._jinja.filters.update(filters or {})

    def url(self, path: str) -> str:
        """Return one of our pages' address as a browser needs it."""
        return self.prefix + path

    def add(self, routes: Sequence[Route], tabs: Sequence[Tab] = ()) -> None:
        """Add pages, and entries of the navigation."""
        self.routes += routes
        self.tabs += tabs

    def resource(
        self,
        reactor: Any,
        workers: Workers,
        slow_work: SlowWork,
        sender_of: Callable[[Any], str],
    ) -> Any:
        """Return the Twisted resource that serves every page added so far."""
        slow_pages = SlowPages()

        def nowhere(request: Any, problem: object) -> bytes:
            raw = raw_of(request, sender_of(request))
            with language.speaking(self._spoken):
                return send(request, self._nowhere(raw, problem))

        # Werkzeug adds HEAD wherever there is GET.
        serving = [
            on_worker(self.begin, route, reactor, workers, slow_work, slow_pages, sender_of)
            for route in self.routes
        ]
        return Pages(zip(self.routes, serving, strict=True), nowhere)

    def answer(self, route: Route, raw: Raw, parts: Mapping[str, Any]) -> Sent:
        """Answer one request for a page here and now, in the site's language; never raises."""
        begun = self.begin(route, raw, parts)
        return begun.go_on() if isinstance(begun, Waiting) else begun

    def begin(self, route: Route, raw: Raw, parts: Mapping[str, Any]) -> Sent | Waiting:
        """Answer one request, or tell what it waits for once it is known who asks; never raises."""
        return self._spoken_safely(raw, lambda: self._begin(route, raw, parts))

    def _spoken_safely(self, raw: Raw, make: Callable[[], T]) -> T | Sent:
        with language.speaking(self._spoken):
            try:
                return make()
            except Exception as problem:  # noqa: BLE001 - whatever it is, others go on
                log_failure(log, problem, path=raw.path)
                text = _("Something went wrong here; please try again.")
                is_store = isinstance(problem, STORE_ERRORS)
                return self._problem_page(raw, text, 503 if is_store else 500)

    def _nowhere(self, raw: Raw, problem: object) -> Sent:
        if not isinstance(problem, MethodNotAllowed):
            return self._problem_page(raw, _("There is no page at this address."), 404)
        sent = self._problem_page(raw, _("This page cannot be asked for in this way."), 405)
        sent.headers.append(("Allow", ", ".join(sorted(problem.valid_methods or ()))))
        return sent

    def _begin(self, route: Route, raw: Raw, parts: Mapping[str, Any]) -> Sent | Waiting:
        cookies = cookies_of(raw.headers.get("cookie", ""))
        now = int(self.clock())
        session = self._session(cookies.get(COOKIE, ""), now)
        form_token = session.form_token if session else cookies.get(FORM_COOKIE, "")
        view = self._view(raw, session, {})
        note = unquote(cookies.get(NOTE_COOKIE, ""))[:MAX_NOTE_CHARS]

        def rendered(view: View, make: Callable[[], Reply]) -> Sent:
            problem_text = ""
            try:
                reply = make()
            except Refusal as problem:
                problem_text, reply = str(problem), _problem(str(problem), problem.status)
            sent = self._rendered(view, reply, session, form_token, note)
            sent = self._shown_again(route, view, raw, parts, sent, problem_text)
            if NOTE_COOKIE in cookies and reply.template:
                sent.headers.append(("Set-Cookie", self._cookie(NOTE_COOKIE, "", age_s=0)))
            return sent

        try:
            elsewhere = self._elsewhere(route, view, raw)
            if elsewhere is not None:
                return rendered(view, lambda: elsewhere)
            # Only now: who may not be here has nothing read that a form holds.
            form, files = form_of(raw, route.form)
            view = replace(self._view(raw, session, form), files=files)
            _check_numbers(parts)
            carried = self._forms.must_be_ours(route, view, raw, form_token)
            if route.again is not None and (carried or view.ticked(carried_form.AGAIN)):
                again = route.again
                return rendered(view, lambda: again(view, **parts))
            if carried is not None:
                text = _("This page was open for too long, so nothing was saved.")
                too_old = page("carried_form.html", status=403, text=text, carried=carried)
                return rendered(view, lambda: too_old)
            who = route.waits_for(view, parts) if route.waits_for else None
        except Refusal as problem:
            problem_page = _problem(str(problem), problem.status)
            return rendered(view, lambda: problem_page)
        if who is None:
            return rendered(view, lambda: route.handler(view, **parts))

        def later(make: Callable[[], Reply]) -> Callable[[], Sent]:
            return lambda: self._spoken_safely(raw, lambda: rendered(view, make))

        return Waiting(
            who, later(lambda: route.handler(view, **parts)), later(lambda: route.busy(view))
        )

    def _shown_again(
        self,
        route: Route,
        view: View,
        raw: Raw,
        parts: Mapping[str, Any],
        sent: Sent,
        problem_text: str,
    ) -> Sent:
        """Show a refused form with what was typed, and with why where `sent` has no form."""
        if sent.status != HTTPStatus.BAD_REQUEST or not view.form:
            return sent
        again = self._again.page(route, raw, parts, view.form, problem_text, sent.body)
        carried = (
            carried_form.of(view.path, raw.query, view.form)
            if problem_text and again is None
            else None
        )
        if carried is not None:
            plain = page("refused.html", text=problem_text, carried=carried)
            again = self._html(view, plain, view.session, view.text("form_token"), "")
        return sent if again is None else replace(sent, body=again)

    def _problem_page(self, raw: Raw, text: str, status: int) -> Sent:
        """Say what is wrong without looking anything up; a form that is open keeps its token."""
        form_token = cookies_of(raw.headers.get("cookie", "")).get(FORM_COOKIE, "")
        return self._rendered(self._view(raw, None, {}), _problem(text, status), None, form_token)

    def static(self, _view: View, name: str) -> Reply:
        """Serve a style sheet, script or picture."""
        found = self._static.get(name)
        if found is None:
            raise PageError(_("There is no such file."), 404)
        return Reply(body=found[0], content_type=static_files.TYPES[Path(name).suffix])

    def _elsewhere(self, route: Route, view: View, raw: Raw) -> Reply | None:
        """Return where whoever is not signed in has to go first; raises PageError by role."""
        if route.role is not None:
            if view.session is None:
                carried = self._forms.without_session(route, view, raw)
                if carried is not None:
                    return self.sign_in_first(view, carried)
                back = f"?next={quote(view.path)}" if view.method == "GET" else ""
                return go(DOOR + back)
            if view.session.account.one_time and view.path not in {PASSWORD, SIGN_OUT}:
                return go(PASSWORD)
            if not allows(view.role, route.role):
                raise PageError(_("Your account may not see this page."), 403)
        return None

    def _session(self, token: str, now_unix_s: int) -> Session | None:
        if not token:
            return None
        with self.database.read() as connection:
            found = sessions.find(connection, token, now_unix_s)
        if found and now_unix_s - found.seen_unix_s >= tokens.SEEN_STEP_S:
            with self.database.write() as connection:
                sessions.touch(connection, token, now_unix_s)
        return found

    def _view(self, raw: Raw, session: Session | None, form: Mapping[str, list[str]]) -> View:
        query = parse_qs(raw.query, keep_blank_values=True)
        path = raw.path.removeprefix(self.prefix) if self.prefix else raw.path
        return View(
            method="GET" if raw.method == "HEAD" else raw.method,
            path=path,
            # No text in a PostgreSQL database can hold a NUL.
            query={name: values[-1].replace("\0", "") for name, values in query.items()},
            form=form,
            sender=raw.sender,
            session=session,
            now_unix_s=int(self.clock()),
            cookies=cookies_of(raw.headers.get("cookie", "")),
            raw_query=raw.query,
            agent_sha1=hashlib.sha1(
                raw.headers.get("user-agent", "").encode("latin-1"), usedforsecurity=False
            ).hexdigest(),
        )

    def _rendered(
        self, view: View, reply: Reply, session: Session | None, form_token: str, note: str = ""
    ) -> Sent:
        headers = list(HEADERS.items())
        if reply.session_token == "":  # whoever was signed in is not any more
            view, session = replace(view, session=None), None
            form_token = view.cookies.get(FORM_COOKIE, "")
        body = reply.body
        kind = reply.content_type or "text/html; charset=utf-8"
        if reply.template:
            if not form_token:
                form_token = secrets.token_urlsafe(24)
                headers.append(("Set-Cookie", self._cookie(FORM_COOKIE, form_token, age_s=86400)))
            body = self._html(view, reply, session, form_token, note)
        if reply.location:
            headers.append(("Location", quote(self.url(reply.location), safe=LOCATION_SAFE)))
        if reply.outside:
            headers.append(("Location", reply.outside))
        headers += [
            ("Set-Cookie", self._cookie(c.name, c.value, age_s=c.age_s)) for c in reply.cookies
        ]
        if reply.note:
            note_text = quote(reply.note[:MAX_NOTE_CHARS])
            headers.append(("Set-Cookie", self._cookie(NOTE_COOKIE, note_text, age_s=60)))
        if reply.session_token is not None:
            age_s = tokens.LIFETIME_S if reply.session_token else 0
            cookie = self._cookie(COOKIE, reply.session_token, age_s=age_s)
            headers.append(("Set-Cookie", cookie))
        if reply.filename:
            headers.append(("Content-Disposition", f'attachment; filename="{reply.filename}"'))
        is_static = view.path.startswith("/admin/static/") and reply.status == HTTPStatus.OK
        caching = "public, max-age=31536000, immutable" if is_static else "no-store"
        if reply.private_s:
            caching = f"private, max-age={reply.private_s}"
            headers.append(("Vary", "Cookie"))
        headers += [("Content-Type", kind), ("Cache-Control", caching)]
        return Sent(reply.status, headers, body, reply.afterwards)

    def _html(
        self, view: View, reply: Reply, session: Session | None, form_token: str, note: str
    ) -> bytes:
        may_see_all = session is not None and not session.account.one_time
        frame_values = {
            "view": view,
            "form_token": form_token,
            "navigation": self._navigation(view, reply, may_see_all=may_see_all),
            "banner": self.banner(view) if may_see_all else None,
            "note": note,
            "now_unix_s": view.now_unix_s,
            # Whose own desk it is that shows an admins' page; own_desks.py says so.
            "desk": None,
        }
        template = self._jinja.get_template(reply.template)
        return template.render({**frame_values, **reply.values}).encode()

    def _navigation(self, view: View, reply: Reply, *, may_see_all: bool) -> Navigation | None:
        if not view.session:
            return self.navigation_of_others(view, reply.values)
        tabs = [t for t in self.tabs if may_see_all and allows(view.role, t.role)]
        help_path = self.help_about(view.path) if may_see_all else ""
        around = Navigation(view.who, PASSWORD, "/admin", SIGN_OUT, help=help_path)
        return navigation.among(around, tabs, view.path)

    def _cookie(self, name: str, value: str, *, age_s: int) -> str:
        secure = "; Secure" if self._is_https else ""
        cookie_path = self.prefix or "/"
        return (
            f"{name}={value}; Path={cookie_path}; Max-Age={age_s}; HttpOnly; SameSite=Lax{secure}"
        )

    def _static_url(self, name: str) -> str:
        return self.url(f"/admin/static/{name}?v={self._static[name][1]}")


def _problem(text: str, status: int) -> Reply:
    title = _(TITLES[status]) if status in TITLES else _("Sorry")
    return page("problem.html", status=status, text=text, title=title)


def _only_to_the_door(_view: View, _carried: carried_form.CarriedForm) -> Reply:
    return go(DOOR)


def _check_numbers(parts: Mapping[str, Any]) -> None:
    if any(isinstance(part, int) and part > MAX_ID for part in parts.values()):
        raise PageError(_("There is nothing with this number."), 404)
