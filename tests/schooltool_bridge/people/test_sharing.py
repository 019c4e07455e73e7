"""Which personal data goes where: follows services and policy, and names what the code reads."""

from __future__ import annotations

from typing import Any

import pytest

from mnet.dispatcher import Services
from peers.policy import PeerPolicy
from schooltool_bridge.events import fields
from schooltool_bridge.events.fields import Fields
from schooltool_bridge.people.sharing import Item, Sharing, sharing
from schooltool_bridge.remote_enrolment import enrolling as enrolling_there


def of(publish: str = "", subscribe: str = "", **policy: Any) -> Sharing:
    services = Services(frozenset(publish.split()), frozenset(subscribe.split()))
    return sharing(services, PeerPolicy(**policy))


def names(items: tuple[Item, ...]) -> set[str]:
    return {item.call for item in items}


def test_nothing_is_shared_with_a_peer_without_services_or_switched_off() -> None:
    assert of() == Sharing((), ())
    assert of(subscribe="schooltool sso_sp") == Sharing((), ())
    both = Services(frozenset({"schooltool", "sso_idp"}), frozenset({"schooltool"}))
    assert sharing(both, PeerPolicy(), enabled=False) == Sharing((), ())


def test_what_a_peer_that_pushes_sends_us() -> None:
    told = of("schooltool")
    assert told.sent == ()
    assert names(told.received) == {
        "fetch_user",
        "new_section",
        "new_enrolment, end_enrolment",
        "new_grade, delete_grade",
        "every event",
    }


@pytest.mark.parametrize(
    ("policy", "gone"),
    [
        ("accept_people", "fetch_user"),
        ("accept_sections", "new_section"),
        ("accept_enrolments", "new_enrolment, end_enrolment"),
        ("accept_grades", "new_grade, delete_grade"),
    ],
)
def test_a_policy_that_refuses_takes_it_out(policy: str, gone: str) -> None:
    refusing: dict[str, Any] = {policy: False}
    before, after = of("schooltool"), of("schooltool", **refusing)
    assert names(before.received) - names(after.received) == {gone}


def test_a_peer_that_may_send_nothing_leaves_nothing() -> None:
    policy: dict[str, Any] = dict.fromkeys(
        ("accept_people", "accept_sections", "accept_enrolments", "accept_grades"), False
    )
    assert of("schooltool", **policy) == Sharing((), ())


def test_our_questions_name_people_only_by_what_the_peer_knows_them_by() -> None:
    told = of("schooltool", "schooltool")
    assert names(told.sent) == {"get_user", "list_user_enrolments"}
    assert {f for item in told.sent for f in item.fields} == {"idnumber", "username"}
    assert names(told.received) >= {"get_user", "list_user_enrolments"}
    assert names(of("schooltool", "schooltool", accept_people=False).sent) == {"get_user"}


def test_signing_on_there_sends_who_it_is() -> None:
    told = of("sso_idp")
    assert [item.call for item in told.sent] == ["user_authorise", "fetch_user_image"]
    assert "password" not in " ".join(f for item in told.sent for f in item.fields)
    assert told.received == ()


def test_signing_on_here_brings_the_profile_and_the_picture() -> None:
    told = of("sso_sp", "sso_idp")
    assert told.sent == ()
    assert names(told.received) == {"user_authorise", "fetch_user_image", "every event"}


def test_enrolling_there_sends_who_it_is_and_shows_who_is_there() -> None:
    told = of(subscribe="mnet_enrol")
    assert names(told.sent) == {"enrol_user", "unenrol_user"}
    assert names(told.received) == {"course_enrolments"}
    (item,) = [i for i in told.sent if i.call == "enrol_user"]
    empty = {"city", "description"}
    fixed = {
        "auth",
        "confirmed",
        "deleted",
        "mailformat",
        "maildigest",
        "maildisplay",
        "htmleditor",
    }
    assert set(item.fields) == set(enrolling_there.USER_FIELDS) - empty - fixed


def test_every_item_says_whose_it_is_why_and_how_long() -> None:
    told = of("schooltool sso_idp", "schooltool mnet_enrol")
    for item in (*told.sent, *told.received):
        assert all((item.about, item.why, item.retention, item.fields)), item


class Noting(dict[str, object]):
    """An event's fields that notes which are read."""

    read: set[str]

    def __init__(self, **values: object) -> None:
        super().__init__(values)
        self.read = set()

    def get(self, name: str, default: object = None) -> Any:
        self.read.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> object:
        self.read.add(name)
        return super().__getitem__(name)


# When something happened and whom it is for; nobody's personal data.
PLAIN = {
    "timemodified",
    "seq",
    "to",
    "segment",
    "moodleid",
    "idnumber",
    "name",
    "suspended",
    "startdate",  # of a course
    "enddate",
    "sectionmoodleid",
    "assessmentmoodleid",
}  # fmt: skip - in few lines


def test_the_list_names_every_personal_field_that_the_code_reads() -> None:
    told = of("schooltool")
    user = Noting(idnumber="1", firstname="A", lastname="B", aim="x")
    fields.user(Fields("fetch_user", user))
    named = {f for item in told.received if item.call == "fetch_user" for f in item.fields}
    assert user.read - {"timemodified", "seq"} == named - {"further fields"}
    enrolment = Noting(sectionid="1", userid="2", role="student")
    fields.enrolment(Fields("new_enrolment", enrolment), {}, ended=False)
    grade = Noting(assessmentid="1", userid="2", points_earned=3)
    fields.grade(Fields("new_grade", grade), deleted=False)
    section = Noting(idnumber="1", name="x")
    fields.section(Fields("new_section", section), deleted=False)
    for call, noted in (
        ("new_enrolment, end_enrolment", enrolment),
        ("new_grade, delete_grade", grade),
        ("new_section", section),
    ):
        (item,) = [i for i in told.received if i.call == call]
        assert noted.read - PLAIN == set(item.fields)
