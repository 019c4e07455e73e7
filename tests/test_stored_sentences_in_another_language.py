"""What is kept in English, and what a form's answer says, on pages in a made-up language."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from keys.certificate import BadCertificate, NotACertificate, NotRsa, check_subject, load
from mnet import outcomes
from mnet.call_errors import BadAnswer, CallError, CannotReach, RemoteFault
from mnet.exchange_parts import CallRecord
from mnet.faults import Fault
from mnet.protocol import APPLICATIONS, DEFAULT_APPLICATION
from mnet.transport import Page as Answer
from mnet.xmlrpc import Value
from peers import accounts, audit, checks, journal, menus, reach, verify_rules, verify_services
from peers.audit import By
from peers.policy import PeerPolicy
from peers.verify_clock import clock_step
from peers.verify_rules import RemoteService, Report, Step
from peers.web.frame import NOTE_COOKIE
from schooltool_bridge.events import inbox
from schooltool_bridge.events.applied import Source
from schooltool_bridge.events.inbox_lists import find_events
from schooltool_bridge.gradebook.upload import UPLOADED
from schooltool_bridge.hand import assessments
from schooltool_bridge.oneroster.import_school import ADDED, CHANGED
from schooltool_bridge.people import bulk_rights
from schooltool_bridge.people.bulk_rights import BOTH, GO, OWN, Order
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.store.model import section
from schooltool_bridge.web.pages import frame_of
from tests.helpers.framed import signed_in
from tests.helpers.made_up_language import AUTHOR, MOODLE, address, rig, stocked, unmarked
from tests.helpers.rig import OURS, START_UNIX_S, Rig
from tests.helpers.school import School
from tests.helpers.visitor import Visitor

__all__ = ["rig"]

THERE = "https://xq.example.org"
XQ = {"idnumber": "31", "username": "xqnew", "firstname": "Xqnew", "lastname": "Xqname"}


@pytest.fixture
def manager(rig: Rig) -> Visitor:
    return signed_in(rig, accounts.MANAGER, "xqanna")


def words_at(visitor: Visitor, path: str) -> list[str]:
    page = visitor.get(path)
    assert page.status == 200, path
    return unmarked(page)


def school_of(rig: Rig, ids: dict[str, int], **policy: str) -> School:
    school = School(rig.app.database, START_UNIX_S)
    stored = PeerPolicy.from_stored(policy)
    school.sources[MOODLE] = Source(
        ids["peer_id"], MOODLE, OURS, stored, enabled=True, names_addressee=False
    )
    return school


def test_an_event_says_why_it_waits_is_refused_or_in_conflict(rig: Rig, manager: Visitor) -> None:
    ids = stocked(rig)
    school = school_of(rig, ids, out_of_range="reject")
    with rig.app.database.write() as connection:
        here = connection.execute(sa.select(section.c.id).where(section.c.name == "Xqbiology"))
        theirs = here.scalar_one()
        for name, points in (("Xqplay", 5), ("Xqtwice", 5), ("Xqtwice", 5), ("Xqsong", 5)):
            assessments.add(connection, AUTHOR, theirs, name, Decimal(points))
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("fetch_user", {**XQ, "idnumber": "21", "username": "xqada"}),
        ("fetch_user", {**XQ, "idnumber": "7"}),
        ("fetch_user", {**XQ, "idnumber": "22", "username": "xqolga"}),
        ("fetch_user", {**XQ, "username": "ﬀ", "lastname": ""}),
        ("fetch_user", {**XQ, "lastname": "xq" * 999}),
        ("fetch_user", {**XQ, "lastname": "x\a"}),
        ("fetch_user", {**XQ, "lastname": True}),
        ("fetch_user", {"firstname": "Xq"}),
        ("fetch_user", {**XQ, "to": "http://xq.example.org"}),
        ("new_section", {"idnumber": "8", "name": "Xq", "timemodified": "x"}),
        ("new_section", {"idnumber": "8", "name": "Xq", "seq": 10**18}),
        ("new_enrolment", {"sectionid": "5", "userid": "21", "role": "xqhead"}),
        ("new_assessment", {"sectionid": "5", "idnumber": "9", "name": "Xq", "pointval": -1}),
        ("new_assessment", {"sectionid": "5", "idnumber": "9", "name": "Xq", "pointval": "x"}),
        ("new_assessment", {"sectionid": "5", "idnumber": "9", "name": "Xq", "pointval": ""}),
        ("new_assessment", {"sectionid": "5", "idnumber": "11", "name": "Xqplay", "pointval": 6}),
        ("new_assessment", {"sectionid": "5", "idnumber": "12", "name": "Xqtwice", "pointval": 5}),
        ("new_assessment", {"sectionid": "5", "idnumber": "13", "name": "XqSong", "pointval": 5}),
        ("delete_assessment", {"idnumber": "11", "timemodified": START_UNIX_S + 60}),
        ("new_grade", {"assessmentid": "7", "userid": "21", "points_earned": 99, "excepted": "x"}),
        ("new_grade", {"assessmentid": "7", "userid": "21", "points_earned": 99}),
        ("new_grade", {"assessmentid": "7", "userid": "21", "points_earned": 10**9}),
        ("delete_section", {"idnumber": "99"}),
        ("delete_assessment", {"idnumber": "99"}),
        ("delete_grade", {"assessmentid": "99", "userid": "99"}),
        ("end_enrolment", {"sectionid": "99", "userid": "99"}),
        ("new_grade", {"assessmentid": "98", "userid": "21", "points_earned": 1}),
        ("xqnone", {}),
    ]  # fmt: skip - one event each
    for event, data in wrong:
        with suppress(Fault):
            school.push(event, MOODLE, **data)
    with rig.app.database.read() as connection:
        found = find_events(connection, limit=100)
    assert len(found) >= len(wrong) - 3
    assert {e.status for e in found} == set(inbox.OPEN)
    found_words = {e.id: words_at(manager, f"/admin/inbox/{e.id}") for e in found}
    rig.app.resolving.dismiss(found[0].id, author=By("xqanna", START_UNIX_S))
    assert not words_at(manager, f"/admin/inbox/{found[0].id}")
    assert {i: words for i, words in found_words.items() if words} == {}
    assert not words_at(manager, "/admin/inbox?status=conflict")


def failures(certificate_pem: str) -> list[CallError]:
    """A call's ways to fail, each in its sentence."""
    known = load(certificate_pem)
    of_certificates: list[BadCertificate] = [NotACertificate(), NotRsa()]
    for wrong in (
        lambda: check_subject(known, THERE),
        lambda: load(certificate_pem, min_bits=9000),
    ):
        with pytest.raises(BadCertificate) as raised:
            wrong()
        of_certificates.append(raised.value)
    with pytest.raises(CannotReach) as elsewhere:
        Answer(302, f"{THERE}/xq", "", b"").good(THERE)
    return [
        *(CallError(str(problem)) for problem in of_certificates),
        elsewhere.value,
        RemoteFault(7020, "", proven=True),
    ]


