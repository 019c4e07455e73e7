"""Peers are told of sessions that ended: remembered until told, and only while it is true."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mnet.xmlrpc import FaultResponse
from peers import store
from peers.sign_on import jump_session
from peers.web import tokens
from peers.web.tokens import LIFETIME_S
from schooltool_bridge.sign_on import jumping, person_sessions, rights
from schooltool_bridge.sign_on.person_sessions import Start
from schooltool_bridge.sign_on.rights import Change
from schooltool_bridge.sign_on.sign_offs import Visit
from schooltool_bridge.store.errands import (
    ENROLMENTS,
    FIRST_WAIT_S,
    KILL_CHILD,
    KILL_CHILDREN,
    SIGN_OFFS,
    Wanted,
    remember,
)
from schooltool_bridge.store.model_errands import errand
from tests.helpers.moodle import Moodle
from tests.helpers.rig import Rig, make_rig
from tests.helpers.roaming import AGENT, app_of, befriend, fresh, pem_of, set_services, sha1, soon
from tests.helpers.site import Site
from tests.schooltool_bridge.events.test_coming_again import SSO, arrive, jump, killed, signed_in
from tests.schooltool_bridge.sign_on.test_roaming import pupil
from tests.schooltool_bridge.store.test_errands import (
    MOODLE,
    OTHER,
    Asked,
    errands_of,
    left,
    peer_of,
    people,
)

MINE, ANOTHERS = "a" * 40, "b" * 40


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    made = make_rig(tmp_path, database_url)
    for wwwroot in (MOODLE, OTHER):
        made.add(wwwroot)
        with made.app.database.write() as connection:
            both = ("schooltool", *SSO)
            store.set_services(connection, peer_of(made, wwwroot).id, publish=both, subscribe=both)
    yield made
    made.app.database.close()


@pytest.fixture
def anna(rig: Rig) -> int:
    [found] = people(rig, 1)
    with rig.app.database.write() as connection:
        rights.set_password(connection, Change("test", 1), found, "a long enough password 7")
        rights.set_own(connection, [found], allowed=True)
        connection.execute(sa.delete(errand))
    return found


def begin(rig: Rig, anna: int, agent: str = MINE, *, came_from: int | None = None) -> bytes:
    """A session here, by password or by a peer's word; its digest."""
    with rig.app.database.write() as connection:
        begun = Start(anna, agent, "anna", came_from)
        token = person_sessions.start(connection, begun, int(rig.clock()))
    return tokens.digest_of(token)


def go_over(rig: Rig, anna: int, session: bytes, agent: str = MINE, *, to: str = MOODLE) -> None:
    token, now = secrets.token_hex(20), int(rig.clock())
    with rig.app.database.write() as connection:
        connection.execute(
            sa.insert(jump_session).values(
                token_digest=tokens.digest_of(token), person_id=anna,
                peer_id=peer_of(rig, to).id, username="anna", agent_sha1=agent,
                session_digest=session, created_unix_s=now, used_unix_s=None,
            )
        )  # fmt: skip
        jumping.authorise(connection, peer_of(rig, to), token, agent, now)


def sign_out(rig: Rig, anna: int) -> None:
    """End all sessions; nobody gets round to the first try."""
    with rig.app.database.write() as connection:
        rig.app.signing_off.sign_out_everywhere(connection, anna)


def sign_offs_of(asked: Asked) -> list[tuple[str, str]]:
    return [(e.kind, e.about["agent_sha1"]) for e in asked.done if e.kind in SIGN_OFFS]


def after_restart(rig: Rig, asked: Asked) -> None:
    """Let another process look for what is due, which was told nothing."""
    errands = errands_of(rig, asked)
    for work in errands.due():
        work()


def deaf(rig: Rig) -> Asked:
    asked = Asked()
    asked.answers = lambda _errand: False
    after_restart(rig, asked)
    return asked


def test_what_a_restart_cut_off_is_told_after_it(rig: Rig, anna: int) -> None:
    go_over(rig, anna, begin(rig, anna))
    begin(rig, anna, ANOTHERS, came_from=peer_of(rig, OTHER).id)
    sign_out(rig, anna)
    after_restart(rig, asked := Asked())
    assert sorted(sign_offs_of(asked)) == [(KILL_CHILD, MINE), (KILL_CHILDREN, ANOTHERS)]
    assert asked.done[0].about["username"] == "anna"
    assert left(rig) == 0


def test_a_first_try_that_fails_is_made_again(rig: Rig, anna: int) -> None:
    go_over(rig, anna, begin(rig, anna))
    sign_out(rig, anna)
    assert sign_offs_of(deaf(rig)) == [(KILL_CHILD, MINE)]
    rig.clock.now += FIRST_WAIT_S
    after_restart(rig, asked := Asked())
    assert sign_offs_of(asked) == [(KILL_CHILD, MINE)]
    assert left(rig) == 0


def test_a_peer_that_was_down_for_a_day_is_told_nothing_of_what_is_long_over(
    rig: Rig, anna: int
) -> None:
    go_over(rig, anna, begin(rig, anna))
    sign_out(rig, anna)
    deaf(rig)
    rig.clock.now += LIFETIME_S - 1
    assert left(rig) == 1
    rig.clock.now += 1
    after_restart(rig, asked := Asked())
    assert sign_offs_of(asked) == []
    assert left(rig) == 0


def test_whoever_is_there_again_in_that_browser_is_not_signed_out_late(rig: Rig, anna: int) -> None:
    for agent in (MINE, ANOTHERS):
        go_over(rig, anna, begin(rig, anna, agent), agent)
    sign_out(rig, anna)
    deaf(rig)
    rig.clock.now += FIRST_WAIT_S
    go_over(rig, anna, begin(rig, anna))
    after_restart(rig, asked := Asked())
    assert sign_offs_of(asked) == [(KILL_CHILD, ANOTHERS)]


