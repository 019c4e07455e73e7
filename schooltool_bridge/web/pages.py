"""The pages put together: the frame, who adds pages to it, and how times are written.

No page stands here. Source: RULES R11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

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
from peers.web.sign_in import SignInPages
from peers.web.view import PageError, Route
from schooltool_bridge.common.days import iso, moment_text
from schooltool_bridge.events import naming
from schooltool_bridge.history.averages import number
from schooltool_bridge.server.app import App
from schooltool_bridge.server.parts import Parts
from schooltool_bridge.sign_on import door, jump_rights
from schooltool_bridge.web import help_pages, own_navigation, peer_facts
from schooltool_bridge.web.account_pages import AccountPages
from schooltool_bridge.web.backups_pages import BackupsPages
from schooltool_bridge.web.calls_pages import CallsPages
from schooltool_bridge.web.closing_pages import ClosingPages
from schooltool_bridge.web.conflict_pages import ConflictPages
from schooltool_bridge.web.courses_pages import CoursesPages
from schooltool_bridge.web.door_pages import DoorPages
from schooltool_bridge.web.enrol_list_pages import EnrolListPages
from schooltool_bridge.web.enrolment_pages import EnrolmentPages
from schooltool_bridge.web.filing_pages import FilingPages
from schooltool_bridge.web.first_steps_pages import FirstStepsPages
from schooltool_bridge.web.gradebook_items_pages import GradebookItemsPages
from schooltool_bridge.web.gradebook_pages import GradebookPages
from schooltool_bridge.web.gradebook_upload_pages import GradebookUploadPages
from schooltool_bridge.web.inbox_pages import InboxPages
from schooltool_bridge.web.issued_pages import IssuedPages
from schooltool_bridge.web.joining_pages import JoiningPages
from schooltool_bridge.web.jump_pages import JumpPages
from schooltool_bridge.web.key_pages import KeyPages
from schooltool_bridge.web.letterhead_pages import LetterheadPages
from schooltool_bridge.web.marking_pages import MarkingPages
from schooltool_bridge.web.new_sections_pages import NewSectionsPages
from schooltool_bridge.web.news_pages import NewsPages
from schooltool_bridge.web.notices_pages import NoticesPages
from schooltool_bridge.web.oneroster_pages import OneRosterPages
from schooltool_bridge.web.own_desks import OwnDesks
from schooltool_bridge.web.own_gradebook_pages import OwnGradebookPages
from schooltool_bridge.web.own_pages import OwnPages
from schooltool_bridge.web.own_password_pages import OwnPasswordPages
from schooltool_bridge.web.own_school_pages import OwnSchoolPages
from schooltool_bridge.web.own_sections_pages import OwnSectionsPages
from schooltool_bridge.web.people_pages import PeoplePages
from schooltool_bridge.web.person_data_pages import PersonDataPages
from schooltool_bridge.web.person_edit_pages import PersonEditPages
from schooltool_bridge.web.person_pages import PersonPages
from schooltool_bridge.web.person_password_pages import PersonPasswordPages
from schooltool_bridge.web.picture_pages import PicturePages
from schooltool_bridge.web.plugin_pages import PluginPages
from schooltool_bridge.web.print_pages import PrintPages
from schooltool_bridge.web.reports_pages import ReportsPages
from schooltool_bridge.web.same_sections_pages import SameSectionsPages
from schooltool_bridge.web.school_pages import SchoolPages
from schooltool_bridge.web.search_pages import SearchPages
from schooltool_bridge.web.sections_pages import SectionsPages
from schooltool_bridge.web.sign_on_pages import SignOnPages
from schooltool_bridge.web.site_settings_pages import SiteSettingsPages
from schooltool_bridge.web.support_pages import SupportPages
from schooltool_bridge.web.sync_pages import SyncPages
from schooltool_bridge.web.today_pages import TodayPages
from schooltool_bridge.web.unlinking_pages import UnlinkingPages
from schooltool_bridge.web.weights_pages import WeightsPages

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Given:
    """What pages are made of: the process, and the pages that others ask."""

    app: App
    frame: Frame
    parts: Parts
    peers: PeerParts
    people: SignOnPages
    door: DoorPages
    gradebook: GradebookPages


class Pages(Protocol):
    """A group of pages; it may have `tabs()` as well."""

    def routes(self) -> list[Route]:
        """Return its addresses, and who may see them."""
        ...


# Every page of the server. Tabs stand in this order.
PAGES: tuple[Callable[[Given], Pages], ...] = (
    lambda given: TodayPages(given.parts, PeerPages(given.peers)),
    lambda given: PeerPages(given.peers),
    lambda given: AddPages(given.peers),
    lambda given: SettingsPages(given.peers),
    lambda given: SyncPages(given.parts, given.peers, given.app.syncs),
    lambda given: CoursesPages(given.parts, given.app.outbound),
    lambda given: given.people,
    lambda given: given.door,
    lambda given: OwnPasswordPages(given.parts, given.app.signing_off, given.people, given.door),
    lambda given: PersonPasswordPages(given.parts, given.app.signing_off),
    lambda given: JumpPages(given.parts, given.app.signing_off, given.people),
    lambda given: PicturePages(given.parts, given.people),
    lambda given: MarkingPages(given.parts),
    lambda given: OwnPages(given.parts, given.people),
    lambda given: OwnSectionsPages(given.parts, given.people),
    lambda given: OwnSchoolPages(given.parts, given.people),
    lambda given: OwnGradebookPages(given.parts, given.people, given.door, given.gradebook),
    lambda given: PersonEditPages(given.parts, given.app.resolving, given.app.signing_off),
    lambda given: EnrolmentPages(given.parts, given.app.resolving),
    lambda given: EnrolListPages(given.parts, given.app.resolving),
    lambda given: ConflictPages(given.parts, given.app.resolving, given.app.signing_off),
    lambda given: ClosingPages(given.parts),
    lambda given: IssuedPages(given.parts),
    lambda given: LetterheadPages(given.parts),
    lambda given: PrintPages(given.parts, given.app.prints),
    lambda given: SearchPages(given.parts, given.people),
    lambda given: help_pages.HelpPages(given.frame.url, given.parts, given.people),
    lambda given: PluginPages(given.parts),
    lambda given: CallsPages(given.app.database, given.app.settings.zone),
    lambda given: PeoplePages(given.parts, given.app.signing_off),
    lambda given: PersonPages(given.parts, given.app.signing_off),
    lambda given: SameSectionsPages(given.parts),
    lambda given: SectionsPages(given.parts),
    lambda given: FilingPages(given.parts),
    lambda given: NewSectionsPages(given.parts, given.app.admitting),
    lambda given: UnlinkingPages(given.parts, given.app.admitting, given.app.signing_off),
    lambda given: PersonDataPages(given.parts, given.app.signing_off),
    lambda given: given.gradebook,
    lambda given: GradebookItemsPages(given.parts),
    lambda given: WeightsPages(given.parts),
    lambda given: JoiningPages(given.parts),
    lambda given: GradebookUploadPages(given.parts),
    lambda given: NoticesPages(given.parts),
    lambda given: ReportsPages(given.parts),
    lambda given: SchoolPages(given.parts),
    lambda given: InboxPages(given.app.database, given.app.resolving),
    lambda given: KeyPages(given.parts, given.app.rotate_key),
    lambda given: SupportPages(given.parts),
    lambda given: AccountPages(given.parts),
    lambda given: SiteSettingsPages(given.parts, given.app.post_json),
    lambda given: BackupsPages(given.parts),
    lambda given: OneRosterPages(given.parts, given.app.resolving),
    lambda _given: NewsPages(),
    lambda given: FirstStepsPages(given.parts),
    lambda given: SignInPages(given.app.database, naming.of_trail, door.keep_apart),
)


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
    frame.add([Route("/admin/static/<name>", frame.static, None)])
    given = _given(app, frame)
    for make in PAGES:
        pages = make(given)
        tabs = getattr(pages, "tabs", None)
        frame.add(pages.routes(), tabs() if tabs else ())
    # Last, since it takes some of the others' and narrows them.
    frame.add(OwnDesks(given.parts, given.people, given.door, frame.routes).routes())
    frame.banner = NoticesPages(given.parts).banner
    frame.sign_in_first = given.door.ask_first
    frame.help_about = help_pages.address
    frame.navigation_of_others = own_navigation.of_person
    return frame


def _given(app: App, frame: Frame) -> Given:
    people = SignOnPages(app.parts, app.signing_off, app.landing)
    return Given(
        app=app,
        frame=frame,
        parts=app.parts,
        peers=_peer_parts(app),
        people=people,
        door=DoorPages(app.parts, app.signing_off, people),
        gradebook=GradebookPages(app.parts),
    )


def _peer_parts(app: App) -> PeerParts:
    return PeerParts(
        database=app.database,
        our_wwwroot=app.settings.wwwroot,
        discover=lambda wwwroot, application, verify_tls: bootstrap.discover(
            app.outbound,
            app.transport,
            wwwroot,
            application=application or None,
            verify_tls=verify_tls,
        ),
        verify=partial(_verify, app),
        facts=partial(peer_facts.of_peers, app.settings.zone),
        enforce=lambda connection, peer_id: app.signing_off.ending(
            jump_rights.enforce(connection, peer_id)
        ),
        first_steps=FirstStepsPages(app.parts).box,
    )


def _verify(app: App, stored: StoredPeer, before_enabling: bool) -> Report:  # noqa: FBT001 - an interface's
    peer = app.registry.by_id(stored.id)
    if peer is None:
        raise PageError(_("It has no certificate that we could verify."))
    return app.verify(peer, before_enabling=before_enabling)
