"""Who may sign in and go where: for many at once, by role, on each database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from peers import audit, changes, store
from peers.audit import By
from peers.policy import BadPolicy, PeerPolicy
from peers.sign_on import jump_session, person_session
from peers.web import tokens
from schooltool_bridge.history import school_roles
from schooltool_bridge.notices import facts as notices_facts
from schooltool_bridge.notices import rules as notices_rules
from schooltool_bridge.people import bulk_rights, people_list
from schooltool_bridge.people.bulk_rights import BadOrder, Order
from schooltool_bridge.people.people_list import PeopleFilter
from schooltool_bridge.sign_on import jump_rights, person_sessions, rights
from schooltool_bridge.sign_on.person_sessions import Start
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.sign_on.sign_offs import Visit
from schooltool_bridge.store.model import person_link
from tests.helpers.school import NOW, School

A, B = "http://moodle.example.org", "http://other.example.org"
CHANGE = Change("anna", NOW)
AGENT = "a" * 40


@pytest.fixture
def school(database_url: str) -> Iterator[School]:
    """Tess teaches section 5 and learns in none, Stu learns in it, Olga is in none."""
    made = School.open(database_url, A, B)
    for number, (first, last, username) in enumerate(
        (("Tess", "Ängström", "tess"), ("Stu", "Dent", "stu"), ("Olga", "O'100%", "olga")), 1
    ):
        made.push(
            "fetch_user", A, idnumber=f"n{number}", username=username, firstname=first,
            lastname=last, email="",
        )  # fmt: skip
    made.push("new_section", A, idnumber="5", name="Biology")
    made.push("new_enrolment", A, sectionid="5", userid="n1", role="teacher")
    made.push("new_enrolment", A, sectionid="5", userid="n2", role="student")
    yield made
    made.database.close()


def id_of(school: School, username: str) -> int:
    return next(int(p["id"]) for p in school.people() if p["username"] == username)


def peer_id(school: School, wwwroot: str = A) -> int:
    return school.sources[wwwroot].peer_id


def found(school: School, **wanted: Any) -> list[str]:
    with school.database.read() as connection:
        rows = people_list.page(connection, PeopleFilter(**wanted), offset=0, limit=50)
        assert people_list.count(connection, PeopleFilter(**wanted)) == len(rows)
        assert people_list.ids(connection, PeopleFilter(**wanted)) == sorted(r.id for r in rows)
        return [row.username for row in rows]


def carry_out(
    school: School, order: str | Order, *names: str, **chosen_by: Any
) -> bulk_rights.Done:
    with school.database.write() as connection:
        ids = [id_of(school, name) for name in names]
        wanted = Order.read(order) if isinstance(order, str) else order
        return bulk_rights.carry_out(connection, CHANGE, wanted, ids, chosen_by)


def may(school: School) -> dict[tuple[str, int], bool]:
    """Whose link to which peer has the right."""
    names = {int(p["id"]): str(p["username"]) for p in school.people()}
    with school.database.read() as connection:
        rows = connection.execute(sa.select(person_link)).all()
    return {(names[r.person_id], r.peer_id): r.can_login for r in rows}


def begin(school: School, name: str, wwwroot: str | None) -> str:
    """A session by a peer's word, or by password; its token."""
    with school.database.write() as connection:
        by = peer_id(school, wwwroot) if wwwroot else None
        mine = (person_link.c.person_id == id_of(school, name), person_link.c.peer_id == by)
        link = connection.execute(sa.select(person_link.c.id).where(*mine)).scalar()
        begun = Start(id_of(school, name), AGENT, name, by, link)
        return person_sessions.start(connection, begun, school.now)


def visit(school: School, name: str, token: str, to: str, *, used: bool = True) -> None:
    with school.database.write() as connection:
        connection.execute(
            sa.insert(jump_session).values(
                token_digest=tokens.digest_of(f"{token}{to}"), agent_sha1=AGENT,
                person_id=id_of(school, name), peer_id=peer_id(school, to), username=name,
                session_digest=tokens.digest_of(token), created_unix_s=NOW,
                used_unix_s=NOW if used else None,
            )
        )  # fmt: skip


def is_in(school: School, token: str) -> bool:
    with school.database.read() as connection:
        return person_sessions.find(connection, token, school.now) is not None