def test_a_failed_verification_is_said_in_words(rig: Rig, manager: Visitor) -> None:
    stocked(rig)
    problems = failures(rig.pem)
    mahara = APPLICATIONS["mahara"]
    values: dict[str, Any] = {
        "wwwroot": THERE, "application": DEFAULT_APPLICATION, "ours": OURS,
    }  # fmt: skip
    known = load(rig.pem)
    with pytest.raises(reach.NoWay) as raised:
        reach.connect("http://127.0.0.1:1", ["127.0.0.1"])
    no_way = raised.value
    wrongs = ("web page", "warnings", "no message", "no certificate", "envelope", "key")
    nothing: dict[str, RemoteService] = {}
    first = Step("TCP", ok=False, detail=str(no_way), remedy=no_way.remedy)
    steps = (
        first,
        verify_rules.not_tried("key", first),
        *(verify_rules.call_step("HTTP", problem, **values) for problem in problems),
        *(verify_rules.call_step("key", BadAnswer("", wrong=w), **values) for w in wrongs),  # type: ignore[arg-type] # each is one
        *(
            verify_rules.page_step(
                "HTTP", THERE, status=status, location=location, application=DEFAULT_APPLICATION
            )
            for status, location in (
                (404, ""),
                (500, ""),
                (418, ""),
                (302, "http://xq.example.org"),
            )
        ),
        *(
            verify_rules.call_step("keyswap", RemoteFault(code, "", proven=False), **values)
            for code in (7023, 710, 7025, 704, 707, 7021, 713, 8403, 6013, 1)
        ),
        *(
            verify_services.services_step(
                "services", published=p, subscribed=s, remote=remote, wwwroot=THERE
            )
            for p, s, remote in (
                (["schooltool"], ["schooltool", "sso_idp"], nothing),
                ([], [], nothing),
                ([], [], {"schooltool": RemoteService(publish=True, subscribe=True)}),
                (["sso_sp"], [], {"schooltool": RemoteService(publish=True, subscribe=True)}),
            )
        ),
        *(
            verify_rules.call_step("key", problem, **{**values, "application": mahara})
            for problem in (
                *(RemoteFault(code, "", proven=False) for code in (6003, 6012, 707, 710)),
                BadAnswer("", wrong="no certificate"),
            )
        ),
        verify_rules.certificate_step("certificate", known, OURS, menus.of(mahara), 2**40),
        *(
            verify_services.mahara_step(
                "services", published=p, subscribed=s, remote=remote, wwwroot=THERE
            )
            for p, s, remote in (
                (["sso_idp"], ["sso_sp"], nothing),
                ([], [], nothing),
                (["sso_idp", "schooltool"], ["sso_sp"], {"sso_in": RemoteService(True, True)}),
            )
        ),
        *(clock_step("clock", offset_s) for offset_s in (None, 0.0, 7.0, -99.0)),
        verify_rules.certificate_step(
            "certificate", known, OURS, menus.of(DEFAULT_APPLICATION), 2**40
        ),
        verify_rules.certificate_step(
            "certificate", known, THERE, menus.of(DEFAULT_APPLICATION), START_UNIX_S
        ),
        verify_rules.certificate_step(
            "certificate", known, OURS, menus.of(DEFAULT_APPLICATION), START_UNIX_S
        ),
    )
    report = Report(False, steps, 0.0, None, nothing, None)
    with rig.app.database.write() as connection:
        checks.save_check(connection, 1, report, START_UNIX_S)
    said = manager.get("/admin/peers/1/verify")
    assert said.text.count('class="bad"') > 20
    assert unmarked(said) == []


