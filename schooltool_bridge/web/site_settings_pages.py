"""Settings of the site in the browser: one page for each group, each with its own Save.

What may be changed, and what is wrong with it, is decided in mnet/settings.py; what was changed
lies in store/stored_settings.py. Secrets are only written, never shown. Source: RULES 1.8;
manual/settings.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy.engine import Connection

from mnet import mail_url
from mnet import settings as settings_file
from mnet.language import N_, _, shipped, spoken
from mnet.mail_url import BadMail, MailServer
from mnet.settings import AT_START, Settings, SettingsError
from peers.accounts import MANAGER
from peers.audit import By
from peers.web.view import Reply, Route, Tab, View, go, long_pages, page
from schooltool_bridge.notices.channels import PostJson
from schooltool_bridge.server import background
from schooltool_bridge.server.health import zone_words
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.server.secret_files import SECRETS, write_secret
from schooltool_bridge.store import stored_settings
from schooltool_bridge.store.stored_settings import FROM_ENVIRONMENT, PAGE

SETTINGS = "/admin/settings"
TEST = SETTINGS + "/mail/test"
MAX_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Field:
    """A setting on its page; label and help are said by `_`."""

    name: str
    label: str
    # text | number | yes | zone | language | mail server | hidden
    kind: str = "text"
    help: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that stand on one page and are saved together."""

    key: str
    title: str
    fields: tuple[Field, ...]
    # Files that hold a secret each, by their names in server/secret_files.py.
    secrets: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The page's address."""
        return SETTINGS if self.key == "school" else f"{SETTINGS}/{self.key}"


GROUPS = (
    Group(
        "school",
        N_("School"),
        (
            Field("name", N_("The school's name")),
            Field("language", N_("Language of pages, mail and reports"), "language"),
            Field("timezone", N_("Time zone, in which a day begins and ends"), "zone"),
        ),
    ),
    Group(
        "mail",
        N_("Mail"),
        (
            Field("smtp_url", N_("Mail server"), "mail server"),
            Field("mail_from", N_("Sender"), help=N_("The address that mail comes from.")),
            Field(
                "mail_to",
                N_("Who is told"),
                help=N_("Addresses with commas between them; they get what needs a hand."),
            ),
            Field("webhook_url", N_("Webhook"), "hidden", N_("The same as JSON, to this address.")),
        ),
        ("smtp-password", "webhook-secret"),
    ),
    Group(
        "notices",
        N_("Notices and backups"),
        (
            Field(
                "summary_hour",
                N_("Hour of the daily summary"),
                "number",
                N_("By the school's clock, 0 to 23; -1 for never."),
            ),
            Field("summary_when_well", N_("A summary also when all is well"), "yes"),
            Field(
                "quiet_hours",
                N_("Quiet hours"),
                help=N_("Such as 22-6: only what is urgent is sent then, the rest afterwards."),
            ),
            Field("silent_hours", N_("A peer is silent after so many hours"), "number"),
            Field("held_limit", N_("More events held than this need a hand"), "number"),
            Field(
                "backup_hour",
                N_("Hour of the nightly backup"),
                "number",
                N_("By the school's clock, 0 to 23; -1 for never."),
            ),
            Field("backups_kept", N_("How many of these backups are kept"), "number"),
            Field(
                "backup_days",
                N_("The last backup may be so many days old"),
                "number",
                N_("After that a notice warns; 0 for never."),
            ),
        ),
    ),
)
LABELS = {field.name: field.label for group in GROUPS for field in group.fields}
SAFETIES = {
    "starttls": N_("STARTTLS (port 587)"),
    "tls": N_("TLS from the start (port 465)"),
    "plain": N_("none (port 25)"),
}