def rows(school: School, table: sa.Table) -> int:
    with school.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def set_policy(school: School, wwwroot: str = A, **values: str) -> list[Visit]:
    with school.database.write() as connection:
        changes.set_policy(connection, By("anna", NOW), peer_id(school, wwwroot), values=values)
        return jump_rights.enforce(connection, peer_id(school, wwwroot))


def test_people_are_found_by_name_role_peer_and_right(school: School) -> None:
    assert found(school) == ["tess", "stu", "olga"]
    for search, names in (
        ("Tess", ["tess"]), ("tess äng", ["tess"]), ("ÄNGSTRÖM", ["tess"]), ("OLG", ["olga"]),
        ("N2", ["stu"]), ("100%", ["olga"]), ("%", ["olga"]), ("_", []), ("stu tess", []),
        ("x" * 5000, []), ("\0", ["tess", "stu", "olga"]), (" ", ["tess", "stu", "olga"]),
    ):  # fmt: skip
        assert found(school, search=search) == names, search
    assert [found(school, role=role) for role in ("student", "teacher", "other")] == [
        ["stu"], ["tess"], ["olga"],
    ]  # fmt: skip
    assert found(school, peer_id=peer_id(school, B)) == []
    assert found(school, right="may") == []
    carry_out(school, f"link+{peer_id(school)}", "stu")
    carry_out(school, "own+", "olga")
    assert found(school, right="may") == ["stu", "olga"]
    assert found(school, right="may-not") == ["tess"]
    assert found(school, right="may", peer_id=peer_id(school)) == ["stu"]
    assert found(school, right="may-not", peer_id=peer_id(school)) == ["tess", "olga"]
    assert found(school, right="may", role="other", search="olga") == ["olga"]


def test_a_role_is_what_the_active_enrolments_say(school: School) -> None:
    def roles(name: str) -> tuple[str, ...]:
        with school.database.read() as connection:
            return school_roles.of_person(connection, id_of(school, name))

    assert [roles(name) for name in ("tess", "stu", "olga")] == [
        ("teacher",), ("student",), ("other",),
    ]  # fmt: skip
    # A section of another peer counts as well, and who is both counts as both.
    school.push("fetch_user", B, idnumber="n1", username="t", firstname="T", lastname="A", email="")
    school.push("new_section", B, idnumber="9", name="Night school")
    school.push("new_enrolment", B, sectionid="9", userid="n1", role="student")
    assert roles("tess") == ("student", "teacher")
    with school.database.read() as connection:
        tess = id_of(school, "tess")
        assert school_roles.may(connection, tess, ("teacher",))
        assert school_roles.may(connection, tess, ("student", "other"))
        assert not school_roles.may(connection, tess, ("other",))
        assert not school_roles.may(connection, tess, ())
    school.push("end_enrolment", B, sectionid="9", userid="n1")
    assert roles("tess") == ("teacher",)
    school.push("end_enrolment", A, sectionid="5", userid="n2", role="student")
    assert roles("stu") == ("other",)
    school.push("delete_section", A, idnumber="5")
    assert roles("tess") == ("other",)


@pytest.mark.requirement("R29")
def test_a_right_for_many_is_about_the_links_that_there_are_now(school: School) -> None:
    a, b = peer_id(school), peer_id(school, B)
    school.push("fetch_user", B, idnumber="n2", username="s", firstname="S", lastname="D", email="")
    with school.database.read() as connection:
        ids = [id_of(school, name) for name in ("tess", "stu", "olga")]
        seen = bulk_rights.preview(connection, Order.read(f"link+{b}"), ids)
        assert (seen.people, seen.links, seen.left_out, seen.first) == (1, 1, 2, ("Stu Dent",))
        seen = bulk_rights.preview(connection, Order.read("link+"), ids)
        assert (seen.people, seen.links, seen.left_out) == (3, 4, 0)
        assert seen.first == ("Tess Ängström", "Stu Dent", "Olga O'100%")
        assert bulk_rights.preview(connection, Order.read("own+"), ids).without_password == 3
        other = bulk_rights.preview(connection, Order.read("link+"), ids[:2]).digest
        assert len({seen.digest, other}) == 2
    assert (carry_out(school, f"link+{b}", "tess", "stu", "olga").people) == 1
    assert {key for key, allowed in may(school).items() if allowed} == {("stu", b)}
    done = carry_out(school, "link+", "tess", "stu", filter="all")
    assert (done.people, done.links) == (2, 3)
    assert {key for key, allowed in may(school).items() if allowed} == {
        ("tess", a), ("stu", a), ("stu", b),
    }  # fmt: skip
    # A link that a peer makes later starts without the right.
    school.push("fetch_user", B, idnumber="n1", username="t", firstname="T", lastname="A", email="")
    assert may(school)["tess", b] is False
    with school.database.read() as connection:
        entry = audit.entries(connection)[0]
    assert (entry.actor, entry.action, entry.subject) == ("anna", "sign-on allowed", "2 people")
    assert entry.detail == {
        "people": 2, "links": 3, "by": "links", "peer": "every", "filter": "all",
    }  # fmt: skip


