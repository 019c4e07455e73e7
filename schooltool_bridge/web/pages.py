"""The pages put together: the frame, who adds pages to it, and how times are written.

No page stands here. Source: RULES R11.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from mnet import language
from mnet.language import _
from peers import bootstrap
from peers.store import StoredPeer
from peers.verify_rules import Report
from peers.web.add_pages import AddPages
from peers.web.frame import Frame
from peers.web.parts import Parts as PeerParts
from peers.web.peer_pages import PeerPages
from peers.web.settings_pages import SettingsPages
from peers.web.sign_in import SignInPages, home_of
from peers.web.view import PageError, Route
from schooltool_bridge.common.days import iso, moment_text
from schooltool_bridge.events import naming
from schooltool_bridge.history.averages import number
from schooltool_bridge.server.app import App
from schooltool_bridge.sign_on import jump_rights
from schooltool_bridge.web import help_pages, peer_facts
from schooltool_bridge.web.calls_pages import CallsPages
from schooltool_bridge.web.closing_pages import ClosingPages
from schooltool_bridge.web.conflict_pages import ConflictPages
from schooltool_bridge.web.courses_pages import CoursesPages
from schooltool_bridge.web.enrolment_pages import EnrolmentPages
from schooltool_bridge.web.gradebook_items_pages import GradebookItemsPages
from schooltool_bridge.web.gradebook_pages import GradebookPages
from schooltool_bridge.web.gradebook_upload_pages import GradebookUploadPages
from schooltool_bridge.web.inbox_pages import InboxPages
from schooltool_bridge.web.issued_pages import IssuedPages
from schooltool_bridge.web.joining_pages import JoiningPages
from schooltool_bridge.web.jump_pages import JumpPages
from schooltool_bridge.web.key_pages import KeyPages
from schooltool_bridge.web.marking_pages import MarkingPages
from schooltool_bridge.web.notices_pages import NoticesPages
from schooltool_bridge.web.own_gradebook_pages import OwnGradebookPages
from schooltool_bridge.web.own_pages import OwnPages
from schooltool_bridge.web.people_pages import PeoplePages
from schooltool_bridge.web.person_data_pages import PersonDataPages
from schooltool_bridge.web.person_edit_pages import PersonEditPages
from schooltool_bridge.web.person_pages import PersonPages
from schooltool_bridge.web.picture_pages import PicturePages
from schooltool_bridge.web.reports_pages import ReportsPages
from schooltool_bridge.web.school_pages import SchoolPages
from schooltool_bridge.web.sections_pages import SectionsPages
from schooltool_bridge.web.sign_on_pages import SignOnPages
from schooltool_bridge.web.support_pages import SupportPages

HERE = Path(__file__).parent


def frame_of(app: App) -> Frame:
    """Return the frame with every page of the server."""
    settings = app.settings
    zone = settings.zone
    frame = Frame(
        wwwroot=settings.wwwroot,
        name=settings.name,
        database=app.database,
        clock=app.clock,
        templates=[HERE / "templates"],
        filters={
            "moment": lambda t: moment_text(t, zone),
            "day": language.day,
            "iso": iso,
            "number": number,
            "decimal": language.number,
        },
        spoken=settings.language,
    )
    frame.add(
        [
            Route("/admin/static/<name>", frame.static, None),
        ]
    )
    ours = app.parts
    parts = PeerParts(
        database=app.database,
        our_wwwroot=settings.wwwroot,
        discover=lambda wwwroot, application, verify_tls: bootstrap.discover(
            app.outbound,
            app.transport,
            wwwroot,
            application=application or None,
            verify_tls=verify_tls,
        ),
        verify=partial(_verify, app),
        facts=partial(peer_facts.of_peers, zone),
        enforce=lambda connection, peer_id: app.signing_off.ending(
            jump_rights.enforce(connection, peer_id)
        ),
    )
    peers = PeerPages(parts)
    frame.add(peers.routes(), peers.tabs())
    frame.add(AddPages(parts).routes())
    frame.add(SettingsPages(parts).routes())
    frame.add(CoursesPages(ours, app.outbound).routes())
    people = SignOnPages(ours, app.signing_off, app.landing)
    frame.add(people.routes())
    jumps = JumpPages(ours, app.signing_off, people)
    frame.add(jumps.routes())
    frame.add(PicturePages(ours, people).routes())
    frame.add(MarkingPages(ours).routes())
    frame.add(OwnPages(ours, people).routes())
    gradebook = GradebookPages(ours)
    frame.add(OwnGradebookPages(ours, people, jumps, gradebook).routes())
    frame.add(PersonEditPages(ours, app.resolving, app.signing_off).routes())
    frame.add(EnrolmentPages(ours, app.resolving).routes())
    frame.add(ConflictPages(ours, app.resolving, app.signing_off).routes())
    frame.add(ClosingPages(ours).routes())
    frame.add(IssuedPages(ours).routes())
    frame.add(help_pages.HelpPages(frame.url).routes())
    for pages in (
        CallsPages(app.database, zone),
        InboxPages(app.database, app.resolving),
        PeoplePages(ours, app.signing_off),
        PersonPages(ours, app.signing_off),
        SchoolPages(ours),
        SectionsPages(ours),
        PersonDataPages(ours, app.signing_off),
        gradebook,
        GradebookItemsPages(ours),
        JoiningPages(ours),
        GradebookUploadPages(ours),
        NoticesPages(ours),
        ReportsPages(ours),
        KeyPages(ours, app.rotate_key),
        SupportPages(ours),
        SignInPages(app.database, home_of, naming.of_trail),
    ):
        frame.add(pages.routes(), pages.tabs())
    frame.banner = NoticesPages(ours).banner
    frame.help_about = help_pages.address
    return frame


def _verify(app: App, stored: StoredPeer, before_enabling: bool) -> Report:  # noqa: FBT001 - an interface's
    peer = app.registry.by_id(stored.id)
    if peer is None:
        raise PageError(_("It has no certificate that we could verify."))
    return app.verify(peer, before_enabling=before_enabling)