def test_a_call_says_how_it_failed(rig: Rig, manager: Visitor) -> None:
    stocked(rig)
    events: list[Value] = [{"status": "failed", "fault": code} for code in (8400, 8404, 8400)]
    reasons = [
        *(outcomes.remote_reason(code, proven=code % 2 == 0) for code in outcomes.FAULT_CODES),
        outcomes.remote_reason(99, proven=True),
        outcomes.remote_reason(98, proven=False),
        outcomes.of_value(events)[1],
        outcomes.clean(str(CannotReach("The name in http://xq.example.org is not known (DNS)."))),
        outcomes.of_fault(Fault())[1],
    ]
    with rig.app.database.write() as connection:
        for reason in reasons:
            journal.record(
                connection,
                CallRecord(
                    peer_id=1,
                    method="xq",
                    payload=b"",
                    correlation="xq",
                    outcome=outcomes.of_code(7020),
                    at_unix_s=START_UNIX_S,
                    reason=reason,
                ),
            )  # fmt: skip - one call
    assert len(reasons) > 20
    assert words_at(manager, "/admin/calls") == []
    assert words_at(manager, "/admin/calls/1") == []
    assert words_at(manager, "/admin/peers/1") == []


def test_the_audit_trail_says_what_was_done(rig: Rig, manager: Visitor) -> None:
    ids = stocked(rig)
    change = Change("xqanna", START_UNIX_S)
    with rig.app.database.write() as connection:
        for right in (OWN, BOTH, GO):
            for allowed in (False, True):
                order = Order(right, allowed=allowed, peer_id=ids["peer_id"])
                filtered = {"filter": "search xqa; role Students; right May sign in"}
                bulk_rights.carry_out(connection, change, order, [ids["person_id"]], filtered)
        for action in (*UPLOADED.values(), *ADDED.values(), *CHANGED.values(), "enrolled at"):
            values: dict[str, dict[str, object]] = {
                "tls": {"before": "default", "after": "xq"},
                "users": {"xq": 3},
            }  # fmt: skip - two kinds
            audit.record(
                connection,
                actor="xqanna",
                action=action,
                subject="section 5",
                detail={"before": None, "own password": True, "peers": [], **values},
                now_unix_s=START_UNIX_S,
            )  # fmt: skip - one entry
    settling = rig.app.resolving
    who = By("xqanna", START_UNIX_S)
    with suppress(Fault):
        school_of(rig, ids).push("fetch_user", MOODLE, **{**XQ, "username": "xqolga"})
    with rig.app.database.read() as connection:
        (conflict,) = find_events(connection, statuses=[inbox.CONFLICT])
    settling.retry(conflict.id, author=who)
    settling.decide(conflict.id, author=AUTHOR, keep_apart=True)
    settling.retry_held(ids["peer_id"], author=who)
    settling.dismiss(ids["inbox_id"], author=who)
    said = manager.get("/admin/audit")
    # Of a policy, of a file, and of calls as they stand on the wire.
    names = {"tls", "users", "fetch", "user", "new", "enrolment"}
    assert set(unmarked(said)) <= names
    assert "True" not in said.text


def test_a_form_that_is_not_right_is_answered_in_words(rig: Rig, manager: Visitor) -> None:
    ids = stocked(rig)
    found: dict[str, list[str]] = {}
    seen = 0
    for route in frame_of(rig.app).routes:
        path = address(route.rule, ids)
        if "POST" not in route.methods or path.endswith(("/verify", "/sign-out")):
            continue
        for fields in ({}, {"action": "xq"}):
            visitor = Visitor(manager.ask, dict(manager.cookies))
            page = visitor.post(path, fields)
            if NOTE_COOKIE in visitor.cookies and "/admin" in page.location:
                page = visitor.get(page.location)
            if page.body and "html" in page.header("Content-Type"):
                seen += 1
                words = unmarked(page)
                found |= {route.rule: words} if words else {}
    assert found == {}
    assert seen > 50