def test_an_order_that_makes_no_sense_is_refused(school: School) -> None:
    for text in (
        "",
        "link",
        "go+",
        "go-",
        "own+3",
        "link+x",
        "link+-1",
        "link+1 ",
        "both+",
        "link+²",
    ):
        with pytest.raises(BadOrder):
            Order.read(text)
    for text in ("link+", "link-12", "own+", "go-3"):
        assert str(Order.read(text)) == text
    with pytest.raises(BadOrder, match="not there any more"):
        carry_out(school, "link+999", "stu")
    with school.database.write() as connection:
        store.set_state(connection, peer_id(school, B), store.DELETED)
    with pytest.raises(BadOrder, match="not there any more"):
        carry_out(school, f"go-{peer_id(school, B)}", "stu")


@pytest.mark.requirement("R29")
def test_taking_a_right_ends_just_the_sessions_that_stood_on_it(school: School) -> None:
    a, b = peer_id(school), peer_id(school, B)
    for order in ("link+", "own+"):
        carry_out(school, order, "tess", "stu")
    tess, stu, own = begin(school, "tess", A), begin(school, "stu", A), begin(school, "stu", None)
    visit(school, "stu", own, B)
    visit(school, "stu", own, A, used=False)
    assert all(is_in(school, token) for token in (tess, stu, own))
    assert carry_out(school, f"link-{b}", "stu", "tess").visits == []
    assert carry_out(school, f"link-{a}", "stu").visits == []
    assert [is_in(school, token) for token in (tess, stu, own)] == [True, False, True]
    # What was begun from a session ends with it, over there too.
    over = [Visit(a, "stu", AGENT), Visit(b, "stu", AGENT)]
    assert carry_out(school, "own-", "stu", "tess").visits == over
    assert [is_in(school, token) for token in (tess, own)] == [True, False]
    assert rows(school, person_session) == 1
    # A token on its way stays to be refused.
    assert rows(school, jump_session) == 1
    carry_out(school, "link+", "stu")
    assert not is_in(school, stu), "it does not come back with the right"


def test_going_over_is_denied_one_by_one_and_allowed_again(school: School) -> None:
    a, b, stu = peer_id(school), peer_id(school, B), id_of(school, "stu")
    own = begin(school, "stu", None)
    visit(school, "stu", own, A)
    visit(school, "stu", own, B)

    def open_to(wwwroot: str) -> bool:
        with school.database.read() as connection:
            return jump_rights.is_open(connection, stu, peer_id(school, wwwroot))

    assert open_to(A)
    for _again in range(2):
        done = carry_out(school, f"go-{a}", "stu", "olga")
        assert (open_to(A), open_to(B)) == (False, True)
    assert done.visits == [], "there was nothing left the second time"
    with school.database.read() as connection:
        left = connection.execute(sa.select(jump_session.c.peer_id)).scalars().all()
        assert left == [b]
        assert jump_rights.denied_to(connection, stu) == {a}
        assert jump_rights.denied_to(connection, id_of(school, "tess")) == frozenset()
    carry_out(school, f"go+{a}", "stu")
    assert open_to(A)
    with school.database.read() as connection:
        assert jump_rights.denied_to(connection, id_of(school, "olga")) == {a}
        actions = {e.action for e in audit.entries(connection)}
    assert {"going over denied", "going over allowed"} <= actions


def test_thousands_of_people_are_changed_in_one_go(school: School) -> None:
    from schooltool_bridge.store.model import person

    many = [
        {
            "username": f"u{n}", "username_key": f"u{n}", "firstname": "U", "lastname": f"{n:05}",
            "email": "", "can_login": False, "created_unix_s": 1,
        }
        for n in range(1200)
    ]  # fmt: skip
    with school.database.write() as connection:
        connection.execute(sa.insert(person), many)
        ids = people_list.ids(connection, PeopleFilter(search="U 0"))
        assert len(ids) == 1200
        for order in ("own+", f"go-{peer_id(school)}"):
            done = bulk_rights.carry_out(connection, CHANGE, Order.read(order), ids, {})
            assert done.people == 1200
    assert len(found_ids(school, right="may")) == 1200