@pytest.mark.parametrize("how", ["landed", "was signed out there"])
def test_whoever_came_again_keeps_the_session_that_they_came_from(
    how: str, rig: Rig, anna: int
) -> None:
    peer_id = peer_of(rig).id
    for agent in (MINE, ANOTHERS):
        begin(rig, anna, agent, came_from=peer_id)
    sign_out(rig, anna)
    deaf(rig)
    rig.clock.now += FIRST_WAIT_S
    if how == "landed":
        begin(rig, anna, came_from=peer_id)
    else:
        with rig.app.database.write() as connection:
            person_sessions.end_by_word(connection, peer_id, "anna", MINE)
    after_restart(rig, asked := Asked())
    assert sign_offs_of(asked) == [(KILL_CHILDREN, ANOTHERS)]


def test_a_sign_off_waits_behind_no_other_errand(rig: Rig, anna: int) -> None:
    with rig.app.database.write() as connection:
        remember(connection, peer_of(rig).id, [Wanted(ENROLMENTS, anna)], int(rig.clock()))
    go_over(rig, anna, begin(rig, anna))
    sign_out(rig, anna)
    after_restart(rig, asked := Asked())
    assert [e.kind for e in asked.done] == [KILL_CHILD, ENROLMENTS]


def test_the_first_try_is_made_while_the_peers_other_errands_are_under_way(
    rig: Rig, anna: int
) -> None:
    asked = Asked()
    errands = errands_of(rig, asked)
    with rig.app.database.write() as connection:
        remember(connection, peer_of(rig).id, [Wanted(ENROLMENTS, anna)], int(rig.clock()))
    session = begin(rig, anna)
    go_over(rig, anna, session)

    def answers(_taken: object) -> bool:
        if len(asked.done) == 1:
            sign_out(rig, anna)
            errands.at(peer_of(rig).id, sign_offs=True)()
            assert sign_offs_of(asked) == [(KILL_CHILD, MINE)]
        return True

    asked.answers = answers
    errands.run(peer_of(rig).id)
    assert left(rig) == 0


def test_many_who_sign_out_while_a_peer_is_silent_make_it_wait_no_longer(
    rig: Rig, anna: int
) -> None:
    errands = errands_of(rig, asked := Asked(answers=lambda _errand: False))
    for number in range(20):
        agent = f"{number:040x}"
        go_over(rig, anna, begin(rig, anna, agent), agent)
        sign_out(rig, anna)
        errands.at(peer_of(rig).id, sign_offs=True)()
    assert len(asked.done) == 20, "each has its first try at once"
    asked.answers = lambda _errand: True
    rig.clock.now += FIRST_WAIT_S
    errands.run(peer_of(rig).id)
    assert left(rig) == 0


def test_the_same_visit_is_remembered_once(rig: Rig, anna: int) -> None:
    for _time in range(3):
        go_over(rig, anna, begin(rig, anna))
        with rig.app.database.write() as connection:
            gone = person_sessions.end_visits(connection, jump_session.c.person_id == anna)
            assert gone == [Visit(peer_of(rig).id, "anna", MINE)]
            person_sessions.end_visits(connection, jump_session.c.person_id == anna)
        assert left(rig) == 1


def test_a_server_that_restarts_tells_what_it_could_not_tell_before(tmp_path: Path) -> None:
    site = Site(tmp_path / "home")
    with site, Moodle(site.wwwroot, pem_of(site)) as moodle:
        moodle.scripted[KILL_CHILD] = lambda *_params: True
        peer_id = befriend(site, moodle)
        set_services(site, peer_id, SSO, SSO)
        name = fresh()
        pupil(site, name)
        home = signed_in(site, name)
        arrive(site, moodle, jump(home, peer_id))
        moodle.scripted[KILL_CHILD] = lambda *_params: FaultResponse(1, "x", None)
        moodle.server = (500, "")
        assert home.send("/sign-out", page="/me", **{"User-Agent": AGENT}).status == 303
        soon(lambda: killed(moodle))
        site.stop(kill=True)
        moodle.server, moodle.calls[:] = (200, ""), []
        moodle.scripted[KILL_CHILD] = lambda *_params: True
        waited(site)
        site.serve()
        soon(lambda: killed(moodle) == [[name, sha1(AGENT)]])
        soon(lambda: not remembered(site))


def test_a_jump_after_a_sign_off_that_was_not_told_tells_it_first(
    site: Site, broken: tuple[Moodle, int]
) -> None:
    moodle, peer_id = broken
    set_services(site, peer_id, SSO, SSO)
    moodle.scripted[KILL_CHILD] = lambda *_params: True
    name = fresh()
    pupil(site, name)
    home = signed_in(site, name)
    arrive(site, moodle, jump(home, peer_id))
    moodle.server = (500, "")
    home.send("/sign-out", page="/me", **{"User-Agent": AGENT})
    soon(lambda: killed(moodle))
    moodle.server, moodle.calls[:] = (200, ""), []
    jump(signed_in(site, name), peer_id)
    assert killed(moodle) == [[name, sha1(AGENT)]]  # before the browser was sent on
    assert not remembered(site)


def waited(site: Site) -> None:
    """Let as much time have gone by as a peer that did not answer is left alone."""
    with app_of(site) as app, app.database.write() as connection:
        connection.execute(sa.update(errand).values(due_unix_s=0, taken_until_unix_s=0))


def remembered(site: Site) -> list[str]:
    with app_of(site) as app, app.database.read() as connection:
        return [*connection.execute(sa.select(errand.c.kind)).scalars()]
