"""The mail with a link by which somebody chooses a password: its words, and sending it.

Blocking; for worker threads. Source: manual/signing-on.md.
"""

from __future__ import annotations

from urllib.parse import quote

from mnet.exchange import Site
from mnet.language import _
from mnet.mail_url import mail_server
from mnet.settings import Settings
from peers import account_links
from schooltool_bridge.common.days import moment_text
from schooltool_bridge.notices.channels import Mail
from schooltool_bridge.notices.message_text import Message
from schooltool_bridge.sign_on.invitations import Link

AnyLink = Link | account_links.Link

# Where a link leads: the page that takes its token.
CHOOSE = "/invitation"


def is_set_up(settings: Settings) -> bool:
    """Tell whether this site can send mail."""
    return bool(settings.smtp_url)


def address_of(site: Site, link: AnyLink) -> str:
    """Return the whole address of a link."""
    return f"{site.wwwroot}{CHOOSE}/{quote(link.token, safe='')}"


def send(settings: Settings, site: Site, link: AnyLink, now_unix_s: int) -> None:
    """Send a link to its address; raises channels.NotSent."""
    mail = Mail(mail_server(settings.smtp_url), settings.sender, (link.email,), settings)
    mail.send(_message(settings, site, link, now_unix_s))


def _message(settings: Settings, site: Site, link: AnyLink, now_unix_s: int) -> Message:
    until = moment_text(link.ends_unix_s, settings.zone)
    names = {"name": link.name, "school": site.name, "username": link.username}
    if link.kind == account_links.INVITATION:
        subject = _("Your way into %(school)s", school=site.name)
        first = _(
            "Hello %(name)s, you may sign in at %(school)s. Your user name is %(username)s. "
            "Choose a password here:",
            **names,
        )
        last = _("The link opens once, until %(until)s. Please give it to nobody.", until=until)
    else:
        subject = _("A new password for %(school)s", school=site.name)
        first = _(
            "Hello %(name)s, somebody asked for a new password at %(school)s for the user name "
            "%(username)s. Choose it here:",
            **names,
        )
        last = _(
            "The link opens once, until %(until)s. If it was not you who asked, you need not do "
            "anything: the old password stays.",
            until=until,
        )
    text = "\n\n".join((first, address_of(site, link), last)) + "\n"
    # No two are the same mail; the token itself is in none but its text.
    message_id = f"{link.kind}-{link.of}-{now_unix_s}"
    return Message(message_id, link.kind, subject, text, now_unix_s, {})