def found_ids(school: School, **wanted: Any) -> list[int]:
    with school.database.read() as connection:
        return people_list.ids(connection, PeopleFilter(**wanted))


@pytest.mark.requirement("R30")
def test_a_peers_rule_about_roles_holds_at_once_both_ways(school: School) -> None:
    a = peer_id(school)
    carry_out(school, "link+", "tess", "stu", "olga")
    tokens = {name: begin(school, name, A) for name in ("tess", "stu", "olga")}
    carry_out(school, "own+", "stu", "tess")
    own = {name: begin(school, name, None) for name in ("tess", "stu")}
    for name, token in own.items():
        visit(school, name, token, A)
    assert set_policy(school, land_roles="teacher, other") == []
    assert {name: is_in(school, token) for name, token in tokens.items()} == {
        "tess": True, "stu": False, "olga": True,
    }  # fmt: skip
    assert is_in(school, own["stu"]), "no peer vouched for it"
    set_policy(school, land_roles="student,teacher,other")
    assert not is_in(school, tokens["stu"]), "it does not come back with the rule"
    # Somebody who becomes a student is out with the next request.
    set_policy(school, land_roles="other")
    olga = begin(school, "olga", A)
    assert is_in(school, olga)
    school.push("new_enrolment", A, sectionid="5", userid="n3", role="student")
    assert not is_in(school, olga)
    assert set_policy(school, jump_roles="teacher") == [Visit(a, "stu", AGENT)]
    with school.database.read() as connection:
        assert not jump_rights.is_open(connection, id_of(school, "stu"), a)
        assert jump_rights.is_open(connection, id_of(school, "tess"), a)
        assert jump_rights.is_open(connection, id_of(school, "stu"), peer_id(school, B))
    assert set_policy(school, jump_roles="") == [Visit(a, "tess", AGENT)]
    with school.database.read() as connection:
        assert not jump_rights.is_open(connection, id_of(school, "tess"), a)


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("student,teacher,other", ("student", "teacher", "other")),
        (" Other , teacher ,teacher", ("teacher", "other")),
        ("", ()),
        ("pupil", None),
        ("student;teacher", None),
    ],
)
def test_a_rule_lists_roles_that_there_are(text: str, listed: tuple[str, ...] | None) -> None:
    if listed is None:
        with pytest.raises(BadPolicy, match="student, teacher, other"):
            PeerPolicy.from_stored({"land_roles": text})
        return
    policy = PeerPolicy.from_stored({"land_roles": text, "jump_roles": text})
    assert (policy.land_roles, policy.jump_roles) == (listed, listed)


def test_a_new_link_waits_until_somebody_decides_either_way(school: School) -> None:
    b = peer_id(school, B)

    def notices() -> list[notices_rules.Notice]:
        with school.database.read() as connection:
            facts = notices_facts.gather(connection, NOW)
        standing = notices_rules.standing(facts, NOW, notices_rules.Limits())
        return [n for n in standing if n.key.startswith("without-right")]

    for number, name in ((1, "t"), (2, "s")):
        school.push(
            "fetch_user", B, idnumber=f"n{number}", username=name, firstname="X", lastname="Y",
            email="",
        )  # fmt: skip
    assert notices() == [], "nobody may sign in by anything"
    assert found(school, right="waits") == []
    carry_out(school, f"link+{peer_id(school)}", "tess")
    carry_out(school, "own+", "stu")
    # Stu may sign in by password, so that his link to A waits as well.
    assert [n.subject for n in notices()] == [A, B]
    assert notices()[1].link_path == "/admin/people?right=waits&peer=http%3A%2F%2Fother.example.org"
    assert found(school, right="waits", peer_id=b) == ["tess", "stu"]
    with school.database.write() as connection:
        rights.set_right(connection, CHANGE, id_of(school, "tess"), B, allowed=False)
        rights.set_right(connection, CHANGE, id_of(school, "stu"), A, allowed=False)
    assert found(school, right="waits") == ["stu"]
    assert [n.subject for n in notices()] == [B]
    carry_out(school, f"link-{b}", "stu")
    assert notices() == []
    assert may(school)["tess", b] is False