class SiteSettingsPages:
    """The pages of the settings."""

    def __init__(self, parts: Parts, post_json: Callable[[], PostJson]) -> None:
        """Take the server's parts, and what posts to a webhook."""
        self._parts = parts
        self._post_json = post_json

    def routes(self) -> list[Route]:
        """Return the pages' addresses."""
        return [
            *(Route(g.path, partial(self._show, g), MANAGER) for g in GROUPS),
            *(Route(g.path, partial(self._save, g), MANAGER, ("POST",)) for g in GROUPS),
            Route(TEST, self.test, MANAGER, ("POST",), waits_for=long_pages),
        ]

    def tabs(self) -> list[Tab]:
        """Return the entry of the navigation."""
        return [Tab(N_("Settings"), SETTINGS, MANAGER)]

    def test(self, _view: View) -> Reply:
        """Send a test by mail and webhook, and say how that went."""
        outcomes = background.sender_of(self._parts, self._post_json).test()
        return self._page(GROUPS[1], outcomes=outcomes, tested=True)

    def _show(self, group: Group, _view: View) -> Reply:
        return self._page(group)

    def _save(self, group: Group, view: View) -> Reply:
        typed = {field.name: view.text(field.name, limit=MAX_CHARS) for field in group.fields}
        back = view.text("back")
        by = By(view.who, view.now_unix_s)
        try:
            wanted = {back: None} if back in typed else _wanted(group, view, typed)
            of_environment = settings_file.of_environment()
            wanted = {name: value for name, value in wanted.items() if name not in of_environment}
            with self._parts.database.write() as connection:
                of_file = self._parts.file_settings
                changed = stored_settings.change(connection, by, of_file, wanted)
                for name in group.secrets if not back else ():
                    changed += self._write_secret(connection, by, view, name)
        except SettingsError as refused:
            problem = f"{_(LABELS[refused.field])}: {_in_words(refused.rest)}."
            return self._page(group, typed=typed, problem=problem, wrong=refused.field)
        if not changed:
            return go(group.path, _("Nothing was changed."))
        note = _("Saved.")
        if AT_START & {*changed}:
            note += " " + _("It holds from the next start of the server on.")
        return go(group.path, note)

    def _write_secret(self, connection: Connection, by: By, view: View, name: str) -> list[str]:
        typed = (view.all(name) or [""])[-1].strip()[:MAX_CHARS]
        if not typed and not view.ticked(f"no_{name}"):
            return []
        write_secret(connection, by, self._parts.settings.home, name, typed)
        return [name]

    def _page(
        self,
        group: Group,
        *,
        typed: Mapping[str, str] | None = None,
        problem: str = "",
        wrong: str = "",
        outcomes: Sequence[object] = (),
        tested: bool = False,
    ) -> Reply:
        home = self._parts.settings.home
        with self._parts.database.read() as connection:
            kept = stored_settings.stored(connection)
        settings = stored_settings.with_stored(self._parts.file_settings, kept)
        values = {f.name: stored_settings.shown(f.name, settings) for f in group.fields}
        return page(
            "site_settings.html",
            status=400 if problem else 200,
            group=group,
            groups=GROUPS,
            values=values | dict(typed or {}),
            server=_server(settings),
            port=_other_port(_server(settings)),
            of_file={
                f.name: stored_settings.shown(f.name, self._parts.file_settings)
                for f in group.fields
            },
            sources=stored_settings.sources(home, kept),
            from_page=PAGE,
            from_environment=FROM_ENVIRONMENT,
            waits=_waits(settings, self._parts.settings),
            zone_words=_zone(settings, self._parts.settings),
            has_secret={name: (home / name).exists() for name in group.secrets},
            secrets={name: _(SECRETS[name]) for name in group.secrets},
            zones=sorted(settings_file.zones()),
            languages=_languages(),
            safeties={key: _(text) for key, text in SAFETIES.items()},
            outcomes=outcomes,
            tested=tested,
            problem=problem,
            wrong=wrong,
        )


def _wanted(group: Group, view: View, typed: Mapping[str, str]) -> dict[str, object | None]:
    """Return what a form asks for; raises SettingsError."""
    wanted: dict[str, object | None] = {}
    for field in group.fields:
        if field.kind == "yes":
            wanted[field.name] = "true" if view.ticked(field.name) else "false"
        elif field.kind == "mail server":
            wanted[field.name] = _url(view)
        elif field.kind == "hidden":
            if typed[field.name] or view.ticked(f"no_{field.name}"):
                wanted[field.name] = typed[field.name]
        else:
            wanted[field.name] = typed[field.name]
    return wanted


def _in_words(rest: str) -> str:
    """Call settings as the page does."""
    for name, label in LABELS.items():
        rest = rest.replace(name, f"“{_(label)}”")
    return rest


def _url(view: View) -> str:
    """Return smtp_url as the fields of a mail server say; raises SettingsError."""
    host, user = view.text("smtp_host"), view.text("smtp_user")
    if not host:
        return ""
    port, safety = view.text("smtp_port"), view.text("smtp_safety")
    try:
        return mail_url.written(host, port, safety, user)
    except BadMail as problem:
        raise SettingsError(str(problem), "smtp_url") from None


def _server(settings: Settings) -> MailServer | None:
    return mail_url.mail_server(settings.smtp_url) if settings.smtp_url else None


def _other_port(server: MailServer | None) -> str:
    """Return a mail server's port, where it is not the usual one."""
    is_usual = server is None or server.port == mail_url.PORTS[server.safety]
    return "" if server is None or is_usual else str(server.port)


def _waits(now: Settings, begun: Settings) -> list[str]:
    """Return the labels of what holds only from the next start on."""
    differ = [n for n in ("name", "language", "timezone") if getattr(now, n) != getattr(begun, n)]
    return [_(LABELS[name]) for name in differ]


def _zone(now: Settings, begun: Settings) -> str:
    return zone_words(begun.timezone, now.timezone) if now.timezone != begun.timezone else ""


def _languages() -> dict[str, str]:
    from babel import Locale  # noqa: PLC0415 - slow to load, and few pages need it

    return {code: Locale.parse(code).get_display_name(spoken()) or code for code in shipped()}
